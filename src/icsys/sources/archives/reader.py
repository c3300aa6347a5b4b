"""Archive reader: lists the images of one kind of archive, and reads them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from icsys.options import Options
from icsys.sources.archives.archive_names import READERS, archive_suffix

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from icsys.sources.archives.archive_access import ArchiveFiles
    from icsys.sources.archives.archive_items import ArchiveItem, ArchivePlace
    from icsys.sources.base import Place


class MemberStream(Protocol):
    """An open archive that is read once, from its beginning to its end."""

    def read(self, place: ArchivePlace, options: Options) -> bytes:
        """Read an image behind the last one; ImageError if only this image cannot be read."""


@dataclass(frozen=True, slots=True)
class ArchiveReader(ABC):
    """Reads one kind of archive; the methods take the files that hold archives, and the path of one of them.

    Attributes
    ----------
    ignore_zeros
        Whether a tar file may hold several archives, one behind the other.
    follow_links
        Whether symbolic links stand for their targets in the same archive.
    """

    ignore_zeros: bool = False
    follow_links: bool = False

    @abstractmethod
    def list_members(self, files: ArchiveFiles, path: str, known: Place) -> Iterator[ArchiveItem]:
        """List the images in their order; an error at the end means that the archive is damaged.

        Parameters
        ----------
        known
            Size and time of the archive.
        """

    @abstractmethod
    def read_member(self, files: ArchiveFiles, place: ArchivePlace, options: Options) -> bytes:
        """Read one image by itself; ImageError or OSError if that fails."""

    def read_blocks(self, files: ArchiveFiles, place: ArchivePlace) -> Iterator[bytes]:
        """Yield the bytes of one file by itself, in blocks, whatever its size; errors as in :meth:`read_member`."""
        yield self.read_member(files, place, Options())

    def open_stream(self, files: ArchiveFiles, path: str) -> AbstractContextManager[MemberStream]:
        """Open an archive whose images are ``streamed``: they can only be read in their order."""
        raise NotImplementedError


def reader_for(path: str, *, ignore_zeros: bool = False, follow_links: bool = False) -> ArchiveReader:
    """Return the reader for an archive, which the suffix of its name decides."""
    return _reader_class(READERS[archive_suffix(path)])(ignore_zeros=ignore_zeros, follow_links=follow_links)


@cache
def _reader_class(kind: str) -> type[ArchiveReader]:
    name = f"{kind.capitalize()}Reader"
    found: type[ArchiveReader] = getattr(import_module(f"icsys.sources.archives.{kind}_reader"), name)
    return found
