"""What a format of shards is: a module that writes and reads one file of many images."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping
    from typing import Any, BinaryIO

    from icsys.packs.sample import Sample
    from icsys.records.classes import Classes


class Packing(Protocol):
    """What a format of shards is: a module."""

    SUFFIX: str

    def prepare(self) -> object:
        """Load what it needs, and raise MissingExtraError if that is not installed."""

    def member(self, file_name: str, sample: str = "") -> str:
        """Return the name of an image in a shard, by its path and the name of its sample."""

    def write(self, file: BinaryIO, samples: Iterable[Sample], classes: Classes) -> None:
        """Write samples of a dataset with these classes."""

    def read(self, file: BinaryIO) -> Generator[tuple[str, bytes]]:
        """Yield the images of a shard with their names, in their order; OSError if it cannot be read."""


def packing_of(format: str) -> Packing:  # noqa: A002 - the option's name
    """Return the module of a format of shards; a run that writes files needs none."""
    module: Packing = import_module(f"icsys.packs.{format}")
    return module


def member_of(row: Mapping[str, Any], packing: Packing) -> str:
    """Return the name that the image of a line is to have in its shard."""
    return packing.member(row["file_name"], row.get("sample") or "")
