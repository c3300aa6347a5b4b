"""Plots for a page, legible in print, on a dark screen and for colour-blind people."""

from __future__ import annotations

import io
import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from icsys.ratio_words import times_text
from icsys.report.humanize import bytes_text
from icsys.report.optional_packages import import_optional

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from icsys.report.comparison import Comparison, ComparisonRow

# Okabe and Ito, "Color Universal Design" (2008), the ones with contrast to white and to black, one of them darker;
# markers differ too.
INK = "#010203"  # becomes the colour of the page's text
_GREY, _BLUE = "#808080", "#0072b2"
_LOOK = {"SO": (INK, "D"), "MKM": (_BLUE, "o"), "FKM": ("#d55e00", "s"), "MBKM": ("#009e73", "^")}
_LOOK |= {"JPEG": ("#cc79a7", "v"), "WebP": ("#b07d00", "P")}
_WIDTH, _HEIGHT = 4.6, 3.3  # inches: the text is still readable on a phone
_WIDE_SPAN = 6  # ratio of the largest to the smallest value, from which an axis is logarithmic
_MOST_DOTS = 300
_LEGEND_COLUMNS = 3
_MB = 1e6
_SPOT = 5  # half the side of a marker, in pixels of the figure
_APART = 3  # between two labels, in pixels of the figure
# Where a label may stand beside its point, the best place first: offset in points, and its alignment.
_LABEL_PLACES: tuple[tuple[tuple[int, int], str, str], ...] = (
    ((7, 3), "left", "bottom"),
    ((7, -3), "left", "top"),
    ((-7, 3), "right", "bottom"),
    ((-7, -3), "right", "top"),
    ((0, 7), "center", "bottom"),
    ((0, -7), "center", "top"),
)

