"""By what an output folder is known, so that its images are not taken for photos.

A run leaves ``run.json`` when it ends. One that was killed before leaves lines in ``manifest.jsonl``, or claims: no
output is written that neither a line nor a claim tells of. Shards that are not merged keep theirs in ``.ics-books``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from icsys.files.parsing import from_json
from icsys.files.rooted_path import RootedPath
from icsys.layout import MANIFEST, PENDING, RUN, STATE_FOLDERS
from icsys.records.manifest import from_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

MARKER_FILES = frozenset({RUN, MANIFEST, PENDING, STATE_FOLDERS})
"""Names of which an output folder holds one or more; a folder that holds none of them is none."""

_LARGEST = 2**63  # and no number is NaN
_NUMBERS = ("seconds", "compressed", "skipped", "foreign", "ignored")
_MOST = 4 * 2**20  # bytes of a run.json; that of very many shards is longer, and stands beside a manifest
_FIRST = 2**16  # bytes of a manifest, in which its first lines are


def is_output_folder(folder: Path) -> bool:
    """Tell whether a folder is one that ICS has written into.

    Files of these names that other programs have written tell nothing, nor do links.
    """
    place = RootedPath(folder)
    try:
        return (
            has_output_records(lambda name, size: _head(place / name, size))
            or (place / PENDING).is_file()
            or (place / STATE_FOLDERS).is_dir()
        )
    except OSError:
        return False


def has_output_records(head: Callable[[str, int], bytes]) -> bool:
    """Tell by ``run.json`` and ``manifest.jsonl`` whether ICS has written them.

    Parameters
    ----------
    head
        Takes the name of a file and returns its first bytes, as many as are asked for; none where there is no file.
    """
    run = head(RUN, _MOST + 1)
    if 0 < len(run) <= _MOST and _is_record(run):
        return True
    return any(from_line(line) for line in _lines(head(MANIFEST, _FIRST)))


def is_run_record(record: object) -> bool:
    """Tell whether a record is that of a run: what others ask it for is there, and of its type.

    A merged one lacks what its shards differ in.
    """
    if not isinstance(record, dict):
        return False
    summary: Any = record.get("summary")
    return (
        isinstance(summary, dict)
        and all(type(summary.get(name)) in {int, float} and 0 <= summary[name] < _LARGEST for name in _NUMBERS)
        and _is_chosen(summary.get("colors_chosen"))
        and all(isinstance(record.get(name, {}), dict) for name in ("options", "versions"))
        and all(isinstance(record.get(name, ""), str | None) for name in ("started", "finished", "source"))
    )


def _is_chosen(chosen: object) -> bool:
    """Tell whether something is what a summary says of a number of colours that was chosen for all images."""
    numbers = ("reached", "sampled", "share")
    return chosen is None or (
        isinstance(chosen, dict)
        and isinstance(chosen.get("target"), str)
        and all(type(chosen.get(name)) in {int, float} and 0 <= chosen[name] < _LARGEST for name in numbers)
    )


def _is_record(text: bytes) -> bool:
    try:
        return is_run_record(from_json(text))
    except ValueError:
        return False


def _lines(text: bytes) -> Iterable[bytes]:
    return (line + b"\n" for line in text.split(b"\n")[:-1])


def _head(path: RootedPath, size: int) -> bytes:
    """Return the first bytes of a file; none of what is no file, or cannot be read."""
    try:
        return path.read_bytes(size)
    except OSError:
        return b""
