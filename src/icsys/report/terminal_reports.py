"""The text of runs and checks for a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from icsys.choices import MAX_INDEXED_COLORS
from icsys.files.url import is_url, shown
from icsys.layout import is_array_name
from icsys.options import Target
from icsys.ratio_words import times_text
from icsys.report.humanize import bytes_text, count_text, images_text, printable
from icsys.results import TINY, CompanionWritten, Compressed, Failed, LeftOut
from icsys.sources.base import passed_over_text, some_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from icsys.options import Options
    from icsys.results import Result
    from icsys.summary import ColorsFound, RunSummary
    from icsys.verify.folder import Verification

LARGE_STEP = 32
"""A larger step is probably meant as a final size."""

_LISTED = 20
_NAMED = 3


def image_line(result: Result) -> str:
    """Describe one image, or one file that goes with images, for ``--verbose``."""
    if isinstance(result, Compressed):
        cause = "kept though" if result.damaged else "with a warning:"
        warning = f", {cause} {printable(result.warning)}" if result.warning else ""
        kept = ", the source as it was" if result.kept_source else ""
        return (
            f"{printable(result.source)} -> {printable(result.output)}: "
            f"{result.source_width}x{result.source_height} -> {result.width}x{result.height}, "
            f"{bytes_text(result.bytes_in)} -> {bytes_text(result.bytes_out)}, "
            f"{_quality_text(result)}K-means {result.kmeans_seconds:.3f} s of {result.seconds:.3f} s{kept}{warning}"
        )
    if isinstance(result, CompanionWritten):
        size = "" if result.width is None else f"{result.width}x{result.height}, "
        labels = f"{result.labels} labels, {result.dropped} dropped, " if result.labels or result.dropped else ""
        warning = f", with a warning: {printable(result.warning)}" if result.warning else ""
        return (
            f"{printable(result.source)} -> {printable(result.output)}: {result.kind} ({result.form}), {size}{labels}"
            f"{bytes_text(result.bytes_in)} -> {bytes_text(result.bytes_out)}{warning}"
        )
    if isinstance(result, LeftOut):
        return f"{printable(result.source)}: left out by {_option(result.rule)}, {printable(result.message)}"
    if isinstance(result, Failed):
        return f"{printable(result.source)}: failed, {printable(result.message)} ({result.code})"
    return f"{printable(result.source)}: skipped, {result.reason}"


def run_report(
    summary: RunSummary, destination: str, *, dry_run: bool, options: Options | None = None, prune: bool = False
) -> str:
    """Summarise a run in a few lines; with its options also what changes what is odd about sizes."""
    rate = f" ({summary.images / summary.seconds:.1f} images/s)" if summary.seconds else ""
    others = f", {summary.ignored} other files left alone" if summary.ignored else ""
    animated = f"; {summary.animated} animated, first frame used" if summary.animated else ""
    damaged = f"; {summary.damaged} damaged but kept: --json and --verbose name them" if summary.damaged else ""
    warned = f"; {summary.warned} with a warning but whole: --json and --verbose show it" if summary.warned else ""
    left_out = f", {sum(summary.left_out.values())} left out" if summary.left_out else ""
    counts = f"{summary.compressed} compressed, {summary.skipped} skipped, {summary.failed} failed{left_out}"
    lines = [
        f"Total run time: {summary.seconds:.2f} s{rate}",
        f"Images:   {counts}{others}{animated}{damaged}{warned}",
    ]
    lines.extend(f"          {count} skipped: {reason}" for reason, count in summary.skips.items())
    lines.extend(f"          {count} left out by {_option(rule)}" for rule, count in summary.left_out.items())
    redone = redone_notes(summary.redone_options, summary.redone_sources)
    sizes = size_notes(summary.tiny_outputs, summary.small_sources, options)
    lines.extend(f"          {note}" for note in (*redone, *sizes))
    if summary.kept_sources:
        kept = images_text(summary.kept_sources)
        lines.append(f"          {kept} copied unchanged: smaller than the encoded output would be")
    if summary.outputs_passed_over:
        lines.append(f"          {passed_over_text(summary.outputs_passed_over)}")
    lines.extend(_companions(summary))
    lines.extend(f"Note:     {printable(note)}" for note in summary.notes)
    lines.extend(_old_outputs(summary, dry_run=dry_run, prune=prune))
    if summary.shards:
        what = "Arrays:  " if is_array_name(summary.shards[0]) else "Packs:   "
        lines.append(f"{what} {len(summary.shards)}: {some_names(summary.shards, _NAMED, str)}")
    if summary.palette_from:
        lines.append(f"Palette:  made from {folders_text(summary.palette_from)} (--palette-from all takes all images)")
    if summary.bytes_chosen:
        lines.append(f"Budget:   {summary.bytes_chosen}")
    if summary.colors_chosen:
        lines.append(f"Colours:  {summary.colors_chosen}")
    if summary.colors_found:
        lines.append(f"Colours:  {colors_text(summary.colors_found)}")
    if summary.factor is not None:
        smaller = times_text(summary.bytes_in, summary.bytes_out)
        fewer = times_text(summary.elements_in, summary.elements_out, less="fewer", more="more", what="number")
        elements = f"{count_text(summary.elements_in)} -> {count_text(summary.elements_out)}"
        bytes_ = f"{bytes_text(summary.bytes_in)} -> {bytes_text(summary.bytes_out)}"
        lines.append(f"Bytes:    {bytes_}, {smaller}")
        lines.append(f"Elements: {elements} numbers for a model to read, {fewer}")
    place = shown(destination) if is_url(destination) else Path(destination).resolve()
    lines.append("Dry run: nothing was written." if dry_run else f"Look in: {place}")
    return "\n".join(lines)


def _option(rule: str) -> str:
    """Return the option of the command for the name of a setting."""
    return f"--{rule.replace('_', '-')}"


def _companions(summary: RunSummary) -> Iterator[str]:
    """Describe what became of masks, annotations and sidecars, if there are any."""
    failed = len(summary.companion_failures)
    numbers = (("mask", summary.masks), ("annotation", summary.annotations), ("sidecar", summary.sidecars))
    if not (failed or summary.companions_skipped or any(number for _, number in numbers)):
        return
    written = ", ".join(f"{number} {name}{'' if number == 1 else 's'}" for name, number in numbers if number)
    yield f"Labels:   {written or 'no files'} written, {summary.companions_skipped} skipped, {failed} failed"
    yield from (f"          {count} skipped: {reason}" for reason, count in summary.companion_skips.items())
    if summary.labels_dropped:
        some = "1 label" if summary.labels_dropped == 1 else f"{summary.labels_dropped:,} labels"
        yield f"          {some} dropped: cropped away (see --min-visibility), or of an image without an output"
    if summary.companions_warned:
        others = f" and {summary.companions_warned - 1} more" if summary.companions_warned > 1 else ""
        yield f"          Warning for {printable(summary.companion_warning)}{others}"


def _old_outputs(summary: RunSummary, *, dry_run: bool, prune: bool) -> Iterator[str]:
    """Name the outputs that were removed, and the other stale ones."""
    if summary.pruned:
        what = "would be removed" if dry_run else "removed"
        some = some_names(summary.pruned, _LISTED, printable)
        yield f"Pruned:   {len(summary.pruned)} {what} (sources gone or left out, or other outputs now): {some}"
    if summary.stale:
        why = "their sources are gone, fail, are left out, or have other outputs now; see --prune"
        if prune:
            why = "left in place: changed since, in a pack, or of a source that fails or was left out"
        yield f"Stale:    {len(summary.stale)} ({why}): {some_names(summary.stale, _NAMED, printable)}"


def folders_text(folders: Sequence[str]) -> str:
    """Return words for the images in folders.

    Examples
    --------
    >>> folders_text(["train"])
    "the images in 'train'"
    """
    return f"the images in {some_names(folders, _NAMED)}"


def size_notes(tiny: int, small: int, options: Options | None) -> Iterator[str]:
    """Describe tiny outputs and small images, if there are any, and name the option that changes this.

    Parameters
    ----------
    tiny, small
        Their numbers, as ``tiny_outputs`` and ``small_sources`` of a summary.
    options
        Of the run; None if they are unknown.

    Examples
    --------
    >>> from icsys.options import Options
    >>> list(size_notes(3068, 0, Options(step=224)))
    ['3,068 outputs are below 16 pixels on a side with step 224; did you mean --size 224x224?']
    >>> list(size_notes(0, 1, Options(size=224, fit="pad")))
    ['1 image is smaller than 224x224 and stands in the middle of background; --enlarge enlarges it']
    """
    if tiny:
        what = "1 output is" if tiny == 1 else f"{tiny:,} outputs are"
        yield f"{what} below {TINY} pixels on a side{_how(options)}"
    if small:
        final = None if options is None else options.final_size
        size = "{}x{}".format(*final) if final else "the final size"
        yield f"{images_text(small)} {'is' if small == 1 else 'are'} smaller than {size}{_treated(small, options)}"


def _treated(small: int, options: Options | None) -> str:
    """Describe what became of small images."""
    one, several = ("it", "keeps its", "stands", "was"), ("them", "keep their", "stand", "were")
    it, keeps, stands, was = one if small == 1 else several
    if options is None:
        return ""
    if options.enlarge or options.fit == "stretch":
        return f" and {was} enlarged"
    if options.fit == "contain":
        return f" and {keeps} size; --enlarge enlarges {it}"
    return f" and {stands} in the middle of background; --enlarge enlarges {it}"


def _how(options: Options | None) -> str:
    """Name the option that made outputs tiny, and what may be meant instead."""
    if options is None or options.final_size:
        return ""
    if options.step is None:
        return f" with scale {options.scale:g}"
    meant = f"; did you mean --size {options.step}x{options.step}?" if options.step > LARGE_STEP else ""
    return f" with step {options.step}{meant}"


def redone_notes(other_options: int, changed_sources: int) -> Iterator[str]:
    """Describe outputs of earlier runs that were made again, if there are any.

    Examples
    --------
    >>> list(redone_notes(3, 1))
    ['3 done again with other options than before', '1 done again because the source has changed']
    """
    if other_options:
        yield f"{other_options:,} done again with other options than before"
    if changed_sources:
        has = "source has" if changed_sources == 1 else "sources have"
        yield f"{changed_sources:,} done again because the {has} changed"


def reading_hint(summary: RunSummary, options: Options) -> str:
    """Return a line on how to read the files that a run wrote, if some readers return their indices; or nothing."""
    if not summary.compressed or options.format != "png" or not options.has_palettes:
        return ""
    return "Read as RGB: Image.open(f).convert('RGB'); torchvision.io.decode_image(f, mode='RGB')"


def colors_text(found: ColorsFound) -> str:
    """Summarise the numbers of colours that ``--colors auto`` found, and how many images miss the target.

    Examples
    --------
    >>> from icsys.options import Target
    >>> from icsys.summary import ColorsFound
    >>> colors_text(ColorsFound(Target("ssim", 0.95), {11: 2, 256: 1}, missed=1))
    'from 11 to 256, mean 92.7; 1 image misses SSIM 0.95 at 256 colours'
    """
    low, high = min(found.images), max(found.images)
    span = f"from {low} to {high}, mean {found.mean:.1f}" if low < high else str(low)
    if not found.missed:
        return f"{span}; all images reach {found.target}"
    miss = "misses" if found.missed == 1 else "miss"
    return f"{span}; {images_text(found.missed)} {miss} {found.target} at {MAX_INDEXED_COLORS} colours"


def _quality_text(result: Compressed) -> str:
    """Describe how many colours an image has, and whether it reaches its target."""
    measured = result.measured
    if measured is None:
        return ""
    missed = "" if measured.met else f", which misses {measured.target}"
    value = "all of them" if measured.value is None else Target(measured.target.measure, measured.value)
    return f"{result.colors} colours ({value}{missed}), "


def verification_report(found: Verification) -> str:
    """Summarise a verification: name the first faults of each kind, and count them all."""
    kinds = (("missing", found.missing), ("changed", found.changed), ("foreign", found.foreign))
    lines: list[str] = []
    for kind, names in kinds:
        lines.extend(f"{kind}: {printable(name)}" for name in names[:_LISTED])
        if len(names) > _LISTED:
            lines.append(f"{kind}: {len(names) - _LISTED} more; --json names them all")
    counts = ", ".join(f"{len(names)} {kind}" for kind, names in kinds)
    companions = f" and {found.companions:,} masks or labels" if found.companions else ""
    how = "all as they were written" if found.is_intact else counts
    lines.append(f"Verified: {images_text(found.checked)}{companions}; {how}")
    return "\n".join(lines)


def failure_lines(failures: Sequence[Failed]) -> Iterator[str]:
    """Name the first files that failed, each with its reason."""
    for failure in failures[:_LISTED]:
        yield f"failed: {printable(failure.source)}: {printable(failure.message)} ({failure.code})"
    if len(failures) > _LISTED:
        yield f"failed: {len(failures) - _LISTED} more; failures.jsonl and --json name them all"
