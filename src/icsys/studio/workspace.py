"""What the studio works on: a source, the options to begin with, and the parts that answer the page."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from icsys.engine import available_cores
from icsys.engine.memory_budget import MemoryBudget
from icsys.studio.cost.estimate import CostEstimates
from icsys.studio.cost.frontier import Frontiers
from icsys.studio.images.image_list import ImageList
from icsys.studio.images.photo_cache import PhotoCache
from icsys.studio.images.run_selection import RunSelection
from icsys.studio.images.thumbnails import Thumbnails
from icsys.studio.jobs.events import Events
from icsys.studio.jobs.learn_job import LearnJob
from icsys.studio.jobs.run_job import RunJob
from icsys.studio.looks import Looks
from icsys.studio.previews.previews import Previews
from icsys.studio.settings.config_folder import config_folder
from icsys.studio.settings.kept_options import KEPT
from icsys.studio.settings.page_options import page_options, palette_place
from icsys.studio.settings.presets import Presets
from icsys.studio.surveys.inspect_job import InspectJob
from icsys.studio.surveys.left_out import LeftOutImages
from icsys.studio.surveys.shared_palettes import SharedPalettes
from icsys.studio.surveys.worst_images import WorstImages

if TYPE_CHECKING:
    from icsys.files.locations import Location
    from icsys.files.rooted_path import RootedPath
    from icsys.options import Options
    from icsys.run_settings import RunSettings

SOURCE_NEWS = "source"
"""The kind of the news that images came, went or changed."""

_BYTES_OF_PHOTOS = 72 * 2**20  # two photos of 12 megapixels
_BYTES_DECODED_AT_ONCE = 64 * 2**20  # a larger photo is decoded while nothing else is
_MOST_THREADS = 4


class Workspace:
    """What all requests share.

    Parameters
    ----------
    source
        The folder, archive or files that are opened; nothing else of the machine is read for the page.
    destination
        Where a run writes unless the user names another folder.
    options, settings
        What the page begins with.
    kept
        Names of options that the user decides: a run within a number of bytes keeps these.

    Raises
    ------
    UsageError
        If there is no such source.
    """

    def __init__(
        self, source: Location, destination: str, options: Options, settings: RunSettings, kept: tuple[str, ...] = ()
    ) -> None:
        self.source, self.destination, self.options, self.settings = source, destination, options, settings
        self.kept = tuple(name for name in KEPT if name in kept)
        self.roots = tuple(place for place in (source, destination) if isinstance(place, str))
        """What was opened: files that options name are read in these folders only."""
        self.events = Events()
        self.images = ImageList(source, destination, options, settings, self._tell_source)
        self.threads = max(2, min(available_cores(), _MOST_THREADS))
        """Photos that are worked on at the same time."""
        admit = MemoryBudget(_BYTES_DECODED_AT_ONCE).hold
        self.thumbnails = Thumbnails(self.images, options, admit)
        shared = SharedPalettes(self.images, settings, self.events, admit, self._palette_place)
        self.shared_palettes = shared
        self.previews = Previews(PhotoCache(self.images, _BYTES_OF_PHOTOS, admit), shared, self.threads)
        selection = RunSelection(self.images, options, admit)
        self.left_out = LeftOutImages(self.images, selection, settings, self.events)
        self.inspection = InspectJob(source, self.images, settings, self.events)
        self.worst = WorstImages(self.images, shared, self.events, admit)
        self.costs = CostEstimates(self.images, self.events, self.previews, shared, selection, admit=admit)
        self.frontiers = Frontiers(self.images, self.events, self.previews, admit)
        self.run = RunJob(source, self.events)
        self.learning = LearnJob(source, settings, self.events)
        self.presets = Presets(config_folder)
        self.looks = Looks()
        """For what a request asks of other places than the source."""
        self.stopping = threading.Event()
        """Set once the server ends."""

    def options_of(self, values: dict[str, object]) -> Options:
        """Return the options that a page names; UsageError if they are none, or name a file that is not opened."""
        return page_options(values, self.options, self.roots)

    def _palette_place(self, options: Options) -> RootedPath | None:
        return palette_place(options, self.options, self.roots)

    def _tell_source(self) -> None:
        """Tell the pages that the images are others by now."""
        self.events.publish(SOURCE_NEWS, {"edition": self.images.edition})

    def stop(self) -> None:
        """End streams of events, and what is being computed."""
        self.stopping.set()
        self.events.close()
        for job in (self.run, self.learning):
            job.refuse_more()
        self.inspection.cancel()

    def close(self) -> None:
        """Wait for what was being computed."""
        self.stop()
        self.costs.close()
        self.frontiers.close()
        self.inspection.close()
        self.left_out.close()
        self.worst.close()
        self.shared_palettes.close()
        for job in (self.run, self.learning):
            job.wait()
        self.previews.close()
        self.images.close()
