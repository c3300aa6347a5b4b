"""Choose size and colours for a number of bytes, by estimates from a sample."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple, Protocol

from icsys.choices import MAX_INDEXED_COLORS
from icsys.run.within_bytes.candidates import Candidates, Setting
from icsys.run.within_bytes.search import SearchRange, largest_within

if TYPE_CHECKING:
    from collections.abc import Callable

    from icsys.run.within_bytes.candidates import Asked
    from icsys.run.within_bytes.kept_images import Sample

AIM, LEAST = 0.98, 0.95
"""Shares of the bytes: what is aimed at, and what is enough."""

_SIDE_POWER, _COLOR_POWER = 1.7, 0.45  # totals grow about so with side and colours
_START = 96  # pixels
_ROUGH, _FINE = 0.03, 0.01


class Judgement(NamedTuple):
    """How good a setting is: the more, the better; ``words`` go into the reason for it."""

    value: float
    words: str


class HowGood(Protocol):
    """What tells settings of equal bytes apart."""

    def __call__(self, setting: Setting) -> Judgement:
        """Return how good a setting is."""


class Chosen(NamedTuple):
    """A number of colours, where one is chosen, and why."""

    colors: int | None
    why: str


def candidates_of(asked: Asked, sample: Sample, *, is_bounded: bool) -> Candidates:
    """Return all settings; ``is_bounded``: the size of the options is the largest, otherwise that of the source."""
    options = asked.options
    if not asked.free_size:
        return Candidates(asked, 1, options)
    largest = options if is_bounded else options.replace(step=1)
    side = max(largest.final_size) if largest.final_size else sample.largest_side(largest)
    if not largest.final_size and (options.fit != "contain" or options.enlarge):
        largest = largest.replace(size=(side, side))  # these need a size
    return Candidates(asked, side, largest)


def choose_colors_within(sample: Sample, candidates: Candidates, limit: int, judged: HowGood) -> Chosen:
    """Choose the number of colours, unless it is given or everything fits at the largest setting.

    Parameters
    ----------
    limit
        Bytes of all images.
    judged
        Called for settings that fit, each with as many bytes as the others or the largest size.
    """
    asked, highest = candidates.asked, candidates.options_of(candidates.highest)
    if not asked.free_size or not asked.free_colors:
        return Chosen(candidates.fewest_colors if asked.free_colors else candidates.highest.colors, "")
    if sample.may_fit(highest, limit) and sample.estimate(highest).total <= AIM * limit:
        return Chosen(candidates.highest.colors, "")
    return choose_colors_for(sample, candidates, AIM * limit, judged)


def choose_colors_for(sample: Sample, candidates: Candidates, limit: float, judged: HowGood) -> Chosen:
    """Choose the number of colours that is best where each has the largest size that fits.

    Parameters
    ----------
    limit
        Bytes of all images.
    judged
        Called for settings that fit, each with as many bytes as the others or the largest size.
    """
    # The few images are compressed often; one setting in all of the sample tells what they stand for.
    middle = Setting(min(_START, candidates.top), min(32, MAX_INDEXED_COLORS))
    few = sample.bytes_of_few(candidates.options_of(middle))
    if not few:
        return Chosen(MAX_INDEXED_COLORS, "no image of the sample could be compressed")
    share = limit * few / max(sample.estimate(candidates.options_of(middle)).total, 1.0)
    start = _START

    @cache
    def judge(colors: int) -> tuple[float, str] | None:
        nonlocal start

        def total(side: int) -> float:
            return sample.bytes_of_few(candidates.options_of(Setting(side, colors)))

        where = SearchRange(candidates.lowest.side, candidates.top, start, _SIDE_POWER)
        side = largest_within(total, where, share, _ROUGH)
        if side is None:
            return None
        start = side
        return judged(Setting(side, colors))

    grid = [colors for colors in candidates.grid if judge(colors) is not None]
    if not grid:
        return Chosen(candidates.fewest_colors, "it has the fewest colours")
    best = _best(grid, judge)
    place = grid.index(best)
    for other in grid[max(0, place - 1) : place + 2]:
        between = round((best * other) ** 0.5)
        if between not in grid and judge(between) is not None:
            grid.append(between)
    best = _best(sorted(grid), judge)
    found = judge(best)
    assert found is not None  # noqa: S101 - it was tried
    if len(grid) == 1:
        return Chosen(best, f"the only number of colours that fits; it {found[1]}")
    return Chosen(best, f"of {len(grid)} numbers of colours, each at the size that fits, it {found[1]}")


def _best(grid: list[int], judge: Callable[[int], tuple[float, str] | None]) -> int:
    """Return the best number of colours; of equal ones the smallest."""
    return max(sorted(grid, reverse=True), key=lambda colors: (judge(colors) or (0.0, ""))[0])


def fitting(sample: Sample, candidates: Candidates, colors: int | None, limit: float, start: int) -> Setting:
    """Return the largest size in a number of colours that is estimated to fit, then the most colours.

    Parameters
    ----------
    colors
        The number of colours that was chosen; None if there is none to choose.
    limit
        Bytes of all images.
    start
        A side near the result, in pixels.
    """

    def total(setting: Setting) -> float:
        return sample.estimate(candidates.options_of(setting)).total

    lowest = candidates.lowest
    setting = lowest if colors is None else lowest._replace(colors=colors)
    if candidates.asked.free_size:
        where = SearchRange(lowest.side, candidates.top, start, _SIDE_POWER)
        side = largest_within(lambda side: total(setting._replace(side=side)), where, limit, _FINE)
        if side is None and not candidates.asked.free_colors:
            return lowest
        setting = setting._replace(side=lowest.side if side is None else side)
    if (candidates.asked.free_colors and total(setting) < LEAST / AIM * limit) or total(setting) > limit:
        low = candidates.fewest_colors
        where = SearchRange(low, MAX_INDEXED_COLORS, max(low, setting.colors or low), _COLOR_POWER)
        found = largest_within(lambda own: total(setting._replace(colors=own)), where, limit, _FINE)
        setting = setting._replace(colors=low if found is None else found)
    return setting
