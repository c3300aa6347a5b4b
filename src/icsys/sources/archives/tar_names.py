"""What the members of a tar archive hold, by their names, for the hard links behind them; kept out of memory."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class Content(NamedTuple):
    """What a name stands for.

    Attributes
    ----------
    number, start, size
        Of the member that has the bytes: which of all it is, where they begin, and how many there are.
    is_image
        Whether its first bytes are those of an image.
    is_file, has_holes
        Whether it is a file, and one of which the archive leaves out what is zero.
    is_note, note
        Whether it may tell of a sample, and all of it then; None where it is not at hand.
    """

    number: int
    start: int
    size: int
    is_image: bool = False
    is_file: bool = True
    has_holes: bool = False
    is_note: bool = False
    note: bytes | None = None


class Names:
    """The contents of all members so far; the last one of a name counts."""

    def __init__(self) -> None:
        # A database without a name is a file of its own that goes when it is closed.
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
        self._db.execute(
            "CREATE TABLE names (name BLOB PRIMARY KEY, number, start, size, is_image, is_file, has_holes, is_note,"
            " note) WITHOUT ROWID"
        )
        self._db.execute("BEGIN")

    def put(self, name: str, content: Content) -> None:
        """Note what a name stands for from now on."""
        self._db.execute("INSERT OR REPLACE INTO names VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (_bytes(name), *content))

    def get(self, name: str) -> Content | None:
        """Return what a name stands for; None if no member so far has it."""
        query = "SELECT number, start, size, is_image, is_file, has_holes, is_note, note FROM names WHERE name = ?"
        row = self._db.execute(query, [_bytes(name)]).fetchone()
        return None if row is None else Content(*row)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
