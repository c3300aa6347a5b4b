"""The files of a tree as the search for companions needs them: all names, and the beginning of a few files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from icsys.image.decode import IMAGE_SUFFIXES
from icsys.sources.base import PassedOver
from icsys.sources.folder_entries import EntryKind
from icsys.sources.read_file import open_regular, read_file
from icsys.sources.sorted_names import SortedNames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from icsys.options import Options
    from icsys.sources.folder_entries import FolderReader

_BLOCK = 1 << 20  # bytes


class TreeFiles(Protocol):
    """Files by their paths below the top of a tree, which has an empty path; hidden ones are left out."""

    @property
    def shown(self) -> str:
        """The name of the tree for messages."""

    def folders(self) -> Iterator[tuple[str, list[str]]]:
        """Yield every folder by its path, with the names of all files in it."""

    def names(self, folder: str) -> tuple[SortedNames, SortedNames]:
        """Return the names of the images in a folder, by their suffixes, and of its other files."""

    def head(self, path: str, size: int) -> bytes:
        """Return the first bytes of a file, at most ``size``; empty if it cannot be read."""

    def blocks(self, path: str) -> Iterator[bytes]:
        """Yield the bytes of a file in blocks, up to where they can be read."""

    def read(self, path: str, options: Options) -> bytes:
        """Return a whole file of at most ``max_bytes``; ImageError or OSError if that fails."""

    def is_file(self, path: str) -> bool:
        """Return whether there is a file of a path, which may be any text."""

    def below(self, text: str) -> str | None:
        """Return the path of the file that a user names; None if it is none of the tree."""


@dataclass(frozen=True, slots=True)
class FolderFiles:
    """The files below a source folder, see :class:`TreeFiles`."""

    reader: FolderReader

    @property
    def shown(self) -> str:
        """Its path as it was named."""
        return str(self.reader.source)

    def folders(self) -> Iterator[tuple[str, list[str]]]:
        """See TreeFiles: each folder is listed once."""
        waiting = [self.reader.top]
        while waiting:
            folder = waiting.pop()
            files, entries, above = self.reader.glance(folder)
            yield folder.path, files
            for entry in entries:
                try:
                    if self.reader.is_folder(entry, above):
                        entered = self.reader.enter(folder, entry, above)
                        if entered and not isinstance(entered, PassedOver):
                            waiting.append(entered)
                except OSError:  # told when the folder is planned
                    continue

    def names(self, folder: str) -> tuple[SortedNames, SortedNames]:
        """See TreeFiles."""
        others = SortedNames()
        try:
            images, entries, above, _ = self.reader.read(self.reader.place(folder))
        except OSError:  # told when the folder is planned
            return SortedNames(), others
        for entry in entries:
            try:
                if entry.name.startswith(".") or entry.is_dir(follow_symlinks=self.reader.follow_links):
                    continue
                if name_suffix(entry.name) in IMAGE_SUFFIXES:
                    if self.reader.kind(entry, above) is EntryKind.IMAGE:
                        images.add(entry.name)
                elif entry.is_file(follow_symlinks=self.reader.follow_links):
                    others.add(entry.name)
            except OSError:  # told when the folder is planned
                continue
        return images, others

    def head(self, path: str, size: int) -> bytes:
        """See TreeFiles."""
        try:
            with open_regular(self.reader.source / path) as file:
                return file.read(size)
        except OSError:
            return b""

    def blocks(self, path: str) -> Iterator[bytes]:
        """See TreeFiles."""
        try:
            with open_regular(self.reader.source / path) as file:
                while block := file.read(_BLOCK):
                    yield block
        except OSError:
            return

    def read(self, path: str, options: Options) -> bytes:
        """See TreeFiles."""
        return read_file(self.reader.source / path, options)[0]

    def is_file(self, path: str) -> bool:
        """See TreeFiles."""
        try:
            return (self.reader.source / path).is_file()
        except (OSError, ValueError):
            return False

    def below(self, text: str) -> str | None:
        """Return the path of a file below the source folder, which a text names from there or from anywhere."""
        for path in (self.reader.source / text, Path(text)):
            try:
                if path.is_file():
                    return path.resolve().relative_to(self.reader.real).as_posix()
            except (OSError, ValueError):
                continue
        return None


def name_suffix(name: str) -> str:
    """Return the suffix of a name in lower case, also if the name is nothing else; empty without a dot."""
    return name[name.rfind(".") :].lower() if "." in name else ""
