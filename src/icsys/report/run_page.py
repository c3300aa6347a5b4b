"""The page of a finished run, made from its output folder."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from icsys.choices import AUTO
from icsys.files.locations import disk_path
from icsys.files.reserved_names import check_names, refusing_links
from icsys.files.rooted_path import RootedPath
from icsys.files.url import shown
from icsys.layout import FAILURES, MANIFEST, REPORT
from icsys.options import Options
from icsys.ratio_words import times_and_word, times_text
from icsys.records.command_text import command_text
from icsys.records.output_folders import missing_manifest
from icsys.records.run_json import named_files
from icsys.report.comparison_page import HOW_TO_LOOK, LISTED
from icsys.report.comparison_table import Cell
from icsys.report.example_images import MOST_EXAMPLES
from icsys.report.html import Figure, Heading, HtmlTable, ReportPage, check_target, write_page
from icsys.report.humanize import bytes_text, factor_text, images_text, printable
from icsys.report.plots import histogram, size_plot
from icsys.report.provenance import version_facts
from icsys.report.run_pictures import picture_pairs
from icsys.report.run_record import read_record
from icsys.report.source_images import recorded_place
from icsys.report.terminal_reports import colors_text, folders_text, redone_notes, size_notes
from icsys.setting_fields import whole_number
from icsys.sources.base import passed_over_text
from icsys.sources.open_source import open_source
from icsys.summary import RunSummary
from icsys.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from icsys.report.html import Pair
    from icsys.report.plots import Plot
    from icsys.report.run_record import RunImage, RunRecord

_CLASSES = 100  # rows of the table
_TOP = "(top folder)"
_SECONDS = len("2026-01-31 23:59:59")


@refusing_links()
def report_folder(
    destination: str | os.PathLike[str],
    *,
    source: str | os.PathLike[str] | None = None,
    output: str | os.PathLike[str] | None = None,
    examples: int = 6,
) -> Path:
    """Write the report of a finished run as one HTML file that needs no network.

    Parameters
    ----------
    destination
        An output folder, with its manifest.
    source
        The source of the run, to show pictures before and after; if left out, the one that the run recorded, unless it
        is a URL. An image that has changed since is not shown.
    output
        The file to write; ``report.html`` in ``destination`` if left out.
    examples
        Images to show: the worst, and some of the others.

    Returns
    -------
    Path
        Path of the file.

    Raises
    ------
    UsageError
        If the folder has no manifest, the source does not exist, a link has a name that ICS reserves, or the file
        cannot be written.
    MissingExtraError
        If Matplotlib or Jinja2 is not installed.
    """
    destination = disk_path(destination, "destination")
    named = None if output is None else disk_path(output, "output", "file")
    whole_number("examples", examples, 0, MOST_EXAMPLES)
    root = RootedPath(destination)
    path = named or root / REPORT
    check_names(root)
    if not (root / MANIFEST).is_file() and not (root / FAILURES).is_file():
        raise missing_manifest(destination)
    if source is not None:
        open_source(source, destination)
    check_target(path)
    record = read_record(root)
    place = os.fspath(source) if source is not None else recorded_place(record.run.get("source"))
    write_page(path, _page(record, root, place, examples))
    return named or destination / REPORT


def _page(record: RunRecord, destination: RootedPath, source: str | None, examples: int) -> ReportPage:
    images = record.images
    pairs = list(picture_pairs(record, destination, source, examples))
    files, others = named_files(record.run)
    place = [shown(source)] if source else ["SRC"]
    place = [f"{place[0]}/{name}" for name in files] + ["…"] * bool(others) if files else place
    ran = record.options or Options()
    settings = {
        name: value
        for name, value in (record.run.get("options") or {}).items()
        if name in {"jobs", "engine", "timeout", "follow_links", "include_outputs", "ignore_zeros"}
    }
    summary = record.run.get("summary") or {}
    times = [str(record.run.get(name, "")).replace("T", " ")[:_SECONDS] for name in ("started", "finished")]
    run = [("Run", f"{times[0]} to {times[1]} UTC")] if all(times) else []
    with_what = ", ".join(f"{name} {version}" for name, version in (record.run.get("versions") or {}).items())
    return ReportPage(
        kind="Report of a run",
        title=printable(Path(str(destination)).resolve().name),
        lead=_lead(images, ran, summary),
        figures=_figures(record) if images else (),
        table=_classes(images) if images else None,
        plots=_plots(images) if images else (),
        examples=pairs,
        examples_note=_examples_note(record, pairs),
        skips=_skips(record, summary),
        failures=[*record.failures, *record.companion_failures][:LISTED],
        command=command_text("compress", [printable(word) for word in (*place, str(destination))], ran, settings),
        facts=[
            *run,
            *([("Made by", f"ICS {record.run.get('tool_version')} with {with_what}")] if record.run else []),
            *(("Report: " + name.lower(), value) for name, value in version_facts(__version__)),
        ],
    )


def _examples_note(record: RunRecord, pairs: Sequence[Pair]) -> str:
    """Describe how to look at the pictures, or why the outputs stand alone."""
    if any(pair.before for pair in pairs):
        return HOW_TO_LOOK
    if all(image.mse is None for image in record.images):
        return "The outputs keep all colours of the resized pictures, so they are shown alone."
    return "The sources are not available or the options differ, so only the outputs and their palettes are shown."


def _colors_text(options: Options) -> str:
    """Describe the colours of the outputs."""
    if options.strategy == "SO":
        return "all their colours"
    by = f"{_number(options)} by {options.strategy}"
    own = {"image": by, "class": f"a palette for each class, {by}", "dataset": f"one palette for all, {by}"}
    return own.get(options.palette, f"the {options.colors} colours of {printable(options.palette)}")


def _lead(images: Sequence[RunImage], options: Options, summary: dict[str, Any]) -> list[str]:
    if not images:
        return ["No image of this folder was compressed; the reasons are below."]
    before, after = sum(image.bytes_in for image in images), sum(image.bytes_out for image in images)
    few = _colors_text(options)
    smaller = times_text(before, after)
    sentences = [
        f"{images_text(len(images))} of {bytes_text(before)} became {bytes_text(after)}, {smaller}, with {few}."
    ]
    sentences.extend(_found(images))
    folders = summary.get("palette_from")
    if folders and isinstance(folders, list):
        sentences.append(f"The palette was made from {folders_text(list(map(str, folders)))}.")
    chosen = summary.get("colors_chosen")
    if chosen:
        sentences.append(
            f"The number of colours was chosen for all images: {chosen['reached']} of {chosen['sampled']} sampled ones "
            f"reach {chosen['target']} with at most this number; {chosen['share']:.0%} were required."
        )
    if summary.get("stopped"):
        sentences.append(f"The last run was stopped before all images were done: {summary['stopped']}.")
    losses = [image.psnr for image in images if image.mse is not None]
    if losses:
        finite = sorted(loss for loss in losses if math.isfinite(loss))
        exact = len(losses) - len(finite)
        if finite:
            worst, middle = finite[0], finite[len(finite) // 2]
            sentences.append(f"The PSNR of the worst image is {worst:.1f} dB, of the middle one {middle:.1f} dB.")
        sentences.extend([f"{images_text(exact)} kept every colour exactly."] if exact else [])
    return sentences


def _number(options: Options) -> str:
    return "as few colours as needed" if options.colors == AUTO else f"{options.colors} colours"


def _found(images: Sequence[RunImage]) -> Iterator[str]:
    """Describe the numbers of colours that ``--colors auto`` found."""
    summary = RunSummary()
    for image in images:
        summary.add_colors(image.colors, image.measured)
    if summary.colors_found:
        yield f"Colours of an image: {colors_text(summary.colors_found)}."


def _figures(record: RunRecord) -> list[Figure]:
    images = record.images
    before, after = sum(image.bytes_in for image in images), sum(image.bytes_out for image in images)
    times, smaller = times_and_word(before, after)
    pixels_before, pixels_after = sum(image.pixels_in for image in images), sum(image.pixels_out for image in images)
    pixel_times, fewer = times_and_word(pixels_before, pixels_after, less="fewer", more="more")
    summary = record.run.get("summary") or {}
    speed = summary.get("compressed", 0) / summary["seconds"] if summary.get("seconds") else 0.0
    return [
        Figure(f"{len(images):,}", "images compressed"),
        Figure(f"{times}\N{MULTIPLICATION SIGN}", f"{smaller} on disk"),
        Figure(bytes_text(abs(before - after)), "saved" if before >= after else "added"),
        Figure(f"{pixel_times}\N{MULTIPLICATION SIGN}", f"{fewer} pixels"),
        *([Figure(f"{speed:.1f}", "images a second in the last run")] if speed else []),
        Figure(str(len(record.failures)), "failed"),
    ]


def _classes(images: Sequence[RunImage]) -> HtmlTable:
    """Return a row for every folder, the largest first."""
    folders: dict[str, list[RunImage]] = defaultdict(list)
    for image in images:
        folders[image.label].append(image)
    ordered = sorted(folders.items(), key=lambda item: -sum(image.bytes_in for image in item[1]))
    headings = [
        Heading("folder", "The folder of the outputs: the class label of a dataset."),
        Heading("images", "Images compressed."),
        Heading("before", "Size of the sources."),
        Heading("after", "Size of the outputs."),
        Heading("factor", "Bytes before over bytes after."),
        Heading("colours", "Mean number of colours of the outputs."),
        Heading("worst PSNR", "PSNR of the image with the largest error, in decibels."),
    ]
    rows = []
    for folder, some in ordered[:_CLASSES]:
        before, after = sum(image.bytes_in for image in some), sum(image.bytes_out for image in some)
        colors = [image.colors for image in some if image.colors is not None]
        worst = min((image.psnr for image in some if image.mse is not None), default=math.inf)
        texts = [
            printable(folder) or _TOP,
            f"{len(some):,}",
            bytes_text(before),
            bytes_text(after),
            factor_text(before / after),
            f"{sum(colors) / len(colors):.1f}" if colors else "all",
            f"{worst:.1f}" if math.isfinite(worst) else "-",
        ]
        rows.append([Cell(text) for text in texts])
    more = len(ordered) - _CLASSES
    return HtmlTable(
        "Folder by folder, the largest first",
        headings,
        rows,
        [f"{more} smaller folders are left out."] if more > 0 else [],
    )


def _plots(images: Sequence[RunImage]) -> list[Plot]:
    before, after = sum(image.bytes_in for image in images), sum(image.bytes_out for image in images)
    plots = [
        size_plot([("sources", before), ("outputs", after)]),
        histogram("Compression factor of each image", "bytes before / after", [image.factor for image in images]),
    ]
    quality = [image.psnr for image in images if image.mse is not None and math.isfinite(image.psnr)]
    if quality:
        plots.append(histogram("Quality of each image", "PSNR in decibels", quality))
    measured = [image.measured for image in images if image.measured]
    reached = [one.value for one in measured if one.value is not None]
    if reached and measured[0].target.measure != "psnr":
        words = {"ssim": "SSIM", "delta_e": "mean CIEDE2000"}[measured[0].target.measure]
        plots.append(histogram(f"Quality, with the target {measured[0].target}", words, reached))
    colors = [image.colors for image in images if image.colors is not None]
    if len(set(colors)) > 1:
        plots.append(histogram("Colours of each image", "colours", colors, whole=True))
    return plots


def _companions_text(record: RunRecord) -> str:
    return ", ".join(f"{number:,} {kind}{'' if number == 1 else 's'}" for kind, number in record.companions.items())


def _skips(record: RunRecord, summary: dict[str, Any]) -> list[str]:
    failed = len(record.failures)
    sentences = [f"{images_text(failed)} failed." if failed else "No image failed."]
    failed_companions = len(record.companion_failures)
    if failed_companions:
        sentences.append(f"{failed_companions:,} {'file' if failed_companions == 1 else 'files'} of labels failed.")
    if failed + failed_companions > LISTED:
        sentences.append(f"The first {LISTED} of them are listed; {FAILURES} names them all.")
    foreign = summary.get("foreign", 0)
    done = summary.get("skipped", 0) - foreign
    damaged = sum(image.damaged for image in record.images)
    warned = sum(bool(image.warning) and not image.damaged for image in record.images)
    kept = sum(image.kept_source for image in record.images)
    passed_over = summary.get("outputs_passed_over")
    passed_over = list(map(str, passed_over)) if isinstance(passed_over, list) else []
    counted = (
        (done, f"{images_text(done)} skipped by the last run: done already, or not selected."),
        (foreign, f"{images_text(foreign)} skipped: a file that ICS did not write has the output's name."),
        (summary.get("ignored"), f"Files ignored: {summary.get('ignored')} (no images, hidden, or links)."),
        (len(passed_over), f"Not read: {passed_over_text(passed_over)}."),
        (
            record.stale,
            f"Stale outputs: {record.stale}. Their sources are gone, fail, are left out, or have other outputs.",
        ),
        (record.left_out, f"{images_text(record.left_out)} left out by a rule of the run: {MANIFEST} names them."),
        (record.companions.total(), f"Files that go with images: {_companions_text(record)}."),
        (damaged, f"{images_text(damaged)} damaged; the part that could be decoded was kept."),
        (warned, f"{images_text(warned)} with a warning but whole: {MANIFEST} has it."),
        (kept, f"{images_text(kept)} copied unchanged: smaller than the encoded output would be."),
    )
    tiny, small = (sum(getattr(image, name) for image in record.images) for name in ("tiny_output", "small_source"))
    numbers = (summary.get(name) for name in ("redone_options", "redone_sources"))
    redone = (number if type(number) is int else 0 for number in numbers)
    notes = [*redone_notes(*redone), *size_notes(tiny, small, record.options)]
    return (
        sentences
        + [sentence for number, sentence in counted if number]
        + [note if note.endswith("?") else f"{note}." for note in notes]
    )
