"""Moves new packs into their places, and removes files that they replace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.files.atomic import remove_tree, write_whole
from icsys.layout import MANIFEST, PACKS, STAGED_PACKS, UNPACKED, is_pack_name
from icsys.packs.assignment import assigned_rows
from icsys.packs.formats import PACK_FORMATS, member_name
from icsys.records.manifest import STALE, read_rows, to_line
from icsys.records.pack_index import save_pack_index

if TYPE_CHECKING:
    import threading

    from icsys.files.rooted_path import RootedPath
    from icsys.records.pack_index import PackIndex


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
    pack_format = PACK_FORMATS[index.format]
    _remove_stale(destination)
    lines = (
        to_line(row | {"shard": name, "member": member_name(row, pack_format)})
        for row, name in assigned_rows(destination, index)
    )
    write_whole(destination / MANIFEST, lines)
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
    _remove_unpacked(destination, stop)


def keep_packs(destination: RootedPath, stop: threading.Event | None) -> None:
    """Remove what surrounds packs that are already right: staged packs, stale outputs, files of packed images."""
    remove_staged(destination)
    if (destination / UNPACKED).is_dir() and _remove_stale(destination):
        rows = (row for _, row in read_rows(destination / MANIFEST))
        write_whole(destination / MANIFEST, (to_line(row) for row in rows if row.get("status") != STALE))
    _remove_unpacked(destination, stop)


def remove_staged(destination: RootedPath) -> None:
    """Remove the staging folder and the packs in it."""
    remove_tree(destination / STAGED_PACKS, lambda name: is_pack_name(f"{PACKS}/{name}"))


def _remove_stale(destination: RootedPath) -> bool:
    """Remove the files of stale rows, which the next manifest leaves out; return whether there are stale rows."""
    found = False
    for _, row in read_rows(destination / MANIFEST):
        if row.get("status") == STALE:
            part, found = destination / UNPACKED / row["file_name"], True
            if part.is_file():
                part.unlink()
    return found


def _remove_unpacked(destination: RootedPath, stop: threading.Event | None) -> None:
    """Remove the files of images that are in packs now."""
    if (destination / UNPACKED).is_dir():
        names = {row.get("file_name") for _, row in read_rows(destination / MANIFEST)}
        remove_tree(destination / UNPACKED, names.__contains__, stop)
