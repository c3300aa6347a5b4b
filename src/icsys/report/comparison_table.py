"""The table of a comparison: the same cells for the terminal and for the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from icsys.report.humanize import bytes_text, factor_text, images_text, printable
from icsys.report.lossy_codecs import USUAL_QUALITY
from icsys.sources.base import passed_over_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from icsys.report.comparison import Comparison, ComparisonRow

_NONE = "-"

_QUALITY = "Quality is measured against the resized picture in truecolour, the output of SO."
ORDER = "Smallest output first."
_LOSSY = (
    "JPEG and WebP are lossy files of the same resized pixels, by Pillow, at quality q: {}, and the highest at which "
    "all outputs together take no more bytes than those of {}."
)
_EXACT = "Images of no more than K colours keep them exactly; PSNR is the mean over the others."


@dataclass(frozen=True, slots=True)
class ComparisonColumn:
    """A column of the table.

    Attributes
    ----------
    title, meaning
        Its name, and its meaning in a sentence.
    text
        The text of a row's cell.
    value
        The value that is compared; None if no row is better than another.
    most
        Whether more is better.
    of_colors
        Whether it measures the loss of quality; SO, which loses nothing, is then not marked as the best.
    """

    title: str
    meaning: str
    text: Callable[[ComparisonRow], str]
    value: Callable[[ComparisonRow], float | None] | None = None
    most: bool = False
    of_colors: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the table."""

    text: str
    best: bool = False


def _psnr(row: ComparisonRow) -> str:
    return _NONE if row.psnr is None else f"{row.psnr:.2f}"


TABLE_COLUMNS = (
    ComparisonColumn("strategy", "How colours are reduced, or a lossy codec.", lambda row: row.candidate.strategy),
    ComparisonColumn(
        "K",
        "Requested colours of every image; for JPEG and WebP, their quality q from 1 to 100.",
        lambda row: row.candidate.setting,
    ),
    ComparisonColumn(
        "seconds",
        "Run time for these images, from reading to writing.",
        lambda row: f"{row.seconds:.3f}",
        lambda row: row.seconds,
    ),
    ComparisonColumn(
        "images/s",
        "Images done in a second.",
        lambda row: f"{row.images_per_second:.1f}",
        lambda row: row.images_per_second,
        most=True,
    ),
    ComparisonColumn("size", "Bytes of all outputs.", lambda row: bytes_text(row.bytes_out), lambda row: row.bytes_out),
    ComparisonColumn(
        "factor",
        "Compression factor: bytes of the sources over bytes of the outputs.",
        lambda row: factor_text(row.factor),
        lambda row: row.factor,
        most=True,
    ),
    ComparisonColumn(
        "elements",
        "Numbers a model reads from the outputs (width x height x channels), in millions.",
        lambda row: f"{row.elements_out / 1e6:.3g} M",
    ),
    ComparisonColumn(
        "MSE",
        "Squared error, summed over R, G and B: mean over the pixels of an image, then over images.",
        lambda row: f"{row.mse:.2f}",
        lambda row: row.mse,
        of_colors=True,
    ),
    ComparisonColumn(
        "PSNR",
        "Peak signal-to-noise ratio in decibels: mean over the images that differ at all.",
        _psnr,
        lambda row: row.psnr,
        most=True,
        of_colors=True,
    ),
    ComparisonColumn(
        "SSIM",
        "Structural similarity, 1 for equal pictures: mean over images.",
        lambda row: f"{row.ssim:.4f}",
        lambda row: row.ssim,
        most=True,
        of_colors=True,
    ),
    ComparisonColumn(
        "CIEDE2000",
        "Colour difference, about 1 is just visible: mean over pixels, then over images.",
        lambda row: f"{row.delta_e:.2f}",
        lambda row: row.delta_e,
        of_colors=True,
    ),
)


def cells(rows: tuple[ComparisonRow, ...]) -> list[list[Cell]]:
    """Return the cells row by row; in each column the best ones are marked."""
    columns = [_column(column, rows) for column in TABLE_COLUMNS]
    return [list(row) for row in zip(*columns, strict=True)]


def _column(column: ComparisonColumn, rows: tuple[ComparisonRow, ...]) -> list[Cell]:
    texts = [column.text(row) for row in rows]
    competes = [column.value is not None and not (column.of_colors and row.candidate.strategy == "SO") for row in rows]
    values = [column.value(row) if ok and column.value else None for row, ok in zip(rows, competes, strict=True)]
    known = [(value, text) for value, text in zip(values, texts, strict=True) if value is not None]
    best = (max if column.most else min)(known)[1] if len(known) > 1 else None
    return [Cell(text, ok and text == best) for text, ok in zip(texts, competes, strict=True)]


def text_table(comparison: Comparison) -> str:
    """Return the table as text: names aligned left, figures right, the best of a column with a star."""
    body = [[cell.text + ("*" if cell.best else " ") for cell in row] for row in cells(comparison.rows)]
    lines = [[column.title + " " for column in TABLE_COLUMNS], *body]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]

    def line(row: list[str]) -> str:
        aligned = (
            text.ljust(width) if place == 0 else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        return " ".join(aligned).rstrip()

    return "\n".join([line(lines[0]), "-" * (sum(widths) + len(widths) - 1), *map(line, body)])


def notes(comparison: Comparison) -> list[str]:
    """Return the notes below the table."""
    found = [_QUALITY]
    if comparison.rounds > 1:
        found.append(f"Seconds are those of the fastest of {comparison.rounds} rounds.")
    found.extend(_about_lossy(comparison))
    found.extend(map(printable, comparison.left_out))
    if any(row.exact for row in comparison.reduced()):
        found.append(_EXACT)
    return found


def _about_lossy(comparison: Comparison) -> Iterator[str]:
    """Yield how the qualities of the lossy codecs were chosen, in a sentence, if there are any."""
    rows = {row.name: row for row in comparison.rows}
    lossy = [candidate for candidate in comparison.candidates if candidate.as_small_as]
    parts = []
    for aim in (candidate.name for candidate in comparison.candidates):
        names = [
            one.name + (", which takes more" if rows[one.name].bytes_out > rows[aim].bytes_out else "")
            for one in lossy
            if aim in one.as_small_as
        ]
        parts.extend([f"{aim} ({', '.join(names)})"] if names else [])
    if parts:
        yield _LOSSY.format(USUAL_QUALITY, ", ".join(parts))


def comparison_text(comparison: Comparison) -> str:
    """Return the results of a comparison as text: a few lines and the table."""
    few = f"{comparison.images} of " if comparison.images != comparison.found else ""
    each = "" if comparison.jobs == 1 else f", {comparison.jobs} at a time"
    size = bytes_text(comparison.rows[0].bytes_in if comparison.rows else 0)
    passed_over = comparison.outputs_passed_over
    not_read = [passed_over_text(passed_over)] if passed_over else []
    lines = [f"{few}{images_text(comparison.found)}, {size}{each}", *not_read, ""]
    if comparison.rows:
        lines.append(text_table(comparison))
        lines.extend([f"{ORDER} * best of its column", "", *notes(comparison)])
    lines.append(f"Measured in {comparison.seconds:.1f} s.")
    return "\n".join(lines)
