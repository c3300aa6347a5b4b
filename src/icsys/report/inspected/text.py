"""The text of an inspection for a terminal."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from icsys.report.humanize import bytes_text, images_text, printable
from icsys.sources.base import passed_over_text, some_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from icsys.inspection.inspection import Inspection

_NAMED = 6
_ROWS = 30
_GROUPS = 5
_LONGEST_GROUP = 4
_NO_LABEL, _NO_SPLIT = "(no class)", "(no split)"


def inspection_text(found: Inspection) -> str:
    """Return the results of an inspection as text: a few lines, and a table of classes and splits."""
    looked_at = len(found.table)
    rate = f" ({looked_at / found.seconds:.1f} images/s)" if found.seconds else ""
    others = f", {found.ignored} other files" if found.ignored else ""
    animated = f"; {found.animated} animated" if found.animated else ""
    lines = [
        f"Total time:  {found.seconds:.2f} s{rate}",
        f"Images:      {found.images:,}, {bytes_text(found.bytes)}; {len(found.broken)} broken{animated}{others}",
        *([f"             {passed_over_text(found.outputs_passed_over)}"] if found.outputs_passed_over else []),
        f"Formats:     {counts_text(found.formats)}",
        f"Modes:       {counts_text(found.modes)}",
        f"Sizes:       {counts_text(found.sizes)}",
        *_companions(found),
        *_groups("Duplicates: ", "equal files", found.duplicates),
        *_groups("Near:       ", "the same picture", found.near_duplicates),
        *_groups("Leaks:      ", "images in several splits", list(_one_of_each_split_first(found))),
        *_ranked("Darkest:    ", "mean luma", found.darkest),
        *_ranked("Blurriest:  ", "sharpness", found.blurriest),
    ]
    table = class_rows(found)
    if table:
        lines.extend(["", *_aligned(table[: _ROWS + 1])])
        if len(table) > _ROWS + 1:
            lines.append(f"{len(table) - _ROWS - 1} more classes; --json names them all")
    if found.stopped:
        lines.append(f"Stopped before all images were looked at: {found.stopped}.")
    return "\n".join(lines)


def counts_text(counts: Mapping[str, int], most: int = _NAMED) -> str:
    """Return names with their counts, the most common first.

    Examples
    --------
    >>> counts_text({"PNG": 2, "JPEG": 1200}), counts_text({"a": 3, "b": 2, "c": 1}, most=1)
    ('JPEG 1,200, PNG 2', 'a 3, … (2 more)')
    """
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    named = [f"{printable(name)} {count:,}" for name, count in ordered[:most]]
    more = len(ordered) - most
    return ", ".join([*named, *([f"… ({more:,} more)"] if more > 0 else [])]) or "none"


def class_rows(found: Inspection) -> list[list[str]]:
    """Return the numbers of images by class and split as rows of text, headings first; empty without both.

    The rows are sorted by the names of the classes.
    """
    if not found.classes and not found.splits:
        return []
    counts = Counter((image.label, image.split) for image in found.table)
    splits = [*found.splits, *([None] if any(split is None for _, split in counts) and found.splits else [])]
    columns: list[str | None] = splits if found.splits else []
    rows = [["class", "images", *(_NO_SPLIT if one is None else printable(one) for one in columns)]]
    labels = sorted({label for label, _ in counts}, key=lambda label: (label is None, label or ""))
    for label in labels:
        own = [counts[label, split] for split in columns]
        total = sum(count for (name, _), count in counts.items() if name == label) if not columns else sum(own)
        rows.append([_NO_LABEL if label is None else printable(label), f"{total:,}", *(f"{one:,}" for one in own)])
    return rows


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table: names aligned left, figures right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = [row[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()
        if number == 0:
            yield "-" * (sum(widths) + 2 * (len(widths) - 1))


def _companions(found: Inspection) -> Iterator[str]:
    for title, kind in (("Masks:      ", "masks"), ("Annotations:", "annotations"), ("Sidecars:   ", "sidecars")):
        values = getattr(found, kind)
        if values.get("files"):
            yield f"{title} {counts_text(values['forms'])}"
        for sentence in (*values.get("found", ()), *values.get("unclear", ())):
            yield f"             {printable(sentence)}"


def _groups(title: str, what: str, groups: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the number of groups, and the first ones."""
    if not groups:
        yield f"{title} none"
        return
    number = sum(map(len, groups))
    yield f"{title} {groups_text(len(groups))} of {images_text(number)}: {what}"
    for group in groups[:_GROUPS]:
        yield f"             {some_names(group, _LONGEST_GROUP, printable)}"
    if len(groups) > _GROUPS:
        yield f"             {groups_text(len(groups) - _GROUPS)} more; --json and --report name them"


def _one_of_each_split_first(found: Inspection) -> Iterator[list[str]]:
    """Yield the leaks with an image of each split first, so that the beginning of a long one shows that it is one."""
    splits = {image.source: image.split for image in found.table}
    for group in found.leaks:
        first = {splits.get(name): name for name in reversed(group)}
        shown = [name for name in group if name in first.values()]
        yield shown + [name for name in group if name not in shown]


def groups_text(number: int) -> str:
    """Format a number of groups, such as "1 group" or "12 groups"."""
    return "1 group" if number == 1 else f"{number:,} groups"


def _ranked(title: str, what: str, ranked: Sequence[tuple[str, float]]) -> Iterator[str]:
    """Yield the first images of a ranking with their values."""
    if ranked:
        some = ", ".join(f"{printable(name)} {value:.0f}" for name, value in ranked[:3])
        yield f"{title} {some} ({what})"
