"""Finds files below an output folder that ICS did not write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.files.atomic import is_temporary
from icsys.layout import (
    CLUSTER_FOLDER,
    LOCK,
    MERGED_FOLDERS,
    PENDING,
    REPORT,
    RESERVED,
    STAGED_PACKS,
    STATE_DRAFT,
    STATE_FOLDERS,
    UNPACKED,
    WRITTEN,
    is_staged_name,
)
from icsys.records.pending_outputs import is_own_output
from icsys.shards.state_folders import is_state_file
from icsys.verify.fault import Fault, Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from icsys.files.held_folder import DirectoryEntry
    from icsys.files.rooted_path import RootedPath
    from icsys.verify.journal_table import JournalTable

_TOP = frozenset({*RESERVED, PENDING, WRITTEN, LOCK, REPORT})


def foreign_files(
    destination: RootedPath,
    table: JournalTable,
    packs: Collection[str] | None,
    singles: Collection[str] = (),
) -> Iterator[Fault]:
    """Yield the files that neither a manifest row nor their name shows to be from ICS, folder by folder.

    Links, pipes and devices are foreign too, and are not followed. Files that a killed run left for the next run are
    not foreign. A folder that cannot be read is a changed one.

    Parameters
    ----------
    table
        The outputs in the manifests.
    packs
        Names of the packs from ICS; None for a folder of single files.
    singles
        Names of single files beside packs, which rows record.
    """
    known_packs = frozenset(packs or ())
    waiting = [""]  # no recursion: folders may be nested deeper than Python's call limit
    while waiting:
        folder = waiting.pop()
        try:
            entries = destination.at(folder).entries()
        except OSError:
            yield Fault(Finding.CHANGED, folder or ".")
            continue
        outputs: list[tuple[str, DirectoryEntry]] = []
        above = f"{folder}/" if folder else ""
        for entry in entries:
            name = above + entry.name
            if entry.is_folder:
                waiting.append(name)
            elif (entry.is_file and (is_temporary(entry.name) or _is_kept(name))) or name in known_packs:
                continue
            elif name in singles or _may_be_output(name, packs, is_file=entry.is_file):
                outputs.append((name, entry))
            else:
                yield Fault(Finding.FOREIGN, name)
        known = table.holds([_output(name) for name, _ in outputs]).tolist()
        for (name, entry), is_known in zip(outputs, known, strict=True):
            if not (is_known or (entry.is_file and _is_left(destination / name, _output(name), table))):
                yield Fault(Finding.FOREIGN, name)


def _is_kept(name: str) -> bool:
    """Return whether the name of a file alone shows that it is from ICS."""
    top, _, rest = name.partition("/")
    if not rest:
        return name in _TOP
    return (
        (top in {STATE_FOLDERS, MERGED_FOLDERS, STATE_DRAFT} and is_state_file(rest))
        or (top == CLUSTER_FOLDER and rest == LOCK)
        or (top == STAGED_PACKS and is_staged_name(rest))
    )


def _may_be_output(name: str, packs: Collection[str] | None, *, is_file: bool) -> bool:
    """Return whether a manifest row may record a file; recorded files are verified elsewhere."""
    if packs is None:
        return not name.startswith(f"{UNPACKED}/")
    return name.startswith(f"{UNPACKED}/") and is_file


def _output(name: str) -> str:
    """Return the output path of a file."""
    return name.removeprefix(f"{UNPACKED}/")


def _is_left(path: RootedPath, output: str, table: JournalTable) -> bool:
    """Return whether a file without a row is from a run that was killed before it wrote the row."""
    if output not in table.pending:
        return False
    try:
        return is_own_output(path.read_bytes(), table.written.get(output, ()))
    except OSError:
        return False
