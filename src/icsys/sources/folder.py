"""A folder as a source: find its images and plan their outputs."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, field
from enum import Enum, auto
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from icsys.errors import code_of
from icsys.files.links import is_link
from icsys.image.decode import IMAGE_SUFFIXES, sniff
from icsys.layout import OWN_PREFIX
from icsys.records.label import label_of
from icsys.records.output_folders import MARKER_FILES, is_output_folder
from icsys.sources.base import Ignored, Loaded, PassedOver, Planned, Task, Unreadable
from icsys.sources.labels_from_manifest import RecordedLabels, recorded_classes
from icsys.sources.output_names import each_output_name, name_key
from icsys.sources.read_file import open_regular, read_file
from icsys.sources.sorted_names import SortedNames

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from typing import BinaryIO

    from icsys.options import Options

_HEAD_BYTES = 64


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as a source; ``destination`` is left out if it lies inside."""

    path: Path
    destination: Path
    follow_links: bool = False
    include_outputs: bool = False

    @property
    def shown(self) -> str:
        """Its whole path."""
        return str(self.path.absolute())

    @property
    def named(self) -> Sequence[str]:
        """The files that the plan is for; empty for the whole folder."""
        return ()

    @property
    def classes(self) -> Sequence[str]:
        """See Source: the classes of the run that has made the folder."""
        return recorded_classes(self.path)

    def plan(self, suffix: str) -> Iterator[Planned]:
        """List the images as :func:`plan_folder` does."""
        return plan_folder(
            self.path,
            self.destination,
            suffix,
            follow_links=self.follow_links,
            include_outputs=self.include_outputs,
        )

    def plan_by_class(self) -> Iterator[Task]:
        """List the images as :func:`plan_by_class` does."""
        return plan_by_class(
            self.path, self.destination, follow_links=self.follow_links, include_outputs=self.include_outputs
        )

    def stat(self, task: Task) -> tuple[int, int]:
        """See Source: the system answers faster than a stored list."""
        found = os.stat(f"{self.path}/{task.source}")  # noqa: PTH116 - a Path for each of a million files costs
        return found.st_size, found.st_mtime_ns

    def load(self, tasks: Iterable[Task], options: Options) -> Iterator[Loaded]:  # noqa: ARG002 - the workers read
        """Pair each task with None: the workers read."""
        return ((task, None) for task in tasks)

    def head(self, task: Task, size: int) -> bytes:
        """Read the beginning of a file."""
        with open_regular(self.path / task.source) as file:
            return file.read(size)

    def read(self, task: Task, options: Options) -> tuple[bytes, int]:
        """Read a file as :func:`~icsys.sources.read_file.read_file` does."""
        try:
            return read_file(f"{self.path}/{task.source}", options)
        except OSError:
            return read_file(self.path / task.source, options)  # its errors name the file as a Path does

    def open(self, task: Task, options: Options) -> BinaryIO:  # noqa: ARG002 - it takes no memory
        """Open a file."""
        return open_regular(self.path / task.source)


def plan_folder(
    source: Path, destination: Path, suffix: str, *, follow_links: bool = False, include_outputs: bool = False
) -> Iterator[Planned]:
    """List the images below ``source`` with their outputs, folder by folder, in the order of their names.

    The walk is lazy: the names of one folder are in memory at a time. Outputs keep the sub-folders. ``destination`` is
    left out if it lies inside ``source``; other output folders below ``source`` are passed over. Folders whose names
    differ only in letter case or Unicode form are planned together, because some file systems treat them as one.

    Parameters
    ----------
    source, destination
        Folders; ``destination`` need not exist.
    suffix
        Suffix of the outputs, with its dot.
    follow_links
        Follow links to files and folders, except links to a folder above them.
    include_outputs
        Read other output folders, too.
    """
    walk = _Walk(source, source.resolve(), destination.resolve(), suffix, follow_links, include_outputs)
    if suffix:
        walk.labels.read(source)
    # A list instead of recursion: folders may be nested deeper than Python's calls.
    waiting = [[_Folder("", walk.real, frozenset())]]
    while waiting:
        below = yield from walk.plan(waiting.pop())
        waiting.extend(reversed(below))


