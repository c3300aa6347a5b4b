"""Bytes, time and files of a whole run, estimated from a random sample that grows while the user looks."""

from __future__ import annotations

import hashlib
import json
import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from icsys import pipeline
from icsys.choices import ARRAYS, IMAGE_PACKINGS
from icsys.engine import available_cores
from icsys.errors import ICSError
from icsys.studio.cost.intervals import total_of_sample
from icsys.studio.cost.newest_job import NewestJob
from icsys.studio.cost.sampled_photos import MeasuredPhoto, SampledPhotos

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from icsys.options import Options
    from icsys.run_settings import RunSettings
    from icsys.studio.cost.intervals import TotalInterval
    from icsys.studio.images.image_list import ImageList
    from icsys.studio.jobs.events import Events


COST_NEWS = "cost"
"""The kind of news."""

FIRST_STEP, LAST_STEP = 8, 256
"""Photos of the first step, and of the last; each step has twice as many as the one before."""

NEAR_ENOUGH = 0.02
"""Half of an interval, as a share of the total, that ends the refinement."""

_GLANCE = 0.02  # seconds between two looks at what it gives way to
_MOST_KEPT = 64  # settings whose measurements are kept
_ARRAYS_OF_SPLIT = 4  # pixels or indices, palettes, labels and names; beside them, one file tells what they are
_SECONDS_BESIDE = 0.0005  # of a core for each image, beside decoding and compressing: books, hashes, files


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


