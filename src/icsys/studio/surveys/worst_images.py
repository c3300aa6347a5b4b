"""The images of a sample with the worst quality under the present options, the worst ones first."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from icsys.color.image_quality import measure
from icsys.image.decode import decode_photo
from icsys.image.read_output import flat_pixels, read_pixels
from icsys.pipeline import compress_photo
from icsys.studio.images.photo_cache import as_decoded
from icsys.studio.jobs.job import problem_text
from icsys.studio.surveys.newest_job import NewestJob
from icsys.studio.surveys.shared_palettes import palette_version

if TYPE_CHECKING:
    import threading

    from icsys.image.decode import Admit
    from icsys.options import Options
    from icsys.studio.images.image_list import ImageList
    from icsys.studio.jobs.events import Events
    from icsys.studio.surveys.shared_palettes import SharedPalettes

MEASURED = 200
"""Images that are measured."""

MEASURE = "delta_e"
"""What decides: the mean colour difference CIEDE2000 from the resized photo; more is worse."""

_KIND = "worst"
_EVERY = 1.0  # seconds between news
_LOOK = 0.2  # seconds between two looks at whether the work can go on


class WorstImages(NewestJob):
    """Measures a sample of the images in a thread of low urgency; newer options take the place of older ones.

    Parameters
    ----------
    images
        The images.
    shared
        What they share.
    events
        Where news of the kind ``worst`` go.
    admit
        Bounds the memory of what is decoded at the same time, as for :func:`~icsys.image.decode.decode_photo`.
    """

    def __init__(self, images: ImageList, shared: SharedPalettes, events: Events, admit: Admit) -> None:
        super().__init__("icsys worst")
        self._images, self._shared, self._events, self._admit = images, shared, events, admit
        self._asked: tuple[Options, int, str] | None = None  # with the edition of the images, and a file of a palette
        self._values: dict[int, float] = {}
        self.is_measuring = False
        """Whether the order is not final yet for the options that were given last."""

    def begin(self, options: Options) -> None:
        """Measure with these options, unless that is done or going on."""
        with self._lock:
            asked = options, self._images.edition, palette_version(options)
            if asked == self._asked:
                return
            self._asked, self._values, self.is_measuring = asked, {}, True
            values = self._values
        self.start(lambda stop: self._work(options, stop, values))

    def order(self) -> list[tuple[int, float]]:
        """Return the numbers of the images that are measured so far, with their values, the worst first."""
        with self._lock:
            values = list(self._values.items())
        return sorted(values, key=lambda item: (-item[1], item[0]))

    def _work(self, options: Options, stop: threading.Event, values: dict[int, float]) -> None:
        while not self._images.is_complete and not stop.is_set():
            self._images.wait(_LOOK)
        numbers = self._images.present
        places = np.random.default_rng(options.seed).permutation(len(numbers))[:MEASURED].tolist()
        sample = [numbers[place] for place in places]
        done, failed, last, problem = 0, 0, 0.0, ""
        for number in sample:
            if stop.is_set():
                return
            try:
                value = self._measure(number, options, stop)
                with self._lock:
                    values[number] = value
            except Exception as error:  # noqa: BLE001 - one image never ends the rest
                failed += 1
                problem = problem_text(error)
            done += 1
            if time.monotonic() >= last + _EVERY:
                last = time.monotonic()
                self._tell("running", done, len(sample), stop)
        if failed < len(sample):
            problem = ""
        with self._lock:
            self.is_measuring = self.is_measuring and values is not self._values
        self._tell("failed" if problem else "done", done, len(sample), stop, problem)

    def _measure(self, number: int, options: Options, stop: threading.Event) -> float:
        shared = self._shared.found(number, options, stop)
        decoding = as_decoded(options)
        data = self._images.read(number, decoding)
        photo = decode_photo(data, decoding, self._admit)
        output = compress_photo(photo, data, shared.options, shared.palette).data
        before = flat_pixels(photo.pixels, options.background)
        return measure(before, read_pixels(output, options.background)).delta_e

    def _tell(self, state: str, done: int, total: int, stop: threading.Event, problem: str = "") -> None:
        if not stop.is_set():
            order = [[number, round(value, 4)] for number, value in self.order()]
            values = {"state": state, "done": done, "total": total, "measure": MEASURE, "images": order}
            self._events.publish(_KIND, values | ({"error": problem} if problem else {}))
