"""Archives as a source: one archive, or several that form one dataset."""

from __future__ import annotations

import io
import tempfile
import threading
from contextlib import ExitStack
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, cast

from icsys.errors import ICSError, ImageError, code_of
from icsys.files.locations import base_name
from icsys.files.url import without_secrets
from icsys.image.limits import check_bytes
from icsys.layout import PACK_INDEX, PACKS
from icsys.records.pack_index import class_table
from icsys.sources.archives.archive_items import ArchiveItem, ArchivePlace, ClassNames, Member
from icsys.sources.archives.member_index import MemberIndex
from icsys.sources.archives.reader import MemberStream, reader_for
from icsys.sources.base import Unreadable
from icsys.sources.companions.layout import NO_COMPANIONS
from icsys.sources.labels_from_manifest import ArchivedRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO

    from icsys.options import Options
    from icsys.sources.archives.archive_access import ArchiveFiles
    from icsys.sources.base import Loaded, PassedOver, Planned, Task
    from icsys.sources.companions.layout import CompanionLayout, CompanionSettings


_LONGEST_INDEX = 2**24  # bytes
_IN_MEMORY = 2**24  # bytes


class Archives:
    """One or several archives as one source, the same in every process.

    Parameters
    ----------
    shown
        Their common name in messages and ``run.json``.
    files
        Path and output folder of each, in their order.
    passed_over
        Folders that were not searched for archives: ICS has written its outputs there.
    ignore_zeros
        Whether a tar file may hold several archives, one behind the other.
    follow_links
        Whether symbolic links stand for their targets in the same archive.
    """

    def __init__(
        self,
        shown: str,
        archive_files: ArchiveFiles,
        files: tuple[tuple[str, str], ...],
        passed_over: tuple[PassedOver, ...] = (),
        *,
        ignore_zeros: bool = False,
        follow_links: bool = False,
    ) -> None:
        self.shown, self._archive_files, self._files = shown, archive_files, files
        self._passed_over = passed_over
        self._settings = {"ignore_zeros": ignore_zeros, "follow_links": follow_links}
        self._index: MemberIndex | None = None
        self._lock = threading.Lock()
        self.layout: CompanionLayout = NO_COMPANIONS
        self.knows_companions = False
        """Whether ``layout`` says which members go with images."""
        self._tables: dict[str, Sequence[str]] = {}

    def __reduce__(self) -> tuple[object, ...]:
        """Leave out the list of members: workers only read."""
        return Archives, (self.shown, self._archive_files, self._files)

    def plan(self, suffix: str) -> Iterator[Planned]:
        """List all archives once; the members come in the order of the archives."""
        index = self._listed()
        yield from self._passed_over
        yield from index.plan(suffix)

    def find_companions(self, settings: CompanionSettings) -> bool:
        """Find what goes with the images, as in a folder, before the first plan.

        Returns
        -------
        bool
            False if an archive can only be read from its beginning on, so that nothing is looked for.

        Raises
        ------
        UsageError
            If the settings name masks or tables that are not there, or a mask without a picture.
        """
        index = self._listed()
        if index.is_streamed:
            return False
        from icsys.sources.archives.member_tree import MemberFiles, find_companions  # noqa: PLC0415 - workers only read

        self.layout = find_companions(MemberFiles(self.shown, index, self._archive_files), settings)
        self.knows_companions = True
        return True

    def _listed(self) -> MemberIndex:
        with self._lock:
            if self._index is None:
                self._index = MemberIndex()
                self._index.fill(self._list())
            return self._index

    @property
    def classes(self) -> Sequence[str]:
        """See Source."""
        return self._index.classes if self._index else ()

    def _list(self) -> Iterator[ArchiveItem]:
        for path, folder in self._files:
            try:
                known = self._archive_files.stat(path)
                yield ClassNames(self._table_of(path))
                for found in reader_for(path, **self._settings).list_members(self._archive_files, path, known):
                    yield _below(folder, found)
            except ICSError as error:
                if not isinstance(error, ImageError):
                    raise
                yield self._damaged(path, folder, error.code, str(error))
            except OSError as error:
                yield self._damaged(path, folder, _code(error), error.strerror or str(error) or "its bytes are damaged")
            except Exception as error:  # noqa: BLE001 - damaged bytes raise errors of every kind
                yield self._damaged(path, folder, "broken", str(error) or type(error).__name__)

    def _table_of(self, path: str) -> Sequence[str]:
        """Return the classes from the pack index beside an archive, if it lies in a folder of packs."""
        folder, _, _ = path.replace("\\", "/").rpartition("/")
        above, slash, name = folder.rpartition("/")
        if name != PACKS:
            return ()
        if folder not in self._tables:
            try:
                with self._archive_files.open(f"{above}{slash}{PACK_INDEX}") as file:
                    self._tables[folder] = class_table(file.read(_LONGEST_INDEX))
            except Exception:  # noqa: BLE001 - there is no index: every store has its own error for that
                self._tables[folder] = ()
        return self._tables[folder]

    def _damaged(self, path: str, folder: str, code: str, why: str) -> Unreadable:
        name = base_name(path)
        place = f"{folder}/{name}" if folder else name
        return Unreadable(place, code, f"the archive is damaged: {without_secrets(why)}", is_folder=True)

    def stat(self, task: Task) -> tuple[int | None, int | None]:
        """Return size and time as listed: the time is that of the archive."""
        assert isinstance(task.place, ArchivePlace)  # noqa: S101 - from this plan
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
            stream: MemberStream | None = None
            damage: ImageError | None = None
            for task in tasks:
                data: bytes | ImageError | None = damage
                try:
                    if not damage:
                        stream = stream or stack.enter_context(reader_for(path).open_stream(self._archive_files, path))
                        data = stream.read(_place(task), options)
                except ImageError as error:
                    data = error
                    damage = error if error.code == "changed" else None
                except Exception as error:  # noqa: BLE001 - as above
                    data = damage = _broken(error)
                yield task, data

    def head(self, task: Task, size: int) -> bytes:
        """Read the beginning of a file; in a compressed archive, all bytes before it are read, too."""
        place, head = _place(task), b""
        for block in reader_for(place.file).read_blocks(self._archive_files, place):
            head += block
            if len(head) >= size:
                break
        return head

    def read(self, task: Task, options: Options) -> tuple[bytes, int]:
        """Read an image; in a compressed archive, all bytes before it are read, too."""
        place = _place(task)
        data = reader_for(place.file).read_member(self._archive_files, place, options)
        return data, place.mtime_ns or 0

    def open(self, task: Task, options: Options) -> BinaryIO:
        """Read the whole file; a large one is kept on the disk meanwhile."""
        place = _place(task)
        if place.streamed or (place.size or 0) <= _IN_MEMORY:
            return io.BytesIO(self.read(task, options)[0])
        check_bytes(place.size or 0, options)
        with ExitStack() as stack:
            file = stack.enter_context(tempfile.TemporaryFile())
            for block in reader_for(place.file).read_blocks(self._archive_files, place):
                file.write(block)
            file.seek(0)
            stack.pop_all()
            return cast("BinaryIO", file)


def _place(task: Task) -> ArchivePlace:
    assert isinstance(task.place, ArchivePlace)  # noqa: S101 - from this plan
    return task.place


def _stream_of(task: Task) -> tuple[str, bool]:
    place = _place(task)
    return place.file, place.streamed


def _below(folder: str, found: ArchiveItem) -> ArchiveItem:
    if not folder or isinstance(found, ClassNames):
        return found
    if isinstance(found, Member):
        return replace(found, path=f"{folder}/{found.path}") if found.path else found
    if isinstance(found, ArchivedRecord):
        return found._replace(path=f"{folder}/{found.path}")
    return found._replace(source=f"{folder}/{found.source}")


def _code(error: OSError) -> str:
    """Return the code of an error; decompressors raise OSError without a number for damaged bytes."""
    return code_of(error) if error.errno else "broken"


def _broken(error: Exception) -> ImageError:
    if isinstance(error, FileNotFoundError):
        return ImageError("changed", "the archive has vanished since it was listed")
    return ImageError(
        _code(error) if isinstance(error, OSError) else "broken",
        f"the archive is damaged: {without_secrets(str(error))}",
    )
