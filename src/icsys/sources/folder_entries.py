"""What a folder holds: plain images, other entries, and why a folder or an entry is left out."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import Enum, auto
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from icsys.errors import code_of
from icsys.files.links import is_link
from icsys.image.decode import IMAGE_SUFFIXES, sniff
from icsys.layout import OWN_PREFIX
from icsys.records.output_folders import MARKER_FILES, is_output_folder
from icsys.sources.base import PassedOver, Unreadable
from icsys.sources.read_file import open_regular
from icsys.sources.sorted_names import SortedNames

if TYPE_CHECKING:
    from icsys.sources.labels_from_manifest import RecordedLabels

_HEAD_BYTES = 64


class FolderPlace(NamedTuple):
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
    above: frozenset[tuple[int, int]] = frozenset()


class Listed(NamedTuple):
    """What a folder holds.

    Attributes
    ----------
    names
        The names of plain images, which may be many.
    others
        All other entries, in the order of their names.
    above
        The identities of the folder and the folders above it, where links are followed.
    left_out
        Why the folder is left out; then the rest is empty.
    """

    names: SortedNames
    others: list[os.DirEntry[str]]
    above: frozenset[tuple[int, int]]
    left_out: Unreadable | PassedOver | None = None


class EntryKind(Enum):
    """What an entry of a folder is."""

    IMAGE = auto()
    FOLDER = auto()
    OTHER = auto()
    OURS = auto()


@dataclass(frozen=True, slots=True)
class FolderReader:
    """Reads folders below a source folder by one set of rules.

    Attributes
    ----------
    source, real
        The source folder as named, and without links.
    destination
        The output folder without links; it is left out.
    follow_links
        Follow links to files and folders, except links to a folder above them.
    include_outputs
        Read other output folders, too.
    labels
        Gets the labels of output folders that are read; None if they are not needed.
    """

    source: Path
    real: Path
    destination: Path
    follow_links: bool = False
    include_outputs: bool = False
    labels: RecordedLabels | None = field(default=None, compare=False)

    @classmethod
    def of(
        cls,
        source: Path,
        destination: Path,
        *,
        follow_links: bool = False,
        include_outputs: bool = False,
        labels: RecordedLabels | None = None,
    ) -> FolderReader:
        """Return the reader of a source folder; ``destination`` need not exist."""
        return cls(source, source.resolve(), destination.resolve(), follow_links, include_outputs, labels)

    @property
    def top(self) -> FolderPlace:
        """The source folder."""
        return FolderPlace("", self.real)

    def place(self, path: str) -> FolderPlace:
        """Return a folder by its path below the source folder; OSError if it cannot be reached."""
        if not self.follow_links:
            return FolderPlace(path, self.real / path)
        parts = path.split("/") if path else []
        above = frozenset(_identity(self.source / "/".join(parts[:number])) for number in range(len(parts)))
        return FolderPlace(path, (self.source / path).resolve(), above)

    def read(self, folder: FolderPlace) -> Listed:
        """Return what a folder holds, or why it is left out."""
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
            return Listed(SortedNames(), [], folder.above, unreadable)
        # Few folders hold a file of such a name, so most folders take no extra read.
        may_be = folder.path and not MARKER_FILES.isdisjoint(entry.name for entry in others)
        if may_be and self.include_outputs:
            if self.labels is not None:
                self.labels.read(path, f"{folder.path}/")
        elif may_be and is_output_folder(path):
            return Listed(SortedNames(), [], above, PassedOver(folder.path))
        return Listed(names, others, above)

    def glance(self, folder: FolderPlace) -> tuple[list[str], list[os.DirEntry[str]], frozenset[tuple[int, int]]]:
        """Return the names of the files of a folder, and the entries that may be folders; nothing of one left out.

        Hidden entries are left out. It takes a fraction of the time of :meth:`read`.
        """
        path, follow = self.source / folder.path, self.follow_links
        files, others = list[str](), list[os.DirEntry[str]]()
        try:
            above = folder.above | {_identity(path)} if follow else folder.above
            with os.scandir(path) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=follow):
                        files.append(entry.name)
                    else:
                        others.append(entry)
        except OSError:  # told when the folder is planned
            return [], [], folder.above
        marks = MARKER_FILES.intersection(files) or MARKER_FILES.intersection(entry.name for entry in others)
        if folder.path and marks and not self.include_outputs and is_output_folder(path):
            return [], [], above
        return (
            [name for name in files if not name.startswith(".")],
            [entry for entry in others if not entry.name.startswith(".")],
            above,
        )

    def kind(self, entry: os.DirEntry[str], above: frozenset[tuple[int, int]]) -> EntryKind:
        """Return what an entry is; hidden entries are ignored, and so are links that are not followed.

        Raises
        ------
        OSError
            If it cannot be read, or is a link that leads nowhere.
        """
        if entry.name.startswith("."):
            return EntryKind.OURS if entry.name.startswith(OWN_PREFIX) else EntryKind.OTHER
        follow = self.follow_links
        if not follow and entry.is_file(follow_symlinks=False):  # as most entries are
            return EntryKind.IMAGE if _is_image(entry) else EntryKind.OTHER
        if follow and entry.is_symlink() and not os.path.exists(entry.path):  # noqa: PTH110 - a loop of links is False
            raise OSError("the link leads nowhere")
        if self.is_folder(entry, above):
            return EntryKind.FOLDER
        if entry.is_file(follow_symlinks=follow) and _is_image(entry):
            return EntryKind.IMAGE
        return EntryKind.OTHER

    def is_folder(self, entry: os.DirEntry[str], above: frozenset[tuple[int, int]]) -> bool:
        """Return whether an entry is a folder to read; links are none unless they are followed, nor are loops."""
        if not entry.is_dir(follow_symlinks=self.follow_links):
            return False
        if not self.follow_links:
            return not is_link(entry.stat(follow_symlinks=False))
        return _identity(Path(entry.path)) not in above

    def enter(
        self, folder: FolderPlace, entry: os.DirEntry[str], above: frozenset[tuple[int, int]]
    ) -> FolderPlace | PassedOver | None:
        """Return the folder that an entry is; None for the destination, and for links into it.

        For a link, the folders above its target decide whether it is passed over.
        """
        path = path_in(folder.path, entry.name)
        link = is_link(entry.stat(follow_symlinks=False))
        real = Path(entry.path).resolve() if link else folder.real / entry.name
        if real == self.destination or (link and self.destination in real.parents):
            return None
        if link and not self.include_outputs:
            own = {self.real, *self.real.parents}
            if any(is_output_folder(one) for one in real.parents if one not in own):
                return PassedOver(path)
        return FolderPlace(path, real, above)


def path_in(folder: str, name: str) -> str:
    """Return the path below the source of what lies in a folder; the path of the source folder is empty."""
    return f"{folder}/{name}" if folder else name


def _identity(folder: Path) -> tuple[int, int]:
    """Return the device and inode of a folder: they are the same for every path to it."""
    status = folder.stat()
    return status.st_dev, status.st_ino


def _is_plain_image(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is an image by its name, and neither hidden nor a link; nothing else is asked."""
    name = entry.name
    try:
        is_named = not name.startswith(".") and name[name.rfind(".") :].lower() in IMAGE_SUFFIXES
        return is_named and entry.is_file(follow_symlinks=False)
    except OSError:  # of a system that has to ask; told where the other entries are looked at
        return False


def _is_image(entry: os.DirEntry[str]) -> bool:
    """Return whether a file is an image: by its suffix, or else by its first bytes."""
    _, dot, suffix = entry.name.rpartition(".")
    if dot + suffix.lower() in IMAGE_SUFFIXES:
        return True
    with open_regular(entry.path) as file:
        return sniff(file.read(_HEAD_BYTES)) is not None
