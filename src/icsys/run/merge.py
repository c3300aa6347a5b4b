"""``merge_shards``: one manifest from those of all shards, the same that a run without shards writes."""

from __future__ import annotations

import threading
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.errors import UsageError
from icsys.files.atomic import remove_tree, sweep
from icsys.files.locations import disk_path
from icsys.files.reserved_names import check_names, check_state_folders, refusing_links
from icsys.files.rooted_path import RootedPath
from icsys.journal.journal import Journal, load_journal
from icsys.journal.lock import locked
from icsys.journal.put_in_order import compact
from icsys.layout import CLUSTER_FOLDER, LOCK, MERGED_FOLDERS, PACK_INDEX, PALETTE, STATE_FOLDERS, UNPACKED
from icsys.outputs.folder import FolderOutputs
from icsys.packs.packing import Packing, prepare_packs
from icsys.packs.unpacked_folder import UnpackedFolder
from icsys.records.pack_index import is_pack_index_lost, lost_pack_index
from icsys.records.run_json import classes_of, read_run, write_merged, write_merged_summary
from icsys.results import FOREIGN
from icsys.shard import Shard, all_shards
from icsys.shards.merge_manifests import count_merged, merge_manifests
from icsys.shards.state_folders import (
    State,
    clean_merged,
    is_whole,
    read_state,
    remove_state_folders,
    shards_in,
    state_folder_of,
)
from icsys.version import __version__

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from icsys.summary import RunSummary

_NAMED = 5
_ALTHOUGH = "merged although "


class Merged(NamedTuple):
    """A merged folder: its summary, and why its images could not be packed; empty if they are, or need no packs."""

    summary: RunSummary
    not_packed: str


@contextmanager
def coordinator_lock(destination: RootedPath) -> Iterator[None]:
    """Hold the right to run the shards of an output folder on a cluster, or to merge them.

    Raises
    ------
    InUseError
        If another process holds it.
    """
    folder = destination / CLUSTER_FOLDER
    with locked(folder, what=f"destination {str(destination)!r}"):
        try:
            yield
        finally:
            with suppress(OSError):  # Windows does not remove an open file
                remove_tree(folder, LOCK.__eq__)


@refusing_links()
def merge_shards(destination: str | os.PathLike[str], *, partial: bool = False) -> RunSummary:
    """Merge the shards of an output folder, so that it is the same as after one run without shards.

    This writes manifest, failures and ``run.json``, changes no image, and removes the shards' state folders. Later runs
    may use no shards, or another number of shards. Where the format is one of many images in a file, the images are
    packed then; a merge that ended meanwhile can be repeated.

    Parameters
    ----------
    destination
        The folder that ``compress_folder(..., shard=...)`` has filled, or a folder into which several such folders were
        copied.
    partial
        Merge even if shards are missing or unfinished; ``stopped`` names them then.

    Returns
    -------
    RunSummary
        Counts of the whole folder, from its manifest: an image counts once, even if its shard ran several times.
        ``seconds`` is the sum over the shards' last runs.

    Raises
    ------
    UsageError
        If there are no shards; if a shard is missing, unfinished, in use, or copied only in part; if shards differ in
        their number or options; or if two shards contradict each other. Nothing was changed then.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from icsys import compress_folder, merge_shards
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     photos, small = Path(folder, "Uncompressed"), Path(folder, "Compressed")
    ...     photos.mkdir()
    ...     for name in "abc":
    ...         Image.linear_gradient("L").save(photos / f"{name}.png")
    ...     for index in (1, 2):
    ...         shard = compress_folder(photos, small, shard=(index, 2))
    ...     merge_shards(small).compressed
    3
    """
    destination = disk_path(destination, "destination")
    if not destination.is_dir():
        raise UsageError(f"destination {str(destination)!r} is no folder: expected a folder that shards have filled")
    root = RootedPath(destination)
    check_names(root)
    with coordinator_lock(root) if (root / CLUSTER_FOLDER).exists() else nullcontext():
        return join_shards(root, partial=partial).summary


def join_shards(
    destination: RootedPath,
    *,
    partial: bool,
    stop: threading.Event | None = None,
    on_pack: Callable[[], object] = lambda: None,
) -> Merged:
    """Do the same as :func:`merge_shards`; the caller holds :func:`coordinator_lock` where a cluster may be at work.

    Parameters
    ----------
    stop
        Once it is set, images are not packed; the next merge, or the next run, packs them.
    on_pack
        Called before each pack.
    """
    stop = stop or threading.Event()
    # Write nothing into a folder without shards.
    with locked(destination) if shards_in(destination) or _left_packing(destination, stop) else nullcontext():
        packing = None if shards_in(destination) else _left_packing(destination, stop)
        if packing is None:
            summary, packing = _join(destination, partial=partial)
        else:
            summary = _joined_before(destination, packing)
        not_packed = "" if packing is None else _pack(destination, packing, summary, stop, on_pack)
    return Merged(summary, not_packed)


