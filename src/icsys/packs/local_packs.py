"""A folder of packs: images are packed when a run ends, and the next run finds them in their packs.

During a run images and their companions are single files below ``.ics-parts``. At its end:

1. New packs are written into ``.ics-shards``, from these files and from the packs of earlier runs.
2. ``shards.json`` records the new packs. From this moment they count.
3. The new packs move into their places, and the files that they replace are removed. Companions that are about many
   images, such as tables, are in no pack: they move into their places beside the packs, too.

A crash before step 2 leaves old packs and single files, and the next run packs again. After a crash in step 3 the next
run completes that step. So every image is always in at least one file that no step is writing.
"""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

from icsys.choices import ARRAYS, PACKINGS
from icsys.errors import UsageError
from icsys.layout import DATASET, MANIFEST, PACK_INDEX, STAGED_PACKS
from icsys.packs.array_labels.label_files import label_files
from icsys.packs.assignment import Stopped, assign
from icsys.packs.companions import Companions
from icsys.packs.install_packs import install_packs, keep_packs, remove_staged
from icsys.packs.write_arrays import array_files, check_companions
from icsys.packs.write_packs import write_packs
from icsys.records.pack_index import (
    Pack,
    PackIndex,
    is_pack_index_lost,
    load_pack_index,
    lost_pack_index,
    save_pack_index,
)

if TYPE_CHECKING:
    import os
    import threading
    from collections.abc import Callable, Iterable, Sequence

    from icsys.files.rooted_path import RootedPath
    from icsys.packs.assignment import Assignment
    from icsys.records.dataset_json import ArrayFacts

_SETTINGS = ("shard_images", "shard_bytes", "classes", "numbers", "are_named", "form", "labels_sha256")


def check_kind(destination: RootedPath, format: str) -> PackIndex | None:  # noqa: A002 - as below
    """Return the index of the packs in an output folder, if any; refuse a folder with images of another kind.

    Raises
    ------
    UsageError
        If it holds images of another kind: packs and files, or packs of two formats; or if it had packs, and their
        index is lost.
    """
    index = load_pack_index(destination)
    is_begun = index is None and (destination / MANIFEST).is_file()
    if is_begun and is_pack_index_lost(destination):
        raise lost_pack_index(destination)
    found = f"{index.format} packs" if index else "image files" if is_begun else None
    wanted = f"{format} packs" if format in PACKINGS else "image files"
    if found not in {None, wanted}:
        raise UsageError(
            f"destination {str(destination)!r} holds {found} of an earlier run: expected {wanted} for "
            f"format={format!r}; name another destination"
        )
    return index


def open_packs(
    destination: RootedPath,
    format: str,  # noqa: A002 - the option's name
    *,
    read_only: bool,
    stop: threading.Event | None = None,
) -> frozenset[str]:
    """Prepare a folder for images of a format, and return the names of the intact packs in it.

    Parameters
    ----------
    destination
        Where the run writes; locked.
    format
        One of :data:`icsys.choices.FORMATS`.
    read_only
        Write nothing.
    stop
        Once it is set, files of packed images stay; a later run removes them.

    Raises
    ------
    UsageError
        As :func:`check_kind` does.
    """
    index = check_kind(destination, format)
    if format not in PACKINGS:
        return frozenset()
    if index is None:
        index = PackIndex(format=format)
        if not read_only:
            save_pack_index(destination, index)
    if index.state == "written" and not read_only:
        install_packs(destination, index, stop)
    written = _status(destination / PACK_INDEX)
    damaged = {pack.name for pack in index.packs if not _is_intact(destination, pack, written)}
    if format == ARRAYS:  # an image is in several files
        folders = {name.rpartition("/")[0] for name in damaged}
        damaged = {pack.name for pack in index.packs if pack.name.rpartition("/")[0] in folders}
    return frozenset(pack.name for pack in index.packs if pack.name not in damaged)


