"""State folders of shards: each shard has its own below the output folder, until the shards are merged.

``.ics-books/2-of-4/`` has for shard 2/4 the files that an undivided run has in the output folder: manifest, failures,
pending outputs, lock and ``run.json``. It also has ``shard.json``: the options of the shard's last run, whether that
run has finished, and the hashes of manifest and failures at its end. No two shards write the same file. Output folders
that shards have filled separately can therefore be copied into one, and an incomplete copy is detected.
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
from icsys.journal.lock import locked
from icsys.layout import FAILURES, MANIFEST, MERGED_FOLDERS, PLAN, STATE, STATE_FILES, STATE_FOLDERS
from icsys.records.manifest import read_rows, to_line
from icsys.records.pending_outputs import copy_pending, load_pending
from icsys.shard import MAX_SHARDS, Shard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from icsys.files.rooted_path import RootedPath

_NAME = re.compile(r"([1-9]\d{0,8})-of-([1-9]\d{0,8})", re.ASCII)
_LOCK_TIMEOUT = (
    60.0  # seconds; a shard holds the folder for some milliseconds, and a thousand of them may begin at once
)


@dataclass(frozen=True, slots=True)
class State:
    """State of a shard.

    Attributes
    ----------
    options, follow_links, include_outputs
        Of its last run.
    finished
        Whether that run has met all sources of the shard.
    sha256
        Hashes of manifest and failures at the end of that run; None for a file that did not exist. ``run.json`` is left
        out: it has times, so two runs of one shard differ in it.
    """

    options: dict[str, Any]
    follow_links: bool
    finished: bool = False
    sha256: dict[str, str | None] = field(default_factory=dict, compare=False)
    include_outputs: bool = False


def state_folder_of(destination: RootedPath, shard: Shard) -> RootedPath:
    """Return the state folder of a shard."""
    return destination / STATE_FOLDERS / shard.name


def shards_in(destination: RootedPath) -> list[Shard]:
    """Return the shards that have a state folder in an output folder, sorted."""
    matches = [_NAME.fullmatch(entry.name) for entry in (destination / STATE_FOLDERS).entries()]
    shards = (Shard(int(match[1]), int(match[2])) for match in matches if match)
    return sorted(shard for shard in shards if shard.index <= shard.count <= MAX_SHARDS)


@contextmanager
def open_state_folder(
    destination: RootedPath, shard: Shard | None, *, dry_run: bool, prepare: Callable[[], object] = lambda: None
) -> Iterator[RootedPath]:
    """Lock the state folder of a run, and yield it.

    A shard with a part of a listing (``listing.py``) needs no lock on the output folder: the coordinator has it.

    Parameters
    ----------
    prepare
        Called where a shard lists for itself, before its state folder is there; the output folder is locked then.

    Raises
    ------
    UsageError
        If another run has the lock, the folder cannot be written, or it has shards of another count to merge.
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
            from icsys.journal.fencing_token import FencingToken  # noqa: PLC0415 - few runs need it

            FencingToken(state_folder)  # a worker that was given up, but still runs, stops and releases the lock
            what = f"shard {shard} of {str(destination)!r}"
            held.enter_context(locked(state_folder, what=what, timeout=_LOCK_TIMEOUT))
            yield state_folder
        else:
            state_folder = state_folder_of(destination, shard)
            # Undivided runs and merges lock the output folder for their whole time, a shard only while it starts.
            with locked(destination, timeout=_LOCK_TIMEOUT):
                _refuse_others(destination, shard)
                prepare()
                held.enter_context(locked(state_folder, what=f"shard {shard} of {str(destination)!r}"))
            if not (state_folder / STATE).exists():
                _take_share(destination, state_folder, shard)
            yield state_folder


def _refuse_others(destination: RootedPath, shard: Shard | None) -> None:
    """Raise UsageError if the folder has unmerged shards of another count, or any for an undivided run."""
    others = [other for other in shards_in(destination) if shard is None or other.count != shard.count]
    if others:
        raise UsageError(
            f"destination {str(destination)!r} is divided into {others[0].count} shards: "
            f"merge them first (ics merge), or name another destination"
        )


def _take_share(destination: RootedPath, state_folder: RootedPath, shard: Shard) -> None:
    """Copy the shard's share of the folder's own journal and pending outputs into its state folder."""
    for name in (MANIFEST, FAILURES):
        if (destination / name).is_file():
            rows = read_rows(destination / name)
            write_whole(state_folder / name, (to_line(row) for _, row in rows if shard.owns(row["source_path"])))
    copy_pending(destination, state_folder, load_pending(destination))


def read_state(state_folder: RootedPath) -> State | None:
    """Return the state of a shard; None if it has not started."""
    try:
        values = read_json(state_folder / STATE)
        hashes, include = dict(values["sha256"]), values.get("include_outputs", False)  # older versions lack it
        return State(dict(values["options"]), values["follow_links"], values["finished"], hashes, include)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_state(state_folder: RootedPath, state: State) -> None:
    """Write the state of a shard onto the disk."""
    if state.finished:
        state = replace(state, sha256=_hashes(state_folder))
    write_whole(state_folder / STATE, json.dumps(asdict(state)).encode() + b"\n")
    state_folder.sync()


def is_whole(state_folder: RootedPath, state: State) -> bool:
    """Return whether manifest and failures of a finished shard are unchanged since its end."""
    return state.sha256 == _hashes(state_folder)


def _hashes(state_folder: RootedPath) -> dict[str, str | None]:
    """Return the hashes of manifest and failures."""
    hashes: dict[str, str | None] = {}
    for name in (MANIFEST, FAILURES):
        try:
            hashes[name] = (state_folder / name).sha256()
        except FileNotFoundError:
            hashes[name] = None
    return hashes


def remove_state_folders(destination: RootedPath) -> None:
    """Remove the state folders of all shards by one rename, so that a crash leaves all or none."""
    clean_merged(destination)
    (destination / STATE_FOLDERS).replace(destination / MERGED_FOLDERS)
    destination.sync()
    clean_merged(destination)


def clean_merged(destination: RootedPath) -> None:
    """Remove merged state folders that a killed merge has left."""
    with suppress(OSError):
        remove_tree(destination / MERGED_FOLDERS, is_state_file)


def is_state_file(name: str) -> bool:
    """Return whether a path below ``.ics-books`` is that of a file of ICS.

    Examples
    --------
    >>> [is_state_file(name) for name in ("1-of-2/manifest.jsonl", "division.json", "1-of-2/notes.txt", "me/run.json")]
    [True, True, False, False]
    """
    folder, _, file = name.rpartition("/")
    return file in STATE_FILES and (not folder or _NAME.fullmatch(folder) is not None)
