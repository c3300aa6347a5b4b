"""``merge_shards``: one manifest from those of all shards, the same that a run without shards writes."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

from icsys.errors import UsageError
from icsys.files.atomic import remove_tree
from icsys.files.locations import disk_path
from icsys.files.reserved_names import check_names, check_state_folders, refusing_links
from icsys.files.rooted_path import RootedPath
from icsys.journal.journal import Journal, load_journal
from icsys.journal.lock import locked
from icsys.journal.put_in_order import compact
from icsys.layout import CLUSTER_FOLDER, LOCK, MERGED_FOLDERS, STATE_FOLDERS
from icsys.outputs.folder import FolderOutputs
from icsys.records.run_json import read_run, write_merged
from icsys.results import FOREIGN
from icsys.shard import Shard, all_shards
from icsys.shards.merge_manifests import merge_manifests
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
    from collections.abc import Iterable, Iterator

    from icsys.summary import RunSummary

_NAMED = 5


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
    may use no shards, or another number of shards.

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
        return join_shards(root, partial=partial)


def join_shards(destination: RootedPath, *, partial: bool) -> RunSummary:
    """Do the same as :func:`merge_shards`; the caller holds :func:`coordinator_lock` where a cluster may be at work."""
    with locked(destination) if shards_in(destination) else nullcontext():  # write nothing into a folder without shards
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
        # A shard without a state was killed early: its records are less than those of the folder.
        shards = [shard for shard in shards if states[shard] is not None]
        images = FolderOutputs(destination)
        for shard in shards:
            if shard in unfinished:  # a killed shard may have left its journal unsorted
                folder = state_folder_of(destination, shard)
                compact(Journal(folder, load_journal(folder)), complete=False, stale=(), exists=images.exists)
        runs = [read_run(state_folder_of(destination, shard)) for shard in shards]
        summary = merge_manifests(destination, shards)
        summary.stopped = f"merged although {undone}" if undone else ""
        _add_from_runs(summary, runs)
        write_merged(destination, [run for run in runs if run], summary, __version__)
        remove_state_folders(destination)
    return summary


def _check(destination: RootedPath, shards: list[Shard]) -> dict[Shard, State | None]:
    """Return the state of each shard; refuse shards that cannot be merged."""
    place = f"destination {str(destination)!r}"
    if not shards:
        raise UsageError(f"{place} holds no shards: expected a folder that ics compress --shard has filled")
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
