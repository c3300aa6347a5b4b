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
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

from icsys.files.parsing import from_json
from icsys.layout import RUN
from icsys.records.classes import merge_tables
from icsys.records.label import Label
from icsys.sources.archives.archive_items import ArchivePlace, ClassNames, GoesWith
from icsys.sources.base import Companion, Ignored, Task, Unreadable
from icsys.sources.labels_from_manifest import ArchivedRecord, RecordedLabels, classes_in
from icsys.sources.output_names import name_key, output_names
from icsys.sources.safe_names import LONGEST_NAME, is_hidden, safe_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from icsys.sources.archives.archive_items import ArchiveItem, Member, SampleGroup
    from icsys.sources.base import Planned

_ROWS = 256  # read at once
_LAST = 1024  # images that companions may still go with
_ROW = (
    "SELECT folder, name, output, place, label, sample, goes_with, kind, form, picture, failure"
    " FROM outputs JOIN members USING (id) WHERE suffix = ?"
)
_OUTPUTS = f"{_ROW} ORDER BY file, number, id"
_FILES = (
    "SELECT folder, name FROM members WHERE NOT is_image AND NOT EXISTS"
    " (SELECT 1 FROM outputs WHERE suffix = ? AND outputs.id = members.id) ORDER BY file, number, id"
)
_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE members (
    id INTEGER PRIMARY KEY, file, number, key BLOB, folder BLOB, name BLOB, place TEXT, label TEXT, sample BLOB,
    goes_with TEXT, is_image INTEGER
);
CREATE TABLE sources (source BLOB PRIMARY KEY, repeats INTEGER) WITHOUT ROWID;
CREATE TABLE folders (key BLOB, name BLOB, PRIMARY KEY (key, name)) WITHOUT ROWID;
CREATE TABLE keys (key BLOB PRIMARY KEY, owner TEXT, is_kept INTEGER, repeats INTEGER) WITHOUT ROWID;
CREATE TABLE others (id INTEGER PRIMARY KEY, what TEXT);
CREATE TABLE outputs (
    suffix TEXT, id INTEGER, output BLOB, kind TEXT, form TEXT, picture INTEGER, failure TEXT,
    PRIMARY KEY (suffix, id)
) WITHOUT ROWID;
"""


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
        self._plan_tree: Callable[[str], Iterator[Planned]] | None = None
        self.is_streamed = False
        """Whether an archive can only be read from its beginning on."""

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
            elif len(one.path) > LONGEST_NAME and one.is_image:
                message = "its name is longer than any file system allows"
                self._note([f"{one.path[:80]}…", "unsupported", message, False])
            elif not one.path or is_hidden(one.path) or len(one.path) > LONGEST_NAME:
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
        self.is_streamed = self.is_streamed or place.streamed
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
        facts = label_text, _bytes(sample), goes_with, member.is_image
        row = self._files, place.number, *names, json.dumps(values), *facts
        columns = "file, number, key, folder, name, place, label, sample, goes_with, is_image"
        self._db.execute(f"INSERT INTO members ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608

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
        for folder, name in self._rows(_FILES, suffix):
            yield Ignored(_text(_join(folder, name)))
        images: dict[tuple[str, int], Task] = {}  # of the last samples, by archive and number
        for *facts, goes_with, kind, form, picture, failure in self._rows(_OUTPUTS, suffix):
            task = self._task(*facts)
            place = cast("ArchivePlace", task.place)
            if failure is not None:
                yield Unreadable(task.source, *from_json(failure))
            elif kind is not None:
                yield Companion(task._replace(label=None, sample=""), kind, form, self._picture(suffix, picture))
            elif goes_with is not None:
                about = GoesWith(*from_json(goes_with))
                own = images.get((place.file, about.number))
                task = task._replace(label=None, sample="")
                yield Ignored(task.source) if own is None else Companion(task, about.kind, about.form, own)
            else:
                images[place.file, place.number] = task
                if len(images) > _LAST:
                    del images[next(iter(images))]
                yield task

    def _task(self, *facts: Any) -> Task:  # noqa: ANN401 - of a row
        """Return the task of a row: folder, name, output, place, label and sample."""
        folder, name, output, place, label, group = facts
        source = _text(_join(folder, name))
        return Task(
            source,
            _text(_join(folder, output)),
            ArchivePlace(*from_json(place)),
            self._recorded.of(source) if label is None else Label(*from_json(label)),
            _text(group) or self._recorded.sample_of(source),
        )

    def _picture(self, suffix: str, number: int | None) -> Task | None:
        """Return the image that a companion goes with, as it is in the plan."""
        if number is None:
            return None
        with self._lock:
            row = self._db.execute(f"{_ROW} AND id = ?", (suffix, number)).fetchone()
        return self._task(*row[:6])

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
        rows = self._named_by_tree(suffix) if self._plan_tree else self._named_by_folders(suffix)
        self._db.executemany("INSERT INTO outputs VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        self._db.execute("COMMIT")
        self._named.add(suffix)

    def _named_by_folders(self, suffix: str) -> Iterator[tuple[object, ...]]:
        """Yield the outputs of images, and of what packs say to go with them."""
        query = "SELECT key, name, id, goes_with FROM members WHERE is_image ORDER BY key, folder, name, id"
        for key, group in groupby(self._db.execute(query), key=itemgetter(0)):
            members = list(group)
            images = [(name, number) for _, name, number, goes_with in members if goes_with is None]
            outputs = output_names([_text(name) for name, _ in images], suffix, self.taken(key))
            for (_, number), output in zip(images, outputs, strict=True):
                yield suffix, number, _bytes(output), None, None, None, None
        yield from self._kept(suffix)

    def _kept(self, suffix: str) -> Iterator[tuple[object, ...]]:
        """Yield the outputs of companions in packs, which keep their names."""
        for name, number in self._db.execute("SELECT name, id FROM members WHERE goes_with IS NOT NULL"):
            yield suffix, number, name, None, None, None, None

    def _named_by_tree(self, suffix: str) -> Iterator[tuple[object, ...]]:
        """Yield the outputs of images and of what goes with them by the layout of their tree."""
        assert self._plan_tree is not None  # noqa: S101 - as its caller has checked
        for planned in self._plan_tree(suffix):
            if isinstance(planned, Task):
                yield suffix, self._number(planned), _base(planned.output), None, None, None, None
            elif isinstance(planned, Companion):
                picture = None if planned.picture is None else self._number(planned.picture)
                number, output = self._number(planned.task), _base(planned.task.output)
                yield suffix, number, output, planned.kind, planned.form, picture, None
            elif isinstance(planned, Unreadable):
                why = json.dumps([planned.code, planned.message])
                yield suffix, self._number(Task(planned.source, "")), b"", None, None, None, why
        yield from self._kept(suffix)

    def _number(self, task: Task) -> int:
        """Return the number of the member that has a path."""
        found = self.find(task.source)
        assert found is not None  # noqa: S101 - planned from this index
        return found[0]

    def follow_tree(self, plan: Callable[[str], Iterator[Planned]]) -> None:
        """Let a plan of the tree, which gets the suffix, decide outputs and companions; before the first plan."""
        self._plan_tree = plan

    def find(self, path: str) -> tuple[int, ArchivePlace] | None:
        """Return the number and the place of the member that has a path, of a companion in a pack too."""
        folder, _, name = path.rpartition("/")
        query = "SELECT id, place FROM members WHERE key = ? AND folder = ? AND name = ?"
        row = self._db.execute(query, (_bytes(name_key(folder)), _bytes(folder), _bytes(name))).fetchone()
        return None if row is None else (row[0], ArchivePlace(*from_json(row[1])))

    def files(self) -> Iterator[tuple[str, str]]:
        """Yield the folder and the name of every member, folder by folder; without companions in packs."""
        for folder, name in self._db.execute(
            "SELECT folder, name FROM members WHERE goes_with IS NULL ORDER BY key, folder, name"
        ):
            yield _text(folder), _text(name)

    def files_in(self, folder: str) -> Iterator[tuple[str, bool]]:
        """Yield the names in a folder, each with whether it is an image; without companions in packs."""
        query = "SELECT name, is_image FROM members WHERE key = ? AND folder = ? AND goes_with IS NULL"
        for name, is_image in self._db.execute(query, (_bytes(name_key(folder)), _bytes(folder))):
            yield _text(name), bool(is_image)

    def alike_folders(self) -> Iterator[list[str]]:
        """Yield the folders that hold members, those together that are one on some file systems."""
        rows = self._db.execute("SELECT DISTINCT key, folder FROM members WHERE goes_with IS NULL ORDER BY key, folder")
        for _, group in groupby(rows, key=itemgetter(0)):
            yield [_text(folder) for _, folder in group]

    def taken(self, key: bytes) -> list[str]:
        """Return the names that no output of an image may have in folders of a key: of folders and kept companions."""
        folders = self._db.execute("SELECT name FROM folders WHERE key = ?", [key])
        kept = self._db.execute("SELECT name FROM members WHERE key = ? AND goes_with IS NOT NULL", [key])
        return [_text(name) for (name,) in (*folders, *kept)]


def _base(path: str) -> bytes:
    return _bytes(path.rpartition("/")[2])


def _join(folder: bytes, name: bytes) -> bytes:
    return folder + b"/" + name if folder else name


def _bytes(name: str) -> bytes:
    """Return a name as bytes: SQLite's text is UTF-8, and names may hold other bytes."""
    return name.encode("utf-8", "surrogateescape")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
