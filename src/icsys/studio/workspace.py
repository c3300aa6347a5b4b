"""What the studio works on: a source, the options to begin with, and the parts that answer the page."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from icsys.engine import available_cores
from icsys.studio.cost.estimate import CostEstimates
from icsys.studio.images.image_list import ImageList
from icsys.studio.images.photo_cache import PhotoCache
from icsys.studio.images.thumbnails import Thumbnails
from icsys.studio.jobs.events import Events
from icsys.studio.jobs.learn_job import LearnJob
from icsys.studio.jobs.run_job import RunJob
from icsys.studio.previews.previews import Previews
from icsys.studio.settings.config_folder import config_folder
from icsys.studio.settings.page_options import page_options
from icsys.studio.settings.presets import Presets

if TYPE_CHECKING:
    from icsys.files.locations import Location
    from icsys.options import Options
    from icsys.run_settings import RunSettings

_BYTES_OF_PHOTOS = 192 * 2**20
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

    Raises
    ------
    UsageError
        If there is no such source.
    """

    def __init__(self, source: Location, destination: str, options: Options, settings: RunSettings) -> None:
        self.source, self.destination, self.options, self.settings = source, destination, options, settings
        self.images = ImageList(source, destination, options, settings)
        self.thumbnails = Thumbnails(self.images)
        self.previews = Previews(
            PhotoCache(self.images, _BYTES_OF_PHOTOS), max(2, min(available_cores(), _MOST_THREADS))
        )
        self.events = Events()
        self.costs = CostEstimates(self.images, self.events, self.previews)
        self.run = RunJob(source, self.events)
        self.learning = LearnJob(source, settings, self.events)
        self.presets = Presets(config_folder)
        self.stopping = threading.Event()
        """Set once the server ends."""

    def options_of(self, values: dict[str, object]) -> Options:
        """Return the options that a page names; UsageError if they are none, or name a file outside of the source."""
        return page_options(values, self.options, self.source)

    def stop(self) -> None:
        """End streams of events, and what is being computed."""
        self.stopping.set()
        self.events.close()
        for job in (self.run, self.learning):
            job.refuse_more()

    def close(self) -> None:
        """Wait for what was being computed."""
        self.stop()
        self.costs.close()
        for job in (self.run, self.learning):
            job.wait()
        self.previews.close()
        self.images.close()
