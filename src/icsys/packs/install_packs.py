"""Moves new packs into their places, and removes files that they replace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from icsys.files.atomic import remove_tree, write_whole
from icsys.layout import MANIFEST, PACKS, STAGED_PACKS, UNPACKED, is_pack_name
from icsys.packs.assignment import PackAssigner
from icsys.packs.formats import PACK_FORMATS, member_name
from icsys.records.manifest import (
    DONE,
    LEFT_OUT,
    STALE,
    from_line,
    is_done_image,
    read_lines,
    read_rows,
    row_kind,
    to_line,
)
from icsys.records.pack_index import save_pack_index
from icsys.records.row_columns import columns_from_line
from icsys.results import IMAGE

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from icsys.files.rooted_path import RootedPath
    from icsys.records.pack_index import PackIndex

_END = f'"status": "{DONE}"}}\n'.encode()
"""The end of the line of an image that is in no pack yet."""


def install_packs(destination: RootedPath, index: PackIndex, stop: threading.Event | None) -> None:
    """Move staged packs into their places, and note the pack of each image in the manifest.

    A second call after a crash gives the same result.

    Parameters
    ----------
    index
        Of the new packs; its state becomes "complete".
    stop
        Once it is set, files of packed images stay; a later run removes them.
    """
    names: set[str] = set()
    write_whole(destination / MANIFEST, _packed_lines(destination, index, names))
    (destination / PACKS).make_folders()
    for pack in index.packs:
        staged = destination / STAGED_PACKS / pack.name.rpartition("/")[2]
        if staged.exists():
            staged.replace(destination / pack.name)
    for name in index.old:
        (destination / name).unlink(missing_ok=True)
    (destination / PACKS).sync()
    index.state, index.old = "complete", []
    save_pack_index(destination, index)
    remove_staged(destination)
    if (destination / UNPACKED).is_dir():
        remove_tree(destination / UNPACKED, names.__contains__, stop)


def _packed_lines(destination: RootedPath, index: PackIndex, names: set[str]) -> Iterator[bytes]:
    """Yield the lines of the next manifest, and add the outputs in them to ``names``.

    It leaves stale rows out; their files are removed first, because no row will name them.
    """
    pack_format, assigner = PACK_FORMATS[index.format], PackAssigner(index)
    for line in read_lines(destination / MANIFEST):
        row = columns_from_line(line)
        if row is None or _is_removed(destination, row):
            continue
        pack = assigner.next(row)
        if pack is not None:
            names.add(row["file_name"])
            yield line_in_pack(line, pack, member_name(row, pack_format))
        elif row["status"] == LEFT_OUT or row_kind(row) != IMAGE:
            yield line


def line_in_pack(line: bytes, pack: str, member: str) -> bytes:
    """Return the manifest line of a compressed image with its pack, and its name there.

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


def keep_packs(destination: RootedPath, stop: threading.Event | None) -> None:
    """Remove what surrounds packs that are already right: staged packs, stale outputs, files of packed images."""
    remove_staged(destination)
    if not (destination / UNPACKED).is_dir():
        return
    names, found = set[str](), False
    for row in map(columns_from_line, read_lines(destination / MANIFEST)):
        if row is not None and _is_removed(destination, row):
            found = True
        elif row is not None and is_done_image(row):
            names.add(row["file_name"])
    if found:
        rows = (row for _, row in read_rows(destination / MANIFEST))
        write_whole(destination / MANIFEST, (to_line(row) for row in rows if row.get("status") != STALE))
    remove_tree(destination / UNPACKED, names.__contains__, stop)


def remove_staged(destination: RootedPath) -> None:
    """Remove the staging folder and the packs in it."""
    remove_tree(destination / STAGED_PACKS, lambda name: is_pack_name(f"{PACKS}/{name}"))


def _is_removed(destination: RootedPath, row: dict[str, Any]) -> bool:
    """Remove the file of a stale row; return whether the row is stale."""
    if row.get("status") != STALE:
        return False
    part = destination / UNPACKED / row["file_name"]
    if part.is_file():
        part.unlink()
    return True
