"""The books of shards: each keeps its own below the output folder, which all of them fill, until they are merged.

``.ics-books/2-of-4/`` holds for shard 2/4 what the output folder holds for an undivided run: journal, failures,
claims, lock and ``run.json``, and ``shard.json``, which says with what options it was last begun, whether it came to
its end, and what manifest and failures were then. No two shards write one file, so folders that shards have filled
apart can be copied into one, and a copy that is not whole is found out.
"""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from icsys.dataset.claims import load_claims, write_claims
from icsys.dataset.lock import locked
from icsys.dataset.manifest import FAILURES, MANIFEST, read_rows, to_line
from icsys.dataset.shard import Shard
from icsys.dataset.turn import Turn
from icsys.dataset.whole import OURS, remove_tree, sync_folder, write_whole
from icsys.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOOKS, PLAN = f"{OURS}books", "plan.jsonl"
_MERGED, _STATE = f"{OURS}merged", "shard.json"
_NAME = re.compile(r"([1-9]\d*)-of-([1-9]\d*)", re.ASCII)
_PATIENCE = 60.0  # seconds; a shard holds the folder for some milliseconds, and a thousand of them may begin at once


@dataclass(frozen=True, slots=True)
class State:
    """How a shard stands.

    Attributes
    ----------
    options, follow_links
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


def books_of(destination: Path, shard: Shard) -> Path:
    """Return the folder of a shard's books."""
    return destination / BOOKS / shard.name


def shards_in(destination: Path) -> list[Shard]:
    """Return the shards that have books in an output folder, in their order."""
    folder = destination / BOOKS
    matches = [_NAME.fullmatch(path.name) for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(Shard(int(match[1]), int(match[2])) for match in matches if match)


@contextmanager
def open_books(destination: Path, shard: Shard | None, *, dry_run: bool) -> Iterator[Path]:
    """Hold the books of a run, for it alone, and give the folder that they lie in.

    A shard whose part of the list lies in its books has been entered by whoever divided the folder (``division.py``).

    Raises
    ------
    UsageError
        If another run holds them, the folder cannot be written, or another division of it is not merged.
    """
    with ExitStack() as held:
        if shard is None:
            if not dry_run:
                held.enter_context(locked(destination))
                sweep_merged(destination)
            _refuse_others(destination, None)
            yield destination
        elif dry_run:
            _refuse_others(destination, shard)
            books = books_of(destination, shard)
            yield books if (books / _STATE).exists() else destination
        elif (books_of(destination, shard) / PLAN).exists():
            books = books_of(destination, shard)
            Turn(books)  # whoever works on it, having been taken for dead, stops and lets go of the lock
            held.enter_context(locked(books, what=f"shard {shard} of {str(destination)!r}", patience=_PATIENCE))
            yield books
        else:
            books = books_of(destination, shard)
            # An undivided run and a merge hold the folder all the time, a shard only while it enters its name.
            with locked(destination, patience=_PATIENCE):
                _refuse_others(destination, shard)
                held.enter_context(locked(books, what=f"shard {shard} of {str(destination)!r}"))
            if not (books / _STATE).exists():
                _take_share(destination, books, shard)
            yield books


def _refuse_others(destination: Path, shard: Shard | None) -> None:
    """Refuse a run beside shards that it does not belong to."""
    others = [other for other in shards_in(destination) if shard is None or other.count != shard.count]
    if others:
        raise UsageError(
            f"destination {str(destination)!r} is divided into {others[0].count} shards: "
            f"merge them first (ics merge), or name another destination"
        )


def _take_share(destination: Path, books: Path, shard: Shard) -> None:
    """Begin the books of a shard with what earlier runs have written of its sources into those of the whole folder."""
    for name in (MANIFEST, FAILURES):
        if (destination / name).exists():
            rows = read_rows(destination / name)
            write_whole(books / name, (to_line(row) for _, row in rows if shard.owns(row["source_path"])))
    claims = load_claims(destination)
    if claims:
        write_claims(books, claims)


def read_state(books: Path) -> State | None:
    """Return how a shard stands; None if it has not been begun."""
    try:
        values = json.loads((books / _STATE).read_bytes())
        return State(dict(values["options"]), values["follow_links"], values["finished"], dict(values["sha256"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def write_state(books: Path, state: State) -> None:
    """Write down, for certain, how a shard stands."""
    if state.finished:
        state = replace(state, sha256=_hashes(books))
    write_whole(books / _STATE, json.dumps(asdict(state)).encode() + b"\n")
    sync_folder(books)


def is_whole(books: Path, state: State) -> bool:
    """Tell whether the books of a finished shard are those with which it came to its end."""
    return state.sha256 == _hashes(books)


def _hashes(books: Path) -> dict[str, str | None]:
    """Return what tells the books of a shard from all others."""
    hashes: dict[str, str | None] = {}
    for name in (MANIFEST, FAILURES):
        try:
            with (books / name).open("rb") as file:
                hashes[name] = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            hashes[name] = None
    return hashes


def drop_books(destination: Path) -> None:
    """Remove the books of all shards, all at once: a crash leaves all of them or none that counts."""
    sweep_merged(destination)
    (destination / BOOKS).replace(destination / _MERGED)
    sync_folder(destination)
    sweep_merged(destination)


def sweep_merged(destination: Path) -> None:
    """Remove what a merge that was killed has left of books that are merged."""
    with suppress(OSError):
        remove_tree(destination / _MERGED)
