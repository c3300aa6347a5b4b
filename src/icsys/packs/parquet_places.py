"""Where the images of a Parquet pack lie: their bytes stand in its pages as they are, each behind its length.

The format: https://parquet.apache.org/docs/file-format/.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from icsys.errors import ImageError
from icsys.packs.member_place import MemberPlace
from icsys.sources.archives.parquet_columns import LONGEST_LABEL, columns_of_table
from icsys.sources.parquet_format.column import Column
from icsys.sources.parquet_format.column_pages import column_pages
from icsys.sources.parquet_format.footer import read_footer

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from icsys.sources.parquet_format.footer import Chunk, Leaf

_PLAIN = 0  # an encoding, and no compression, by their numbers in the format
_LENGTH = 4  # bytes


def image_places(file: IO[bytes]) -> Generator[MemberPlace]:
    """Yield where each image lies, in order; names and lengths are read, and images are not.

    Raises
    ------
    ImageError
        If the file is damaged, or its images are compressed, as ICS does not write them.
    """
    footer = read_footer(file)
    columns = columns_of_table(footer)
    if columns.path is None:
        raise ImageError("broken", "it has no column of names")
    for group in footer.row_groups([columns.path, columns.image]):
        of_names, of_images = group.chunks
        _check_plain(of_names)
        names = Column(file, columns.path, of_names, group.rows, None, short=True)
        places = _places(file, columns.image, of_images)
        for _ in range(group.rows):
            name, place = names.read(_check_length), next(places, None)
            if name is None or place is None:
                raise ImageError("broken", "a row without a name or an image")
            yield MemberPlace(name.decode("utf-8", "surrogateescape"), *place)


def _places(file: IO[bytes], leaf: Leaf, chunk: Chunk) -> Iterator[tuple[int, int]]:
    """Yield begin and size of each value of a column without missing values."""
    _check_plain(chunk)
    for page in column_pages(file, chunk, leaf, None):
        if page.is_dictionary or page.encoding != _PLAIN:
            raise ImageError("unsupported", "a page of images that is compressed")
        at = page.values_at()
        for _ in range(page.rows):
            file.seek(at)
            size = int.from_bytes(file.read(_LENGTH), "little")
            begin, at = at + _LENGTH, at + _LENGTH + size
            if at > page.end:  # also where values are missing, which leave fewer than the page has rows
                raise ImageError("broken", "an image that reaches beyond its page")
            yield begin, size


def _check_plain(chunk: Chunk) -> None:
    if chunk.codec != _PLAIN:
        raise ImageError("unsupported", "a column that is compressed: expected a plain one, as ics writes")


def _check_length(size: int) -> None:
    if size > LONGEST_LABEL:
        raise ImageError("too_large", f"a name of {size} bytes: expected at most {LONGEST_LABEL}")
