"""Archives as a source: one of them, or many that are one dataset."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import replace
from importlib import import_module
from itertools import groupby
from typing import TYPE_CHECKING, Protocol

from icsys.errors import ICSError, ImageError, code_of
from icsys.files.locations import base_name
from icsys.files.url import without_secrets
from icsys.layout import PACK_INDEX, PACKS
from icsys.options import Options
from icsys.records.pack_index import class_table
from icsys.sources.archives.kinds import READERS, archive_suffix
from icsys.sources.archives.member_index import Catalogue, Listed, Member, Slot, Table
from icsys.sources.base import Unreadable
from icsys.sources.recorded_labels import Book

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from icsys.sources.archives.store import Store
    from icsys.sources.base import Loaded, PassedOver, Place, Planned, Task


class Reader(Protocol):
    """What a kind of archive is: a module."""

    def find(
        self, store: Store, path: str, known: Place, *, ignore_zeros: bool, follow_links: bool
    ) -> Iterator[Listed]:
        """List the images of an archive in their order; any error, at last, means that it is damaged."""

    def cut(self, store: Store, slot: Slot, options: Options) -> bytes:
        """Read an image; ImageError or OSError if that cannot be done."""

    def unroll(self, store: Store, path: str) -> AbstractContextManager[Roll]:
        """Open an archive of which images can only be read in their order."""


class Roll(Protocol):
    """An archive that is read from its beginning on."""

    def read(self, slot: Slot, options: Options) -> bytes:
        """Read an image behind the last one; ImageError if only that one cannot be."""


_LONGEST_INDEX = 2**24  # bytes


class Archives:
    """Archives that are one source, the same in every process.

    Parameters
    ----------
    shown
        What messages and ``run.json`` call them together.
    files
        Path and folder of each, in their order.
    passed_over
        Folders beside them that were not searched for more.
    ignore_zeros
        Whether tar archives may be put one behind the other.
    follow_links
        Whether symbolic links stand for what they lead to in their archive.
    """

    def __init__(
        self,
        shown: str,
        store: Store,
        files: tuple[tuple[str, str], ...],
        passed_over: tuple[PassedOver, ...] = (),
        *,
        ignore_zeros: bool = False,
        follow_links: bool = False,
    ) -> None:
        self.shown, self._store, self._files = shown, store, files
        self._passed_over = passed_over
        self._ways = {"ignore_zeros": ignore_zeros, "follow_links": follow_links}
        self._catalogue: Catalogue | None = None
        self._lock = threading.Lock()
        self._tables: dict[str, Sequence[str]] = {}

    def __reduce__(self) -> tuple[object, ...]:
        """Workers read, and have no use for what was listed."""
        return Archives, (self.shown, self._store, self._files)

    def plan(self, suffix: str) -> Iterator[Planned]:
        """List all archives, once, and return what is in them in its order."""
        with self._lock:
            if self._catalogue is None:
                self._catalogue = Catalogue()
                self._catalogue.fill(self._find())
        yield from self._passed_over
        yield from self._catalogue.plan(suffix)

    @property
    def classes(self) -> Sequence[str]:
        """See Source."""
        return self._catalogue.classes if self._catalogue else ()

    def _find(self) -> Iterator[Listed]:
        for path, folder in self._files:
            try:
                known = self._store.stat(path)
                yield Table(self._table_of(path))
                for found in _reader(path).find(self._store, path, known, **self._ways):
                    yield _below(folder, found)
            except ICSError as error:
                if not isinstance(error, ImageError):
                    raise
                yield self._damaged(path, folder, error.code, str(error))
            except OSError as error:
                yield self._damaged(path, folder, _code(error), error.strerror or str(error) or "its bytes are damaged")
            except Exception as error:  # noqa: BLE001 - damaged bytes lead the readers to errors of every kind
                yield self._damaged(path, folder, "broken", str(error) or type(error).__name__)

    def _table_of(self, path: str) -> Sequence[str]:
        """Return the names of the classes that the index of a folder of shards tells, if an archive lies in one."""
        folder, _, _ = path.replace("\\", "/").rpartition("/")
        above, slash, name = folder.rpartition("/")
        if name != PACKS:
            return ()
        if folder not in self._tables:
            try:
                with self._store.open(f"{above}{slash}{PACK_INDEX}") as file:
                    self._tables[folder] = class_table(file.read(_LONGEST_INDEX))
            except Exception:  # noqa: BLE001 - there is none, which every store says in its own way
                self._tables[folder] = ()
        return self._tables[folder]

    def _damaged(self, path: str, folder: str, code: str, why: str) -> Unreadable:
        name = base_name(path)
        place = f"{folder}/{name}" if folder else name
        return Unreadable(place, code, f"the archive is damaged: {without_secrets(why)}", is_folder=True)

    def stat(self, task: Task) -> tuple[int | None, int | None]:
        """Return what was listed: an image changes only when its archive does, whose time it has."""
        assert isinstance(task.place, Slot)  # noqa: S101 - from this plan
        return task.place.size, task.place.mtime_ns

    def load(self, tasks: Iterable[Task], options: Options) -> Iterator[Loaded]:
        """Read ahead from archives that can only be read from their beginning on; the workers read the others."""
        for (path, streamed), group in groupby(tasks, key=_stream_of):
            if streamed:
                yield from self._stream(path, group, options)
            else:
                yield from ((task, None) for task in group)

    def _stream(self, path: str, tasks: Iterable[Task], options: Options) -> Iterator[Loaded]:
        with ExitStack() as stack:
            roll: Roll | None = None
            damage: ImageError | None = None
            for task in tasks:
                data: bytes | ImageError | None = damage
                try:
                    if not damage:
                        roll = roll or stack.enter_context(_reader(path).unroll(self._store, path))
                        data = roll.read(_slot(task), options)
                except ImageError as error:
                    data = error
                    damage = error if error.code == "changed" else None
                except Exception as error:  # noqa: BLE001 - as above
                    data = damage = _broken(error)
                yield task, data

    def head(self, task: Task, size: int) -> bytes:  # noqa: ARG002 - it is at hand, or packed as a whole
        """Return all of an image."""
        return self.read(task, Options())[0]

    def read(self, task: Task, options: Options) -> tuple[bytes, int]:
        """Read an image; one of a compressed archive takes all that lies before it, too."""
        slot = _slot(task)
        if slot.streamed:  # one image out of its order
            with _reader(slot.file).unroll(self._store, slot.file) as roll:
                data = roll.read(slot, options)
        else:
            data = _reader(slot.file).cut(self._store, slot, options)
        return data, slot.mtime_ns or 0


def _reader(path: str) -> Reader:
    module: Reader = import_module(f"icsys.sources.archives.{READERS[archive_suffix(path)]}")
    return module


def _slot(task: Task) -> Slot:
    assert isinstance(task.place, Slot)  # noqa: S101 - from this plan
    return task.place


def _stream_of(task: Task) -> tuple[str, bool]:
    slot = _slot(task)
    return slot.file, slot.streamed


def _below(folder: str, found: Listed) -> Listed:
    if not folder or isinstance(found, Table):
        return found
    if isinstance(found, Member):
        return replace(found, path=f"{folder}/{found.path}") if found.path else found
    if isinstance(found, Book):
        return found._replace(path=f"{folder}/{found.path}")
    return found._replace(source=f"{folder}/{found.source}")


def _code(error: OSError) -> str:
    """Tell what the system refuses from what a decompressor does not like, which is an OSError without a number."""
    return code_of(error) if error.errno else "broken"


def _broken(error: Exception) -> ImageError:
    if isinstance(error, FileNotFoundError):
        return ImageError("changed", "the archive has vanished since it was listed")
    return ImageError(
        _code(error) if isinstance(error, OSError) else "broken",
        f"the archive is damaged: {without_secrets(str(error))}",
    )
