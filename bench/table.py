"""Markdown tables, and numbers in them with as many digits as mean something."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MISSING = "-"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table with aligned columns: the first to the left, the others to the right.

    Raises
    ------
    ValueError
        If a row has not as many cells as the header.
    """
    table = [list(header), *([_escape(cell) for cell in row] for row in rows)]
    for row in table:
        if len(row) != len(header):
            raise ValueError(f"row {row} has {len(row)} cells: expected {len(header)}")
    widths = [max(3, *(len(row[column]) for row in table)) for column in range(len(header))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = []
    for row in [table[0], rule, *table[1:]]:
        first, *others = zip(row, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def number(value: float | None, digits: int = 3) -> str:
    """Return ``value`` with ``digits`` significant digits and never an exponent; a dash for None and NaN.

    Examples
    --------
    >>> number(0.01234), number(12345.6), number(2.0), number(None)
    ('0.0123', '12,346', '2.00', '-')
    """
    if value is None or math.isnan(value):
        return MISSING
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return str(value)
    # Rounded first: 9.996 has three significant digits as 10.0, not as 10.00.
    rounded = float(f"{value:.{digits - 1}e}")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    return f"{value:,.{decimals}f}"


def times(value: float | None) -> str:
    """Return a ratio such as "12.3x"; a dash for None and NaN."""
    text = number(value)
    return text if text == MISSING else f"{text}x"


def _escape(cell: str) -> str:
    """Keep a cell from ending where its text has a bar."""
    return cell.replace("|", "\\|")
