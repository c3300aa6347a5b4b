"""The text of what was learned, for a terminal."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from icsys.learning.learned import REFERENCE
from icsys.report.humanize import bytes_text, printable
from icsys.report.learned.words import (
    STAND_IN,
    contrast_words,
    ended_words,
    interval_text,
    palette_text,
    part_words,
    percent_text,
    points_text,
    recommendation_words,
    resolution_words,
    split_words,
    verdict_words,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from icsys.learning.learned import ArmResult, Learned

_WIDTH = 100  # columns
_LONGEST_NAME = 20  # of an arm
_HEADINGS = ("setting", "size", "colours", "an image", "in all", "accuracy", "difference, 95 %", "verdict")
_LEFT = {0, len(_HEADINGS) - 1}  # columns of words; figures stand right


def learned_text(learned: Learned) -> str:
    """Return what a model keeps of a dataset as text of at most 100 columns: sentences, and a table of the settings."""
    lines = [*_wrapped(resolution_words(learned)), *_wrapped(split_words(learned)), ""]
    if learned.arms:
        lines.extend([*_table([_HEADINGS, *map(_row, learned.arms)]), ""])
    if learned.contrasts:
        lines.append("At equal bytes (p for all of them together, by Holm):")
        lines.extend(f"  {contrast_words(contrast)}" for contrast in learned.contrasts)
        lines.append("")
    if learned.network:
        lines.append("A small network, trained from scratch:")
        lines.extend(
            f"  {printable(one.name)}: {percent_text(one.accuracy)}, {points_text(one.difference)} points "
            f"{interval_text(one.low, one.high)}"
            for one in learned.network
        )
        lines.append("")
    lines.extend(_wrapped(recommendation_words(learned)))
    if learned.command:
        lines.extend(["", f"  {printable(learned.command)}", ""])
    for sentence in (STAND_IN, *part_words(learned), *ended_words(learned)):
        lines.extend(_wrapped(sentence))
    return "\n".join(lines)


def _row(arm: ArmResult) -> tuple[str, ...]:
    difference = ""
    if arm.accuracy is not None and arm.low is not None:
        difference = f"{points_text(arm.difference)} {interval_text(arm.low, arm.high)}"
    name = printable(arm.name)
    return (
        name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…",
        f"{arm.width}x{arm.height}",
        palette_text(arm),
        bytes_text(arm.bytes_per_image),
        bytes_text(arm.bytes),
        percent_text(arm.accuracy),
        difference if arm.verdict != REFERENCE else "",
        verdict_words(arm),
    )


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Yield the lines of a table: words aligned left, figures right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = (
            text.ljust(width) if place in _LEFT else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()
        if number == 0:
            yield "-" * (sum(widths) + 2 * (len(widths) - 1))


def _wrapped(sentences: str) -> list[str]:
    """Return lines of at most 100 columns; a number stays with its unit, and a long name stays whole."""
    together = re.sub(r"(?<=\d) (?=%|points|[kMGT]?B\b)", "\N{NO-BREAK SPACE}", sentences)
    lines = textwrap.wrap(together, _WIDTH, break_on_hyphens=False, break_long_words=False)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]
