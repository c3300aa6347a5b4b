"""Reads outputs of an earlier run, one or several: from their own files, or from the packs that hold them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np

from icsys.choices import ARRAYS
from icsys.errors import UsageError
from icsys.layout import DATASET, UNPACKED
from icsys.packs.formats import FILE_FORMATS, PACK_FORMATS
from icsys.packs.read_arrays import ArrayReader
from icsys.records.pack_index import load_pack_index, lost_pack_index
from icsys.sources.pack_member_names import from_utf8_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from icsys.files.rooted_path import RootedPath

_UNKNOWN = -1


class OutputPlace(NamedTuple):
    """Where an output lies: its ``file_name``, ``shard``, ``bytes``, ``member`` and ``sample`` in the manifest."""

    output: str
    pack: str | None
    bytes: int
    member: str = ""
    sample: str = ""


class OutputReader:
    """Outputs of a run, read by their numbers: of a pack only the images that are asked for.

    A pack is looked through when one of its images is first read, and again once it has changed: that reads what
    stands before and between the images. Sixteen bytes an image are kept of it.

    Parameters
    ----------
    destination
        The output folder.
    outputs
        Where its outputs lie, as the manifest says.

    Raises
    ------
    UsageError
        If they lie in packs that nothing lists, or in arrays.
    """

    def __init__(self, destination: RootedPath, outputs: Sequence[OutputPlace]) -> None:
        self._destination, self._outputs, self._index = destination, outputs, load_pack_index(destination)
        self._places = np.full((len(outputs), 2), _UNKNOWN, np.int64)  # begin and size in the pack
        self._in_pack: dict[str, list[int]] = {}
        self._stamps: dict[str, tuple[int, int]] = {}
        for number, place in enumerate(outputs):
            if place.pack is not None:
                self._in_pack.setdefault(place.pack, []).append(number)
        if not self._in_pack:
            return
        if self._index is None:
            raise lost_pack_index(destination)
        if self._index.format == ARRAYS:
            raise UsageError(
                f"no {DATASET} in {str(destination)!r}, whose images are in {next(iter(self._in_pack))!r}: run ics "
                "compress again, which completes what was interrupted"
            )

    def read(self, numbers: Sequence[int]) -> list[bytes]:
        """Return the bytes of outputs, in the order of their numbers.

        Raises
        ------
        OSError
            If one cannot be read, is gone, or has another size; the message names it.
        """
        found: dict[int, bytes] = {}
        in_packs: dict[str, set[int]] = {}
        for number in numbers:
            place = self._outputs[number]
            if place.pack in self._in_pack:
                in_packs.setdefault(place.pack, set()).add(number)
            elif number not in found:
                found[number] = self._file(place)
        for pack, here in in_packs.items():
            with self._destination.at(pack).open() as file:
                self._look_through(pack, file)
                found |= {number: self._part(file, number) for number in sorted(here, key=self._begin_of)}
        return [found[number] for number in numbers]

    def _file(self, place: OutputPlace) -> bytes:
        """Return the bytes of an output that is a file."""
        folder = self._destination if self._index is None else self._destination / UNPACKED
        data = (folder / place.output).read_bytes(place.bytes + 1)
        if len(data) != place.bytes:
            raise OSError(
                f"the size of {place.output!r} is not the {place.bytes} bytes in the manifest: run ics compress again"
            )
        return data

    def _begin_of(self, number: int) -> int:
        return int(self._places[number, 0])

    def _part(self, file: BinaryIO, number: int) -> bytes:
        """Return the bytes of an output from its pack; their size is compared before memory is taken."""
        place, (begin, size) = self._outputs[number], self._places[number].tolist()
        if begin != _UNKNOWN and size == place.bytes:
            file.seek(begin)
            data = file.read(size)
            if len(data) == size:
                return data
        raise FileNotFoundError(f"the pack {place.pack!r} does not hold the {place.bytes} bytes of {place.output!r}")

    def _look_through(self, pack: str, file: BinaryIO) -> None:
        """Find where the images of a pack lie, unless that is known of this very file; the first of a name counts."""
        status = os.fstat(file.fileno())
        stamp = status.st_size, status.st_mtime_ns
        if self._stamps.get(pack) == stamp:
            return
        assert self._index is not None  # noqa: S101 - without it no pack is known
        wanted, numbers = self._names_of(pack), self._in_pack[pack]
        found: dict[int, list[int]] = {}
        for name, *place in FILE_FORMATS[self._index.format].places(file):
            number = wanted.get(name, wanted.get(from_utf8_name(name), _UNKNOWN))
            if number != _UNKNOWN and found.setdefault(number, place) is place and len(found) == len(numbers):
                break
        nowhere = [_UNKNOWN, _UNKNOWN]
        # At once: other threads may read at the same time.
        self._places[numbers] = [found.get(number, nowhere) for number in numbers]
        self._stamps[pack] = stamp

    def _names_of(self, pack: str) -> dict[str, int]:
        """Return the numbers of the outputs of a pack by their names there, or by their paths in an older manifest."""
        assert self._index is not None  # noqa: S101 - as above
        wanted: dict[str, int] = {}
        for number in self._in_pack[pack]:
            place = self._outputs[number]
            wanted[place.member or PACK_FORMATS[self._index.format].member(place.output, place.sample)] = number
            if not place.member:
                wanted.setdefault(place.output, number)
        return wanted


def read_output(destination: RootedPath, place: OutputPlace) -> bytes:
    """Return the bytes of one output, from its file or its pack, also from arrays.

    Raises
    ------
    OSError
        If it cannot be read, is gone, or has another size.
    """
    index = load_pack_index(destination)
    if index is None or index.format != ARRAYS or place.pack is None:
        return OutputReader(destination, [place]).read([0])[0]
    wanted = PACK_FORMATS[ARRAYS].member(place.output)
    with ArrayReader(destination.at, place.pack, index.form) as reader:
        for number, member in enumerate(reader.names()):
            if member == wanted:
                return reader.image(number)
    raise FileNotFoundError(f"the pack {place.pack!r} does not hold {place.output!r}: run ics compress again")
