"""Checks of a run's options and places, before anything is done."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.choices import PACKINGS, SHARED
from icsys.errors import UsageError
from icsys.files.reserved_names import check_names
from icsys.files.rooted_path import RootedPath
from icsys.files.url import Url
from icsys.files.writable_place import check_writable

if TYPE_CHECKING:
    from icsys.files.locations import Location
    from icsys.options import Options
    from icsys.shard import Shard


def check_places(source: Location, destination: str | os.PathLike[str], *, packed: bool = False) -> RootedPath:
    """Return the destination; refuse places that a run cannot start with.

    Parameters
    ----------
    packed
        Whether images are packed at the end.

    Raises
    ------
    UsageError
        If the destination cannot be written or holds the source, or a name that ICS uses is taken there.
    """
    given = [source] if isinstance(source, Url | str | os.PathLike) else source
    for name, path in (*(("source", path) for path in given), ("destination", destination)):
        if not isinstance(path, Url) and not os.fspath(path):
            raise UsageError(f"{name} '' names no folder: expected a path, or . for the current folder")
    check_writable(destination)
    destination, shown = Path(destination), os.fspath(destination)
    folder = Path(source) if isinstance(source, str | os.PathLike) else None  # files are checked when they are opened
    if folder and folder.is_dir() and destination.resolve() in (folder.resolve(), *folder.resolve().parents):
        raise UsageError(
            f"source {str(folder)!r} lies in destination {shown!r}: expected two folders, "
            "so that no photo is overwritten"
        )
    root = RootedPath(destination)
    check_names(root, packed=packed)
    return root


def check_format(options: Options, shard: Shard | None) -> None:
    """Refuse a shard with options that need all images, and a format whose package is missing.

    Raises
    ------
    UsageError
        If a shard is combined with options that need one run over all images.
    MissingExtraError
        If the format needs a package that is not installed.
    """
    for asked, what, expected in (
        (
            options.per == "dataset",
            "per='dataset'",
            "one number of colours for all shards; find it with --dry-run without --shard, then give --colors to each",
        ),
        (
            options.palette in SHARED,
            f"palette={options.palette!r}",
            "a palette file: the palette.json of a run without a shard on some of the images",
        ),
    ):
        if shard and asked:
            raise UsageError(f"shard={str(shard)!r} with {what}: expected {expected}")
    if options.format in PACKINGS:
        from icsys.packs.formats import PACK_FORMATS  # noqa: PLC0415 - few runs need it

        PACK_FORMATS[options.format].prepare()
