"""Verifies packs against ``shards.json``, and every image in them against its manifest row."""

from __future__ import annotations

import hashlib
import os
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING, Any

from icsys.errors import UsageError
from icsys.files.atomic import is_temporary
from icsys.layout import DATASET, PACK_INDEX, STAGED_PACKS, UNPACKED, is_array_name, is_staged_name, staged_name
from icsys.packs.assignment import PackAssigner
from icsys.packs.formats import PACK_FORMATS, format_of_pack, read_pack
from icsys.packs.install_packs import placed_companions
from icsys.records.dataset_json import damaged_blocks, read_dataset_json
from icsys.records.manifest import DONE, STALE
from icsys.records.pack_index import load_pack_index
from icsys.results import COMPANIONS
from icsys.verify.fault import Fault, Finding
from icsys.verify.image_files import file_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from icsys.files.rooted_path import RootedPath
    from icsys.packs.formats import PackNames
    from icsys.records.pack_index import PackIndex
    from icsys.verify.journal_table import JournalTable

_BESIDE = "."
"""Stands for the folder of the packs, where others stand for the names of packs."""


class Packs:
    """The packs of an output folder, from ``shards.json`` and from the manifest rows of their images.

    Attributes
    ----------
    names
        Names of all expected packs; None for a folder of single files.
    faults
        Faults of ``shards.json``.
    """

    def __init__(self, destination: RootedPath) -> None:
        self.faults: list[Fault] = []
        self.names: list[str] | None = None
        self._destination = destination
        self._index: PackIndex | None = None
        self._settling: dict[str, str] = {}  # names of companions in packs that move into their places
        self._is_there = (destination / PACK_INDEX).exists()
        try:
            self._index = load_pack_index(destination)
        except (UsageError, OSError):
            self.faults.append(Fault(Finding.CHANGED, PACK_INDEX))
        packs = self._index.packs if self._index else []
        self._packs = {pack.name: pack for pack in packs if _format_of(pack.name)}
        if len(self._packs) < len(packs):
            self.faults.append(Fault(Finding.CHANGED, PACK_INDEX))

    @property
    def _is_settling(self) -> bool:
        """Whether a run was killed while packs moved into their places."""
        return self._index is not None and self._index.state == "written"

    @property
    def pack_of(self) -> Callable[[dict[str, Any]], str | None]:
        """Function that returns the pack of an image or companion by its row; called in the order of the manifest."""
        if self._is_settling and self._index is not None:
            index, companions = self._index, placed_companions(self._destination, self._index)
            assigner = PackAssigner(index, companions)
            pack_format = PACK_FORMATS[index.format]

            def new_pack_of(row: dict[str, Any]) -> str | None:
                if row.get("kind") not in COMPANIONS:
                    return assigner.next(row)
                place = companions.place_of(row, pack_format) if row["status"] == DONE else None
                self._settling.update({} if place is None else {row["file_name"]: place[1]})
                return self._single(row) if place is None else place[0]

            return new_pack_of
        return lambda row: row["shard"] if _format_of(row.get("shard") or "") else self._single(row)

    def _single(self, row: Mapping[str, Any]) -> str | None:
        """Return the mark of files beside the packs if the output of a row is one."""
        return _BESIDE if row["file_name"] in self.single_files else None

    @property
    def single_files(self) -> frozenset[str]:
        """Companions that are single files beside the packs."""
        return frozenset(self._index.files if self._index else ())

    @property
    def kept(self) -> list[str] | None:
        """Names of all packs that ICS wrote, including packs that a killed run had yet to remove."""
        return None if self.names is None else self.names + (self._index.old if self._index else [])

    def compare(self, table: JournalTable) -> None:
        """Compare ``shards.json`` with the manifest, and load the packages that the packs need.

        Raises
        ------
        MissingExtraError
            If one of them is not installed.
        """
        recorded = [name for name in table.packs if name != _BESIDE]
        if not (self._is_there or recorded):
            return
        if not self._is_there:
            self.faults.append(Fault(Finding.MISSING, PACK_INDEX))
        elif self._index is not None and not self._packs.keys() >= set(recorded):
            self.faults.append(Fault(Finding.CHANGED, PACK_INDEX))
        self.names = sorted({*self._packs, *recorded})
        for pack_format in {_format_of(name) for name in self.names}:
            assert pack_format is not None  # noqa: S101 - names without a format were left out
            pack_format.prepare()

    def _was_stopped(self, table: JournalTable) -> bool:
        """Whether a run was stopped before packing: packs may hold images that no row records any more."""
        staged = (entry.name for entry in (self._destination / STAGED_PACKS).entries())
        return (
            table.has_files or bool(table.pending) or any(is_temporary(name) or is_staged_name(name) for name in staged)
        )

    def single_file_rows(self, table: JournalTable) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of single files beside the packs, some hundred at a time."""
        return table.packed(_BESIDE)

    def single_file_faults(self, rows: Sequence[dict[str, Any]], table: JournalTable) -> list[Fault]:
        """Return the faults of single files; a stopped run may have left some of them where it wrote them."""
        unpacked = self._destination / UNPACKED
        left = [row for row in rows if (unpacked / row["file_name"]).is_file()]
        moved = [row for row in rows if row not in left]
        return file_faults(unpacked, left, table.written) + file_faults(self._destination, moved, table.written)

    def faults_of(self, name: str, table: JournalTable) -> list[Fault]:
        """Return the faults of a pack, of its images and of their companions.

        One without a row is foreign, unless a run was stopped that had yet to remove it.
        """
        path = self._place(name)
        pack_format = _format_of(name)
        assert pack_format is not None  # noqa: S101 - likewise
        expected = {self._member(row, pack_format): row for row in chain.from_iterable(table.packed(name))}
        found: list[Fault] = []
        was_killed = self._was_stopped(table)
        pack = self._packs.get(name)
        try:
            is_intact = pack is None or path.sha256() == pack.sha256
            if not is_intact:
                found.append(Fault(Finding.CHANGED, name))
                found.extend(self._damaged_blocks(path, name))
            counts = {True: 0, False: 0}  # companions, images
            has_unknown = False
            with path.open() as file, closing(read_pack(self._place, name, self._index)) as members:
                for member, data in members:
                    row = expected.pop(member, None)
                    if row is None and pack_format.is_facts(member):
                        continue
                    counts[row is not None and row.get("kind") in COMPANIONS] += 1
                    if row is None:
                        has_unknown = True
                        found.extend([] if was_killed else [Fault(Finding.FOREIGN, f"{name}/{member}")])
                    elif len(data) != row["bytes"] or hashlib.sha256(data).hexdigest() != row["sha256"]:
                        found.append(Fault(Finding.CHANGED, row["file_name"]))
                size = file.seek(0, os.SEEK_END)
            is_counted = pack is None or (pack.companions, pack.images, pack.bytes) == (
                counts[True],
                counts[False],
                size,
            )
            if is_intact and not is_counted and not (was_killed and has_unknown):
                found.append(Fault(Finding.CHANGED, PACK_INDEX))
        except (FileNotFoundError, NotADirectoryError):
            found.append(Fault(Finding.MISSING, name))
        except OSError:
            found.append(Fault(Finding.CHANGED, name))
        lacking = (row["file_name"] for row in expected.values() if row["status"] != STALE)
        found.extend(Fault(Finding.MISSING, output) for output in lacking)
        return found

    def _place(self, name: str) -> RootedPath:
        """Return where a pack is: if packs move into their places, perhaps still among the staged ones."""
        staged = self._destination / STAGED_PACKS / staged_name(name)
        return staged if self._is_settling and staged.exists() else self._destination / name

    def _damaged_blocks(self, path: RootedPath, name: str) -> list[Fault]:
        """Return a fault for each damaged block of a file of arrays, if ``dataset.json`` tells."""
        if not is_array_name(name) or name == DATASET:
            return []
        try:
            values = read_dataset_json(self._place(DATASET))
        except OSError:
            return []
        return [Fault(Finding.CHANGED, f"{name}: {block}") for block in damaged_blocks(path, values, name)]

    def _member(self, row: Mapping[str, Any], pack_format: PackNames) -> str:
        """Return the name of an image or companion in its pack, given its manifest row."""
        member = self._settling.get(row["file_name"], row.get("member"))
        if isinstance(member, str):
            return member
        sample = row.get("sample")
        return pack_format.member(row["file_name"], sample if isinstance(sample, str) else "")


def _format_of(name: str) -> PackNames | None:
    """Return the format of a pack by its name; None if no format has such names."""
    found = format_of_pack(name)
    return None if found is None else PACK_FORMATS[found]
