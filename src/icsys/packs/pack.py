"""A folder of shards: images are packed into files of many when a run ends, and found in them by the next.

While a run goes on, images are files below ``.ics-parts``, with all that holds for files. At its end they and those of
the shards that are there are written into new shards beside them. Then ``shards.json`` says so, which is the moment
from which the new ones count, and then they take the places of the old ones. Whatever happens before that moment leaves
the old shards and the parts, and the next run packs again; what happens after it, the next run puts to its end. So no
image is ever only in a place that is about to be written.
"""

from __future__ import annotations

import hashlib
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from icsys.choices import PACKINGS
from icsys.errors import UsageError
from icsys.files.atomic import remove_tree, whole_file, write_whole
from icsys.layout import INDEX, MANIFEST, PACKS, PARTS, STAGE, is_pack_name
from icsys.packs.formats import member_of, packing_of
from icsys.packs.placing import Stopped, Survey, placed, split_of, survey
from icsys.packs.sample import INFO, Sample
from icsys.records.labels import from_columns
from icsys.records.manifest import STALE, read_rows, to_line
from icsys.records.pack_index import Pack, PackIndex, load_pack_index, save_pack_index
from icsys.sources.utf8_names import unheld

if TYPE_CHECKING:
    import os
    import threading
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from typing import BinaryIO

    from icsys.files.rooted_path import RootedPath
    from icsys.packs.formats import Packing
    from icsys.records.classes import Classes


_SETTLED = ("shard_images", "shard_bytes", "classes", "numbers", "are_named")


def open_shards(
    destination: RootedPath,
    format: str,  # noqa: A002 - the option's name
    *,
    read_only: bool,
    stop: threading.Event | None = None,
) -> frozenset[str]:
    """Make a folder ready for images of a format, and return the shards in it that are whole.

    Parameters
    ----------
    destination
        Where the run writes; locked.
    format
        One of :data:`icsys.choices.FORMATS`.
    read_only
        Look, but write nothing.
    stop
        Once it is set, images are left in files that lie in shards by now; a later run removes them.

    Raises
    ------
    UsageError
        If the folder holds images of another kind: shards beside files, or shards of two formats.
    """
    index = load_pack_index(destination)
    found = f"{index.format} shards" if index else "image files" if (destination / MANIFEST).is_file() else None
    wanted = f"{format} shards" if format in PACKINGS else "image files"
    if found not in {None, wanted}:
        raise UsageError(
            f"destination {str(destination)!r} holds {found} of an earlier run: for format={format!r} name another "
            "destination"
        )
    if format not in PACKINGS:
        return frozenset()
    if index is None:
        index = PackIndex(format=format)
        if not read_only:
            save_pack_index(destination, index)
    if index.state == "written" and not read_only:
        _take_places(destination, index, stop)
    written = _status(destination / INDEX)
    return frozenset(shard.name for shard in index.shards if _is_whole(destination, shard, written))


