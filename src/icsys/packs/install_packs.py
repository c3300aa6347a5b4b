"""Moves new packs into their places, and removes files that they replace."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from icsys.choices import ARRAYS
from icsys.files.atomic import remove_tree, write_whole
from icsys.layout import DATASET, MANIFEST, PACKS, STAGED_PACKS, UNPACKED, is_staged_name, staged_name
from icsys.packs.assignment import PackAssigner
from icsys.packs.companions import Companions, companion_in
from icsys.packs.formats import PACK_FORMATS, member_name
from icsys.records.manifest import DONE, LEFT_OUT, STALE, from_line, read_lines, read_rows, to_line
from icsys.records.pack_index import save_pack_index
from icsys.records.row_columns import columns_from_line

if TYPE_CHECKING:
    import threading
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from icsys.files.rooted_path import RootedPath
    from icsys.records.pack_index import PackIndex

_END = f'"status": "{DONE}"}}\n'.encode()
"""The end of the line of an image that is in no pack yet."""


def install_packs(
    destination: RootedPath, index: PackIndex, stop: threading.Event | None, companions: Companions | None = None
) -> None:
    """Move staged packs into their places, and note the pack of each image and companion in the manifest.

    A second call after a crash gives the same result.

    Parameters
    ----------
    index
        Of the new packs; its state becomes "complete".
    stop
        Once it is set, files of packed images stay; a later run removes them.
    companions
        Those in the manifest, with their packs noted; by default they are read.
    """
    companions = placed_companions(destination, index) if companions is None else companions
    names: set[str] = set()
    singles = companions.single_files()
    write_whole(destination / MANIFEST, _packed_lines(destination, index, companions, names))
    _move_packs(destination, index)
    for name in names.intersection(index.files):  # these were single files before
        (destination / name).unlink(missing_ok=True)
    move_single_files(destination, singles)
    index.state, index.old, index.files = "complete", [], singles
    save_pack_index(destination, index)
    remove_staged(destination)
    if (destination / UNPACKED).is_dir():
        remove_tree(destination / UNPACKED, names.__contains__, stop)


def _move_packs(destination: RootedPath, index: PackIndex) -> None:
    """Move staged packs into their places, and remove earlier ones.

    Arrays have no ``dataset.json`` meanwhile: it comes last.
    """
    is_array = index.format == ARRAYS
    folders = {pack.name.rpartition("/")[0] for pack in index.packs} if is_array else {PACKS}
    for folder in folders:
        destination.at(folder).make_folders()
    if is_array and (destination / STAGED_PACKS / DATASET).exists():
        (destination / DATASET).unlink(missing_ok=True)
        destination.sync()
    for pack in index.packs:
        staged = destination / STAGED_PACKS / staged_name(pack.name)
        if staged.exists():
            staged.replace(destination / pack.name)
    for name in index.old:
        (destination / name).unlink(missing_ok=True)
        if is_array and "/" in name and name.rpartition("/")[0] not in folders:
            with suppress(OSError):  # it holds something else
                destination.at(name.rpartition("/")[0]).rmdir()
    for folder in folders:
        destination.at(folder).sync()


def placed_companions(destination: RootedPath, index: PackIndex) -> Companions:
    """Return the companions in a manifest, with their packs noted."""
    companions = Companions(destination / MANIFEST)
    if companions:
        assigner = PackAssigner(index, companions)
        for row in map(columns_from_line, read_lines(destination / MANIFEST)):
            if row is not None:
                assigner.next(row)
    return companions


def move_single_files(destination: RootedPath, names: Iterable[str]) -> None:
    """Move companions that are in no pack from where they were written to their places."""
    folders = set()
    for name in names:
        written = destination / UNPACKED / name
        if written.is_file():
            place = destination / name
            place.parent.make_folders()
            written.replace(place)
            folders.add(name.rpartition("/")[0])
    for folder in folders:
        destination.at(folder).sync()


def _packed_lines(
    destination: RootedPath, index: PackIndex, companions: Companions, names: set[str]
) -> Iterator[bytes]:
    """Yield the lines of the next manifest, and add the outputs that are in packs to ``names``.

    It leaves stale rows out; their files are removed first, because no row will name them.
    """
    pack_format, assigner = PACK_FORMATS[index.format], PackAssigner(index, companions)
    for line in read_lines(destination / MANIFEST):
        companion = companion_in(line)
        row = companion or columns_from_line(line)
        if row is None or _is_removed(destination, row, index.files):
            continue
        if companion is not None:
            place = companions.place_of(companion, pack_format)
        else:
            pack = assigner.next(row)
            place = None if pack is None else (pack, member_name(row, pack_format))
        if place is not None:
            names.add(row["file_name"])
            yield line_in_pack(line, *place)
        elif row["status"] == LEFT_OUT:
            yield line
        elif companion is not None:
            yield to_line({name: value for name, value in companion.items() if name not in {"shard", "member"}})
    companions.close()


def line_in_pack(line: bytes, pack: str, member: str) -> bytes:
    """Return the manifest line of a compressed image, or of a companion, with its pack, and its name there.

    A line as ICS writes it keeps its bytes; any other is written anew.
    """
    place = {"shard": pack, "member": member}
    end = b", " + to_line(place)[1:]
    if line.endswith(end):
        return line
    if line.endswith(_END):
        return line[:-2] + end
    row = from_line(line)
    assert row is not None  # noqa: S101 - the caller has read it
    return to_line(row | place)


def keep_packs(
    destination: RootedPath, index: PackIndex, stop: threading.Event | None, singles: Sequence[str] = ()
) -> None:
    """Remove what surrounds packs that are already right: staged packs, stale outputs, files of packed images.

    Parameters
    ----------
    index
        Of the packs.
    singles
        Companions that are single files; they move into their places.
    """
    remove_staged(destination)
    if not (destination / UNPACKED).is_dir() and list(singles) == index.files:
        return
    names, found = set[str](), False
    if {*singles} - {*index.files}:
        index.files = sorted({*singles, *index.files})
        save_pack_index(destination, index)
    move_single_files(destination, singles)
    for row in map(columns_from_line, read_lines(destination / MANIFEST)):
        if row is not None and _is_removed(destination, row, index.files):
            found = True
        elif row is not None:
            names.add(row.get("file_name") or "")
    if found:
        rows = (row for _, row in read_rows(destination / MANIFEST))
        write_whole(destination / MANIFEST, (to_line(row) for row in rows if row.get("status") != STALE))
    if index.files != list(singles):
        index.files = list(singles)
        save_pack_index(destination, index)
    if (destination / UNPACKED).is_dir():
        remove_tree(destination / UNPACKED, names.__contains__, stop)


def remove_staged(destination: RootedPath) -> None:
    """Remove the staging folder and the packs in it."""
    remove_tree(destination / STAGED_PACKS, is_staged_name)


def _is_removed(destination: RootedPath, row: dict[str, Any], singles: Collection[str]) -> bool:
    """Remove the file of a stale row; return whether the row is stale."""
    if row.get("status") != STALE:
        return False
    name = row["file_name"]
    for file in [destination / UNPACKED / name, *([destination / name] if name in singles else [])]:
        if file.is_file():
            file.unlink()
    return True