def plan_by_class(
    source: Path, destination: Path, *, follow_links: bool = False, include_outputs: bool = False
) -> Iterator[Task]:
    """List the images of :func:`plan_folder` class by class: folders of one name together, wherever they lie.

    The paths of all folders are in memory, and the names of one folder at a time.
    """
    walk = _Walk(source, source.resolve(), destination.resolve(), "", follow_links, include_outputs)
    waiting = [[_Folder("", walk.real, frozenset())]]
    found: dict[str, list[list[_Folder]]] = defaultdict(list)
    while waiting:
        group = waiting.pop()
        labels, below = _look_through(walk.plan(group))
        for label in labels:
            found[label].append(group)
        waiting.extend(reversed(below))
    for label, groups in sorted(found.items()):
        for group in groups:
            for planned in walk.plan(group):
                if isinstance(planned, Task) and (label_of(planned.source) or "") == label:
                    yield planned


def _look_through(
    plan: Generator[Planned, None, list[list[_Folder]]],
) -> tuple[set[str], list[list[_Folder]]]:
    """Return the classes of the images in folders, and the folders below them."""
    labels: set[str] = set()
    while True:
        try:
            planned = next(plan)
        except StopIteration as end:
            return labels, end.value
        if isinstance(planned, Task):
            labels.add(label_of(planned.source) or "")


