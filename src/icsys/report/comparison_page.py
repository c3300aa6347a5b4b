"""The page of a comparison of strategies."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.files.locations import disk_path
from icsys.files.reserved_names import refusing_links
from icsys.ratio_words import times_and_word, times_text
from icsys.records.command_text import command_text
from icsys.report.comparison_table import TABLE_COLUMNS, cells, notes
from icsys.report.example_images import middle_name, shown_names
from icsys.report.html import Figure, Heading, HtmlTable, Pair, Problem, ReportPage, check_target, choice, write_page
from icsys.report.humanize import bytes_text, count_text, images_text, printable
from icsys.report.optional_packages import import_optional
from icsys.report.page_pictures import data_uri
from icsys.report.plots import comparison_plots
from icsys.report.provenance import version_facts
from icsys.sources.base import passed_over_text
from icsys.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    from icsys.color.image_quality import Quality
    from icsys.report.comparison import Comparison, ComparisonExample, ComparisonRow

LISTED = 500
"""Failures that a page names."""

HOW_TO_LOOK = (
    "Left of the divider is the resized picture in all its colours, right of it the output. Drag the divider, or move "
    "it with the arrow keys. Below is the palette, by each colour's share of the pixels."
)


@refusing_links()
def write_comparison(comparison: Comparison, path: str | os.PathLike[str]) -> None:
    """Write a comparison as one HTML file that needs no network.

    Parameters
    ----------
    comparison
        The results of :func:`~icsys.compare_folder`.
    path
        Path of the file; an older report there is replaced.

    Raises
    ------
    UsageError
        If ``path`` is a file other than a report, or its folder does not exist.
    MissingExtraError
        If Matplotlib or Jinja2 is not installed.
    """
    check_page(path)
    write_page(disk_path(path, "path", "file"), comparison_page(comparison))


def check_page(path: str | os.PathLike[str]) -> None:
    """Check, before a comparison starts, that its page can be written.

    Raises
    ------
    UsageError, MissingExtraError
        As :func:`write_comparison`.
    """
    check_target(disk_path(path, "path", "file"))
    import_optional("jinja2")
    import_optional("matplotlib")


def free_name(name: str) -> str:
    """Return a name for a page in the working folder: ``name``, or with ``-2``, ``-3`` … added if it is taken."""
    path, number = Path(name), 1
    while os.path.lexists(path):
        number += 1
        path = path.with_name(f"{Path(name).stem}-{number}{Path(name).suffix}")
    return str(path)


def comparison_page(comparison: Comparison) -> ReportPage:
    """Return the contents of the page."""
    rows = comparison.rows
    several = len({row.candidate.colors for row in comparison.reduced()}) > 1
    table = HtmlTable(
        "All ways on the same images, the smallest output first",
        [Heading(c.title, c.meaning) for c in TABLE_COLUMNS],
        cells(rows),
        notes(comparison),
    )
    return ReportPage(
        kind="Comparison of strategies",
        title=printable(Path(comparison.source).resolve().name or comparison.source),
        lead=_lead(comparison),
        figures=_figures(comparison) if rows else (),
        table=table if rows else None,
        plots=comparison_plots(comparison, shown_names(comparison.candidates)) if rows else (),
        plots_note=""
        if several
        else "Compare several numbers of colours, such as --colors 8,16,32,64, to see quality against K.",
        examples=[_pair(example, comparison.images) for example in comparison.examples],
        examples_note=HOW_TO_LOOK,
        skips=_skips(comparison),
        failures=[Problem(printable(f.source), f.code, printable(f.message)) for f in comparison.failures[:LISTED]],
        command=comparison_command(comparison),
        facts=[
            *version_facts(__version__),
            ("Measured", f"in {comparison.seconds:.1f} s"),
            ("At a time", f"{comparison.jobs} images, read from memory, written to a temporary folder"),
        ],
    )


def comparison_command(comparison: Comparison) -> str:
    """Return the command that repeats the comparison."""
    candidates = [candidate for candidate in comparison.candidates if candidate.colors is not None]
    settings = {
        "strategy": ",".join(dict.fromkeys(candidate.strategy for candidate in candidates)),
        "colors": ",".join(str(k) for k in sorted({candidate.colors or 0 for candidate in candidates})),
        "sample": comparison.sample,
        "jobs": comparison.jobs,
        "no_lossy": None if comparison.lossy else True,
    }
    shared = comparison.options.replace(strategy="MKM", colors=32)
    return command_text("compare", [printable(comparison.source)], shared, settings)


def _lead(comparison: Comparison) -> list[str]:
    of = "" if comparison.sample is None else f", drawn from {comparison.found},"
    if not comparison.rows:
        return [f"None of the images{of} could be compressed with all strategies; the reasons are below."]
    so = comparison.resized
    reduced = list(comparison.reduced())
    smallest, fastest = max(reduced, key=lambda r: r.factor), min(reduced, key=lambda r: r.seconds)
    nearest = max(reduced, key=lambda row: row.ssim)
    images = images_text(comparison.images)
    saved = (
        f"{images}{of} of {bytes_text(so.bytes_in)}, put through {len(comparison.rows)} ways to make them smaller. "
        f"Resizing alone (SO) makes them {times_text(so.bytes_in, so.bytes_out)}, with fewer colours they are "
        f"{times_text(smallest.bytes_in, smallest.bytes_out)} at best ({smallest.name})."
    )
    which = "it also" if nearest is fastest else nearest.name
    cost = (
        f"Of the ways with fewer colours, {fastest.name} is the fastest with {fastest.images_per_second:.1f} images a "
        f"second, and {which} comes nearest to the pictures in all their colours: SSIM {nearest.ssim:.3f}, mean colour "
        f"difference {nearest.delta_e:.2f}."
    )
    return [saved, cost, *_at_equal_bytes(comparison)]


def _at_equal_bytes(comparison: Comparison) -> Iterator[str]:
    """Compare a strategy with the lossy codecs at its bytes, in a sentence."""
    rows = {row.name: row for row in comparison.rows}
    aim = rows[middle_name(comparison.candidates)]
    lossy = (rows[one.name] for one in comparison.candidates if aim.name in one.as_small_as)
    words = [
        f"{row.candidate.strategy} at quality {row.candidate.quality} has {_error(row)}"
        for row in lossy
        if row.bytes_out <= aim.bytes_out
    ]
    if words:
        yield f"{aim.name} has {_error(aim)}; at no more bytes, {' and '.join(words)}."


def _error(row: ComparisonRow) -> str:
    return f"SSIM {row.ssim:.3f} with a mean colour difference of {row.delta_e:.2f}"


def _figures(comparison: Comparison) -> list[Figure]:
    reduced = list(comparison.reduced())
    smallest, fastest = max(reduced, key=lambda r: r.factor), min(reduced, key=lambda r: r.seconds)
    nearest = max(reduced, key=lambda row: row.ssim)
    elements = smallest.elements_in, smallest.elements_out
    (times, smaller), (fewer_times, fewer) = (
        times_and_word(smallest.bytes_in, smallest.bytes_out),
        times_and_word(*elements, less="fewer numbers", more="more numbers"),
    )
    return [
        Figure(f"{comparison.images:,}", "images compared"),
        Figure(f"{times}\N{MULTIPLICATION SIGN}", f"{smaller} with {smallest.name}"),
        Figure(f"{fastest.images_per_second:.1f}", f"images a second with {fastest.name}"),
        Figure(f"{nearest.ssim:.3f}", f"SSIM of {nearest.name}"),
        Figure(
            f"{fewer_times}\N{MULTIPLICATION SIGN}", f"{fewer} for a model: {' to '.join(map(count_text, elements))}"
        ),
    ]


def _skips(comparison: Comparison) -> list[str]:
    failed = len(comparison.failures)
    sentences = [f"{images_text(failed)} failed, and count for no strategy." if failed else "No image failed."]
    if failed > LISTED:
        sentences.append(f"The first {LISTED} of them are listed; --json names them all.")
    if comparison.sample is not None:
        sentences.append(
            f"{comparison.sample} of {comparison.found} images were drawn with seed {comparison.options.seed}."
        )
    if comparison.ignored:
        sentences.append(f"Files left alone: {comparison.ignored} (no images, hidden, or links).")
    if comparison.outputs_passed_over:
        sentences.append(f"Not read: {passed_over_text(comparison.outputs_passed_over)}.")
    return sentences


def _pair(example: ComparisonExample, images: int) -> Pair:
    height, width = example.reference.shape[:2]
    place = {1: "The worst", images: "The best"}.get(example.rank, f"Number {example.rank}")
    note = f"{place} of {images_text(images)} by mean colour difference."
    if example.whole:
        note += f" A detail of {width} x {height} pixels out of {example.whole[1]} x {example.whole[0]}."
    choices = [
        choice(name, shown.pixels, shown.palette, f"{name}: {quality_words(shown.quality)}, over the whole image.")
        for name, shown in example.shown.items()
    ]
    return Pair(printable(example.source), note, width, height, data_uri(example.reference), choices)


def quality_words(quality: Quality) -> str:
    """Describe the quality of one image."""
    if quality.psnr is None:
        return "no pixel differs"
    return f"SSIM {quality.ssim:.3f}, PSNR {quality.psnr:.1f} dB, mean colour difference {quality.delta_e:.2f}"
