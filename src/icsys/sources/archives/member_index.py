"""What is in archives: names, sizes and places, kept out of memory until all of them are known.

Output names need all names of a folder, and an archive has them in any order. So its members are listed once into a
database of SQLite, which holds a few megabytes in memory and the rest in a file that the system forgets with the run.
Their contents are in none of it.
"""

from __future__ import annotations

import io
import json
import sqlite3
import threading
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.files.parsing import from_json
from icsys.layout import RUN
from icsys.records.classes import merge_tables
from icsys.records.labels import Label
from icsys.sources.base import Ignored, Place, Planned, Task, Unreadable
from icsys.sources.output_names import name_key, output_names
from icsys.sources.recorded_labels import Book, ToldLabels, classes_in
from icsys.sources.safe_names import LONGEST_NAME, is_hidden, safe_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ROWS = 256  # read at once
_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE members (
    id INTEGER PRIMARY KEY, file, number, key BLOB, folder BLOB, name BLOB, slot TEXT, label TEXT, sample BLOB
);
CREATE TABLE sources (source BLOB PRIMARY KEY, repeats INTEGER) WITHOUT ROWID;
CREATE TABLE folders (key BLOB, name BLOB, PRIMARY KEY (key, name)) WITHOUT ROWID;
CREATE TABLE keys (key BLOB PRIMARY KEY, owner TEXT, is_kept INTEGER, repeats INTEGER) WITHOUT ROWID;
CREATE TABLE others (id INTEGER PRIMARY KEY, what TEXT);
"""


@dataclass(frozen=True, slots=True)
class Slot(Place):
    """Where an image lies in an archive.

    Attributes
    ----------
    file
        The archive's path.
    number
        Which of its members it is, counted from 0: of files, or of rows.
    start, length
        Where its bytes begin, and how many there are as they lie there.
    method, crc
        How they are packed, and their checksum, in a zip.
    streamed
        Whether it can only be read from the beginning of the archive on.
    """

    file: str
    number: int = 0
    start: int = 0
    length: int = 0
    method: int = 0
    crc: int = 0
    streamed: bool = False


class Group(NamedTuple):
    """A sample of images whose names begin with its own, before a dot.

    Attributes
    ----------
    name
        Its own.
    owner
        What tells it from all others of the same name.
    is_kept
        Whether its images are to stay together; of one image there is nothing to keep.
    """

    name: str
    owner: str
    is_kept: bool


@dataclass(frozen=True, slots=True)
class Member:
    """An image that a list tells of.

    Attributes
    ----------
    path
        One that is safe.
    slot
        Where it lies.
    label
        As of a Task.
    group
        The sample that it belongs to, where the kind of archive has such.
    """

    path: str
    slot: Slot
    label: Label | None = None
    group: Group | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """The names of classes by the numbers that the images after it have."""

    names: Sequence[str]


Listed = Member | Table | Book | Ignored | Unreadable
"""What an archive's list consists of."""


