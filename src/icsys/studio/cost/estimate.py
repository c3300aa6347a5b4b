"""Bytes, time and files of a whole run, estimated from a random sample that grows while the user looks."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from icsys import pipeline
from icsys.choices import PACKINGS, SHARED
from icsys.errors import ImageError
from icsys.packs.formats import PACK_FORMATS
from icsys.packs.write_arrays import array_facts
from icsys.studio.cost.drawn_sample import DrawnSample
from icsys.studio.cost.pack_sizes import PackPlan, shared_palette_facts
from icsys.studio.cost.population import Populations
from icsys.studio.cost.sampled_photos import MeasuredPhoto, SampledPhotos
from icsys.studio.cost.whole_cost import RunPlan, whole_cost
from icsys.studio.jobs.job import problem_text
from icsys.studio.surveys.newest_job import NewestJob
from icsys.studio.surveys.shared_palettes import palette_version

if TYPE_CHECKING:
    import threading

    from icsys.image.decode import Admit
    from icsys.options import Options
    from icsys.run_settings import RunSettings
    from icsys.sources.base import Task
    from icsys.studio.cost.population import Population
    from icsys.studio.images.image_list import ImageList
    from icsys.studio.images.run_selection import RunSelection
    from icsys.studio.jobs.events import Events
    from icsys.studio.surveys.shared_palettes import SharedPalettes


COST_NEWS = "cost"
"""The kind of news."""

FIRST_STEP, LAST_STEP = 8, 256
"""Photos of the first step, and of the last; each step has twice as many as the one before."""

NEAR_ENOUGH = 0.02
"""Half of an interval, as a share of the total, that ends the refinement."""

_GLANCE = 0.02  # seconds between two looks at what it gives way to
_MOST_KEPT = 64  # settings whose measurements are kept


class MayBeBusy(Protocol):
    """What an estimate gives way to."""

    @property
    def is_busy(self) -> bool:
        """Whether it works just now."""


class AskedCost(NamedTuple):
    """What is to be estimated, and its key: equal settings have equal keys."""

    options: Options
    settings: RunSettings
    key: str


class _Known(NamedTuple):
    """What a photo takes, and the version of its file then."""

    version: str
    measured: MeasuredPhoto


class CostEstimates(NewestJob):
    """Estimates what a whole run takes, for the newest settings, and publishes each step.

    Parameters
    ----------
    images
        The images of the source.
    events
        Where steps are published, as news of the kind :data:`COST_NEWS`.
    busy
        What the estimate gives way to.
    shared
        The palettes that images share.
    selection
        Which images a run leaves out.
    admit
        Bounds the memory of what is decoded at the same time, as for :func:`~icsys.image.decode.decode_photo`.
    """

    def __init__(
        self,
        images: ImageList,
        events: Events,
        busy: MayBeBusy,
        shared: SharedPalettes,
        selection: RunSelection,
        *,
        admit: Admit,
    ) -> None:
        super().__init__("icsys cost")
        self._images, self._events, self._busy, self._shared = images, events, busy, shared
        self._photos = SampledPhotos(images, admit)
        self._populations = Populations(images, selection)
        self._known: OrderedDict[str, dict[int, _Known]] = OrderedDict()

    def begin(self, options: Options, settings: RunSettings) -> str:
        """Begin to estimate, in the background, and return the key of the settings; an earlier estimate is cancelled.

        Raises
        ------
        MissingExtraError
            If the options need a package that is not installed.
        """
        pipeline.load_packages(options)
        if options.format in PACKINGS:
            PACK_FORMATS[options.format].prepare()
        values = [options.to_dict(), settings.given()]
        key = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
        self.start(lambda stop: self._estimate(AskedCost(options, settings, key), stop))
        return key

    def _estimate(self, asked: AskedCost, stop: threading.Event) -> None:
        while not self._images.is_complete:
            self._publish(asked, {"images": len(self._images), "sampled": 0, "is_listed": False, "done": False})
            if stop.wait(0.1):
                return
        try:
            population = self._populations.of(asked.settings, stop)
            if population is not None:
                with pipeline.one_thread(asked.options):
                    self._refine(asked, population, stop)
        except Exception as error:  # noqa: BLE001 - it is shown on the page
            problem = problem_text(error)
            self._publish(asked, {"images": len(self._images), "sampled": 0, "done": True, "problem": problem})

    def _refine(self, asked: AskedCost, population: Population, stop: threading.Event) -> None:
        options, images = asked.options, len(population.numbers)
        sample = DrawnSample(population.sizes, options.seed, LAST_STEP)
        order = [int(population.numbers[place]) for place in sample.order]
        tasks = self._populations.placed(options, asked.settings, images, stop)
        known, count = self._measured(asked), 0
        for step in steps_of(images):
            for number in order[count:step]:
                if not self._is_known(number, known) and not self._measure(number, asked, known, stop):
                    return
            count = step
            measured = {number: known[number].measured for number in order[:count]}
            plan = RunPlan(options, asked.settings, self._packs(asked, tasks))
            figures = whole_cost(measured, sample, plan)
            done = count == len(order) or figures.bytes.relative <= NEAR_ENOUGH
            notes = self._notes(asked, population, order[:1])
            about = {"format": options.format, "companions": self._images.companions, **figures.plain()}
            about["is_exact"] = count == images and not (population.unlisted or _shares_otherwise(asked))
            self._publish(asked, {**about, "is_listed": True, "done": done, "note": " ".join(notes)})
            if done:
                return

    def _is_known(self, number: int, known: dict[int, _Known]) -> bool:
        """Return whether a photo was measured as it is now."""
        return number in known and known[number].version == self._version(number)

    def _version(self, number: int) -> str:
        """Return the version of a photo; an empty text if there is none, so that it fails."""
        try:
            return self._images.version(number)
        except (ImageError, OSError):
            return ""

    def _measure(self, number: int, asked: AskedCost, known: dict[int, _Known], stop: threading.Event) -> bool:
        """Measure a photo; return whether the estimate is to go on."""
        version = self._version(number)
        while self._busy.is_busy and not stop.wait(_GLANCE):
            pass
        options = self._alone(asked.options)
        try:
            if not known and not stop.is_set() and self._shared.of(number, options).is_alone:
                self._publish(asked, {"images": len(self._images), "sampled": 0, "is_listed": True, "done": False})
            shared = self._shared.found(number, options, stop)
        except ImageError:  # no image gives a palette for it
            known[number] = _Known(version, MeasuredPhoto(0, 0, 0.0, failed=True))
            return not stop.is_set()
        if not stop.is_set():
            known[number] = _Known(version, self._photos.measure(number, shared, asked.settings.size_rules))
        return not stop.is_set()

    def _packs(self, asked: AskedCost, tasks: list[tuple[int, Task]]) -> PackPlan | None:
        """Return which images lie in packs; None for other formats."""
        options, is_of_all = asked.options, False
        if options.format not in PACKINGS:
            return None
        for number, _ in tasks[:1]:
            with suppress(ImageError):
                shared = self._shared.of(number, self._alone(options))
                options, is_of_all = shared.options, shared.is_of_all
        arrays = shared_palette_facts(array_facts(options, None), one_palette=is_of_all)
        return PackPlan(options, arrays, self._populations.class_names, tasks)

    def _alone(self, options: Options) -> Options:
        """Return options whose palettes are found soon: those of many classes would take a search for each."""
        return options.replace(palette="image") if self._shared.takes_classes_alone(options) else options

    def _notes(self, asked: AskedCost, population: Population, first: list[int]) -> list[str]:
        """Say what the estimate leaves out of account."""
        notes = []
        if duplicates := population.left_out["drop_duplicates"]:
            notes.append(f"{duplicates:,} duplicates are left out.")
        if masks := population.left_out["masks"]:
            notes.append(f"{masks:,} are masks with these settings.")
        if population.unlisted:
            notes.append(f"{population.unlisted:,} more of the run are not counted: open the studio with these masks.")
        if self._shared.takes_classes_alone(asked.options):
            notes.append("Counted as if each photo had a palette of its own; a shared one takes fewer bytes.")
        elif asked.options.per == "dataset":
            notes.append("The time to choose the number of colours is not counted.")
        with suppress(ImageError):
            notes.extend(self._shared.of(number, self._alone(asked.options)).note for number in first)
        if _shares_otherwise(asked) and not self._shared.settings.selects:  # otherwise the note above has it
            notes.append("The run leaves photos out or divides them first, so what they share may differ.")
        if self._images.companions:
            notes.append(f"{self._images.companions:,} files that go with photos, such as masks, are not counted.")
        return list(filter(None, notes))

    def _measured(self, asked: AskedCost) -> dict[int, _Known]:
        """Return what is known of settings; it grows."""
        shares = asked.options.palette != "image" or asked.options.per == "dataset"
        key = asked.key  # photos stand for themselves, unless they share something
        if shares:
            key += f" {self._images.edition} {palette_version(asked.options)}"
        known = self._known.setdefault(key, {})
        self._known.move_to_end(key)
        while len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)
        return known

    def _publish(self, asked: AskedCost, values: dict[str, Any]) -> None:
        self._events.publish(COST_NEWS, {"settings_key": asked.key, **values})


def _shares_otherwise(asked: AskedCost) -> bool:
    """Return whether a run may find what photos share among other photos than the studio."""
    leaves_out = asked.settings.selects or asked.settings.size_rules is not None
    return leaves_out and (asked.options.palette in SHARED or asked.options.per == "dataset")


def steps_of(images: int) -> list[int]:
    """Return the sizes of the sample at each step.

    Examples
    --------
    >>> steps_of(5), steps_of(40), steps_of(1000)
    ([5], [8, 16, 32, 40], [8, 16, 32, 64, 128, 256])
    """
    most = min(images, LAST_STEP)
    sizes = [size for size in (FIRST_STEP * 2**power for power in range(LAST_STEP.bit_length())) if size < most]
    return [*sizes, most] if most else [0]
