"""Verifies packs against ``shards.json``, and every image in them against its manifest row."""

from __future__ import annotations

import hashlib
import os
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING, Any

from icsys.errors import UsageError
from icsys.files.atomic import is_temporary
from icsys.layout import PACK_INDEX, PACKS, STAGED_PACKS, is_pack_name
from icsys.packs.assignment import PackAssigner
from icsys.packs.formats import PACK_FORMATS
from icsys.records.manifest import STALE
from icsys.records.pack_index import load_pack_index
from icsys.verify.fault import Fault, Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from icsys.files.rooted_path import RootedPath
    from icsys.packs.formats import PackFormat
    from icsys.records.pack_index import PackIndex
    from icsys.verify.journal_table import JournalTable

_BY_SUFFIX = {pack_format.suffix: pack_format for pack_format in PACK_FORMATS.values()}


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
        """Function that returns the pack of an image, given its manifest row; called in the order of the manifest."""
        if self._is_settling and self._index is not None:
            return PackAssigner(self._index).next
        return lambda row: row["shard"] if _format_of(row.get("shard") or "") else None

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
        recorded = table.packs
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
            table.has_files
            or bool(table.pending)
            or any(is_temporary(name) or is_pack_name(f"{PACKS}/{name}") for name in staged)
        )

    def faults_of(self, name: str, table: JournalTable) -> list[Fault]:
        """Return the faults of a pack and of its images.

        An image without a row is foreign, unless a run was stopped that had yet to remove it.
        """
        path, staged = self._destination / name, self._destination / STAGED_PACKS / name.rpartition("/")[2]
        if self._is_settling and staged.exists():
            path = staged
        pack_format = _format_of(name)
        assert pack_format is not None  # noqa: S101 - likewise
        expected = {_recorded_member(row, pack_format): row for row in chain.from_iterable(table.packed(name))}
        found: list[Fault] = []
        was_killed = self._was_stopped(table)
        pack = self._packs.get(name)
        try:
            is_intact = pack is None or path.sha256() == pack.sha256
            if not is_intact:
                found.append(Fault(Finding.CHANGED, name))
            images = 0
            with path.open() as file, closing(pack_format.read(file)) as members:
                for member, data in members:
                    images += 1
                    row = expected.pop(member, None)
                    if row is None:
                        found.extend([] if was_killed else [Fault(Finding.FOREIGN, f"{name}/{member}")])
                    elif len(data) != row["bytes"] or hashlib.sha256(data).hexdigest() != row["sha256"]:
                        found.append(Fault(Finding.CHANGED, row["file_name"]))
                size = file.seek(0, os.SEEK_END)
            if pack is not None and is_intact and (pack.images, pack.bytes) != (images, size):
                found.append(Fault(Finding.CHANGED, PACK_INDEX))
        except (FileNotFoundError, NotADirectoryError):
            found.append(Fault(Finding.MISSING, name))
        except OSError:
            found.append(Fault(Finding.CHANGED, name))
        lacking = (row["file_name"] for row in expected.values() if row["status"] != STALE)
        found.extend(Fault(Finding.MISSING, output) for output in lacking)
        return found


def _recorded_member(row: Mapping[str, Any], pack_format: PackFormat) -> str:
    """Return the name of an image in its pack, given its manifest row."""
    member = row.get("member")
    if isinstance(member, str):
        return member
    sample = row.get("sample")
    return pack_format.member(row["file_name"], sample if isinstance(sample, str) else "")


def _format_of(name: str) -> PackFormat | None:
    """Return the format of a pack by the suffix of its name; None if no format has that suffix."""
    return _BY_SUFFIX.get(f".{name.rpartition('.')[2]}")
