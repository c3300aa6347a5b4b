"""Detects output folders, so that their images are not read as photos.

A finished run leaves ``run.json``. A killed run leaves rows in ``manifest.jsonl``, or pending outputs: every output is
in one of the two. Shards that are not merged leave ``.ics-books``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from icsys.errors import UsageError
from icsys.files.parsing import from_json
from icsys.files.rooted_path import RootedPath
from icsys.layout import LOCK, MANIFEST, PENDING, RUN, STATE_FOLDERS
from icsys.records.manifest import from_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

MARKER_FILES = frozenset({RUN, MANIFEST, PENDING, STATE_FOLDERS})
"""Every output folder has at least one of these names."""

_LARGEST = 2**63
_NUMBERS = ("seconds", "compressed", "skipped", "foreign", "ignored")
_MOST = 4 * 2**20  # bytes of a run.json; with very many shards it is longer, but then there is a manifest
_FIRST = 2**16  # bytes at the beginning of a manifest


def is_output_folder(folder: Path) -> bool:
    """Return whether ICS has written into a folder.

    Files of other programs with the same names do not count, nor do links.
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


def missing_manifest(folder: Path) -> UsageError:
    """Return the error that a folder has no manifest: it says what is there instead, and what to do."""
    begin = f"no {MANIFEST} in {str(folder)!r}: "
    if (folder / STATE_FOLDERS).is_dir():
        return UsageError(f"{begin}it holds shards that are not merged; run ics merge on it first")
    above = next((above for above in folder.absolute().parents if is_output_folder(above)), None)
    if above is not None:
        return UsageError(f"{begin}it is a part of {str(above)!r}; expected that folder, whole")
    begun = "; a run has begun there: run ics compress again, which completes it" if (folder / LOCK).exists() else ""
    return UsageError(f"{begin}expected the output folder of ics compress{begun}")


def has_output_records(head: Callable[[str, int], bytes]) -> bool:
    """Return whether ICS has written the ``run.json`` or ``manifest.jsonl`` of a folder.

    Parameters
    ----------
    head
        Returns the first bytes of a file, by its name and their number; empty if there is no file.
    """
    run = head(RUN, _MOST + 1)
    if 0 < len(run) <= _MOST and _is_record(run):
        return True
    return any(from_line(line) for line in _lines(head(MANIFEST, _FIRST)))


def is_run_record(record: object) -> bool:
    """Return whether a record is that of a run: the values that ICS reads are there, and of their types.

    The record of a merge lacks values in which its shards differ.
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
    """Return whether something is ``colors_chosen`` of a summary."""
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
    """Return the first bytes of a file; empty if there is no file, or it cannot be read."""
    try:
        return path.read_bytes(size)
    except OSError:
        return b""
