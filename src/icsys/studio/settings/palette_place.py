"""Palette files that the page may name: those below the folders that were opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from icsys.choices import SHARED
from icsys.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from icsys.options import Options


def check_palette_place(options: Options, folders: Iterable[Path]) -> None:
    """Check that a palette file lies below one of some folders, links followed.

    Raises
    ------
    UsageError
        If the options name a file elsewhere, or one that is not there.
    """
    if options.palette in {"image", *SHARED}:
        return
    expected = "expected a file below the source or below the folder where ics studio was started"
    try:
        place = Path(options.palette).resolve()
        is_below = any(place.is_relative_to(folder.resolve()) for folder in folders)
        is_there = is_below and place.is_file()
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(f"palette={options.palette!r}: {error}; {expected}") from None
    if not is_there:
        problem = "there is no such file" if is_below else "the studio reads no file there"
        raise UsageError(f"palette={options.palette!r}: {problem}; {expected}")
