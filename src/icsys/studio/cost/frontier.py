"""The best size and number of colours within a number of bytes, and what other settings give."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast, get_args

import numpy as np

from icsys import pipeline
from icsys.choices import AUTO
from icsys.engine import available_cores
from icsys.engine.executor import Executor
from icsys.errors import UsageError
from icsys.image.decode import decode_photo
from icsys.options import Options
from icsys.pipeline import compress_photo
from icsys.run.within_bytes.candidates import GEOMETRY, Setting, what_is_asked
from icsys.run.within_bytes.choice import candidates_of, choose_colors_within
from icsys.run.within_bytes.fidelity import judge_by_fidelity, meter_of
from icsys.run.within_bytes.kept_images import Sample, StoppedChoice
from icsys.run.within_bytes.totals import Total
from icsys.run.within_bytes.tries import Tries
from icsys.studio.cost.intervals import TotalInterval, total_by_ratio
from icsys.studio.jobs.job import problem_text
from icsys.studio.surveys.newest_job import NewestJob

if TYPE_CHECKING:
    import threading

    from numpy.typing import NDArray

    from icsys.image.decode import Admit
    from icsys.run_settings import RunSettings
    from icsys.studio.cost.estimate import MayBeBusy
    from icsys.studio.images.image_list import ImageList
    from icsys.studio.jobs.events import Events

FRONTIER_NEWS = "frontier"
"""The kind of news."""

Free = Literal["both", "size", "colors"]
FREE: tuple[str, ...] = get_args(Free)
"""What may be left open."""

_SIDES = (0.5, 0.71, 1.0, 1.41, 2.0)  # of the chosen one
_COLORS = (4, 8, 16, 32, 64, 128, 256)
_GLANCE = 0.02  # seconds
_VALUES = 3  # bytes, CIEDE2000 and SSIM of each point


class AskedBudget(NamedTuple):
    """A number of bytes to keep to.

    Attributes
    ----------
    free
        What is to be chosen: the size, the number of colours, or both.
    """

    options: Options
    settings: RunSettings
    total_bytes: int
    free: Free

    @property
    def key(self) -> str:
        """A hash of all."""
        values = [self.options.to_dict(), self.settings.given(), self.total_bytes, self.free]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


class Frontiers(NewestJob):
    """Finds what is best within a number of bytes, the newest question only, and publishes each step.

    Parameters
    ----------
    images
        The images of the source.
    events
        Where steps are published, as news of the kind :data:`FRONTIER_NEWS`.
    busy
        What gives the work a pause.
    admit
        Bounds the memory of what is decoded at the same time, as for :func:`~icsys.image.decode.decode_photo`.
    """

    def __init__(self, images: ImageList, events: Events, busy: MayBeBusy, admit: Admit) -> None:
        super().__init__("icsys frontier")
        self._images, self._events, self._busy, self._admit = images, events, busy, admit

    def begin(self, asked: AskedBudget) -> str:
        """Begin to choose, in the background, and return the key of the question; an earlier one is cancelled."""
        self.start(lambda stop: self._answer(asked, stop))
        return asked.key

    def _answer(self, asked: AskedBudget, stop: threading.Event) -> None:
        self._publish(asked, {"done": False, "settings": 0})
        try:
            frontier = _Frontier(self._images, asked, self._busy, self._admit, stop)
            values = frontier.choose(lambda count: self._publish(asked, {"done": False, "settings": count}))
            sides = frontier.sides
            values |= {"lines": [], "sides": len(sides)}
            self._publish(asked, {**values, "done": False})
            for place in range(len(sides)):
                values["lines"] = frontier.lines(sides[place])
                self._publish(asked, {**values, "done": place == len(sides) - 1})
        except StoppedChoice:
            return
        except Exception as error:  # noqa: BLE001 - it is shown on the page
            named = f"total_bytes={asked.total_bytes}", f"A budget of {asked.total_bytes:,} bytes"
            problem = problem_text(error).replace(*named)
            self._publish(asked, {"done": True, "problem": problem})

    def _publish(self, asked: AskedBudget, values: dict[str, Any]) -> None:
        self._events.publish(FRONTIER_NEWS, {"key": asked.key, "total_bytes": asked.total_bytes, **values})


class _Frontier:
    """The answer to one question."""

    def __init__(
        self, images: ImageList, asked: AskedBudget, busy: MayBeBusy, admit: Admit, stop: threading.Event
    ) -> None:
        options, given = _opened(asked)
        self._kept = [name for name in given if name != "colors" or options.strategy != "SO"]
        pipeline.load_packages(options)
        self._limit, self._busy, self._admit, self._stop = asked.total_bytes, busy, admit, stop
        open_to = what_is_asked(options, given, asked.total_bytes)
        executor = Executor("threads", max(1, available_cores() // 2), None, remote=False, stop=stop, admit=admit)
        self._sample = Sample(images.source, options, executor, asked.settings.size_rules)
        self._candidates = candidates_of(open_to, self._sample, is_bounded=False)
        self._meter = meter_of(self._sample, self._candidates, admit)
        self._base: dict[bytes, int] = {}
        self._chosen = self._candidates.highest
        self._lines: dict[int, list[dict[str, Any]]] = {}

    def choose(self, on_step: Any) -> dict[str, Any]:  # noqa: ANN401 - a function of a number
        """Choose as a run does, by the sample; return what is known then, as plain values.

        A run corrects the choice by exact totals. Here the estimate stands for the total, so it is the same choice
        where the sample has every image, and else the one that a run begins with.
        """
        sample, candidates, measured = self._sample, self._candidates, set[Setting]()
        least = sample.estimate(candidates.options_of(candidates.lowest)).total
        if least > self._limit:
            raise UsageError(
                f"A budget of {self._limit:,} bytes: the smallest setting ({candidates.words(candidates.lowest)}) "
                f"takes about {round(least):,} bytes, expected at least that"
            )

        def note(setting: Setting) -> None:
            measured.add(setting)
            on_step(len(measured))

        found = choose_colors_within(sample, candidates, self._limit, judge_by_fidelity(self._meter, candidates, note))
        tries = Tries(sample, candidates, found.colors, self._limit)
        setting: Setting | None = tries.first()
        while setting is not None:
            self._chosen = setting
            estimate = sample.estimate(candidates.options_of(setting))
            tries.note(setting, Total(round(estimate.total), 0, sample.found))
            setting = tries.next(setting)
        whole = sample.estimate(candidates.options_of(self._chosen))
        self._whole = TotalInterval(*whole)
        return {
            "images": sample.found,
            "sampled": sample.drawn,
            "measured": len(sample.few),
            "why": found.why,
            "is_largest": self._chosen == candidates.highest,
            "words": candidates.words(self._chosen),
            "chosen": {**self._place(self._chosen), **self._whole.plain("bytes")},
            "kept": self._kept,
            "defaults": {name: value for name, value in self._defaults.items() if name in self._open_names},
        }

    @property
    def sides(self) -> list[int]:
        """The longer sides to show, in pixels, the chosen one first."""
        candidates, side = self._candidates, self._chosen.side
        if not candidates.asked.free_size:
            return [side]
        low, high = candidates.lowest.side, candidates.highest.side
        found = {min(max(round(side * share), low), high) for share in _SIDES}
        return sorted(found, key=lambda one: (one != side, one))

    def lines(self, side: int) -> list[dict[str, Any]]:
        """Measure the points of a side, and return all lines so far, from the smallest side on."""
        colors: list[int | None] = [self._chosen.colors]
        if self._candidates.asked.free_colors:
            fewest = self._candidates.fewest_colors
            colors = [*sorted({one for one in _COLORS if one >= fewest} | {self._chosen.colors or fewest})]
        settings = [Setting(side, one) for one in colors]
        rows = self._sample.for_each(lambda data: self._measured(data, settings))
        self._lines[side] = (
            [self._point(setting, rows, place) for place, setting in enumerate(settings)] if len(rows) else []
        )
        return [{"side": one, "points": points} for one, points in sorted(self._lines.items())]

    def _measured(self, data: bytes, settings: list[Setting]) -> NDArray[np.float64]:
        """Return the bytes of a photo at the chosen setting, and bytes and quality at others of one side."""
        while self._busy.is_busy and not self._stop.is_set():
            time.sleep(_GLANCE)
        if data not in self._base:
            chosen = self._candidates.options_of(self._chosen)
            self._base[data] = len(compress_photo(decode_photo(data, chosen, self._admit), data, chosen).data)
        row: list[float] = [self._base[data]]
        photo = decode_photo(data, self._candidates.options_of(settings[0]), self._admit)
        for setting in settings:
            if self._stop.is_set():
                break
            output = compress_photo(photo, data, self._candidates.options_of(setting)).data
            row += [len(output), *self._meter.errors(data, output)]
        return np.array(row)

    def _point(self, setting: Setting, rows: NDArray[np.float64], place: int) -> dict[str, Any]:
        sizes, delta_e, ssim = rows[:, 1 + _VALUES * place : 1 + _VALUES * (place + 1)].T
        is_all = self._sample.is_all and len(self._sample.few) == len(self._sample.images)
        whole = total_by_ratio(
            sizes.tolist(), rows[:, 0].tolist(), self._whole, len(rows) if is_all else self._sample.found
        )
        is_chosen = setting == self._chosen
        return {
            **self._place(setting),
            **(self._whole if is_chosen else whole).plain("bytes"),
            "delta_e": float(delta_e.mean()),
            "ssim": float(ssim.mean()),
            "chosen": is_chosen,
        }

    def _place(self, setting: Setting) -> dict[str, Any]:
        """Return a setting: its side, its colours, and the options that it changes."""
        options = self._candidates.options_of(setting).to_dict()
        names = self._open_names
        return {
            "side": setting.side if self._candidates.asked.free_size else None,
            "colors": setting.colors,
            "options": {name: value for name, value in options.items() if name in names},
        }

    @property
    def _open_names(self) -> set[str]:
        asked = self._candidates.asked
        return {*(GEOMETRY if asked.free_size else ()), *(("colors",) if asked.free_colors else ())}

    @property
    def _defaults(self) -> dict[str, Any]:
        """What a run takes for left open."""
        return Options().to_dict()


def _opened(asked: AskedBudget) -> tuple[Options, list[str]]:
    """Return the options without what is left open, and the names of what the user decides."""
    options, given = asked.options, []
    if asked.free == "size":
        given.append("colors")
    elif options.colors == AUTO:
        options = options.replace(colors=Options().colors)
    if asked.free == "colors":
        given.extend(name for name in GEOMETRY if getattr(options, name) is not None)
    else:
        options = options.replace(step=Options().step)
    return options, given


def free_from(given: object) -> Free:
    """Return what is left open; UsageError for another value."""
    if given not in FREE:
        raise UsageError(f"free={given!r}: expected one of {', '.join(FREE)}")
    return cast("Free", given)
