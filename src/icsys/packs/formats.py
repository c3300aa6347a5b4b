"""Pack formats: how images are written into one file, and read from it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from icsys.packs.parquet import ParquetFormat
from icsys.packs.webdataset import WebDatasetFormat

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping
    from typing import Any, BinaryIO

    from icsys.packs.packed_image import PackedImage
    from icsys.records.classes import Classes


class PackFormat(Protocol):
    """Pack format: the suffix of its files, and functions that write and read them."""

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

    def write(
        self, file: BinaryIO, images: Iterable[PackedImage], classes: Classes, columns: Mapping[str, str]
    ) -> None:
        """Write images of a dataset with these classes, whose companions have these columns.

        Raises
        ------
        NotTextError
            If a companion in a column of texts is none.
        """

    def read(self, file: BinaryIO) -> Generator[tuple[str, bytes]]:
        """Yield name and bytes of each image and companion, in order; OSError if the pack cannot be read.

        Among them may be files with facts.
        """


PACK_FORMATS: dict[str, PackFormat] = {"webdataset": WebDatasetFormat(), "parquet": ParquetFormat()}
"""Pack formats by the names in :data:`icsys.options.PACKINGS`."""


def member_name(row: Mapping[str, Any], pack_format: PackFormat) -> str:
    """Return the name that the image of a manifest row gets in a new pack."""
    return pack_format.member(row["file_name"], row.get("sample") or "")
