"""The contents of a tar archive's members by name, for hard links to them; kept in a temporary database."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class Content(NamedTuple):
    """What a member of a tar archive holds.

    Attributes
    ----------
    number, start, size
        Of the member that has the bytes: its number among all, where its bytes begin, and how many there are.
    is_image
        Whether its first bytes are those of an image.
    is_file, has_holes
        Whether it is a file, and whether the archive leaves out its runs of zeros (a sparse file).
    is_note, note
        Whether it may hold the label of a sample, and its text; None if the text was not kept.
    """

    number: int
    start: int
    size: int
    is_image: bool = False
    is_file: bool = True
    has_holes: bool = False
    is_note: bool = False
    note: bytes | None = None


class MemberContents:
    """The contents of all members so far, by name; the last member of a name counts."""

    def __init__(self) -> None:
        # A database without a name is a temporary file, deleted when it is closed.
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
        self._db.execute(
            "CREATE TABLE names (name BLOB PRIMARY KEY, number, start, size, is_image, is_file, has_holes, is_note,"
            " note) WITHOUT ROWID"
        )
        self._db.execute("BEGIN")

    def put(self, name: str, content: Content) -> None:
        """Store the content of a name."""
        self._db.execute("INSERT OR REPLACE INTO names VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (_bytes(name), *content))

    def get(self, name: str) -> Content | None:
        """Return the content of a name; None if no member so far has it."""
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
