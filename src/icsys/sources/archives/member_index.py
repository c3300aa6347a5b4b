"""Index of the members of archives: names, sizes and places, in a temporary database of SQLite.

Output names need all names of a folder, and an archive has them in any order. So the members are listed once into the
database, which takes a few megabytes of memory; the rest is in a temporary file. It holds no image data.
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
from icsys.records.label import Label
from icsys.sources.base import Companion, Ignored, Place, Planned, Task, Unreadable
from icsys.sources.labels_from_manifest import ArchivedRecord, RecordedLabels, classes_in
from icsys.sources.output_names import name_key, output_names
from icsys.sources.safe_names import LONGEST_NAME, is_hidden, safe_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ROWS = 256  # read at once
_LAST = 1024  # images that companions may still go with
_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE members (
    id INTEGER PRIMARY KEY, file, number, key BLOB, folder BLOB, name BLOB, place TEXT, label TEXT, sample BLOB,
    goes_with TEXT
);
CREATE TABLE sources (source BLOB PRIMARY KEY, repeats INTEGER) WITHOUT ROWID;
CREATE TABLE folders (key BLOB, name BLOB, PRIMARY KEY (key, name)) WITHOUT ROWID;
CREATE TABLE keys (key BLOB PRIMARY KEY, owner TEXT, is_kept INTEGER, repeats INTEGER) WITHOUT ROWID;
CREATE TABLE others (id INTEGER PRIMARY KEY, what TEXT);
"""


@dataclass(frozen=True, slots=True)
class ArchivePlace(Place):
    """Where an image lies in an archive.

    Attributes
    ----------
    file
        The archive's path.
    number
        Of the member, from 0: of files, or of rows.
    start, length
        Where its bytes begin, and how many there are in the archive, compressed or not.
    method, crc
        Compression method and checksum, in a zip.
    streamed
        Whether the archive can only be read from its beginning on.
    """

    file: str
    number: int = 0
    start: int = 0
    length: int = 0
    method: int = 0
    crc: int = 0
    streamed: bool = False


class SampleGroup(NamedTuple):
    """A sample: images whose names begin with the sample's name and a dot.

    Attributes
    ----------
    name
        Of the sample.
    owner
        Distinguishes it from other samples of the same name.
    is_kept
        Whether its images keep the common name.
    """

    name: str
    owner: str
    is_kept: bool


class GoesWith(NamedTuple):
    """What a companion is, and the member that is its image, which comes before it."""

    kind: str
    form: str
    number: int


@dataclass(frozen=True, slots=True)
class Member:
    """An image in an archive, or a companion of one.

    Attributes
    ----------
    path
        A safe path.
    place
        Where it lies.
    label
        As of a Task.
    group
        Its sample, if the kind of archive has samples.
    goes_with
        Of a companion; None for an image.
    """

    path: str
    place: ArchivePlace
    label: Label | None = None
    group: SampleGroup | None = None
    goes_with: GoesWith | None = None


@dataclass(frozen=True, slots=True)
class ClassNames:
    """The names of classes by number; they hold for the images listed after it."""

    names: Sequence[str]


ArchiveItem = Member | ClassNames | ArchivedRecord | Ignored | Unreadable
"""What the list of an archive consists of."""


