"""Reads outputs of an earlier run, one or several: from their own files, or from the packs that hold them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from icsys.choices import ARRAYS
from icsys.layout import UNPACKED
from icsys.packs.formats import PACK_FORMATS, read_pack
from icsys.packs.read_arrays import ArrayReader
from icsys.records.pack_index import load_pack_index
from icsys.sources.pack_member_names import from_utf8_name

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        with ArrayReader(destination.at, pack, index.form) as reader:
            for number, member in enumerate(reader.names()):
                if member == pack_format.member(output):
                    return reader.image(number)
    else:
        with closing(read_pack(destination.at, pack, index)) as images:
            for member, data in images:
                if member == pack_format.member(output) or from_utf8_name(member) == output:
                    return data
    raise FileNotFoundError(f"the pack {pack!r} does not hold {output!r}: run ics compress again")


class OutputPlace(NamedTuple):
    """Where an output lies: its ``file_name``, ``shard``, ``bytes``, ``member`` and ``sample`` in the manifest."""

    output: str
    pack: str | None
    bytes: int
    member: str = ""
    sample: str = ""


def read_outputs(destination: RootedPath, places: Sequence[OutputPlace]) -> list[bytes]:
    """Return the bytes of several outputs; each pack that holds some of them is read once.

    Raises
    ------
    OSError
        If one cannot be read, is gone, or has another size; the message names it.
    """
    index = load_pack_index(destination)
    found: dict[str, bytes] = {}
    in_packs: dict[str, dict[str, OutputPlace]] = {}
    for place in places:
        if index is None or place.pack is None:
            found[place.output] = read_output(destination, place.output, place.pack, place.bytes)
        else:
            member = place.member or PACK_FORMATS[index.format].member(place.output, place.sample)
            in_packs.setdefault(place.pack, {})[member] = place
    for pack, wanted in in_packs.items():
        with closing(read_pack(destination.at, pack, index)) as images:
            for member, data in images:
                here = wanted.pop(member, None)
                if here is not None:
                    found[here.output] = data
                if not wanted:
                    break
    for place in places:
        if len(found.get(place.output, b"")) != place.bytes:
            raise FileNotFoundError(f"{place.pack!r} does not hold the {place.bytes} bytes of {place.output!r}")
    return [found[place.output] for place in places]