# Additions to the common style, so that plots fit a page of any colours.
_ON_A_PAGE: dict[str, Any] = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "savefig.bbox": "standard",
    "savefig.transparent": True,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawn plot: its title, a description in words, and an SVG element."""

    title: str
    words: str
    svg: str


def comparison_plots(comparison: Comparison, shown: Sequence[str]) -> list[Plot]:
    """Draw the plots of a comparison; ``shown`` names the candidates of the detailed plots."""
    closely = [row for name in shown for row in comparison.rows if row.name == name]
    so = comparison.resized
    plots = [_quality_and_bytes(comparison.rows), _time_and_factor(comparison.rows)]
    if len({row.candidate.colors for row in comparison.reduced()}) > 1:
        plots.append(_quality_and_colors(list(comparison.reduced())))
    sizes = [("sources", so.bytes_in), *((row.name, row.bytes_out) for row in (so, *closely))]
    return [*plots, size_plot(sizes), _quality_of_images(closely)]


def size_plot(sizes: Sequence[tuple[str, int]]) -> Plot:
    """Draw bytes as bars, the sources first."""

    def draw(figure: Any) -> None:  # noqa: ANN401 - Matplotlib has no types of its own here
        axes = figure.subplots()
        names, values = [name for name, _ in sizes], [size / _MB for _, size in sizes]
        bars = axes.barh(names, values, color=[_GREY] + [_color(name) for name in names[1:]], height=0.7)
        axes.bar_label(bars, [bytes_text(size) for _, size in sizes], padding=4)
        axes.margins(x=0.22)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("MB on disk")

    words = ", ".join(f"{name} {bytes_text(size)}" for name, size in sizes)
    return Plot("Size before and after", words, figure_svg("size", draw, height=max(_HEIGHT, 0.6 + 0.36 * len(sizes))))


def histogram(title: str, label: str, values: Sequence[float], *, whole: bool = False) -> Plot:
    """Draw a histogram: the number of images for each value."""
    numpy = import_optional("numpy")

    def draw(figure: Any) -> None:  # noqa: ANN401 - as above
        axes = figure.subplots()
        bins: str | list[float] = "auto"
        if whole and max(values) - min(values) < 40:  # noqa: PLR2004 - as many bars as can be distinguished
            bins = [value - 0.5 for value in range(int(min(values)), int(max(values)) + 2)]
        axes.hist(values, bins=bins, color=_BLUE, edgecolor="none", rwidth=0.9)
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel(label)
        axes.set_ylabel("images")

    low, middle, high = numpy.quantile(values, [0, 0.5, 1])
    words = f"{label}: from {low:.4g} to {high:.4g}, half of the images above {middle:.4g}"
    return Plot(title, words, figure_svg(title, draw))


def _quality_and_bytes(rows: Sequence[ComparisonRow]) -> Plot:
    """Draw what the bytes of each strategy and codec buy; SO, which loses nothing, is the reference."""
    rows = [row for row in rows if row.candidate.strategy != "SO"]

    def draw(figure: Any) -> None:  # noqa: ANN401 - as above
        upper, lower = figure.subplots(2, sharex=True)
        for strategy, points in _by_strategy(rows):
            look = {"color": _LOOK[strategy][0], "marker": _LOOK[strategy][1]}
            sizes = [_kilobytes(row) for row in points]
            upper.plot(sizes, [row.ssim for row in points], label=strategy, **look)
            lower.plot(sizes, [row.delta_e for row in points], **look)
        _axis(lower.set_xscale, lower.xaxis, [_kilobytes(row) for row in rows])
        upper.set_ylabel("SSIM")
        lower.set_ylabel("mean CIEDE2000")
        lower.set_ylim(bottom=0)
        lower.set_xlabel("kB an image (left is smaller)")
        figure.legend(loc="outside upper center", ncols=_LEGEND_COLUMNS)

    words = "; ".join(
        f"{row.name}: {_kilobytes(row):.2f} kB an image, SSIM {row.ssim:.4f}, colour difference {row.delta_e:.2f}"
        for row in rows
    )
    return Plot("Quality and bytes", words, figure_svg("bytes", draw, height=4.2))


def _time_and_factor(rows: Sequence[ComparisonRow]) -> Plot:
    def draw(figure: Any) -> None:  # noqa: ANN401 - as above
        axes = figure.subplots()
        for strategy, points in _by_strategy(rows):
            color, marker = _LOOK[strategy]
            axes.plot(
                [row.seconds for row in points],
                [row.factor for row in points],
                color=color,
                marker=marker,
                label=strategy,
            )
        _axis(axes.set_xscale, axes.xaxis, [row.seconds for row in rows])
        _axis(axes.set_yscale, axes.yaxis, [row.factor for row in rows])
        axes.margins(0.14)
        axes.set_xlabel("run time in seconds (left is faster)")
        axes.set_ylabel("bytes before / after (up is smaller)")
        figure.legend(loc="outside upper center", ncols=_LEGEND_COLUMNS)
        label_points(figure, axes, [(row.candidate.setting, row.seconds, row.factor) for row in rows])

    words = "; ".join(f"{row.name}: {row.seconds:.2f} s, {times_text(row.bytes_in, row.bytes_out)}" for row in rows)
    return Plot("Run time and compression factor", words, figure_svg("time", draw))


def label_points(figure: Any, axes: Any, points: Sequence[tuple[str, float, float]]) -> None:  # noqa: ANN401 - as above
    """Write a label beside each point, where it covers no other label and no point; leave it out where none is free."""
    boxes = import_optional("matplotlib.transforms").Bbox
    figure.draw_without_rendering()  # only now the axes have their place
    spots = [axes.transData.transform(point[1:]) for point in points]
    taken = [boxes.from_bounds(x - _SPOT, y - _SPOT, 2 * _SPOT, 2 * _SPOT) for x, y in spots]
    taken += [boxes.from_bounds(x - 1, y - 1, 2, 2) for line in axes.lines for x, y in _along(line)]
    for text, x, y in points:
        for offset, across, along in _LABEL_PLACES:
            label = axes.annotate(
                text, (x, y), offset, textcoords="offset points", fontsize=9, ha=across, va=along, in_layout=False
            )
            place = label.get_window_extent()
            inside = axes.bbox.x0 <= place.x0 and place.x1 <= axes.bbox.x1 and axes.bbox.y0 <= place.y0
            if inside and place.y1 <= axes.bbox.y1 and not place.count_overlaps(taken):
                taken.append(place.padded(_APART))
                break
            label.remove()


def _along(line: Any) -> Iterator[tuple[float, float]]:  # noqa: ANN401 - as above
    """Yield places along a line, in pixels of the figure and about a label's height apart."""
    corners = line.get_transform().transform(line.get_xydata())
    for start, end in itertools.pairwise(corners):
        steps = int(max(abs(end - start)) / _SPOT) + 1
        yield from (tuple(start + (end - start) * step / steps) for step in range(1, steps))


