"""A folder behind a URL as a source."""

from __future__ import annotations

import io
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from icsys.errors import ImageError
from icsys.files.parsing import LONGEST_JSON, from_json
from icsys.files.remote_client import connect, error_text
from icsys.files.url import Url, url_path, url_site
from icsys.image.decode import sniff
from icsys.layout import MANIFEST, RUN
from icsys.records.output_folders import has_output_records
from icsys.sources.archives.archive_names import archive_suffix
from icsys.sources.base import Ignored, Loaded, PassedOver, Place, Planned, Task, Unreadable
from icsys.sources.labels_from_manifest import RecordedLabels, classes_in
from icsys.sources.output_names import name_key, output_names
from icsys.sources.remote.fetch import fetch_head, fetch_image, fetch_page, fetch_start, place_in, with_retry
from icsys.sources.remote.listings import StoreListing, WebListing
from icsys.sources.remote.remote_files import RemoteFiles
from icsys.sources.safe_names import is_image_name

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from typing import BinaryIO

    from icsys.options import Options
    from icsys.sources.remote.listings import FolderListing, RemoteEntry
    from icsys.sources.remote.web_pages import WebPage

_HEAD = 64  # bytes
_AT_ONCE = 16  # files whose first bytes are read
_ENTRIES = 1024


@dataclass(frozen=True, slots=True)
class RemotePlace(Place):
    """Where an image lies on a server, by its path without host and query."""

    name: str