class CostEstimates:
    """Estimates what a whole run takes, for the newest settings, and publishes each step.

    Parameters
    ----------
    images
        The images of the source.
    events
        Where steps are published, as news of the kind :data:`COST_NEWS`.
    busy
        What the estimate gives way to.
    """

    def __init__(self, images: ImageList, events: Events, busy: MayBeBusy) -> None:
        self._images, self._events, self._busy = images, events, busy
        self._photos = SampledPhotos(images)
        self._known: OrderedDict[tuple[str, int], dict[int, MeasuredPhoto]] = OrderedDict()
        self._job = NewestJob("icsys cost")

    def begin(self, options: Options, settings: RunSettings) -> str:
        """Begin to estimate, in the background, and return the key of the settings; an earlier estimate is cancelled.

        Raises
        ------
        MissingExtraError
            If the options need a package that is not installed.
        """
        pipeline.load_packages(options)
        values = [options.to_dict(), settings.given()]
        key = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
        self._job.begin(lambda stop: self._estimate(AskedCost(options, settings, key), stop))
        return key

    def cancel(self) -> None:
        """End the estimate that is going on."""
        self._job.cancel()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until nothing is being estimated."""
        self._job.wait(timeout)

    def close(self) -> None:
        """End all."""
        self._job.close()

    def _estimate(self, asked: AskedCost, stop: threading.Event) -> None:
        while not self._images.is_complete:
            self._publish(asked, {"images": len(self._images), "sampled": 0, "is_listed": False, "done": False})
            if stop.wait(0.1):
                return
        try:
            with pipeline.one_thread(asked.options):
                self._refine(asked, stop)
        except ICSError as error:
            self._publish(asked, {"images": len(self._images), "sampled": 0, "done": True, "problem": str(error)})

    def _refine(self, asked: AskedCost, stop: threading.Event) -> None:
        images = len(self._images)
        order = sample_order(images, asked.options.seed)
        known = self._measured(asked, images)
        options = asked.options.replace(palette="image")
        rules, count = asked.settings.size_rules, 0
        for step in steps_of(images):
            for number in order[count:step]:
                if number not in known:
                    if self._is_stopped(stop):
                        return
                    known[number] = self._photos.measure(number, options, rules)
            count = step
            figures = whole_cost([known[number] for number in order[:count]], images, asked, self._folders)
            done = count == len(order) or figures.bytes.relative <= NEAR_ENOUGH
            self._publish(asked, {**figures.plain(), "done": done, "note": _note_of(asked.options)})
            if done:
                return

    def _measured(self, asked: AskedCost, images: int) -> dict[int, MeasuredPhoto]:
        """Return what is known of settings; it grows."""
        key = asked.key, images
        known = self._known.setdefault(key, {})
        self._known.move_to_end(key)
        while len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)
        return known

    def _is_stopped(self, stop: threading.Event) -> bool:
        """Give way to previews; return whether the estimate is to end."""
        while self._busy.is_busy and not stop.wait(_GLANCE):
            pass
        return stop.is_set()

    @property
    def _folders(self) -> int:
        """The number of splits: each has arrays of its own."""
        return max(1, len(self._images.splits))

    def _publish(self, asked: AskedCost, values: dict[str, Any]) -> None:
        self._events.publish(COST_NEWS, {"settings_key": asked.key, **values})


class WholeCost(NamedTuple):
    """What the whole set takes.

    Attributes
    ----------
    images, sampled, failed, left_out
        Images of the set; photos that were measured, and how many of these fail or are left out.
    bytes_in, bytes, seconds
        Of all images: their files, their outputs, and a run with ``jobs`` at the same time.
    outputs, files
        How many images have an output, and the number of files that hold these.
    """

    images: int
    sampled: int
    failed: int
    left_out: int
    bytes_in: TotalInterval
    bytes: TotalInterval
    seconds: TotalInterval
    outputs: TotalInterval
    files: int
    jobs: int

    def plain(self) -> dict[str, Any]:
        """Return all as plain JSON values; intervals as a value and its two ends."""
        values: dict[str, Any] = {}
        for name, value in self._asdict().items():
            if isinstance(value, tuple):
                values |= {name: value[0], f"{name}_low": value[1], f"{name}_high": value[2]}
            else:
                values[name] = value
        return values


def whole_cost(sample: Sequence[MeasuredPhoto], images: int, asked: AskedCost, folders: int) -> WholeCost:
    """Return what all images take, estimated from a random sample of them.

    Photos without an output count with 0 bytes, so their share of the sample stands for their share of the set.
    """
    jobs = max(1, min(asked.settings.jobs or available_cores(), images))
    outputs = total_of_sample([not (one.failed or one.left_out) for one in sample], images)
    made = total_of_sample([one.bytes_out for one in sample], images)
    seconds = total_of_sample([one.seconds + _SECONDS_BESIDE for one in sample], images).times(1 / jobs)
    # A first pass over all images finds a palette that they share: it decodes each of them, too.
    passes = 1 if asked.options.palette == "image" else 2
    return WholeCost(
        images=images,
        sampled=len(sample),
        failed=sum(one.failed for one in sample),
        left_out=sum(one.left_out for one in sample),
        bytes_in=total_of_sample([one.bytes_in for one in sample], images),
        bytes=made,
        seconds=seconds.times(passes),
        outputs=outputs,
        files=_files_of(asked.options, round(outputs.total), made.total, folders),
        jobs=jobs,
    )


def sample_order(images: int, seed: int) -> list[int]:
    """Return the numbers of the images to sample, in the order in which they are measured.

    The first ones are a simple random sample, whatever their number.
    """
    random = np.random.default_rng(seed)
    return [int(number) for number in random.choice(images, min(images, LAST_STEP), replace=False)] if images else []


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


def _files_of(options: Options, outputs: int, total: float, folders: int) -> int:
    """Return the number of files that hold so many outputs with so many bytes together."""
    if options.format in IMAGE_PACKINGS:
        packs = max(math.ceil(outputs / options.shard_images), math.ceil(total / options.shard_bytes))
        return max(packs, folders) if outputs else 0
    return _ARRAYS_OF_SPLIT * folders + 1 if options.format == ARRAYS else outputs


def _note_of(options: Options) -> str:
    """Say what the estimate leaves out of account."""
    if options.palette != "image":
        return "as if each photo had a palette of its own"
    if options.per == "dataset":
        return "as if each photo had the fewest colours that it needs itself"
    return ""
