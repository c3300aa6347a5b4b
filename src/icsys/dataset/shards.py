"""A folder of shards: images are packed into files of many when a run ends, and found in them by the next.

While a run goes on, images are files below ``.ics-parts``, with all that holds for files. At its end they and those of
the shards that are there are written into new shards beside them. Then ``shards.json`` says so, which is the moment
from which the new ones count, and then they take the places of the old ones. Whatever happens before that moment leaves
the old shards and the parts, and the next run packs again; what happens after it, the next run puts to its end. So no
image is ever only in a place that is about to be written.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from contextlib import closing
from dataclasses import asdict, dataclass, field
from importlib import import_module
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol

from icsys.dataset.manifest import DONE, MANIFEST, read_rows, to_line
from icsys.dataset.sample import INFO, Sample
from icsys.dataset.whole import OURS, make_folders, remove_tree, sync_folder, whole_file, write_whole
from icsys.errors import UsageError
from icsys.options import PACKINGS

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

PARTS = f"{OURS}parts"
"""The folder below the destination in which images lie that are in no shard yet."""

INDEX = "shards.json"
FOLDER = "data"
_STAGE = f"{OURS}shards"

# The words by which Hugging Face's loaders know a split, and its name.
_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}


class Packing(Protocol):
    """What a format of shards is: a module."""

    SUFFIX: str

    def prepare(self) -> object:
        """Load what it needs, and raise MissingExtraError if that is not installed."""

    def member(self, file_name: str) -> str:
        """Return the name of an image in a shard."""

    def write(self, file: BinaryIO, samples: Iterable[Sample], classes: Sequence[str]) -> None:
        """Write samples."""

    def read(self, path: Path) -> Generator[tuple[str, bytes]]:
        """Yield the images of a shard with their names, in their order; OSError if it cannot be read."""


def packing_of(format: str) -> Packing:  # noqa: A002 - the option's name
    """Return the module of a format of shards; a run that writes files needs none."""
    module: Packing = import_module(f"icsys.dataset.{format}")
    return module


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of many images, by its path below the destination."""

    name: str
    images: int
    bytes: int


@dataclass(slots=True, kw_only=True)
class Index:
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
        The names of the classes by their numbers.
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
    shards: list[Shard] = field(default_factory=list)
    old: list[str] = field(default_factory=list)


class _Stopped(Exception):  # noqa: N818 - no error, but an end
    """The run is to end."""


def open_shards(destination: Path, format: str, *, read_only: bool) -> frozenset[str]:  # noqa: A002 - the option's name
    """Make a folder ready for images of a format, and return the shards in it that are whole.

    Parameters
    ----------
    destination
        Where the run writes; locked.
    format
        One of :data:`icsys.options.FORMATS`.
    read_only
        Look, but write nothing.

    Raises
    ------
    UsageError
        If the folder holds images of another kind: shards beside files, or shards of two formats.
    """
    index = _load(destination)
    found = f"{index.format} shards" if index else "image files" if (destination / MANIFEST).exists() else None
    wanted = f"{format} shards" if format in PACKINGS else "image files"
    if found not in {None, wanted}:
        raise UsageError(
            f"destination {str(destination)!r} holds {found} of an earlier run: for format={format!r} name another "
            "destination"
        )
    if format not in PACKINGS:
        return frozenset()
    if index is None:
        index = Index(format=format)
        if not read_only:
            _save(destination, index)
    if index.state == "written" and not read_only:
        _take_places(destination, index)
    return frozenset(shard.name for shard in index.shards if _size(destination / shard.name) == shard.bytes)