class RemoteFolder:
    """A folder behind a URL.

    Parameters
    ----------
    root, page
        Of a web server: the URL of the top folder, and its page.

    Attributes
    ----------
    archives
        The paths of archives found by a plan, by their names in it.
    """

    def __init__(
        self, url: Url, include_outputs: bool = False, root: Url | None = None, page: WebPage | None = None
    ) -> None:
        self.url, self._include_outputs, self._page = url, include_outputs, page
        self.root = root or Url(connect(url)[1])
        self._site = url_site(self.root.secret())
        self.archives: dict[str, str] = {}
        self._listing: WebListing | None = None
        self._classes: Sequence[str] = ()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[object, ...]:
        """Leave out the listing: workers only read."""
        return RemoteFolder, (self.url, self._include_outputs, self.root)

    @property
    def shown(self) -> str:
        """The URL without secrets."""
        return str(self.url)

    @property
    def classes(self) -> Sequence[str]:
        """See Source: the classes of the run that has made the folder."""
        return self._classes

    @property
    def tells_versions(self) -> bool:
        """Whether a list has size and time of each file: that of a store does, and the pages of a web server do not."""
        return "http" not in connect(self.url)[0].protocol

    def plan(self, suffix: str) -> Iterator[Planned]:
        """List the images folder by folder, each in the order of its names, as for a folder of the system.

        Names are made safe; folders whose safe names are one on some file systems are planned together. A file is an
        image by its suffix, or else by its first bytes.
        """
        fs, _ = connect(self.url)
        listing = self._listing_of(fs)
        waiting = [[_Folder("", listing.start)]]
        labels = RecordedLabels()
        while waiting:
            below = yield from self._plan(fs, listing, waiting.pop(), suffix, labels)
            waiting.extend(reversed(below))

    def _listing_of(self, fs: Any) -> WebListing | StoreListing:  # noqa: ANN401 - fsspec has no types
        root = self.root.secret()
        if "http" not in fs.protocol:
            return StoreListing(fs, root)
        with self._lock:  # the run and the count of images visit a server once
            if self._listing is None:
                page = self._page or with_retry(lambda: fetch_page(fs, root), self.url)
                self._listing = WebListing(fs, self.url, root, page)
        return self._listing

    def _plan(
        self,
        fs: Any,  # noqa: ANN401 - as above
        listing: Any,  # noqa: ANN401 - the key of a folder is the listing's own
        folders: list[_Folder],
        suffix: str,
        labels: RecordedLabels,
    ) -> Generator[Planned, None, list[list[_Folder]]]:
        images: list[tuple[str, str, RemotePlace]] = []
        below: dict[str, list[_Folder]] = defaultdict(list)
        reserved: list[str] = []
        for folder in folders:
            try:
                listed: FolderListing = with_retry(partial(listing.list, folder.key), self.url)
                passes = bool(folder.name) and not self._include_outputs and self._holds_outputs(fs, listed.entries)
            except (ImageError, OSError) as error:
                yield self._unlisted(folder, error)
                continue
            if passes:
                yield PassedOver(folder.name)
                continue
            if suffix and not folder.name and self._holds_outputs(fs, listed.entries):
                yield from self._read_labels({entry.name for entry in listed.entries}, labels)
            if listed.error:
                yield self._unlisted(folder, listed.error)
            yield from map(Ignored, listed.ignored)
            for entry, is_image in self._with_kinds(fs, listed.entries):
                path = f"{folder.name}/{entry.name}" if folder.name else entry.name
                found = self._classify(entry, path, is_image=is_image)
                if isinstance(found, RemotePlace):
                    images.append((folder.name, entry.name, found))
                elif isinstance(found, _Folder):
                    below[name_key(entry.name)].append(found)
                    reserved.append(entry.name)
                else:
                    yield found
        outputs = output_names([name for _, name, _ in images], suffix, reserved)
        for (folder_name, name, place), output in zip(images, outputs, strict=True):
            above = f"{folder_name}/" if folder_name else ""
            source = above + name
            yield Task(source, above + output, place, labels.of(source), labels.sample_of(source))
        return list(below.values())

    def _read_labels(self, names: set[str], labels: RecordedLabels) -> Iterator[Unreadable]:
        """Add the labels recorded by the earlier run that made these outputs."""
        files = RemoteFiles(self.url, Url(f"{self.root.secret().rstrip('/')}/"))
        for name in sorted({RUN, MANIFEST} & names):
            try:
                with files.open(name) as file:
                    if name == RUN:
                        self._classes = classes_in(from_json(file.read(LONGEST_JSON)))
                    else:
                        labels.add_lines(file)
            except (ImageError, OSError, ValueError) as error:
                code = error.code if isinstance(error, ImageError) else "io"
                words = f"its labels cannot be read: {error_text(error, self.url)}"
                yield Unreadable(name, code, words)

    def _classify(
        self, entry: RemoteEntry, path: str, *, is_image: bool
    ) -> RemotePlace | _Folder | Ignored | Unreadable:
        """Return what an entry is: an image, a folder, an ignored or an unreadable file."""
        if entry.name.startswith("."):
            return Ignored(path)
        if entry.problem:
            return Unreadable(path, "unsupported", entry.problem)
        if entry.is_folder:
            return _Folder(path, entry.key)
        if is_image:
            place = place_in(entry.info)
            return RemotePlace(place.size, place.mtime_ns, url_path(entry.path))
        if archive_suffix(entry.name):
            self.archives[path] = url_path(entry.path)
        return Ignored(path)

    def _unlisted(self, folder: _Folder, error: Exception) -> Unreadable:
        code = error.code if isinstance(error, ImageError) else "io"
        words = error_text(error, self.url)
        return Unreadable(folder.name or ".", code, f"the folder cannot be listed: {words}", is_folder=True)

    def _holds_outputs(self, fs: Any, entries: list[RemoteEntry]) -> bool:  # noqa: ANN401 - as above
        """Return whether a listed folder holds outputs; requests are made only for the names of records."""
        paths = {entry.name: entry.path for entry in entries if not entry.is_folder}

        def beginning(name: str, size: int) -> bytes:
            if name not in paths:
                return b""
            try:
                return with_retry(partial(fetch_start, fs, paths[name], size), self.url)
            except ImageError as error:
                if error.code == "unreachable":
                    raise
                return b""

        return has_output_records(beginning)

    def _with_kinds(self, fs: Any, entries: list[RemoteEntry]) -> Iterator[tuple[RemoteEntry, bool]]:  # noqa: ANN401 - as above
        """Yield each entry with whether it is an image, by its suffix or else its first bytes, many at a time."""
        is_image = partial(self._is_image, fs)
        if all(is_image_name(entry.name) for entry in entries if not entry.is_folder):
            yield from ((entry, is_image(entry)) for entry in entries)
            return
        with ThreadPoolExecutor(_AT_ONCE) as readers:
            for first in range(0, len(entries), _ENTRIES):
                some = entries[first : first + _ENTRIES]
                yield from zip(some, readers.map(is_image, some), strict=True)

    def _is_image(self, fs: Any, entry: RemoteEntry) -> bool:  # noqa: ANN401 - as above
        if entry.name.startswith(".") or entry.is_folder or entry.problem:
            return False
        if is_image_name(entry.name):
            return True
        try:
            return sniff(with_retry(lambda: fetch_head(fs, entry.path, _HEAD), self.url)) is not None
        except (ImageError, OSError):
            return True  # reading it will show what is wrong

    def stat(self, task: Task) -> tuple[int | None, int | None]:
        """Return size and time as listed, or from a request if the list does not state them."""
        place = _of(task.place)
        if place.size is None or place.mtime_ns is None:
            try:
                current = with_retry(lambda: place_in(connect(self.url)[0].info(self._path(place))), self.url)
            except ImageError as error:
                raise OSError(str(error)) from None
            return current.size, current.mtime_ns
        return place.size, place.mtime_ns

    def load(self, tasks: Iterable[Task], options: Options) -> Iterator[Loaded]:  # noqa: ARG002 - the workers read
        """Pair each task with None: the workers read."""
        return ((task, None) for task in tasks)

    def head(self, task: Task, size: int) -> bytes:
        """Fetch the beginning of a file."""
        fs, _ = connect(self.url)
        return with_retry(lambda: fetch_head(fs, self._path(_of(task.place)), size), self.url)

    def read(self, task: Task, options: Options) -> tuple[bytes, int]:
        """Fetch a file and check its length."""
        fs, _ = connect(self.url)
        place = _of(task.place)
        return with_retry(lambda: fetch_image(fs, self._path(place), place, options), self.url)

    def open(self, task: Task, options: Options) -> BinaryIO:
        """Read the whole file."""
        return io.BytesIO(self.read(task, options)[0])

    def _path(self, place: RemotePlace) -> str:
        return self._site.secret() + place.name


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder: its safe path, and its key in the listing."""

    name: str
    key: Any


def _of(place: Place | None) -> RemotePlace:
    assert isinstance(place, RemotePlace)  # noqa: S101 - from this plan
    return place