class _Folder(NamedTuple):
    """A folder by its path below the source folder.

    Attributes
    ----------
    real
        Where it is, without links.
    above
        The folders that it lies in, where links are followed.
    """

    path: str
    real: Path
    above: frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Walk:
    """The settings of a walk through folders."""

    source: Path
    real: Path
    destination: Path
    suffix: str
    follow_links: bool
    include_outputs: bool
    labels: RecordedLabels = field(default_factory=RecordedLabels)

    def plan(self, folders: list[_Folder]) -> Generator[Planned, None, list[list[_Folder]]]:
        """Plan folders with equal :func:`name_key`; return the folders below them, grouped in the same way."""
        images: list[tuple[_Folder, SortedNames]] = []
        below: dict[str, list[_Folder]] = defaultdict(list)
        for folder in folders:
            names, others, above, left_out = self._list(folder)
            if left_out:
                yield left_out
            for entry in others:
                path = _below(folder.path, entry.name)
                try:
                    kind = self._kind(entry, above)
                except OSError as error:
                    yield Unreadable(path, code_of(error), f"the file cannot be read: {error.strerror or error}")
                    continue
                if kind is _Kind.IMAGE:
                    names.add(entry.name)
                elif kind is _Kind.OTHER:
                    yield Ignored(path)
                elif kind is _Kind.FOLDER:
                    link = is_link(entry.stat(follow_symlinks=False))
                    real = Path(entry.path).resolve() if link else folder.real / entry.name
                    yield from self._enter(_Folder(path, real, above), below, link=link)
            images.append((folder, names))
        reserved = [folder.path.rpartition("/")[2] for group in below.values() for folder in group]
        yield from self._tasks(images, reserved)
        return list(below.values())

    def _tasks(self, images: list[tuple[_Folder, SortedNames]], reserved: list[str]) -> Iterator[Task]:
        """Yield the images of folders that are planned together; without a suffix, outputs get no names."""
        together = images[0][1] if len(images) == 1 else [name for _, names in images for name in names]
        outputs = each_output_name(together, self.suffix, reserved)
        for folder, names in images:
            for name in names:
                path = _below(folder.path, name)
                output = _below(folder.path, next(outputs)) if self.suffix else path
                yield Task(path, output, None, self.labels.of(path), self.labels.sample_of(path))

    def _list(
        self, folder: _Folder
    ) -> tuple[SortedNames, list[os.DirEntry[str]], frozenset[tuple[int, int]], Unreadable | PassedOver | None]:
        """Return what a folder holds, and the identities of it and the folders above; or why it is left out.

        Returns
        -------
        tuple
            The names of plain images, which may be many, and the other entries.
        """
        path = self.source / folder.path
        names, others = SortedNames(), list[os.DirEntry[str]]()
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if _is_plain_image(entry):
                        names.add(entry.name)
                    else:
                        others.append(entry)
            others.sort(key=attrgetter("name"))
            above = folder.above | {_identity(path)} if self.follow_links else folder.above
        except OSError as error:
            reason = f"the folder cannot be listed: {error.strerror}"
            unreadable = Unreadable(folder.path or ".", code_of(error), reason, is_folder=True)
            return SortedNames(), [], folder.above, unreadable
        # Few folders hold a file of such a name, so most folders take no extra read.
        may_be = folder.path and not MARKER_FILES.isdisjoint(entry.name for entry in others)
        if may_be and self.include_outputs:
            if self.suffix:
                self.labels.read(path, f"{folder.path}/")
        elif may_be and is_output_folder(path):
            return SortedNames(), [], above, PassedOver(folder.path)
        return names, others, above, None

    def _enter(self, folder: _Folder, below: dict[str, list[_Folder]], *, link: bool) -> Iterator[PassedOver]:
        """Add a folder to ``below``; for a link, the folders above its target decide whether it is left out."""
        real = folder.real
        if real == self.destination or (link and self.destination in real.parents):
            return
        if link and not self.include_outputs:
            own = {self.real, *self.real.parents}
            if any(is_output_folder(above) for above in real.parents if above not in own):
                yield PassedOver(folder.path)
                return
        below[name_key(folder.path.rpartition("/")[2])].append(folder)

    def _kind(self, entry: os.DirEntry[str], above: frozenset[tuple[int, int]]) -> _Kind:
        """Return what an entry is; hidden entries are ignored, and so are links that are not followed."""
        if entry.name.startswith("."):
            return _Kind.OURS if entry.name.startswith(OWN_PREFIX) else _Kind.OTHER
        follow = self.follow_links
        if not follow and entry.is_file(follow_symlinks=False):  # as most entries are
            return _Kind.IMAGE if _is_image(entry) else _Kind.OTHER
        if follow and entry.is_symlink() and not os.path.exists(entry.path):  # noqa: PTH110 - a loop of links is False
            raise OSError("the link leads nowhere")
        if entry.is_dir(follow_symlinks=follow):
            if not follow and is_link(entry.stat(follow_symlinks=False)):
                return _Kind.OTHER
            loops = follow and _identity(Path(entry.path)) in above
            return _Kind.OTHER if loops else _Kind.FOLDER
        if entry.is_file(follow_symlinks=follow) and _is_image(entry):
            return _Kind.IMAGE
        return _Kind.OTHER


def _identity(folder: Path) -> tuple[int, int]:
    """Return the device and inode of a folder: they are the same for every path to it."""
    status = folder.stat()
    return status.st_dev, status.st_ino


class _Kind(Enum):
    """What an entry of a folder is."""

    IMAGE = auto()
    FOLDER = auto()
    OTHER = auto()
    OURS = auto()


def _is_plain_image(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is an image by its name, and neither hidden nor a link; nothing else is asked."""
    name = entry.name
    try:
        is_named = not name.startswith(".") and name[name.rfind(".") :].lower() in IMAGE_SUFFIXES
        return is_named and entry.is_file(follow_symlinks=False)
    except OSError:  # of a system that has to ask; told where the other entries are looked at
        return False


def _below(folder: str, name: str) -> str:
    """Return the path below the source of what lies in a folder; the path of the source folder is empty."""
    return f"{folder}/{name}" if folder else name


def _is_image(entry: os.DirEntry[str]) -> bool:
    """Return whether a file is an image: by its suffix, or else by its first bytes."""
    _, dot, suffix = entry.name.rpartition(".")
    if dot + suffix.lower() in IMAGE_SUFFIXES:
        return True
    with open_regular(entry.path) as file:
        return sniff(file.read(_HEAD_BYTES)) is not None