def pack_images(
    destination: RootedPath,
    *,
    shard_images: int,
    shard_bytes: int,
    class_names: Sequence[str] = (),
    arrays: ArrayFacts | None = None,
    replace: bool,
    stop: threading.Event,
    on_pack: Callable[[], object],
) -> list[Pack]:
    """Pack the images of a folder that :func:`open_packs` has prepared, unless the right packs are there.

    Packs are filled in the order of the sources, one sequence per split. The same images give the same packs.

    Parameters
    ----------
    shard_images, shard_bytes
        The most images, and the most bytes of images, in a pack; a single larger image is allowed.
    class_names
        The names of the classes by number, where the source has them.
    arrays
        Of arrays, what they hold.
    replace
        Whether files of other programs may be overwritten.
    stop
        Once it is set, packing ends and the old packs stay; or, if the new ones count already, only files of packed
        images are left for a later run to remove.
    on_pack
        Called before each pack.

    Returns
    -------
    list of Pack
        The packs that hold the images now.

    Raises
    ------
    OSError
        If a pack cannot be written, or an earlier one does not hold what the manifest lists.
    """
    before = load_pack_index(destination)
    if before is None:
        raise FileNotFoundError(f"{PACK_INDEX} is missing from {str(destination)!r}: expected the one of this run")
    after = _new_index(before, shard_images, shard_bytes, arrays)
    companions = Companions(destination / MANIFEST)
    try:
        assignment = assign(destination, after, companions, class_names, stop)
        after.take(assignment.classes)
        singles, names = companions.single_files(), list(assignment.counts)
        if arrays is not None:
            labels = label_files(companions)
            after.labels_sha256 = labels.sha256
            names = array_files(arrays, assignment.splits, labels.arrays)
            check_companions(names, singles)
        _check_places(destination, before, [*names, *singles], replace=replace)
        if _is_packed(destination, before, after, assignment):
            companions.close()
            keep_packs(destination, before, stop, singles)
            return before.packs
        written = partial(write_packs, destination, before, after, assignment, companions, arrays=arrays)
        after.packs = written(stop=stop, on_pack=on_pack)
    except Stopped:
        remove_staged(destination)
        return before.packs
    finally:
        companions.close()
    after.old = sorted({*before.old, *(pack.name for pack in before.packs)} - {pack.name for pack in after.packs})
    after.files = sorted({*before.files, *singles})
    (destination / STAGED_PACKS).sync()
    save_pack_index(destination, after)
    install_packs(destination, after, stop, companions)
    return after.packs


def is_packed(
    destination: RootedPath,
    *,
    shard_images: int,
    shard_bytes: int,
    class_names: Sequence[str],
    arrays: ArrayFacts | None = None,
    stop: threading.Event,
) -> bool:
    """Return whether :func:`pack_images` would keep all packs; Stopped if ``stop`` is set before that is known."""
    before = load_pack_index(destination)
    if before is None:
        return False
    after = _new_index(before, shard_images, shard_bytes, arrays)
    with closing(Companions(destination / MANIFEST)) as companions:
        assignment = assign(destination, after, companions, class_names, stop)
        after.labels_sha256 = "" if arrays is None else label_files(companions).sha256
    after.take(assignment.classes)
    return _is_packed(destination, before, after, assignment)


def _is_packed(destination: RootedPath, before: PackIndex, after: PackIndex, assignment: Assignment) -> bool:
    """Return whether every image is in the pack that it is assigned to, and the packs hold nothing else.

    ``dataset.json`` is small, and people edit it: its content is compared, too.
    """
    return (
        assignment.settled
        and before.state == "complete"
        and all(getattr(before, name) == getattr(after, name) for name in _SETTINGS)
        and assignment.counts == {pack.name: pack.images for pack in before.packs if _holds_images(pack, before)}
        and all(assignment.companions[pack.name] == pack.companions for pack in before.packs)
        and all(_is_intact(destination, pack, None) for pack in before.packs)
        and all(_has_hash(destination / DATASET, pack.sha256) for pack in before.packs if pack.name == DATASET)
    )


def _new_index(before: PackIndex, shard_images: int, shard_bytes: int, arrays: ArrayFacts | None) -> PackIndex:
    """Return the index of the packs to write; arrays have no limits."""
    if arrays is not None:
        return PackIndex(format=before.format, state="written", form=list(arrays.form))
    return PackIndex(format=before.format, state="written", shard_images=shard_images, shard_bytes=shard_bytes)


def _holds_images(pack: Pack, index: PackIndex) -> bool:
    """Return whether a pack is counted by its images; of arrays, only that of the images is, if there are some."""
    return index.format != ARRAYS or pack.images > 0


def _check_places(destination: RootedPath, before: PackIndex, names: Iterable[str], *, replace: bool) -> None:
    """Refuse to overwrite files of other programs, and to write through a link."""
    for name in {*names} - {*before.old, *before.files, *(pack.name for pack in before.packs)}:
        if (destination / name).exists() and not replace:
            raise OSError(f"{name!r} is a file that ics did not write: move it away, or use --overwrite always")


def _is_intact(destination: RootedPath, pack: Pack, written: os.stat_result | None) -> bool:
    """Return whether a pack is as it was written; its content is read only if it changed after ``written``."""
    path = destination / pack.name
    found = _status(path)
    if found is None or found.st_size != pack.bytes:
        return False
    if written is None or found.st_mtime_ns <= written.st_mtime_ns:
        return True
    return _has_hash(path, pack.sha256)


def _has_hash(path: RootedPath, sha256: str) -> bool:
    """Return whether a file can be read, and has a hash."""
    try:
        return path.sha256() == sha256
    except OSError:
        return False


def _status(path: RootedPath) -> os.stat_result | None:
    """Return the status of a regular file; None if there is none, or it cannot be read."""
    try:
        return path.status() if path.is_file() else None
    except OSError:
        return None