class MemberIndex:
    """The members of archives in the order of the archives, each with its own output name."""

    def __init__(self, classes: Sequence[str] = ()) -> None:
        self.classes = list(classes)
        """The names of the classes by number, of all archives together."""
        self._renumbered: dict[int, int] = {}
        self._recorded = RecordedLabels()
        # A database without a name is a temporary file, deleted when it is closed; one thread uses it at a time.
        self._db = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._db.executescript(_TABLES)
        self._lock = threading.Lock()
        self._named: set[str] = set()
        self._folder = self._file = ""
        self._files = 0

    def fill(self, found: Iterator[ArchiveItem]) -> None:
        """Add the items of lists; hidden members are ignored, and equal names get a number."""
        self._db.execute("BEGIN")
        for one in found:
            if isinstance(one, ClassNames):
                self._renumbered = merge_tables(self.classes, one.names)
            elif isinstance(one, ArchivedRecord):
                self._take_in(one)
            elif isinstance(one, Unreadable):
                self._note([one.source, one.code, one.message, one.is_folder])
            elif isinstance(one, Ignored):
                self._enter(one.source.rpartition("/")[0])
                self._note([one.source])
            elif len(one.path) > LONGEST_NAME:
                message = "its name is longer than any file system allows"
                self._note([f"{one.path[:80]}…", "unsupported", message, False])
            elif not one.path or is_hidden(one.path):
                self._note([one.path or "."])
            else:
                self._add(one)
        self._db.execute("CREATE INDEX by_folder ON members (key, folder, name, id)")
        # Names of the same bytes come one after the other, so that the bytes are read once.
        self._db.execute("CREATE INDEX by_place ON members (file, number, id)")
        self._db.execute("COMMIT")

    def _take_in(self, book: ArchivedRecord) -> None:
        """Add the labels from the records of an archived output folder."""
        folder, slash, name = book.path.rpartition("/")
        if name == RUN:
            with suppress(ValueError):
                merge_tables(self.classes, classes_in(from_json(book.text)))
        else:
            self._recorded.add_lines(io.BytesIO(book.text), lambda path: folder + slash + safe_path(path))

    def _add(self, member: Member) -> None:
        path, sample = self._in_group(member)
        folder, _, name = self._unique(path).rpartition("/")
        self._enter(folder)
        place = member.place
        packed = place.method, place.crc, place.streamed
        values = place.size, place.mtime_ns, place.file, place.number, place.start, place.length, *packed
        label = member.label
        if label is not None and label.number is not None:
            label = label._replace(number=self._renumbered.get(label.number, label.number))
        label_text = None if label is None else json.dumps(label)
        if place.file != self._file:
            self._file, self._files = place.file, self._files + 1
        names = _bytes(name_key(folder)), _bytes(folder), _bytes(name)
        goes_with = None if member.goes_with is None else json.dumps(member.goes_with)
        row = self._files, place.number, *names, json.dumps(values), label_text, _bytes(sample), goes_with
        columns = "file, number, key, folder, name, place, label, sample, goes_with"
        self._db.execute(f"INSERT INTO members ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608

    def _in_group(self, member: Member) -> tuple[str, str]:
        """Return the path of an image, and the unique name of its sample if that is kept."""
        group = member.group
        folder, slash, base = member.path.rpartition("/")
        if group is None or not base.startswith(f"{group.name}."):
            return member.path, ""
        rest = base[len(group.name) :]
        name = self._own_name(folder + slash, group)
        return f"{folder}{slash}{name}{rest}", name if group.is_kept else ""

    def _own_name(self, folder: str, group: SampleGroup) -> str:
        """Return a unique name for a sample in a folder: with ``~2``, ``~3`` … if another kept sample has its name."""
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
        """Return a unique path for a member: with ``~2``, ``~3`` … if an earlier member has it."""
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
        """Reserve the names of a folder and of those above it: outputs take other names."""
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
        """Return first what is no image, then the images with their outputs, which get ``suffix``, and companions."""
        with self._lock:
            suffix = suffix or next(iter(self._named), suffix)
            if suffix not in self._named:
                self._name(suffix)
        for (text,) in self._rows("SELECT what FROM others ORDER BY id"):
            what = from_json(text)
            yield Ignored(*what) if len(what) == 1 else Unreadable(*what)
        query = (
            "SELECT folder, name, output, place, label, sample, goes_with FROM members JOIN outputs USING (id)"
            " WHERE suffix = ? ORDER BY file, number, id"
        )
        images: dict[tuple[str, int], Task] = {}  # of the last samples, by archive and number
        for folder, name, output, place_text, label_text, group, goes_with in self._rows(query, suffix):
            source, place = _text(_join(folder, name)), ArchivePlace(*from_json(place_text))
            task = Task(source, _text(_join(folder, output)), place)
            if goes_with is not None:
                kind, form, number = from_json(goes_with)
                picture = images.get((place.file, number))
                yield Ignored(source) if picture is None else Companion(task, kind, form, picture)
                continue
            label = self._recorded.of(source) if label_text is None else Label(*from_json(label_text))
            task = task._replace(label=label, sample=_text(group) or self._recorded.sample_of(source))
            images[place.file, place.number] = task
            if len(images) > _LAST:
                del images[next(iter(images))]
            yield task

    def _rows(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """Read rows in batches, so that the run and the count of images can read at the same time."""
        with self._lock:
            cursor = self._db.execute(query, values)
            rows = cursor.fetchmany(_ROWS)
        while rows:
            yield from rows
            with self._lock:
                rows = cursor.fetchmany(_ROWS)

    def _name(self, suffix: str) -> None:
        """Give every member its output name; folders that are one on some file systems are named together."""
        self._db.execute("BEGIN")
        self._db.execute("CREATE TABLE IF NOT EXISTS outputs (suffix, id, output BLOB, PRIMARY KEY (suffix, id))")
        rows = self._db.execute("SELECT key, name, id, goes_with FROM members ORDER BY key, folder, name, id")
        for key, group in groupby(rows, key=itemgetter(0)):
            members = list(group)
            reserved = [_text(name) for (name,) in self._db.execute("SELECT name FROM folders WHERE key = ?", [key])]
            kept = [(suffix, number, name) for _, name, number, goes_with in members if goes_with is not None]
            images = [(name, number) for _, name, number, goes_with in members if goes_with is None]
            reserved += [_text(name) for _, _, name in kept]  # companions keep their names
            outputs = output_names([_text(name) for name, _ in images], suffix, reserved)
            named = [(suffix, number, _bytes(output)) for (_, number), output in zip(images, outputs, strict=True)]
            self._db.executemany("INSERT INTO outputs VALUES (?, ?, ?)", [*named, *kept])
        self._db.execute("COMMIT")
        self._named.add(suffix)


def _join(folder: bytes, name: bytes) -> bytes:
    return folder + b"/" + name if folder else name


def _bytes(name: str) -> bytes:
    """Return a name as bytes: SQLite's text is UTF-8, and names may hold other bytes."""
    return name.encode("utf-8", "surrogateescape")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