def pack(
    destination: Path,
    *,
    shard_images: int,
    shard_bytes: int,
    replace: bool,
    stop: threading.Event,
    tell: Callable[[], object],
) -> list[Shard]:
    """Pack the images of a folder that :func:`open_shards` has made ready, unless they lie in shards as they should.

    Shards are filled in the order of the sources, one sequence for each split. The same images give the same shards.

    Parameters
    ----------
    shard_images, shard_bytes
        The most images, and the most bytes of image files, that one shard holds; one image may have more.
    replace
        Whether files may be written over that ICS did not write.
    stop
        Once it is set, all stays as it is.
    tell
        Called before every shard.

    Returns
    -------
    list of Shard
        Those that hold the images now.

    Raises
    ------
    OSError
        If a shard cannot be written, or one that is there does not hold what the manifest says.
    """
    before = _load(destination)
    if before is None:
        raise FileNotFoundError(f"{INDEX} has vanished from {str(destination)!r}")
    after = Index(format=before.format, state="written", shard_images=shard_images, shard_bytes=shard_bytes)
    after.classes = sorted({row["label"] for row in _images(destination) if "label" in row})
    if not _is_packed(destination, before, after):
        _check_places(destination, before, after, replace=replace)
        try:
            after.shards = _write(destination, before, after, stop, tell)
        except _Stopped:
            remove_tree(destination / _STAGE)
            return before.shards
        names = {shard.name for shard in after.shards}
        after.old = sorted({*before.old, *(shard.name for shard in before.shards)} - names)
        sync_folder(destination / _STAGE)
        _save(destination, after)
        _take_places(destination, after)
        return after.shards
    remove_tree(destination / PARTS)
    return before.shards


def read_output(destination: Path, output: str, shard: str | None) -> bytes:
    """Return the bytes of an image that a run has written, wherever it lies.

    Parameters
    ----------
    output, shard
        ``file_name`` and ``shard`` of its line in the manifest; None where that has no ``shard``.

    Raises
    ------
    OSError
        If it cannot be read, or does not lie there any more.
    """
    index = _load(destination)
    if index is None or shard is None:
        return ((destination if index is None else destination / PARTS) / output).read_bytes()
    packing = packing_of(index.format)
    with closing(packing.read(destination / shard)) as images:
        for member, data in images:
            if member == packing.member(output):
                return data
    raise FileNotFoundError(f"the shard {shard!r} does not hold {output!r}")


def _is_packed(destination: Path, before: Index, after: Index) -> bool:
    """Tell whether every image lies in the shard where it belongs, and no other does."""
    settled = "complete", after.shard_images, after.shard_bytes, after.classes
    if (before.state, before.shard_images, before.shard_bytes, before.classes) != settled:
        return False
    counts: Counter[str] = Counter()
    for row, name in _placed(destination, after):
        if row.get("shard") != name:
            return False
        counts[name] += 1
    if counts != {shard.name: shard.images for shard in before.shards}:
        return False
    return all(_size(destination / shard.name) == shard.bytes for shard in before.shards)


def _check_places(destination: Path, before: Index, after: Index, *, replace: bool) -> None:
    """Refuse to write over files of others, and through a link."""
    if (destination / FOLDER).is_symlink():
        raise OSError(f"{FOLDER!r} is a link, through which nothing is written: move it away first")
    ours = {*before.old, *(shard.name for shard in before.shards)}
    for name in {name for _, name in _placed(destination, after)} - ours:
        if os.path.lexists(destination / name) and not replace:
            raise OSError(f"{name!r} is a file that ics did not write: move it away first, or --overwrite always")


def _write(
    destination: Path, before: Index, after: Index, stop: threading.Event, tell: Callable[[], object]
) -> list[Shard]:
    """Write all shards beside their places."""
    packing, stage = packing_of(after.format), destination / _STAGE
    remove_tree(stage)
    make_folders(stage)
    counts = Counter(name for _, name in _placed(destination, after))
    splits = sorted({_split(row["file_name"]) for row in _images(destination)})
    shards: list[Shard] = []
    with closing(_Finder(destination, packing, before)) as finder:
        for split in splits:
            placed = ((row, name) for row, name in _placed(destination, after) if _split(row["file_name"]) == split)
            for name, group in groupby(placed, key=itemgetter(1)):
                tell()
                staged = stage / name.rpartition("/")[2]
                with whole_file(staged) as file:
                    packing.write(file, _samples(map(itemgetter(0), group), packing, finder, stop), after.classes)
                shards.append(Shard(name, counts[name], staged.stat().st_size))
    return shards


def _samples(
    images: Iterable[dict[str, Any]], packing: Packing, finder: _Finder, stop: threading.Event
) -> Iterator[Sample]:
    """Bring together what a shard takes of images."""
    for row in images:
        if stop.is_set():
            raise _Stopped
        info = {name: row.get(name) for name in INFO}
        yield Sample(packing.member(row["file_name"]), finder.find(row), row.get("label"), info)


