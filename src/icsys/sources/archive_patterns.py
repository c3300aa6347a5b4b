"""Patterns of file names with braces and wildcards; the archives in a folder."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.errors import UsageError
from icsys.sources.archives.archive_names import archive_suffix
from icsys.sources.base import Ignored, PassedOver, Task
from icsys.sources.safe_names import is_hidden

if TYPE_CHECKING:
    from collections.abc import Iterator

    from icsys.sources.base import Source

_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)", re.ASCII)
_MAGIC = re.compile(r"[*?\[{]")
_MOST_FILES = 1_000_000


def is_pattern(text: str) -> bool:
    """Return whether a text holds a wildcard or braces."""
    return _MAGIC.search(text) is not None


def expand_braces(pattern: str) -> Iterator[str]:
    """Expand braces in a pattern: words between commas, or a range of numbers.

    Examples
    --------
    >>> list(expand_braces("{train,val}-{08..11}.tar"))[:5]
    ['train-08.tar', 'train-09.tar', 'train-10.tar', 'train-11.tar', 'val-08.tar']
    """
    parts = _BRACES.split(pattern)
    choices = [_choices(part) if i % 2 else [part] for i, part in enumerate(parts)]
    for words in product(*choices):
        yield "".join(words)


def _choices(inside: str) -> list[str]:
    numbers = _RANGE.fullmatch(inside)
    if numbers is None:
        return inside.split(",")
    first, last = int(numbers[1]), int(numbers[2])
    if last - first >= _MOST_FILES:
        raise UsageError(f"{{{inside}}}: expected at most {_MOST_FILES} files")
    return [str(number).zfill(len(numbers[1])) for number in range(first, last + 1)]


def folder_of_pattern(pattern: str) -> Path:
    """Return the folder that holds all matches of a pattern."""
    return Path(_MAGIC.split(pattern, maxsplit=1)[0] + "_").parent


def find_archives(folder: Source) -> tuple[list[str], list[PassedOver]]:
    """Return the archives in a folder; none if it holds an image, and the first image ends the search.

    Returns
    -------
    archives, passed_over
        Their paths, and the folders of outputs that were not searched.
    """
    archives: list[str] = []
    passed_over: list[PassedOver] = []
    for planned in folder.plan(""):
        if isinstance(planned, Task):
            return [], []
        if isinstance(planned, PassedOver):
            passed_over.append(planned)
        if isinstance(planned, Ignored) and archive_suffix(planned.source) and not is_hidden(planned.source):
            archives.append(planned.source)
    return archives, passed_over
