"""Where the images of a run come from and where its outputs go; refuses places that a run cannot start with."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from icsys.choices import AUTO, PACKINGS
from icsys.errors import UsageError
from icsys.files.locations import check_apart, parse_location, parse_source
from icsys.files.url import Url, shown
from icsys.run.checks import check_places
from icsys.sources.base import Task
from icsys.sources.companions.layout import CompanionSettings
from icsys.sources.folder import Folder
from icsys.sources.open_source import open_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from icsys.files.locations import Location
    from icsys.files.rooted_path import RootedPath
    from icsys.options import Options
    from icsys.run.object_destination import ObjectDestination
    from icsys.run_settings import RunSettings
    from icsys.shard import Shard
    from icsys.sources.base import Source


class RunPlaces(NamedTuple):
    """Source and destination of a run.

    Attributes
    ----------
    destination
        The output folder; for an object store, the temporary folder of the run's records.
    remote
        The object store that outputs are written to; None for a folder.
    over_network
        Whether images are read from a server, or outputs written to one.
    is_listed
        Whether the source is a shard that a coordinator has listed.
    names
        The files below the source that are named one by one: then the outputs of other files are not stale. Empty for
        any other source.
    """

    source: Source
    destination: RootedPath
    remote: ObjectDestination | None
    over_network: bool
    is_listed: bool
    names: Sequence[str]


def open_places(
    source: Location, destination: str | os.PathLike[str], options: Options, settings: RunSettings
) -> RunPlaces:
    """Return source and destination; read nothing but names.

    Raises
    ------
    UsageError
        If a run cannot start with them.
    MissingExtraError
        If one of them needs a package that is not installed.
    """
    place, end = parse_source(source), parse_location(destination)
    check_apart(place, end)
    remote = None
    if isinstance(end, Url):
        remote = _open_remote(end, settings.shard, options)
        end = remote.folder
    folder = check_places(place, end, packed=options.format in PACKINGS)
    listed = None if isinstance(place, Url | tuple) else _listed_shard(place, folder, options, settings)
    opened = listed or open_source(
        place,
        Path(str(folder)),
        follow_links=settings.follow_links,
        include_outputs=settings.include_outputs,
        ignore_zeros=settings.ignore_zeros,
        companions=CompanionSettings.of(settings, options),
    )
    if options.palette != "image":
        from icsys.records.palette_files import check_palette_files  # noqa: PLC0415 - few runs need it

        check_palette_files(folder, options)
    if options.palette == "class" and not isinstance(opened, Folder):
        raise UsageError(
            f"palette='class' with source {opened.shown!r}: expected a folder, where each class lies together"
        )
    names = opened.named if isinstance(opened, Folder) else ()
    if names and settings.shard:
        raise UsageError(f"shard={str(settings.shard)!r} with files by name: expected a folder or an archive as source")
    if settings.prune:
        for refused, what in (
            (names, "files by name"),
            (remote, f"destination {shown(os.fspath(destination))!r}"),
            (options.format in PACKINGS, f"format={options.format!r}"),
        ):
            if refused:
                raise UsageError(f"prune with {what}: expected a folder or archive into a folder of single files")
    return RunPlaces(opened, folder, remote, bool(remote) or isinstance(place, Url), bool(listed), names)


def unclear_of(source: Source, settings: RunSettings) -> Sequence[str]:
    """Return what may be masks or labels and is not taken for them, as sentences; archives are listed for it."""
    if isinstance(source, Folder):
        return source.layout.unclear
    from icsys.sources.archives.source import Archives  # noqa: PLC0415 - few runs need it

    if not isinstance(source, Archives):
        return ()
    if source.knows_companions:
        return source.layout.unclear
    from icsys.sources.companions.archived_masks import unclear_in_archives  # noqa: PLC0415

    return unclear_in_archives(partial(source.plan, ""), masks=settings.masks == AUTO)


def has_images(source: Location, destination: str, *, include_outputs: bool = False) -> bool:
    """Return whether a run from ``source`` to ``destination`` would find an image."""
    return first_image(source, destination, include_outputs=include_outputs) is not None


def first_image(source: Location, destination: str, *, include_outputs: bool = False) -> tuple[Source, Task] | None:
    """Return the source opened, and the first image that a run to ``destination`` would find; None if there is none.

    Raises
    ------
    UsageError
        If the source cannot be opened.
    """
    opened = open_source(source, Path(destination), include_outputs=include_outputs, companions=CompanionSettings())
    task = next((planned for planned in opened.plan("") if isinstance(planned, Task)), None)
    return None if task is None else (opened, task)


def _open_remote(url: Url, shard: Shard | None, options: Options) -> ObjectDestination:
    """Return the object store of a destination."""
    from icsys.run.object_destination import ObjectDestination  # noqa: PLC0415 - few runs need it

    remote = ObjectDestination(url, packed=options.format in PACKINGS)
    if shard:
        raise UsageError(
            f"shard={str(shard)!r} with destination {remote.name!r}: expected a folder as destination; "
            "copy it there when its shards are merged"
        )
    return remote


def _listed_shard(
    source: str | os.PathLike[str], destination: RootedPath, options: Options, settings: RunSettings
) -> Source | None:
    """Return the shard as a coordinator has listed it, if one has."""
    if settings.shard is None:
        return None
    from icsys.shards.shared_listing import listed_shard  # noqa: PLC0415 - few runs need it

    return listed_shard(
        destination,
        settings.shard,
        source,
        options.suffix,
        follow_links=settings.follow_links,
        include_outputs=settings.include_outputs,
        fixed={"masks": settings.masks, "table": settings.table},
    )
