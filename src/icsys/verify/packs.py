"""Shards of many images, held against ``shards.json``, and every image in them against its line of the journal."""

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
    from icsys.verify.journal_table import Account

_BY_SUFFIX = {pack_format.suffix: pack_format for pack_format in PACK_FORMATS.values()}


class Packs:
    """The shards of an output folder, by ``shards.json`` and by the lines of their images.

    Attributes
    ----------
    names
        Of all shards there should be; None of a folder whose outputs are files.
    faults
        What is wrong with ``shards.json``.
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
        shards = self._index.shards if self._index else []
        self._shards = {shard.name: shard for shard in shards if _format_of(shard.name)}
        if len(self._shards) < len(shards):
            self.faults.append(Fault(Finding.CHANGED, PACK_INDEX))

    @property
    def _is_settling(self) -> bool:
        """Whether a run was killed while shards took their places, before or after the journal told of them."""
        return self._index is not None and self._index.state == "written"

    @property
    def place(self) -> Callable[[dict[str, Any]], str | None]:
        """What tells by its line in which shard an image lies; asked in the order of the journal."""
        if self._is_settling and self._index is not None:
            return PackAssigner(self._index).next
        return lambda row: row["shard"] if _format_of(row.get("shard") or "") else None

    @property
    def kept(self) -> list[str] | None:
        """Names of all shards that ICS has written, those included that a killed run was about to remove."""
        return None if self.names is None else self.names + (self._index.old if self._index else [])

    def compare(self, account: Account) -> None:
        """Take in which shards the journal tells of, and load what it takes to read them.

        Raises
        ------
        MissingExtraError
            If that is not installed.
        """
        told = account.packs
        if not (self._is_there or told):
            return
        if not self._is_there:
            self.faults.append(Fault(Finding.MISSING, PACK_INDEX))
        elif self._index is not None and not self._shards.keys() >= set(told):
            self.faults.append(Fault(Finding.CHANGED, PACK_INDEX))
        self.names = sorted({*self._shards, *told})
        for pack_format in {_format_of(name) for name in self.names}:
            assert pack_format is not None  # noqa: S101 - others are left out
            pack_format.prepare()

    def _is_open(self, account: Account) -> bool:
        """Whether a run was stopped that had images to pack: shards may hold some of which no line tells any more."""
        staged = (entry.name for entry in (self._destination / STAGED_PACKS).entries())
        return (
            account.has_files
            or bool(account.claims)
            or any(is_temporary(name) or is_pack_name(f"{PACKS}/{name}") for name in staged)
        )

    def look(self, name: str, account: Account) -> list[Fault]:
        """Hold a shard against what is told of it, and its images against their lines.

        A member of which no line tells is foreign, unless a run was stopped that had to remove it.
        """
        path, staged = self._destination / name, self._destination / STAGED_PACKS / name.rpartition("/")[2]
        if self._is_settling and staged.exists():
            path = staged
        pack_format = _format_of(name)
        assert pack_format is not None  # noqa: S101 - as above
        expected = {_recorded_member(row, pack_format): row for row in chain.from_iterable(account.packed(name))}
        found: list[Fault] = []
        is_open = self._is_open(account)
        shard = self._shards.get(name)
        try:
            is_intact = shard is None or path.sha256() == shard.sha256
            if not is_intact:
                found.append(Fault(Finding.CHANGED, name))
            images = 0
            with path.open() as file, closing(pack_format.read(file)) as members:
                for member, data in members:
                    images += 1
                    row = expected.pop(member, None)
                    if row is None:
                        found.extend([] if is_open else [Fault(Finding.FOREIGN, f"{name}/{member}")])
                    elif len(data) != row["bytes"] or hashlib.sha256(data).hexdigest() != row["sha256"]:
                        found.append(Fault(Finding.CHANGED, row["file_name"]))
                size = file.seek(0, os.SEEK_END)
            if shard is not None and is_intact and (shard.images, shard.bytes) != (images, size):
                found.append(Fault(Finding.CHANGED, PACK_INDEX))
        except (FileNotFoundError, NotADirectoryError):
            found.append(Fault(Finding.MISSING, name))
        except OSError:
            found.append(Fault(Finding.CHANGED, name))
        lacking = (row["file_name"] for row in expected.values() if row["status"] != STALE)
        found.extend(Fault(Finding.MISSING, output) for output in lacking)
        return found


def _recorded_member(row: Mapping[str, Any], pack_format: PackFormat) -> str:
    """Return the name that the image of a line has in its shard."""
    member = row.get("member")
    if isinstance(member, str):
        return member
    sample = row.get("sample")
    return pack_format.member(row["file_name"], sample if isinstance(sample, str) else "")


def _format_of(name: str) -> PackFormat | None:
    """Return the format of a pack by the suffix of its name; None if no format has that suffix."""
    return _BY_SUFFIX.get(f".{name.rpartition('.')[2]}")
