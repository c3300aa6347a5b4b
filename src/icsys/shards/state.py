"""The books of shards: each keeps its own below the output folder, which all of them fill, until they are merged.

``.ics-books/2-of-4/`` holds for shard 2/4 what the output folder holds for an undivided run: journal, failures,
claims, lock and ``run.json``, and ``shard.json``, which says with what options it was last begun, whether it came to
its end, and what manifest and failures were then. No two shards write one file, so folders that shards have filled
apart can be copied into one, and a copy that is not whole is found out.
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from icsys.errors import UsageError
from icsys.files.atomic import remove_tree, write_whole
from icsys.files.parsing import read_json
from icsys.files.reserved_names import check_state_folders
from icsys.journal.fencing_token import FencingToken
from icsys.journal.lock import locked
from icsys.layout import FAILURES, MANIFEST, MERGED_FOLDERS, PLAN, STATE, STATE_FILES, STATE_FOLDERS
from icsys.partition import MAX_SHARDS, Shard
from icsys.records.manifest import read_rows, to_line
from icsys.records.pending_outputs import copy_pending, load_pending

if TYPE_CHECKING:
    from collections.abc import Iterator

    from icsys.files.rooted_path import RootedPath

_NAME = re.compile(r"([1-9]\d{0,8})-of-([1-9]\d{0,8})", re.ASCII)
_LOCK_TIMEOUT = (
    60.0  # seconds; a shard holds the folder for some milliseconds, and a thousand of them may begin at once
)


@dataclass(frozen=True, slots=True)
class State:
    """How a shard stands.

    Attributes
    ----------
    options, follow_links, include_outputs
        With what it was last begun.
    finished
        Whether all of its sources have been met.
    sha256
        Hashes of manifest and failures at that moment, None for one that was not there; ``run.json`` holds times, in
        which two runs of one shard differ that were copied to one place.
    """

    options: dict[str, Any]
    follow_links: bool
    finished: bool = False
    sha256: dict[str, str | None] = field(default_factory=dict, compare=False)
    include_outputs: bool = False


def state_folder_of(destination: RootedPath, shard: Shard) -> RootedPath:
    """Return the folder of a shard's books."""
    return destination / STATE_FOLDERS / shard.name


def shards_in(destination: RootedPath) -> list[Shard]:
    """Return the shards that have books in an output folder, in their order."""
    matches = [_NAME.fullmatch(entry.name) for entry in (destination / STATE_FOLDERS).entries()]
    shards = (Shard(int(match[1]), int(match[2])) for match in matches if match)
    return sorted(shard for shard in shards if shard.index <= shard.count <= MAX_SHARDS)


@contextmanager
def open_state_folder(destination: RootedPath, shard: Shard | None, *, dry_run: bool) -> Iterator[RootedPath]:
    """Hold the books of a run, for it alone, and give the folder that they lie in.

    A shard whose part of the list lies in its books has been entered by whoever divided the folder (``division.py``).

    Raises
    ------
    UsageError
        If another run holds them, the folder cannot be written, or another division of it is not merged.
    """
    if shard is not None:
        check_state_folders(destination, [shard.name])
    with ExitStack() as held:
        if shard is None:
            if not dry_run:
                held.enter_context(locked(destination))
                clean_merged(destination)
            _refuse_others(destination, None)
            yield destination
        elif dry_run:
            _refuse_others(destination, shard)
            state_folder = state_folder_of(destination, shard)
            yield state_folder if (state_folder / STATE).exists() else destination
        elif (state_folder_of(destination, shard) / PLAN).exists():
            state_folder = state_folder_of(destination, shard)
            FencingToken(state_folder)  # whoever works on it, having been taken for dead, stops and lets go of the lock
            held.enter_context(
                locked(state_folder, what=f"shard {shard} of {str(destination)!r}", timeout=_LOCK_TIMEOUT)
            )
            yield state_folder
        else:
            state_folder = state_folder_of(destination, shard)
            # An undivided run and a merge hold the folder all the time, a shard only while it enters its name.
            with locked(destination, timeout=_LOCK_TIMEOUT):
                _refuse_others(destination, shard)
                held.enter_context(locked(state_folder, what=f"shard {shard} of {str(destination)!r}"))
            if not (state_folder / STATE).exists():
                _take_share(destination, state_folder, shard)
            yield state_folder


def _refuse_others(destination: RootedPath, shard: Shard | None) -> None:
    """Refuse a run beside shards that it does not belong to."""
    others = [other for other in shards_in(destination) if shard is None or other.count != shard.count]
    if others:
        raise UsageError(
            f"destination {str(destination)!r} is divided into {others[0].count} shards: "
            f"merge them first (ics merge), or name another destination"
        )


def _take_share(destination: RootedPath, state_folder: RootedPath, shard: Shard) -> None:
    """Begin the books of a shard with what earlier runs have written of its sources into those of the whole folder."""
    for name in (MANIFEST, FAILURES):
        if (destination / name).is_file():
            rows = read_rows(destination / name)
            write_whole(state_folder / name, (to_line(row) for _, row in rows if shard.owns(row["source_path"])))
    copy_pending(destination, state_folder, load_pending(destination))


def read_state(state_folder: RootedPath) -> State | None:
    """Return how a shard stands; None if it has not been begun."""
    try:
        values = read_json(state_folder / STATE)
        hashes, include = dict(values["sha256"]), values.get("include_outputs", False)  # which older versions lack
        return State(dict(values["options"]), values["follow_links"], values["finished"], hashes, include)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_state(state_folder: RootedPath, state: State) -> None:
    """Write down, for certain, how a shard stands."""
    if state.finished:
        state = replace(state, sha256=_hashes(state_folder))
    write_whole(state_folder / STATE, json.dumps(asdict(state)).encode() + b"\n")
    state_folder.sync()


def is_whole(state_folder: RootedPath, state: State) -> bool:
    """Tell whether the books of a finished shard are those with which it came to its end."""
    return state.sha256 == _hashes(state_folder)


def _hashes(state_folder: RootedPath) -> dict[str, str | None]:
    """Return what tells the books of a shard from all others."""
    hashes: dict[str, str | None] = {}
    for name in (MANIFEST, FAILURES):
        try:
            hashes[name] = (state_folder / name).sha256()
        except FileNotFoundError:
            hashes[name] = None
    return hashes


def remove_state_folders(destination: RootedPath) -> None:
    """Remove the books of all shards, all at once: a crash leaves all of them or none that counts."""
    clean_merged(destination)
    (destination / STATE_FOLDERS).replace(destination / MERGED_FOLDERS)
    destination.sync()
    clean_merged(destination)


def clean_merged(destination: RootedPath) -> None:
    """Remove what a merge that was killed has left of books that are merged."""
    with suppress(OSError):
        remove_tree(destination / MERGED_FOLDERS, is_state_file)


def is_state_file(name: str) -> bool:
    """Tell by its path below the folder of all books whether a file is one of them.

    Examples
    --------
    >>> [is_of_books(name) for name in ("1-of-2/manifest.jsonl", "division.json", "1-of-2/notes.txt", "me/run.json")]
    [True, True, False, False]
    """
    folder, _, file = name.rpartition("/")
    return file in STATE_FILES and (not folder or _NAME.fullmatch(folder) is not None)