class _Finder:
    """Finds the bytes of images: in their files, or in the shards that are there.

    Images are asked for in the order in which earlier runs have put them into shards, so each shard is read once.
    """

    def __init__(self, destination: Path, packing: Packing, before: Index) -> None:
        self._destination, self._packing = destination, packing
        self._known = {shard.name for shard in before.shards}
        self._shard = ""
        self._images: Generator[tuple[str, bytes]] | None = None

    def find(self, row: dict[str, Any]) -> bytes:
        """Return the bytes that a line of the manifest tells of."""
        name, shard = row["file_name"], row.get("shard") or ""
        try:
            data = (self._destination / PARTS / name).read_bytes()
        except FileNotFoundError:
            data = self._from_shard(shard, self._packing.member(name)) if shard in self._known else b""
        if hashlib.sha256(data).hexdigest() != row["sha256"]:
            place = f"the shard {shard!r}" if shard else f"the folder {PARTS!r}"
            raise OSError(f"{place} does not hold {name!r} as the manifest tells: run again with --overwrite always")
        return data

    def _from_shard(self, shard: str, member: str) -> bytes:
        if shard != self._shard or self._images is None:
            self.close()
            self._shard, self._images = shard, self._packing.read(self._destination / shard)
        return next((data for name, data in self._images if name == member), b"")

    def close(self) -> None:
        """Let go of the shard that is open."""
        if self._images is not None:
            self._images.close()


def _take_places(destination: Path, index: Index) -> None:
    """Put shards that are written into their places, and tell so in the manifest; done twice, it does the same."""
    packing = packing_of(index.format)
    lines = (
        to_line(row | {"shard": name, "member": packing.member(row["file_name"])})
        for row, name in _placed(destination, index)
    )
    write_whole(destination / MANIFEST, lines)
    make_folders(destination / FOLDER)
    for shard in index.shards:
        staged = destination / _STAGE / shard.name.rpartition("/")[2]
        if staged.exists():
            staged.replace(destination / shard.name)
    for name in index.old:
        (destination / name).unlink(missing_ok=True)
    sync_folder(destination / FOLDER)
    index.state, index.old = "complete", []
    _save(destination, index)
    remove_tree(destination / _STAGE)
    remove_tree(destination / PARTS)


def _images(destination: Path) -> Iterator[dict[str, Any]]:
    """Read the lines of the images that belong into shards, in the order of their sources."""
    return (row for _, row in read_rows(destination / MANIFEST) if row.get("status") == DONE)


def _placed(destination: Path, index: Index) -> Iterator[tuple[dict[str, Any], str]]:
    """Return every line with the shard that its image belongs into."""
    at: dict[str, tuple[int, int, int]] = {}
    suffix = packing_of(index.format).SUFFIX
    for row in _images(destination):
        split = _split(row["file_name"])
        number, images, size = at.get(split, (0, 0, 0))
        if images and (images == index.shard_images or size + row["bytes"] > index.shard_bytes):
            number, images, size = number + 1, 0, 0
        at[split] = number, images + 1, size + row["bytes"]
        yield row, f"{FOLDER}/{split}-{number:05}{suffix}"


def _split(file_name: str) -> str:
    """Return the split of an image: what its folder at the top says, if that is a word for one, else train."""
    top, slash, _ = file_name.partition("/")
    return _SPLITS.get(top.casefold(), "train") if slash else "train"


def _size(path: Path) -> int | None:
    """Return the size of a file, or None."""
    try:
        return path.stat().st_size
    except OSError:
        return None


def _load(destination: Path) -> Index | None:
    """Read what an earlier run has said of its shards."""
    path = destination / INDEX
    try:
        values = json.loads(path.read_bytes())
        values["shards"] = [Shard(**shard) for shard in values["shards"]]
        return Index(**values)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{str(path)!r} is not what ics has written ({error}): expected another destination") from None


def _save(destination: Path, index: Index) -> None:
    values = asdict(index)
    write_whole(destination / INDEX, json.dumps(values, indent=2).encode() + b"\n")
    sync_folder(destination)
