"""Plots of what was learned: accuracy against bytes, and differences from full colour, both with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.learning.learned import KEEPS, LOSES, REFERENCE, UNCLEAR, ArmResult
from icsys.report.humanize import printable
from icsys.report.learned.words import (
    VERDICT_WORDS,
    interval_text,
    percent_text,
    points_text,
    reference_of,
    verdict_words,
)
from icsys.report.optional_packages import import_optional
from icsys.report.plots import INK, Plot, figure_svg, label_points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from icsys.learning.learned import Learned

# Okabe and Ito, "Color Universal Design" (2008); shapes tell verdicts apart without colours, and lines do so by dashes.
_LOOK = {REFERENCE: (INK, "s"), KEEPS: ("#009e73", "o"), UNCLEAR: ("#0072b2", "D"), LOSES: ("#d55e00", "v")}
_LINES = (("#808080", "-"), ("#808080", "--"), ("#808080", ":"), ("#b07d00", "-."), ("#cc79a7", (0, (1, 3))))
_CODECS = {"webp": "WebP", "jpeg": "JPEG"}
_WIDEST = 8.0  # points: a larger difference is named at the edge, so that intervals near 0 stay visible
_THIN = 1.2
_BOUND = (0, (6, 3))  # dashes of the line that an arm must stay above
_COLUMNS = 3  # of the legend


class ArmLine(NamedTuple):
    """Arms that one line joins: what they have in common, and the arms from many bytes to few."""

    name: str
    arms: list[ArmResult]


def learned_plots(learned: Learned) -> list[Plot]:
    """Draw the plots of what was learned; none where fewer than two arms were judged."""
    full = reference_of(learned)
    others = [arm for arm in learned.arms if arm is not full and arm.accuracy is not None]
    if full is None or not others:
        return []
    return [_accuracy_and_bytes(learned, full, others), _differences(learned, others)]


def joined_arms(arms: Sequence[ArmResult], full: ArmResult) -> list[ArmLine]:
    """Return the lines that join arms: fewer colours, fewer pixels, lossy codecs; each from many bytes to few.

    A line holds at least two arms that were judged. The reference begins those of colours and of sizes.
    """
    judged = [arm for arm in arms if arm.accuracy is not None and arm.images == full.images]
    own = [arm for arm in judged if arm.quality is None and arm.as_small_as is None]
    of_size = [arm for arm in own if (arm.width, arm.height) == (full.width, full.height)]
    smaller = [arm for arm in own if arm not in of_size]
    few = {arm.colors for arm in smaller if arm.colors is not None}
    lines = [
        ArmLine("fewer colours", [arm for arm in of_size if arm is full or arm.colors is not None]),
        ArmLine("smaller", [full, *(arm for arm in smaller if arm.colors is None)]),
        *(
            ArmLine(f"smaller, {colors} colours", [arm for arm in own if arm.colors == colors])
            for colors in sorted(few)
        ),
    ]
    for codec in dict.fromkeys(arm.format for arm in judged if arm.as_small_as is not None):
        name = _CODECS.get(codec, codec)
        lines.append(ArmLine(name, [arm for arm in judged if arm.as_small_as is not None and arm.format == codec]))
    return [ArmLine(line.name, sorted(line.arms, key=lambda arm: -arm.bytes)) for line in lines if len(line.arms) > 1]


def _accuracy_and_bytes(learned: Learned, full: ArmResult, others: Sequence[ArmResult]) -> Plot:
    """Draw the accuracy of each arm against its bytes, a part of the images by its bytes over all images."""

    def place(arm: ArmResult) -> tuple[float, float]:
        return arm.bytes / full.images / 1e3, arm.accuracy or 0.0

    def draw(figure: Any) -> None:  # noqa: ANN401 - Matplotlib has no types of its own here
        axes = figure.subplots()
        _log_axis(axes)
        reference = full.accuracy or 0.0
        axes.axhline(reference, color=INK, linewidth=_THIN)
        axes.axhline(reference - learned.loss_allowed, color=INK, linewidth=_THIN, linestyle=_BOUND)
        for line, (color, dashes) in zip(joined_arms(learned.arms, full), _LINES * len(others), strict=False):
            axes.plot(*zip(*map(place, line.arms), strict=True), color=color, linestyle=dashes, marker="", zorder=1)
        for arm in others:
            x, _ = place(arm)
            if arm.low is not None and arm.high is not None:
                bar = [reference + arm.low, reference + arm.high]
                axes.plot([x, x], bar, color=_LOOK[arm.verdict][0], marker="", linewidth=_THIN)
        for arm in (full, *others):
            axes.plot(*([value] for value in place(arm)), **_marker(arm.verdict))
        axes.margins(0.12, 0.1)
        axes.set_xlabel("kB an image (left is smaller)")
        axes.set_ylabel("accuracy in %")
        _legend(figure, [full, *others], joined_arms(learned.arms, full))
        first = sorted((full, *others), key=lambda arm: arm.name not in {learned.recommended, full.name})
        label_points(figure, axes, [(printable(arm.name), *place(arm)) for arm in first])

    words = "; ".join(
        f"{printable(arm.name)}: {arm.bytes / full.images / 1e3:.2f} kB, {percent_text(arm.accuracy)}, "
        f"{verdict_words(arm)}"
        for arm in (full, *others)
    )
    return Plot("Accuracy and bytes", words, figure_svg("accuracy", draw, height=min(5.2, 3.4 + 0.12 * len(others))))


def _differences(learned: Learned, others: Sequence[ArmResult]) -> Plot:
    """Draw the difference of each arm from full colour; far ones stand at the edge, with their values."""
    near = [arm for arm in others if (arm.difference or 0.0) >= -_WIDEST]
    edge = min(-_WIDEST, *(arm.low for arm in near if arm.low is not None), 0.0)

    def draw(figure: Any) -> None:  # noqa: ANN401 - as above
        axes = figure.subplots()
        axes.axvline(0, color=INK, linewidth=_THIN)
        axes.axvline(-learned.loss_allowed, color=INK, linewidth=_THIN, linestyle=_BOUND)
        for row, arm in enumerate(others):
            look, difference = _marker(arm.verdict), arm.difference or 0.0
            if difference < -_WIDEST:
                axes.plot([edge], [row], **(look | {"marker": "<"}))
                text = points_text(difference)
                axes.annotate(text, (edge, row), (8, 0), textcoords="offset points", va="center", fontsize=9)
                continue
            if arm.low is not None and arm.high is not None:
                axes.plot([arm.low, arm.high], [row, row], color=look["color"], marker="", linewidth=_THIN)
            axes.plot([difference], [row], **look)
        axes.set_yticks(range(len(others)), [_short(printable(arm.name)) for arm in others])
        axes.set_ylim(len(others) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.06)
        axes.locator_params(axis="x", nbins=7, steps=[1, 2, 5, 10])
        axes.set_xlabel("points of accuracy against full (right is better)")
        _legend(figure, others, [])

    words = "; ".join(
        f"{printable(arm.name)}: {points_text(arm.difference)} points {interval_text(arm.low, arm.high)}, "
        f"{verdict_words(arm)}"
        for arm in others
    )
    height = max(2.2, 1.3 + 0.24 * len(others))
    return Plot("Difference from full colour", words, figure_svg("differences", draw, height=height))


def _marker(verdict: str) -> dict[str, Any]:
    """Return how a point looks: an unclear one is hollow."""
    color, shape = _LOOK[verdict]
    face = "none" if verdict == UNCLEAR else color
    return {"color": color, "marker": shape, "markerfacecolor": face, "linestyle": "none", "zorder": 3}


def _legend(figure: Any, arms: Sequence[ArmResult], lines: Sequence[ArmLine]) -> None:  # noqa: ANN401 - as above
    """Explain the verdicts that occur, then the lines."""
    handle = import_optional("matplotlib.lines").Line2D
    found = {arm.verdict for arm in arms}
    seen = [verdict for verdict in _LOOK if verdict in found]
    handles = [handle([], [], label=VERDICT_WORDS[verdict], **_marker(verdict)) for verdict in seen]
    handles.append(handle([], [], label="99 % of full", color=INK, linewidth=_THIN, linestyle=_BOUND, marker=""))
    handles += [
        handle([], [], label=line.name, color=color, linestyle=dashes, marker="")
        for line, (color, dashes) in zip(lines, _LINES * len(lines), strict=False)
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=_COLUMNS, fontsize=9, columnspacing=1.2)


def _log_axis(axes: Any) -> None:  # noqa: ANN401 - as above
    """Make the axis of bytes logarithmic, with plain numbers as labels."""
    ticker = import_optional("matplotlib.ticker")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(ticker.NullLocator())


def _short(name: str) -> str:
    return name if len(name) <= len("fewer = 1024x1024 K128") else f"{name[:20]}…"
