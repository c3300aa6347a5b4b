"""Pack formats: how images are written into one file, and read from it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from icsys.choices import ARRAYS
from icsys.layout import INDICES, PACKS, PIXELS, is_array_name
from icsys.packs.arrays_format import ArraysFormat, folder_of_split
from icsys.packs.parquet import ParquetFormat
from icsys.packs.read_arrays import read_arrays
from icsys.packs.webdataset import WebDatasetFormat
from icsys.records.splits import split_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping
    from typing import Any, BinaryIO

    from icsys.files.rooted_path import RootedPath
    from icsys.packs.member_place import MemberPlace
    from icsys.packs.packed_image import PackedImage
    from icsys.records.classes import Classes
    from icsys.records.pack_index import PackIndex


class PackNames(Protocol):
    """Pack format, as far as names go: the suffix of its files, and what images are named in them."""

    @property
    def suffix(self) -> str:
        """The suffix of a pack's name, with its dot."""

    def prepare(self) -> object:
        """Load the packages that the format needs; MissingExtraError if one is not installed."""

    def member(self, file_name: str, sample: str = "") -> str:
        """Return the name of an image in its pack, made from its output path and the key of its sample."""

    def companion(self, member: str, name: str) -> str:
        """Return the name of a companion in its pack, made from that of its image and from its own beside others."""

    def is_facts(self, member: str) -> bool:
        """Return whether a name in a pack may be that of a file with facts about images."""


class PackFormat(PackNames, Protocol):
    """Pack format with one file for each pack: also functions that write and read it."""

    def write(
        self, file: BinaryIO, images: Iterable[PackedImage], classes: Classes, columns: Mapping[str, str]
    ) -> None:
        """Write images of a dataset with these classes, whose companions have these columns.

        Raises
        ------
        NotTextError
            If a companion in a column of texts is none.
        """

    def places(self, file: BinaryIO) -> Generator[MemberPlace]:
        """Yield where each image lies in the pack, in order; OSError if the pack cannot be read.

        Images are not read for it. Among them may be other files.
        """

    def read(self, file: BinaryIO) -> Generator[tuple[str, bytes]]:
        """Yield name and bytes of each image and companion, in order; OSError if the pack cannot be read.

        Among them may be files with facts.
        """


FILE_FORMATS: dict[str, PackFormat] = {"webdataset": WebDatasetFormat(), "parquet": ParquetFormat()}
"""Formats with one file for each pack, by the names in :data:`icsys.choices.IMAGE_PACKINGS`."""

PACK_FORMATS: dict[str, PackNames] = {**FILE_FORMATS, ARRAYS: ArraysFormat()}
"""Pack formats by the names in :data:`icsys.choices.PACKINGS`."""

_BY_SUFFIX = {f".{one.suffix.rpartition('.')[2]}": name for name, one in FILE_FORMATS.items()}


def member_name(row: Mapping[str, Any], pack_format: PackNames) -> str:
    """Return the name that the image of a manifest row gets in a new pack."""
    return pack_format.member(row["file_name"], row.get("sample") or "")


def format_of_pack(name: str) -> str | None:
    """Return the format of a pack, or of a file of arrays, by its path; None if no format has such names."""
    return ARRAYS if is_array_name(name) else _BY_SUFFIX.get(f".{name.rpartition('.')[2]}")


def split_in_packs(index: PackIndex, file_name: str) -> str:
    """Return the split of an image, as the names of packs show it, by its output path."""
    return folder_of_split(file_name) if index.format == ARRAYS else split_of(file_name)


def pack_name(index: PackIndex, split: str, number: int) -> str:
    """Return the path of a pack; of arrays, that of the array of the images of a split."""
    if index.format == ARRAYS:
        return f"{split}/{index.array}"
    return f"{PACKS}/{split}-{number:05}{PACK_FORMATS[index.format].suffix}"


def read_pack(find: Callable[[str], RootedPath], name: str, index: PackIndex | None) -> Generator[tuple[str, bytes]]:
    """Yield name and bytes of each image and companion of a pack, in order; nothing for arrays of other facts.

    Parameters
    ----------
    find
        Returns where a file of the output folder is, given its path.
    name
        The path of the pack.
    index
        The index that lists it, if known.

    Raises
    ------
    OSError
        If the pack cannot be read.
    """
    format_name = format_of_pack(name)
    if format_name == ARRAYS:
        if name.rpartition("/")[2] in {INDICES, PIXELS}:
            yield from read_arrays(find, name, index.form if index else ())
    elif format_name is not None:
        with find(name).open() as file:
            yield from FILE_FORMATS[format_name].read(file)