def _join(destination: RootedPath, *, partial: bool) -> tuple[RunSummary, Packing | None]:
    """Merge the shards of a locked folder; return the summary, and how its images are to be packed."""
    shards = shards_in(destination)
    check_state_folders(destination, [shard.name for shard in shards])
    clean_merged(destination)
    if (destination / MERGED_FOLDERS).exists():
        raise UsageError(
            f"{str(destination / MERGED_FOLDERS)!r} holds files that ics did not write: move it away first"
        )
    states = _check(destination, shards)
    missing = [shard for shard in all_shards(shards[0].count) if shard not in states]
    unfinished = [shard for shard, state in states.items() if state is None or not state.finished]
    undone = _undone(missing, unfinished)
    if undone and not partial:
        raise UsageError(
            f"destination {str(destination)!r}: {undone}: run {'it' if len(missing + unfinished) == 1 else 'them'} "
            "to the end, or merge the finished shards with --partial"
        )
    sweep(destination)  # no run is under way
    # A shard without a state was killed early: its records are less than those of the folder.
    shards = [shard for shard in shards if states[shard] is not None]
    runs = [read_run(state_folder_of(destination, shard)) for shard in shards]
    options = _recorded_options(states, runs)
    packing = _packing(destination, options, runs)
    images = FolderOutputs(destination) if packing is None else UnpackedFolder(destination)
    for shard in shards:
        if shard in unfinished:  # a killed shard may have left its journal unsorted
            _put_in_order(state_folder_of(destination, shard), images)
    summary = merge_manifests(destination, shards, packed=packing is not None)
    summary.stopped = f"{_ALTHOUGH}{undone}" if undone else ""
    _add_from_runs(summary, runs)
    write_merged(destination, [run for run in runs if run], summary, __version__, options)
    remove_state_folders(destination)
    return summary, packing


def _put_in_order(folder: RootedPath, images: FolderOutputs) -> None:
    """Put the journal of a killed run in order."""
    compact(Journal(folder, load_journal(folder)), complete=False, stale=(), exists=images.exists)


