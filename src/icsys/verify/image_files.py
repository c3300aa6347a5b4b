"""Verifies outputs that are single files, each against its manifest row."""

from __future__ import annotations

import hashlib
import os
from contextlib import ExitStack
from itertools import groupby
from typing import TYPE_CHECKING, Any

from icsys.files.links import LinkError
from icsys.records.manifest import STALE
from icsys.records.pending_outputs import is_own_output
from icsys.verify.fault import Fault, Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from icsys.files.held_folder import HeldFolder
    from icsys.files.rooted_path import RootedPath

_BLOCK = 2**20  # bytes


def file_faults(folder: RootedPath, rows: Iterable[dict[str, Any]], written: Mapping[str, set[str]]) -> list[Fault]:
    """Return the faults of output files, compared with their manifest rows.

    Parameters
    ----------
    folder
        The folder that holds the outputs.
    rows
        Manifest rows; rows of one folder are fastest one after the other.
    written
        Hashes of files that a killed run wrote, by output.

    Returns
    -------
    list of Fault
        An absent file is missing, unless it is stale: a stale file may be removed by anyone. A file is changed if it
        cannot be read, is not a regular file, or has other bytes.
    """
    faults: list[Fault] = []
    for above, group in groupby(rows, lambda row: row["file_name"].rpartition("/")[0]):
        with ExitStack() as stack:
            held, finding = None, Finding.MISSING
            try:
                held = stack.enter_context(folder.at(above).held())
            except OSError as error:
                finding = _finding_of(error, is_folder=True)
            for row in group:
                found = finding if held is None else _look(held, row, written)
                if found is not None and not (found is Finding.MISSING and row["status"] == STALE):
                    faults.append(Fault(found, row["file_name"]))
    return faults


def _look(held: HeldFolder, row: Mapping[str, Any], written: Mapping[str, set[str]]) -> Finding | None:
    output = row["file_name"]
    try:
        descriptor = held.descriptor(output.rpartition("/")[2])
        try:
            return None if _has(descriptor, row, written.get(output, ())) else Finding.CHANGED
        finally:
            os.close(descriptor)
    except OSError as error:
        return _finding_of(error)


def _has(descriptor: int, row: Mapping[str, Any], hashes: Collection[str]) -> bool:
    """Return whether a file has the bytes of its row, or bytes that a killed run wrote."""
    size = os.fstat(descriptor).st_size
    if size == row["bytes"] and _digest(descriptor) == row["sha256"]:
        return True
    if not hashes:
        return False
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return is_own_output(file.read(), hashes)


def _digest(descriptor: int) -> str:
    data = os.read(descriptor, _BLOCK)
    digest = hashlib.sha256(data)
    while len(data) == _BLOCK and (data := os.read(descriptor, _BLOCK)):
        digest.update(data)
    return digest.hexdigest()


def _finding_of(error: OSError, *, is_folder: bool = False) -> Finding:
    """Return the finding for a file that cannot be opened, or whose folder cannot be opened."""
    is_gone = isinstance(error, FileNotFoundError | NotADirectoryError)
    # A link instead of a folder is not followed, so the files below it count as missing.
    return Finding.MISSING if is_gone or (is_folder and isinstance(error, LinkError)) else Finding.CHANGED
