"""The companions in a manifest, found by their images: masks, annotations and sidecars that go into packs.

The rows of a manifest are sorted by source, so those of an image and of its mask may lie far apart. In memory are some
40 bytes for each companion; the rows stay on the disk. A manifest without companions is only looked through.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.files.bounded_lines import lines_of
from icsys.packs.companion_names import column_of, in_order, mask_names, name_of, names_of, role_of
from icsys.packs.formats import member_name
from icsys.records.manifest import DONE, from_line, is_done_image
from icsys.records.row_columns import columns_from_line
from icsys.results import COMPANIONS, MASK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from io import BufferedRandom

    from icsys.files.rooted_path import RootedPath
    from icsys.packs.formats import PackNames

_KIND = re.compile(rf'"kind": "(?:{"|".join(COMPANIONS)})"'.encode())
_NONE = -1


def companion_in(line: bytes) -> dict[str, Any] | None:
    """Return the row in a line if it is that of a companion, done or stale; None for other lines."""
    row = from_line(line) if _KIND.search(line) else None
    return row if row is not None and row.get("kind") in COMPANIONS else None


class NamedCompanion(NamedTuple):
    """A companion of an image: its manifest row, and its name, which no other companion of the image has."""

    row: dict[str, Any]
    name: str


class Companions:
    """The companions in a manifest that are done.

    Parameters
    ----------
    manifest
        It may be replaced by another file once :meth:`close` was called.

    Attributes
    ----------
    columns
        The columns that they have in Parquet, sorted, each with whether it holds masks.
    """

    def __init__(self, manifest: RootedPath) -> None:
        self._manifest = manifest
        self._file: BufferedRandom | None = None
        self._about_many: list[str] = []
        self._many_positions: list[int] = []
        self._packs: list[str] = []  # names
        self._numbers: dict[str, int] = {}  # of packs
        found = sorted(self._read())
        self._keys = array("q", (key for key, _, _ in found))
        self._positions = array("q", (position for _, position, _ in found))
        self._sizes = array("q", (size for _, _, size in found))
        self._owners = array("q", [_NONE]) * len(found)  # position of the row of the image
        self._pack_numbers = array("l", [_NONE]) * len(found)
        self._parts: dict[tuple[str, str], set[str]] = {}
        self._masks: Mapping[str, str] = {}
        self.columns: dict[str, bool] = {}
        if found:
            self._find_owners()

    def __del__(self) -> None:
        self.close()

    def __len__(self) -> int:
        """Return the number of companions of one image."""
        return len(self._keys)

    def of(self, row: Mapping[str, Any]) -> list[NamedCompanion]:
        """Return the companions of the image of a manifest row, in their order in packs."""
        first, last = self._range(row["source_path"])
        if first == last:
            return []
        owner = self._row(self._owners[first]) if self._owners[first] != _NONE else {}
        if owner.get("file_name") != row["file_name"]:
            return []
        rows = self._rows(row["source_path"])
        return list(map(NamedCompanion, rows, self._names(row, rows)))

    def size_of(self, row: Mapping[str, Any]) -> int:
        """Return the bytes of the companions of the image of a manifest row."""
        first, last = self._range(row["source_path"])
        return sum(self._sizes[first:last]) if first < last else 0

    def note(self, row: Mapping[str, Any], pack: str) -> None:
        """Note the pack of the image of a manifest row, which is that of its companions, too."""
        first, last = self._range(row["source_path"])
        if first < last and self._pack_numbers[first] == _NONE:  # the first output of a source has its companions
            number = self._numbers.setdefault(pack, len(self._packs))
            self._packs.extend([pack] if number == len(self._packs) else [])
            self._pack_numbers[first:last] = array("l", [number]) * (last - first)

    def place_of(self, row: Mapping[str, Any], pack_format: PackNames) -> tuple[str, str] | None:
        """Return the pack of a companion, once it is noted, and its name there.

        None if it is in no pack, because it is about many images, or its image has no output.
        """
        first, last = self._range(row["picture"]) if row["picture"] else (0, 0)
        if first == last or self._pack_numbers[first] == _NONE:
            return None
        image = self._row(self._owners[first])
        rows = self._rows(row["picture"])
        names = dict(zip((other["file_name"] for other in rows), self._names(image, rows), strict=True))
        member = pack_format.companion(member_name(image, pack_format), names[row["file_name"]])
        return self._packs[self._pack_numbers[first]], member

    def all(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of the companions of one image."""
        return map(self._row, self._positions)

    def about_many(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of the companions about many images, in the order of the manifest."""
        return map(self._row, self._many_positions)

    def single_files(self) -> list[str]:
        """Return the outputs that are in no pack, once all packs are noted; sorted."""
        lonely = (self._row(self._positions[i]) for i, number in enumerate(self._pack_numbers) if number == _NONE)
        return sorted([*self._about_many, *(row["file_name"] for row in lonely)])

    def close(self) -> None:
        """Close the manifest."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _read(self) -> Iterator[tuple[int, int, int]]:
        """Yield a hash of the image, position and size of each companion of one image."""
        with suppress(FileNotFoundError, NotADirectoryError), self._manifest.open() as file:
            for position, line in lines_of(file):
                row = companion_in(line)
                if row is None or row["status"] != DONE:
                    continue
                if row["picture"]:
                    yield hash(row["picture"]), position, row["bytes"]
                else:
                    self._about_many.append(row["file_name"])
                    self._many_positions.append(position)

    def _find_owners(self) -> None:
        """Find the rows of the images, and name the companions."""
        roles, others = set[str](), set[str]()
        with self._manifest.open() as file:
            for position, line in lines_of(file):
                row = columns_from_line(line)
                if row is None or not is_done_image(row):
                    continue
                self._note_sample(row)
                first, last = self._range(row["source_path"])
                if first == last or self._owners[first] != _NONE:
                    continue
                self._owners[first:last] = array("q", [position]) * (last - first)
                for one in self._rows(row["source_path"]):
                    if one["kind"] == MASK:
                        roles.add(role_of(one["file_name"], row["file_name"]))
                    else:
                        others.add(column_of(name_of(one, row["file_name"])))
        self._masks = mask_names(sorted(roles), others)
        before = _NONE
        for owner in self._owners:
            if owner not in {before, _NONE}:
                for companion in self.of(self._row(owner)):
                    self.columns[column_of(companion.name)] = companion.row["kind"] == MASK
            before = owner
        self.columns = dict(sorted(self.columns.items()))

    def _note_sample(self, row: Mapping[str, Any]) -> None:
        """Note the names of images that share the key of their sample."""
        if row.get("sample"):
            folder, _, base = row["file_name"].rpartition("/")
            self._parts.setdefault((folder, row["sample"]), set()).add(base[len(row["sample"]) + 1 :].lower())

    def _names(self, image: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
        taken: set[str] = set()
        if image.get("sample"):
            parts = self._parts.get((image["file_name"].rpartition("/")[0], image["sample"]), ())
            taken = {*parts, *(part.rpartition(".")[0] + ".json" for part in parts)}
        return names_of(rows, image["file_name"], self._masks, taken)

    def _rows(self, source: str) -> list[dict[str, Any]]:
        """Return the rows of the companions of an image."""
        first, last = self._range(source)
        rows = (self._row(position) for position in self._positions[first:last])
        return in_order([row for row in rows if row.get("picture") == source])

    def _range(self, source: str) -> tuple[int, int]:
        if not self._keys:
            return 0, 0
        key = hash(source)
        first = bisect_left(self._keys, key)
        return first, bisect_right(self._keys, key, first)

    def _row(self, position: int) -> dict[str, Any]:
        if self._file is None:
            self._file = self._manifest.open()
        self._file.seek(position)
        return from_line(self._file.readline()) or {}