def _recorded_options(states: Mapping[Shard, State | None], runs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the options that all shards were made with; a palette file by its path on the machine of the first."""
    options = dict(next(state.options for state in states.values() if state))
    if options.get("palette", "image") != "image":
        paths = (run.get("options", {}).get("palette") for run in runs)
        options["palette"] = next((path for path in paths if isinstance(path, str)), PALETTE)
    return options


def _packing(destination: RootedPath, options: Mapping[str, Any], runs: Iterable[Mapping[str, Any]]) -> Packing | None:
    """Return how the images of shards are to be packed, and prepare their folder; None for single files."""
    replace = any(run.get("options", {}).get("overwrite") == "always" for run in runs)
    classes = max(map(classes_of, runs), key=len, default=[])
    packing = Packing.recorded(destination, options, classes, replace=replace)
    if packing is not None:
        if not (destination / PACK_INDEX).is_file():
            raise UsageError(
                f"destination {str(destination)!r} holds no {PACK_INDEX}: expected the whole folder, because a merge "
                f"packs the images in {UNPACKED!r}; copy all of it, or run one of its shards again"
            )
        prepare_packs(destination, packing.options.format)
    return packing


def _left_packing(destination: RootedPath, stop: threading.Event) -> Packing | None:
    """Return how a merge that has ended meanwhile was to pack the images of a folder; None if there is nothing left."""
    record = read_run(destination)
    if "shards" not in record or not (destination / PACK_INDEX).is_file():
        return None
    options = record.get("options", {})
    replace = options.get("overwrite") == "always"
    packing = Packing.recorded(destination, options, classes_of(record), replace=replace)
    return None if packing is None or packing.is_done(destination, stop) else packing


def _joined_before(destination: RootedPath, packing: Packing) -> RunSummary:
    """Return the summary of a folder whose shards an earlier merge has merged, and prepare it for packs."""
    clean_merged(destination)
    sweep(destination)
    prepare_packs(destination, packing.options.format)
    _put_in_order(destination, UnpackedFolder(destination))  # a run that followed the merge may have been killed
    summary, record = count_merged(destination), read_run(destination)
    _add_from_runs(summary, [record])
    was_stopped = str(record["summary"].get("stopped", ""))
    summary.stopped = was_stopped.partition("; ")[0] if was_stopped.startswith(_ALTHOUGH) else ""
    return summary


def _pack(
    destination: RootedPath,
    packing: Packing,
    summary: RunSummary,
    stop: threading.Event,
    on_pack: Callable[[], object],
) -> str:
    """Pack the images of a merged folder, and add their packs to the summary; return why that was not possible."""
    summary.stale.clear()  # stale outputs are in no pack
    fault = ""
    try:
        summary.shards.extend(packing.pack(destination, stop=stop, on_pack=on_pack))
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        fault = f"the shards cannot be written: {error.strerror or error}{place}"
        summary.stopped = "; ".join(filter(None, [summary.stopped, fault]))
    with suppress(OSError) if fault else nullcontext():
        write_merged_summary(destination, summary)
    return fault


def _check(destination: RootedPath, shards: list[Shard]) -> dict[Shard, State | None]:
    """Return the state of each shard; refuse shards that cannot be merged."""
    place = f"destination {str(destination)!r}"
    if not shards:
        error = UsageError(f"{place} holds no shards: expected a folder that ics compress --shard has filled")
        raise lost_pack_index(destination) if is_pack_index_lost(destination) else error
    counts = sorted({shard.count for shard in shards})
    if len(counts) > 1:
        raise UsageError(f"{place} holds shards of different numbers ({_listed(shards)}): expected I/N with one N")
    # The folder is locked, so no shard can start after its check; and one lock file is open at a time.
    for shard in shards:
        with locked(state_folder_of(destination, shard), what=f"shard {shard} of {str(destination)!r}"):
            pass
    states = {shard: read_state(state_folder_of(destination, shard)) for shard in shards}
    incomplete = [
        shard for shard, state in states.items() if state and is_incomplete(state_folder_of(destination, shard), state)
    ]
    if incomplete:
        raise UsageError(
            f"{place}: the records of {_named(incomplete)} are incomplete, or have changed since the run: copy all of "
            f"{STATE_FOLDERS} again, or run {'it' if len(incomplete) == 1 else 'them'} again"
        )
    if not any(states.values()):
        raise UsageError(f"{place}: no shard has started an image: run them first ({_listed(shards)})")
    known = [
        (shard, state.options | {"follow_links": state.follow_links, "include_outputs": state.include_outputs})
        for shard, state in states.items()
        if state
    ]
    first, options = known[0]
    for shard, others in known:
        if others != options:
            name = next(name for name in (*options, *others) if options.get(name) != others.get(name))
            raise UsageError(
                f"{place}: shard {first} was made with {name}={options.get(name)!r} and shard {shard} with "
                f"{name}={others.get(name)!r}: run all of them with the same options"
            )
    return states


def is_incomplete(state_folder: RootedPath, state: State) -> bool:
    """Return whether records of a finished shard are missing or have changed."""
    return state.finished and not (is_whole(state_folder, state) and read_run(state_folder))


def _undone(missing: list[Shard], unfinished: list[Shard]) -> str:
    """Name the missing and unfinished shards; empty if there are none."""
    parts = [
        f"{_named(some)} {'are' if len(some) > 1 else 'is'} {what}"
        for some, what in ((missing, "missing"), (unfinished, "not finished"))
        if some
    ]
    return " and ".join(parts)


def _named(shards: list[Shard]) -> str:
    return f"shard{'s' if len(shards) > 1 else ''} {_listed(shards)}"


def _listed(shards: list[Shard]) -> str:
    more = f" and {len(shards) - _NAMED} more" if len(shards) > _NAMED else ""
    return ", ".join(map(str, shards[:_NAMED])) + more


def _add_from_runs(summary: RunSummary, runs: Iterable[dict[str, Any]]) -> None:
    """Add what the manifest does not hold: time, outputs made again, notes, and files ignored or passed over."""
    passed_over: set[str] = set()
    for run in runs:
        counts = run.get("summary", {})
        summary.seconds += counts.get("seconds", 0.0)
        summary.ignored += counts.get("ignored", 0)
        passed_over.update(_texts_in(counts, "outputs_passed_over"))
        summary.notes += [note for note in _texts_in(counts, "notes") if note not in summary.notes]
        for name in ("redone_options", "redone_sources"):
            number = counts.get(name, 0)  # older versions have no such entry, here and above
            setattr(summary, name, getattr(summary, name) + (number if type(number) is int else 0))
        foreign = counts.get("foreign", 0)
        if foreign:
            summary.images += foreign
            summary.skipped += foreign
            summary.skips[FOREIGN] = summary.skips.get(FOREIGN, 0) + foreign
    summary.outputs_passed_over = sorted(passed_over)


def _texts_in(counts: dict[str, Any], name: str) -> list[str]:
    """Return a list of texts in the summary of a run; older versions lack some."""
    found = counts.get(name, [])
    return list(map(str, found)) if isinstance(found, list) else []
