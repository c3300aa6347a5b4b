"""Reads one output of an earlier run: from its own file, or from the pack that holds it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from icsys.choices import ARRAYS
from icsys.layout import UNPACKED
from icsys.packs.formats import PACK_FORMATS, read_pack
from icsys.packs.read_arrays import ArrayReader
from icsys.records.pack_index import load_pack_index
from icsys.sources.pack_member_names import from_utf8_name

if TYPE_CHECKING:
    from icsys.files.rooted_path import RootedPath


def read_output(destination: RootedPath, output: str, pack: str | None, size: int) -> bytes:
    """Return the bytes of an output, from its file or its pack.

    Parameters
    ----------
    output, pack, size
        ``file_name``, ``shard`` and ``bytes`` of its manifest row; ``pack`` is None for a row without ``shard``.

    Raises
    ------
    OSError
        If it cannot be read, is gone, or has another size.
    """
    index = load_pack_index(destination)
    if index is None or pack is None:
        data = ((destination if index is None else destination / UNPACKED) / output).read_bytes(size + 1)
        if len(data) != size:
            raise OSError(f"the size of {output!r} is not the {size} bytes in the manifest: run ics compress again")
        return data
    pack_format = PACK_FORMATS[index.format]
    if index.format == ARRAYS:
        with ArrayReader(destination.at, pack) as reader:
            for number, member in enumerate(reader.names()):
                if member == pack_format.member(output):
                    return reader.image(number)
    else:
        with closing(read_pack(destination.at, pack)) as images:
            for member, data in images:
                if member == pack_format.member(output) or from_utf8_name(member) == output:
                    return data
    raise FileNotFoundError(f"the pack {pack!r} does not hold {output!r}: run ics compress again")
