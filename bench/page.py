"""Where a benchmark's report goes: to the screen, and to a page of the docs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def publish(report: str, out: Path | None) -> None:
    """Print a Markdown report, and write it to ``out`` if that is given."""
    print(report)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(report, encoding="utf-8")