def pack(
    destination: RootedPath,
    *,
    shard_images: int,
    shard_bytes: int,
    table: Sequence[str] = (),
    replace: bool,
    stop: threading.Event,
    tell: Callable[[], object],
) -> list[Pack]:
    """Pack the images of a folder that :func:`open_shards` has made ready, unless they lie in shards as they should.

    Shards are filled in the order of the sources, one sequence for each split. The same images give the same shards.

    Parameters
    ----------
    shard_images, shard_bytes
        The most images, and the most bytes of image files, that one shard holds; one image may have more.
    table
        The names of the classes by their numbers, where the source tells them.
    replace
        Whether files may be written over that ICS did not write.
    stop
        Once it is set, all stays as it is, or nothing is left to do but to remove files that lie in shards by now.
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
    before = load_pack_index(destination)
    if before is None:
        raise FileNotFoundError(f"{INDEX} has vanished from {str(destination)!r}")
    after = PackIndex(format=before.format, state="written", shard_images=shard_images, shard_bytes=shard_bytes)
    try:
        found = survey(destination, after, table, stop)
        after.take(found.classes)
        if _is_packed(destination, before, after, found):
            _remove_stage(destination)
            _forget_stale(destination)
            _remove_parts(destination, stop)
            return before.shards
        _check_places(destination, before, found, replace=replace)
        after.shards = _write(destination, before, after, found, stop=stop, tell=tell)
    except Stopped:
        _remove_stage(destination)
        return before.shards
    after.old = sorted({*before.old, *(shard.name for shard in before.shards)} - found.counts.keys())
    (destination / STAGE).sync()
    save_pack_index(destination, after)
    _take_places(destination, after, stop)
    return after.shards


def is_packed(
    destination: RootedPath, *, shard_images: int, shard_bytes: int, table: Sequence[str], stop: threading.Event
) -> bool:
    """Tell whether :func:`pack` would leave all shards as they are; Stopped if ``stop`` is set before that is known."""
    before = load_pack_index(destination)
    if before is None:
        return False
    after = PackIndex(format=before.format, state="written", shard_images=shard_images, shard_bytes=shard_bytes)
    found = survey(destination, after, table, stop)
    after.take(found.classes)
    return _is_packed(destination, before, after, found)


def read_output(destination: RootedPath, output: str, shard: str | None, size: int) -> bytes:
    """Return the bytes of an image that a run has written, wherever it lies.

    Parameters
    ----------
    output, shard, size
        ``file_name``, ``shard`` and ``bytes`` of its line in the manifest; None where that has no ``shard``.

    Raises
    ------
    OSError
        If it cannot be read, does not lie there any more, or has another size.
    """
    index = load_pack_index(destination)
    if index is None or shard is None:
        data = ((destination if index is None else destination / PARTS) / output).read_bytes(size + 1)
        if len(data) != size:
            raise OSError(f"{output!r} has not the size that the manifest tells")
        return data
    packing = packing_of(index.format)
    with (destination / shard).open() as file, closing(packing.read(file)) as images:
        for member, data in images:
            if member == packing.member(output) or unheld(member) == output:
                return data
    raise FileNotFoundError(f"the shard {shard!r} does not hold {output!r}")


def _is_packed(destination: RootedPath, before: PackIndex, after: PackIndex, found: Survey) -> bool:
    """Tell whether every image lies in the shard where it belongs, and no other does."""
    return (
        found.settled
        and before.state == "complete"
        and all(getattr(before, name) == getattr(after, name) for name in _SETTLED)
        and found.counts == {shard.name: shard.images for shard in before.shards}
        and all(_is_whole(destination, shard, None) for shard in before.shards)
    )


def _check_places(destination: RootedPath, before: PackIndex, found: Survey, *, replace: bool) -> None:
    """Refuse to write over files of others, and through a link."""
    for name in found.counts.keys() - {*before.old, *(shard.name for shard in before.shards)}:
        if (destination / name).exists() and not replace:
            raise OSError(f"{name!r} is a file that ics did not write: move it away first, or --overwrite always")


def _write(
    destination: RootedPath,
    before: PackIndex,
    after: PackIndex,
    found: Survey,
    *,
    stop: threading.Event,
    tell: Callable[[], object],
) -> list[Pack]:
    """Write all shards beside their places."""
    packing, stage = packing_of(after.format), destination / STAGE
    _remove_stage(destination)
    stage.make_folders()
    shards: list[Pack] = []
    with closing(_Finder(destination, packing, before)) as finder:
        for split in found.splits:
            lines = ((row, name) for row, name in placed(destination, after) if split_of(row["file_name"]) == split)
            for name, group in groupby(lines, key=itemgetter(1)):
                tell()
                staged = stage / name.rpartition("/")[2]
                with whole_file(staged) as file:
                    rows = map(itemgetter(0), group)
                    packing.write(file, _samples(rows, packing, finder, found.classes, stop), found.classes)
                written = staged.status()
                assert written is not None  # noqa: S101 - just now
                shards.append(Pack(name, found.counts[name], written.st_size, _sha256(staged) or ""))
    return shards


def _samples(
    images: Iterable[dict[str, Any]], packing: Packing, finder: _Finder, classes: Classes, stop: threading.Event
) -> Iterator[Sample]:
    """Bring together what a shard takes of images."""
    numbers = classes.numbering()
    for row in images:
        if stop.is_set():
            raise Stopped
        info = {name: row.get(name) for name in INFO}
        name, number = from_columns(row)
        number = numbers[name] if number is None and name is not None else number
        yield Sample(member_of(row, packing), finder.find(row), name, info, number)


class _Finder:
    """Finds the bytes of images: in their files, or in the shards that are there.

    Images are asked for in the order in which earlier runs have put them into shards, so each shard is read once.
    """

    def __init__(self, destination: RootedPath, packing: Packing, before: PackIndex) -> None:
        self._destination, self._packing = destination, packing
        self._known = {shard.name for shard in before.shards}
        self._shard = ""
        self._file: BinaryIO | None = None
        self._images: Generator[tuple[str, bytes]] | None = None

    def find(self, row: dict[str, Any]) -> bytes:
        """Return the bytes that a line of the manifest tells of."""
        name, shard = row["file_name"], row.get("shard") or ""
        try:
            data = (self._destination / PARTS / name).read_bytes()
        except FileNotFoundError:
            member = row.get("member") or member_of(row, self._packing)
            data = self._from_shard(shard, member) if shard in self._known else b""
        if hashlib.sha256(data).hexdigest() != row["sha256"]:
            place = f"the shard {shard!r}" if shard else f"the folder {PARTS!r}"
            raise OSError(f"{place} does not hold {name!r} as the manifest tells: run again with --overwrite always")
        return data

    def _from_shard(self, shard: str, member: str) -> bytes:
        if shard != self._shard or self._images is None:
            self.close()
            self._shard, self._file = shard, (self._destination / shard).open()
            self._images = self._packing.read(self._file)
        return next((data for name, data in self._images if name == member), b"")

    def close(self) -> None:
        """Let go of the shard that is open."""
        if self._images is not None:
            self._images.close()
        if self._file is not None:
            self._file.close()


def _take_places(destination: RootedPath, index: PackIndex, stop: threading.Event | None) -> None:
    """Put shards that are written into their places, and tell so in the manifest; done twice, it does the same."""
    packing = packing_of(index.format)
    _remove_stale(destination)
    lines = (
        to_line(row | {"shard": name, "member": member_of(row, packing)}) for row, name in placed(destination, index)
    )
    write_whole(destination / MANIFEST, lines)
    (destination / PACKS).make_folders()
    for shard in index.shards:
        staged = destination / STAGE / shard.name.rpartition("/")[2]
        if staged.exists():
            staged.replace(destination / shard.name)
    for name in index.old:
        (destination / name).unlink(missing_ok=True)
    (destination / PACKS).sync()
    index.state, index.old = "complete", []
    save_pack_index(destination, index)
    _remove_stage(destination)
    _remove_parts(destination, stop)


def _forget_stale(destination: RootedPath) -> None:
    """Remove what is stale beside shards that stay as they are, and its lines."""
    if (destination / PARTS).is_dir() and _remove_stale(destination):
        rows = (row for _, row in read_rows(destination / MANIFEST))
        write_whole(destination / MANIFEST, (to_line(row) for row in rows if row.get("status") != STALE))


def _remove_stale(destination: RootedPath) -> bool:
    """Remove files that the manifest will not tell of any more, because they are stale; tell whether there are any."""
    found = False
    for _, row in read_rows(destination / MANIFEST):
        if row.get("status") == STALE:
            part, found = destination / PARTS / row["file_name"], True
            if part.is_file():
                part.unlink()
    return found


def _remove_stage(destination: RootedPath) -> None:
    remove_tree(destination / STAGE, lambda name: is_pack_name(f"{PACKS}/{name}"))


def _remove_parts(destination: RootedPath, stop: threading.Event | None) -> None:
    """Remove the files of images that lie in shards by now."""
    if (destination / PARTS).is_dir():
        names = {row.get("file_name") for _, row in read_rows(destination / MANIFEST)}
        remove_tree(destination / PARTS, names.__contains__, stop)


def _is_whole(destination: RootedPath, shard: Pack, written: os.stat_result | None) -> bool:
    """Tell whether a shard is there as it was written; its content is looked at if it has changed since ``written``."""
    found = _status(destination / shard.name)
    if found is None or found.st_size != shard.bytes:
        return False
    if written is None or found.st_mtime_ns <= written.st_mtime_ns:
        return True
    return _sha256(destination / shard.name) == shard.sha256


def _status(path: RootedPath) -> os.stat_result | None:
    """Return what the system tells of a regular file, or None."""
    try:
        return path.status() if path.is_file() else None
    except OSError:
        return None


def _sha256(path: RootedPath) -> str | None:
    """Return the hash of a file; None if it cannot be read."""
    try:
        return path.sha256()
    except OSError:
        return None