class Catalogue:
    """The members of archives in the order in which they lie there, each with an output of its own."""

    def __init__(self, classes: Sequence[str] = ()) -> None:
        self.classes = list(classes)
        """The names of the classes by their numbers, those of all tables together."""
        self._renumbered: dict[int, int] = {}
        self._told = ToldLabels()
        # A database without a name is a file of its own that goes when it is closed, used by one thread at a time.
        self._db = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._db.executescript(_TABLES)
        self._lock = threading.Lock()
        self._named: set[str] = set()
        self._folder = self._file = ""
        self._files = 0

    def fill(self, found: Iterator[Listed]) -> None:
        """Take in what lists tell; hidden members are left alone, and two of one name are told apart by a number."""
        self._db.execute("BEGIN")
        for one in found:
            if isinstance(one, Table):
                self._renumbered = merge_tables(self.classes, one.names)
            elif isinstance(one, Book):
                self._take_in(one)
            elif isinstance(one, Unreadable):
                self._note([one.source, one.code, one.message, one.is_folder])
            elif isinstance(one, Ignored):
                self._enter(one.source.rpartition("/")[0])
                self._note([one.source])
            elif len(one.path) > LONGEST_NAME:
                message = "its name is longer than any file system takes"
                self._note([f"{one.path[:80]}…", "unsupported", message, False])
            elif not one.path or is_hidden(one.path):
                self._note([one.path or "."])
            else:
                self._add(one)
        self._db.execute("CREATE INDEX by_folder ON members (key, folder, name, id)")
        # Several names of the same bytes come together, so that these are read once.
        self._db.execute("CREATE INDEX by_place ON members (file, number, id)")
        self._db.execute("COMMIT")

    def _take_in(self, book: Book) -> None:
        """Take in what the books of an output folder that was archived tell of labels."""
        folder, slash, name = book.path.rpartition("/")
        if name == RUN:
            with suppress(ValueError):
                merge_tables(self.classes, classes_in(from_json(book.text)))
        else:
            self._told.add_lines(io.BytesIO(book.text), lambda path: folder + slash + safe_path(path))

    def _add(self, member: Member) -> None:
        path, sample = self._in_group(member)
        folder, _, name = self._unique(path).rpartition("/")
        self._enter(folder)
        slot = member.slot
        places = [slot.size, slot.mtime_ns, slot.file, slot.number, slot.start, slot.length, slot.method, slot.crc]
        places.append(slot.streamed)
        label = member.label
        if label is not None and label.number is not None:
            label = label._replace(number=self._renumbered.get(label.number, label.number))
        told = None if label is None else json.dumps(label)
        if slot.file != self._file:
            self._file, self._files = slot.file, self._files + 1
        names = _bytes(name_key(folder)), _bytes(folder), _bytes(name)
        row = self._files, slot.number, *names, json.dumps(places), told, _bytes(sample)
        columns = "file, number, key, folder, name, slot, label, sample"
        self._db.execute(f"INSERT INTO members ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608

    def _in_group(self, member: Member) -> tuple[str, str]:
        """Return the path of an image, and the name of its sample if that is kept: one that no other sample has."""
        group = member.group
        folder, slash, base = member.path.rpartition("/")
        if group is None or not base.startswith(f"{group.name}."):
            return member.path, ""
        rest = base[len(group.name) :]
        name = self._own_name(folder + slash, group)
        return f"{folder}{slash}{name}{rest}", name if group.is_kept else ""

    def _own_name(self, folder: str, group: Group) -> str:
        """Return the name of a sample in a folder, with ``~2``, ``~3`` … where another one has it that is kept."""
        insert, ask = "INSERT OR IGNORE INTO keys VALUES (?, ?, ?, 1)", "SELECT * FROM keys WHERE key = ?"
        first = _bytes(folder + group.name)
        name, key = group.name, first
        while not self._db.execute(insert, [key, group.owner, group.is_kept]).rowcount:
            _, owner, is_kept, _ = self._db.execute(ask, [key]).fetchone()
            if owner == group.owner or not (is_kept or group.is_kept):
                break
            _, _, _, repeats = self._db.execute(ask, [first]).fetchone()
            if name != group.name or repeats == 1:
                repeats += 1
                self._db.execute("UPDATE keys SET repeats = ? WHERE key = ?", [repeats, first])
            name = f"{group.name}~{repeats}"
            key = _bytes(folder + name)
        return name

    def _note(self, what: list[object]) -> None:
        self._db.execute("INSERT INTO others (what) VALUES (?)", [json.dumps(what)])

    def _unique(self, path: str) -> str:
        """Return a path that no member before has: itself, or the first with ``~2``, ``~3`` … that is free."""
        insert = "INSERT OR IGNORE INTO sources VALUES (?, 1)"
        if self._db.execute(insert, [_bytes(path)]).rowcount:
            return path
        (repeats,) = self._db.execute("SELECT repeats FROM sources WHERE source = ?", [_bytes(path)]).fetchone()
        other = path
        while other == path or not self._db.execute(insert, [_bytes(other)]).rowcount:
            repeats += 1
            other = f"{path}~{repeats}"
        self._db.execute("UPDATE sources SET repeats = ? WHERE source = ?", [repeats, _bytes(path)])
        return other

    def _enter(self, folder: str) -> None:
        """Note a folder and those above it: their names are taken where they lie."""
        if folder == self._folder or is_hidden(folder) or len(folder) > LONGEST_NAME:
            return
        self._folder = folder
        while folder:
            above, _, name = folder.rpartition("/")
            row = _bytes(name_key(above)), _bytes(name)
            if not self._db.execute("INSERT OR IGNORE INTO folders VALUES (?, ?)", row).rowcount:
                return
            folder = above

    def plan(self, suffix: str) -> Iterator[Planned]:
        """Return what was listed: first what is no image, then the images with their outputs, which take ``suffix``."""
        with self._lock:
            suffix = suffix or next(iter(self._named), suffix)
            if suffix not in self._named:
                self._name(suffix)
        for (text,) in self._rows("SELECT what FROM others ORDER BY id"):
            what = from_json(text)
            yield Ignored(*what) if len(what) == 1 else Unreadable(*what)
        query = (
            "SELECT folder, name, output, slot, label, sample FROM members JOIN outputs USING (id) WHERE suffix = ?"
            " ORDER BY file, number, id"
        )
        for folder, name, output, slot, told, group in self._rows(query, suffix):
            source = _text(_join(folder, name))
            label = self._told.of(source) if told is None else Label(*from_json(told))
            sample = _text(group) or self._told.sample_of(source)
            yield Task(source, _text(_join(folder, output)), Slot(*from_json(slot)), label, sample)

    def _rows(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """Read rows some at a time, so that a run and the count beside it can both do so."""
        with self._lock:
            cursor = self._db.execute(query, values)
            rows = cursor.fetchmany(_ROWS)
        while rows:
            yield from rows
            with self._lock:
                rows = cursor.fetchmany(_ROWS)

    def _name(self, suffix: str) -> None:
        """Give every member its output, folder by folder: those that are one on some file systems together."""
        self._db.execute("BEGIN")
        self._db.execute("CREATE TABLE IF NOT EXISTS outputs (suffix, id, output BLOB, PRIMARY KEY (suffix, id))")
        rows = self._db.execute("SELECT key, name, id FROM members ORDER BY key, folder, name, id")
        for key, group in groupby(rows, key=itemgetter(0)):
            members = list(group)
            reserved = [_text(name) for (name,) in self._db.execute("SELECT name FROM folders WHERE key = ?", [key])]
            outputs = output_names([_text(name) for _, name, _ in members], suffix, reserved)
            named = ((suffix, number, _bytes(output)) for (_, _, number), output in zip(members, outputs, strict=True))
            self._db.executemany("INSERT INTO outputs VALUES (?, ?, ?)", named)
        self._db.execute("COMMIT")
        self._named.add(suffix)


def _join(folder: bytes, name: bytes) -> bytes:
    return folder + b"/" + name if folder else name


def _bytes(name: str) -> bytes:
    """SQLite's text is UTF-8; names may hold bytes that are not."""
    return name.encode("utf-8", "surrogateescape")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
