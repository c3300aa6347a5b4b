"""Shards of many images, held against ``shards.json``, and every image in them against its line of the journal."""

from __future__ import annotations

import hashlib
import os
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from icsys.dataset.fault import Fault, Finding
from icsys.dataset.index import load_index
from icsys.dataset.layout import INDEX, STAGE
from icsys.dataset.manifest import STALE
from icsys.dataset.packing import packing_of
from icsys.dataset.placing import Places
from icsys.errors import UsageError
from icsys.options import PACKINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from icsys.dataset.account import Account
    from icsys.dataset.index import Index
    from icsys.dataset.packing import Packing
    from icsys.dataset.rooted import RootedPath


@dataclass(slots=True)
class Look:
    """What came of a look into a shard.

    Attributes
    ----------
    faults
        What is wrong with it and its images.
    strangers
        The members of which no line tells that they lie in there, as shard and name.
    """

    faults: list[Fault] = field(default_factory=list)
    strangers: list[tuple[str, str]] = field(default_factory=list)


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
        self._index: Index | None = None
        self._is_there = (destination / INDEX).exists()
        try:
            self._index = load_index(destination)
        except (UsageError, OSError):
            self.faults.append(Fault(Finding.CHANGED, INDEX))
        shards = self._index.shards if self._index else []
        self._shards = {shard.name: shard for shard in shards if _packing_of(shard.name)}
        if len(self._shards) < len(shards):
            self.faults.append(Fault(Finding.CHANGED, INDEX))

    @property
    def _is_settling(self) -> bool:
        """Whether a run was killed while shards took their places, before or after the journal told of them."""
        return self._index is not None and self._index.state == "written"

    @property
    def place(self) -> Callable[[dict[str, Any]], str | None]:
        """What tells by its line in which shard an image lies; asked in the order of the journal."""
        if self._is_settling and self._index is not None:
            return Places(self._index).next
        return lambda row: row["shard"] if _packing_of(row.get("shard") or "") else None

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
            self.faults.append(Fault(Finding.MISSING, INDEX))
        elif self._index is not None and not self._shards.keys() >= set(told):
            self.faults.append(Fault(Finding.CHANGED, INDEX))
        self.names = sorted({*self._shards, *told})
        for packing in {_packing_of(name) for name in self.names}:
            assert packing is not None  # noqa: S101 - others are left out
            packing.prepare()

    def look(self, name: str, account: Account) -> Look:
        """Hold a shard against what is told of it, and its images against their lines."""
        path, staged = self._destination / name, self._destination / STAGE / name.rpartition("/")[2]
        if self._is_settling and staged.exists():
            path = staged
        packing = _packing_of(name)
        assert packing is not None  # noqa: S101 - as above
        expected = {member_of(row, packing): row for row in chain.from_iterable(account.packed(name))}
        found = Look()
        shard = self._shards.get(name)
        try:
            is_intact = shard is None or _sha256(path) == shard.sha256
            if not is_intact:
                found.faults.append(Fault(Finding.CHANGED, name))
            images = 0
            with path.open() as file, closing(packing.read(file)) as members:
                for member, data in members:
                    images += 1
                    row = expected.pop(member, None)
                    if row is None:
                        found.strangers.append((name, member))
                    elif len(data) != row["bytes"] or hashlib.sha256(data).hexdigest() != row["sha256"]:
                        found.faults.append(Fault(Finding.CHANGED, row["file_name"]))
                size = file.seek(0, os.SEEK_END)
            if shard is not None and is_intact and (shard.images, shard.bytes) != (images, size):
                found.faults.append(Fault(Finding.CHANGED, INDEX))
        except (FileNotFoundError, NotADirectoryError):
            found.faults.append(Fault(Finding.MISSING, name))
        except OSError:
            found.faults.append(Fault(Finding.CHANGED, name))
        lacking = (row["file_name"] for row in expected.values() if row["status"] != STALE)
        found.faults.extend(Fault(Finding.MISSING, output) for output in lacking)
        return found

    def foreign(self, strangers: Iterable[tuple[str, str]], account: Account) -> Iterator[Fault]:
        """Find the members that are of no image: one that was done anew since lies in a file as long as it does."""
        left = list(strangers)
        if left:
            packings = [packing for packing in {_packing_of(pack) for pack, _ in left} if packing]
            rows = chain.from_iterable(account.files())
            again = {member_of(row, packing) for row in rows for packing in packings}
            left = [(pack, member) for pack, member in left if member not in again]
        for pack, member in left:
            yield Fault(Finding.FOREIGN, f"{pack}/{member}")


def member_of(row: Mapping[str, Any], packing: Packing) -> str:
    """Return the name that the image of a line has in its shard."""
    member = row.get("member")
    if isinstance(member, str):
        return member
    sample = row.get("sample")
    return packing.member(row["file_name"], sample if isinstance(sample, str) else "")


def _packing_of(name: str) -> Packing | None:
    """Return the format of a shard by its name; None where it has that of none."""
    return _packings().get(f".{name.rpartition('.')[2]}")


@cache
def _packings() -> dict[str, Packing]:
    return {packing.SUFFIX: packing for packing in map(packing_of, PACKINGS)}


def _sha256(path: RootedPath) -> str:
    with path.open() as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
