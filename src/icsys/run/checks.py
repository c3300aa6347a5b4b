"""Checks of a run's options and places, before anything is done."""

from __future__ import annotations

import os
from contextlib import suppress
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
        If the destination cannot be written or holds the source, or photos of it, or a name that ICS uses is taken
        there.
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
    if folder and folder.resolve() in destination.resolve().parents and (photo := _photo_in(destination)):
        raise UsageError(
            f"destination {shown!r} lies in source {str(folder)!r} and holds photos such as {photo!r}, which would be "
            "left out: expected a new folder, or one outside of the source"
        )
    root = RootedPath(destination)
    check_names(root, packed=packed)
    return root


def _photo_in(folder: Path) -> str | None:
    """Return the path of a photo below a folder, which no run has written; None without one."""
    from icsys.image.open_image import IMAGE_SUFFIXES  # noqa: PLC0415 - few runs need it
    from icsys.records.output_folders import is_output_folder  # noqa: PLC0415 - as above

    waiting = [folder]
    while waiting:
        here = waiting.pop()
        if is_output_folder(here):
            continue
        with suppress(OSError), os.scandir(here) as entries:  # a folder that cannot be read is named by the run
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry))
                elif os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES:  # noqa: PTH122 - a name
                    return Path(entry).relative_to(folder).as_posix()
    return None


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