def _quality_and_colors(rows: Sequence[ComparisonRow]) -> Plot:
    def draw(figure: Any) -> None:  # noqa: ANN401 - as above
        upper, lower = figure.subplots(2, sharex=True)
        for strategy, points in _by_strategy(rows):
            color, marker = _LOOK[strategy]
            ks = [_k(row) for row in points]
            upper.plot(ks, [row.ssim for row in points], color=color, marker=marker, label=strategy)
            lower.plot(ks, [row.delta_e for row in points], color=color, marker=marker)
        lower.set_xscale("log", base=2)
        ticks = sorted({_k(row) for row in rows})
        lower.set_xticks(ticks, [str(k) for k in ticks])
        lower.minorticks_off()
        upper.set_ylabel("SSIM")
        lower.set_ylabel("mean CIEDE2000")
        lower.set_ylim(bottom=0)
        lower.set_xlabel("colours K")
        figure.legend(loc="outside upper center", ncols=_LEGEND_COLUMNS)

    words = "; ".join(f"{row.name}: SSIM {row.ssim:.4f}, colour difference {row.delta_e:.2f}" for row in rows)
    return Plot("Quality and the number of colours", words, figure_svg("quality", draw, height=4.2))


def _quality_of_images(rows: Sequence[ComparisonRow]) -> Plot:
    numpy = import_optional("numpy")
    values = [[score.quality.ssim for score in row.scores] for row in rows]

    def draw(figure: Any) -> None:  # noqa: ANN401 - as above
        axes = figure.subplots()
        axes.boxplot(
            values,
            orientation="horizontal",
            widths=0.55,
            showfliers=False,
            boxprops={"color": INK},
            whiskerprops={"color": INK},
            capprops={"color": INK},
            medianprops={"color": INK, "linewidth": 2},
        )
        for place, (row, some) in enumerate(zip(rows, values, strict=True), 1):
            # Overlapping dots are moved up and down, in the same way every time.
            height = place + (numpy.arange(len(some)) * 0.618 % 1 - 0.5) * 0.4
            look = {"color": _color(row.name), "markersize": 4, "alpha": 0.7, "linestyle": "none"}
            axes.plot(some[:_MOST_DOTS], height[:_MOST_DOTS], marker=_LOOK[row.candidate.strategy][1], **look)
        axes.set_yticks(range(1, len(rows) + 1), [row.name for row in rows])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("SSIM of each image (right is better)")

    medians = (f"{row.name}: {min(some):.3f} to {max(some):.3f}" for row, some in zip(rows, values, strict=True))
    height = max(_HEIGHT, 0.8 + 0.42 * len(rows))
    return Plot("Quality of each image", "; ".join(medians), figure_svg("images", draw, height=height))


def _by_strategy(rows: Sequence[ComparisonRow]) -> Iterator[tuple[str, list[ComparisonRow]]]:
    """Yield each strategy with its rows, by number of colours or by quality."""
    for strategy in _LOOK:
        points = sorted((row for row in rows if row.candidate.strategy == strategy), key=_k)
        if points:
            yield strategy, points


def _k(row: ComparisonRow) -> int:
    return row.candidate.colors or row.candidate.quality or 0


def _kilobytes(row: ComparisonRow) -> float:
    return row.bytes_out / len(row.scores) / 1e3


def _color(name: str) -> str:
    return _LOOK.get(name.split(maxsplit=1)[0], (_BLUE, ""))[0]


def _axis(set_scale: Callable[[str], object], axis: Any, values: Sequence[float]) -> None:  # noqa: ANN401 - as above
    """Make an axis logarithmic if its values differ by much, with plain numbers as labels."""
    if max(values) < _WIDE_SPAN * min(values):
        return
    ticker = import_optional("matplotlib.ticker")
    set_scale("log")
    axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(ticker.NullLocator())


def figure_svg(name: str, draw: Callable[[Any], None], *, height: float = _HEIGHT) -> str:
    """Return a figure as an SVG element for a page, without a date, so equal plots give equal text."""
    style, figures = import_optional("matplotlib.style"), import_optional("matplotlib.figure")
    # Ids of elements must differ between the plots of a page.
    with style.context(["icsys.report.style", {**_ON_A_PAGE, "svg.hashsalt": name}]):
        figure = figures.Figure(figsize=(_WIDTH, height))
        draw(figure)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    svg = re.sub(r".*?(?=<svg)", "", file.getvalue(), count=1, flags=re.DOTALL)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r'\1 aria-hidden="true"', svg, count=1)
    slug = re.sub(r"\W", "", name)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{slug}-", svg)
    return svg.replace(INK, "currentColor")
