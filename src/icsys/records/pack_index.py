"""``shards.json``: which shards a folder holds, and how far they are on the way into their places."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from icsys.choices import PACKINGS
from icsys.errors import UsageError
from icsys.files.atomic import write_json
from icsys.files.parsing import from_json, read_json
from icsys.layout import PACK_INDEX, is_pack_name

if TYPE_CHECKING:
    from icsys.files.rooted_path import RootedPath
    from icsys.records.classes import Classes

STATES = ("empty", "written", "complete")


@dataclass(frozen=True, slots=True)
class Pack:
    """One file of many images, by its path below the destination."""

    name: str
    images: int
    bytes: int
    sha256: str


@dataclass(slots=True, kw_only=True)
class PackIndex:
    """What ``shards.json`` says.

    Attributes
    ----------
    format
        Of the shards.
    state
        "empty" before the first shard is written, "written" when all are beside the places that they are to take,
        "complete" when they are in them.
    shard_images, shard_bytes
        The most that one of them holds.
    classes
        The names of the classes in the order of their numbers.
    numbers
        Their numbers, where those are not 0, 1, 2 …
    are_named
        Whether the names are more than the numbers in digits.
    shards
        The files.
    old
        Files of earlier runs whose places none of them takes.
    """

    format: str
    state: str = "empty"
    shard_images: int = 0
    shard_bytes: int = 0
    classes: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    are_named: bool = True
    shards: list[Pack] = field(default_factory=list)
    old: list[str] = field(default_factory=list)

    def take(self, classes: Classes) -> None:
        """Take in the classes of the images."""
        self.classes, self.are_named = classes.names, classes.are_named
        self.numbers = [] if classes.are_counted else classes.numbers


def load_pack_index(destination: RootedPath) -> PackIndex | None:
    """Read what an earlier run has said of its shards."""
    path = destination / PACK_INDEX
    try:
        return _index_of(read_json(path))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{str(path)!r} is not what ics has written ({error}): expected another destination") from None


def class_table(text: bytes) -> list[str]:
    """Return the names of classes by their numbers, as far as these follow one another, out of a file of this kind.

    None where the classes only have numbers, and where the file is none.
    """
    try:
        index = _index_of(from_json(text))
    except (ValueError, TypeError, KeyError):
        return []
    if not index.are_named:
        return []
    numbers = index.numbers or range(len(index.classes))
    return [name for i, (number, name) in enumerate(zip(numbers, index.classes, strict=True)) if number == i]


def _index_of(values: dict[str, Any]) -> PackIndex:
    """Take an index as JSON holds it; ValueError, TypeError or KeyError if it is none."""
    values["shards"] = [Pack(**shard) for shard in values["shards"]]
    index = PackIndex(**values)
    _check(index)
    return index


def _check(index: PackIndex) -> None:
    """Refuse values that lead elsewhere: files are removed by their names here, and a module is loaded by one."""
    numbers = [
        index.shard_images,
        index.shard_bytes,
        *(n for shard in index.shards for n in (shard.images, shard.bytes)),
        *index.numbers,
    ]
    names = [*index.old, *(shard.name for shard in index.shards)]
    if not (
        index.format in PACKINGS
        and index.state in STATES
        and all(type(number) is int for number in numbers)
        and index.are_named in {True, False}
        and len(index.numbers) in {0, len(index.classes)}
        and all(isinstance(text, str) for text in (*index.classes, *(shard.sha256 for shard in index.shards)))
        and all(map(is_pack_name, names))
    ):
        raise ValueError("a value is none of those that it writes")


def save_pack_index(destination: RootedPath, index: PackIndex) -> None:
    """Write what there is to say, onto the disk."""
    write_json(destination / PACK_INDEX, asdict(index))
    destination.sync()
