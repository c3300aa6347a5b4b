"""Files below an output folder that ICS has not written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.files.atomic import is_temporary
from icsys.layout import (
    CLUSTER_FOLDER,
    LOCK,
    MERGED_FOLDERS,
    PACKS,
    PENDING,
    REPORT,
    RESERVED,
    STAGED_PACKS,
    STATE_DRAFT,
    STATE_FOLDERS,
    UNPACKED,
    WRITTEN,
    is_pack_name,
)
from icsys.records.pending_outputs import is_own_output
from icsys.shards.state import is_state_file
from icsys.verify.fault import Fault, Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from icsys.files.held_folder import DirectoryEntry
    from icsys.files.rooted_path import RootedPath
    from icsys.verify.journal_table import Account

_TOP = frozenset({*RESERVED, PENDING, WRITTEN, LOCK, REPORT})


def strangers(destination: RootedPath, account: Account, packs: Collection[str] | None) -> Iterator[Fault]:
    """Find the files that neither the journals nor their own names tell to be ours, folder by folder.

    Links and whatever else is no file are among them, and are not followed. What a killed run has left for the next one
    is not. A folder that cannot be looked into is changed.

    Parameters
    ----------
    account
        What the journals say.
    packs
        Names of the shards that are ours; None of a folder whose outputs are files.
    """
    shards = frozenset(packs or ())
    waiting = [""]  # a list instead of recursion: folders may be nested deeper than Python's calls
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
            elif (entry.is_file and (is_temporary(entry.name) or _is_kept(name))) or name in shards:
                continue
            elif _may_be_output(name, packs, is_file=entry.is_file):
                outputs.append((name, entry))
            else:
                yield Fault(Finding.FOREIGN, name)
        known = account.holds([_output(name) for name, _ in outputs]).tolist()
        for (name, entry), is_known in zip(outputs, known, strict=True):
            if not (is_known or (entry.is_file and _is_left(destination / name, _output(name), account))):
                yield Fault(Finding.FOREIGN, name)


def _is_kept(name: str) -> bool:
    """Tell by its name alone whether a file is ours."""
    top, _, rest = name.partition("/")
    if not rest:
        return name in _TOP
    return (
        (top in {STATE_FOLDERS, MERGED_FOLDERS, STATE_DRAFT} and is_state_file(rest))
        or (top == CLUSTER_FOLDER and rest == LOCK)
        or (top == STAGED_PACKS and is_pack_name(f"{PACKS}/{rest}"))
    )


def _may_be_output(name: str, packs: Collection[str] | None, *, is_file: bool) -> bool:
    """Tell whether a line can tell of what lies in a place; where one does, it was held against that."""
    if packs is None:
        return not name.startswith(f"{UNPACKED}/")
    return name.startswith(f"{UNPACKED}/") and is_file


def _output(name: str) -> str:
    """Return what the output is called that lies in a place."""
    return name.removeprefix(f"{UNPACKED}/")


def _is_left(path: RootedPath, output: str, account: Account) -> bool:
    """Tell whether a file of which no line tells was written by a run that was killed before it wrote the line."""
    if output not in account.claims:
        return False
    try:
        return is_own_output(path.read_bytes(), account.written.get(output, ()))
    except OSError:
        return False
