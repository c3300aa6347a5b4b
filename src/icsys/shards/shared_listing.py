"""One listing of a source folder for all of its shards, made by the coordinator of a cluster.

Shards that start on their own list the folder each. A cluster has many small shards, so its coordinator lists once, and
every shard reads its part (``plan.jsonl``) from its state folder. The state folders appear together, by one rename,
with ``division.json``, which describes the run.

Measured with 200,000 files (CPU): one listing for all shards 5.4 s, reading it included; a shard's own listing 2.0 s. A
cluster makes 782 shards of these files, and 782 own listings would take 26 minutes.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from icsys.errors import UsageError
from icsys.files.atomic import open_own, remove_tree, write_json
from icsys.files.bounded_lines import lines_of
from icsys.files.parsing import from_json, read_json
from icsys.files.relative_names import is_below
from icsys.files.reserved_names import check_state_folders
from icsys.journal.lock import locked
from icsys.layout import FAILURES, LISTING, LISTING_INFO, MANIFEST, PLAN, STATE_DRAFT, STATE_FOLDERS
from icsys.records.label import Label
from icsys.records.manifest import read_rows, to_line
from icsys.records.pending_outputs import copy_pending, load_pending
from icsys.results import COMPANIONS
from icsys.shard import MAX_SHARDS, Shard, all_shards, shard_index
from icsys.shards.state_folders import clean_merged, is_state_file, read_state, shards_in, state_folder_of, write_state
from icsys.sources.base import Companion, Excluded, Ignored, PassedOver, Planned, Task, Unreadable
from icsys.sources.folder import Folder

if TYPE_CHECKING:
    import os
    import threading
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from icsys.files.rooted_path import RootedPath

_HELD = 64 * 2**20  # bytes of lines held in memory before they are written
_COUNT_EVERY = 1000  # images


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing for all shards.

    Attributes
    ----------
    count
        Number of shards.
    images
        Number of images in all shards.
    settings
        Settings of the run, as plain JSON values. If they change, every shard is unfinished.
    """

    count: int
    images: int
    settings: dict[str, Any]


def read_listing(destination: RootedPath) -> Listing | None:
    """Return the listing of an output folder; None if there is none, or if its shards list for themselves."""
    try:
        values = read_json(destination / STATE_FOLDERS / LISTING_INFO)
        count, images = values["count"], values["images"]
        if type(count) is int and type(images) is int and 1 <= count <= MAX_SHARDS:
            return Listing(count, images, dict(values["settings"]))
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def list_for_shards(
    destination: RootedPath,
    planned: Iterable[Planned],
    settings: dict[str, Any],
    choose_count: Callable[[int], int],
    *,
    stop: threading.Event,
    on_count: Callable[[int], object] = lambda _: None,
) -> Listing | None:
    """List the images of a source, and give each shard its part; update an earlier listing.

    With an earlier listing, the number of shards and their finished work stay. A shard becomes unfinished if its part
    or the settings have changed.

    Parameters
    ----------
    planned
        All entries; they are read once, and not held in memory.
    choose_count
        Returns the number of shards for a number of images.
    on_count
        Called every 1000 images with the number of images listed so far.

    Returns
    -------
    Listing
        None if ``stop`` was set or there is no image; the folder has not changed then.

    Raises
    ------
    UsageError
        If another run works on the folder, or it has shards that list for themselves and are not merged.
    """
    # Other runs are refused while the lock is held; afterwards the state folders of the shards do it.
    with locked(destination):
        clean_merged(destination)
        known = read_listing(destination)
        if known is None and (others := shards_in(destination)):
            raise UsageError(
                f"destination {str(destination)!r} is divided into {others[0].count} shards: "
                "merge them first (ics merge), or name another destination"
            )
        if known is not None:
            check_state_folders(destination, [shard.name for shard in all_shards(known.count)])
        draft = destination / STATE_DRAFT
        remove_tree(draft, is_state_file)
        if draft.exists():
            raise UsageError(f"{str(draft)!r} holds files that ics did not write: move it away first")
        draft.mkdir()
        images = _list(draft / LISTING, planned, stop, on_count)
        if stop.is_set() or not images:
            remove_tree(draft, is_state_file)
            return None
        listing = Listing(known.count if known else choose_count(images), images, settings)
        _scatter(destination, draft, listing.count, with_rows=known is None)
        (draft / LISTING).unlink()
        if known is None:
            write_json(draft / LISTING_INFO, asdict(listing))
            draft.sync()
            remove_tree(destination / STATE_FOLDERS, is_state_file)  # it holds no shard
            draft.replace(destination / STATE_FOLDERS)
            destination.sync()
        else:
            _update(destination, draft, known, listing)
    return listing


def _list(
    path: RootedPath, planned: Iterable[Planned], stop: threading.Event, on_count: Callable[[int], object]
) -> int:
    """Write all entries to a file, and return the number of images."""
    images = 0
    with path.open("xb") as file:
        for entry in planned:
            if stop.is_set():
                break
            file.write(to_line(_fields(entry)))
            images += not isinstance(entry, Companion | Ignored | PassedOver)
            if images % _COUNT_EVERY == 1:
                on_count(images)
    return images


def _fields(entry: Planned) -> list[str] | dict[str, Any]:  # noqa: PLR0911 - one for each kind of entry
    """Return an entry as JSON values; every kind of entry has its own form and length."""
    match entry:
        case Task(label=None, sample=""):
            return [entry.source, entry.output]
        case Task():
            return {"source": entry.source, "output": entry.output, "label": entry.label, "sample": entry.sample}
        case Companion(task, kind, form, picture):
            image = None if picture is None else [picture.source, picture.output]
            return {"companion": [task.source, task.output], "kind": kind, "form": form, "picture": image}
        case Excluded(task, rule, message):
            return {"excluded": [task.source, task.output], "rule": rule, "message": message}
        case Ignored():
            return [entry.source]
        case PassedOver():
            return {"passed_over": entry.source}
        case Unreadable():
            return [entry.source, entry.code, entry.message, *(["folder"] if entry.is_folder else [])]


def _entry(line: bytes) -> Planned:  # noqa: PLR0911 - likewise
    """Return the entry in a line from :func:`_fields`; ValueError if the line has none."""
    match from_json(line):
        case [str(source), str(output)] if is_below(source) and is_below(output):
            return Task(source, output)
        case [str(source)]:
            return Ignored(source)
        case {
            "source": str(source),
            "output": str(output),
            "label": None | [str() | None, int() | None] as label,
            "sample": str(sample),
        } if is_below(source) and is_below(output):
            return Task(source, output, None, label and Label(*label), sample)
        case {
            "companion": [str(source), str(output)],
            "kind": str(kind),
            "form": str(form),
            "picture": None | [str(), str()] as picture,
        } if kind in COMPANIONS and all(map(is_below, [source, output, *(picture or ())])):
            return Companion(Task(source, output), kind, form, picture and Task(*picture))
        case {"excluded": [str(source), str(output)], "rule": str(rule), "message": str(message)} if is_below(
            source
        ) and is_below(output):
            return Excluded(Task(source, output), rule, message)
        case {"passed_over": str(source)}:
            return PassedOver(source)
        case [str(source), str(code), str(message), *folder]:
            return Unreadable(source, code, message, is_folder=bool(folder))
    raise ValueError(line)


@dataclass(frozen=True, slots=True)
class ListedShard(Folder):
    """A folder as a source of one shard, whose part the coordinator has listed."""

    state_folder: RootedPath = field(kw_only=True)

    def plan(self, _: str) -> Iterator[Planned]:
        """Read the shard's part of the listing."""
        return read_listed(self.state_folder)


def listed_shard(
    destination: RootedPath,
    shard: Shard,
    source: str | os.PathLike[str],
    suffix: str,
    *,
    follow_links: bool,
    include_outputs: bool = False,
    fixed: Mapping[str, Any] | None = None,
) -> ListedShard | None:
    """Return a shard's part of a folder; None if there is no listing for this source and these settings.

    Parameters
    ----------
    fixed
        More values that the listing was made with.
    """
    state_folder = state_folder_of(destination, shard)
    listing = read_listing(destination) if (state_folder / PLAN).exists() else None
    folder = Path(source)
    links = {"follow_links": follow_links, "include_outputs": include_outputs}
    expected = {"source": str(folder.absolute()), "suffix": suffix, **links, **(fixed or {})}
    if listing is None or not expected.items() <= listing.settings.items():
        return None
    return ListedShard(folder, Path(str(destination)), follow_links, include_outputs, state_folder=state_folder)


def read_listed(state_folder: RootedPath) -> Iterator[Planned]:
    """Read a shard's part of the listing."""
    return _read(state_folder / PLAN)


def _read(path: RootedPath) -> Iterator[Planned]:
    with path.open() as lines:
        for _, line in lines_of(lines):
            try:
                yield _entry(line)
            except ValueError:
                raise UsageError(
                    f"{str(path)!r} is not what ics has written: remove {STATE_FOLDERS!r} and run again"
                ) from None


def _scatter(destination: RootedPath, draft: RootedPath, count: int, *, with_rows: bool) -> None:
    """Give every shard its part of the listing and, ``with_rows``, of the journal and the pending outputs."""
    for shard in all_shards(count):
        (draft / shard.name).mkdir()
        (draft / shard.name / PLAN).open("xb").close()
    lines = _LineWriter(draft, count)
    with (draft / LISTING).open() as listing:
        for line in listing:
            entry = _entry(line)
            if isinstance(entry, Unreadable) and entry.is_folder:
                for index in range(1, count + 1):  # each shard may lack images of this folder
                    lines.add(index, PLAN, line)
                continue
            index = shard_index(entry.source, count)
            lines.add(index, PLAN, line)
    if with_rows:
        for name in (MANIFEST, FAILURES):
            for _, row in read_rows(destination / name):
                lines.add(shard_index(row["source_path"], count), name, to_line(row))
    lines.write()
    if with_rows:
        _scatter_pending(destination, draft, count)


def _scatter_pending(destination: RootedPath, draft: RootedPath, count: int) -> None:
    """Give every shard its pending outputs: by the task that has the output now, or else by the recorded source."""
    pending = load_pending(destination)
    by_shard: dict[int, dict[str, str]] = defaultdict(dict)
    left = dict(pending)
    if pending:
        for entry in _read(draft / LISTING):
            task = entry.task if isinstance(entry, Companion) else entry
            if isinstance(task, Task) and task.output in pending:
                by_shard[shard_index(task.source, count)][task.output] = pending[task.output]
                left.pop(task.output, None)
        for output, source in left.items():
            by_shard[shard_index(source, count)][output] = source
    for index, some in by_shard.items():
        copy_pending(destination, draft / Shard(index, count).name, some)


class _LineWriter:
    """Writes lines to the files of many shards; only a few files can be open at once."""

    def __init__(self, folder: RootedPath, count: int) -> None:
        self._folder, self._count = folder, count
        self._waiting: dict[tuple[int, str], list[bytes]] = defaultdict(list)
        self._bytes = 0

    def add(self, index: int, name: str, line: bytes) -> None:
        """Add a line to a file of a shard."""
        self._waiting[index, name].append(line)
        self._bytes += len(line)
        if self._bytes > _HELD:
            self.write()

    def write(self) -> None:
        """Append the waiting lines to their files, in order."""
        for (index, name), lines in self._waiting.items():
            with open_own(self._folder / Shard(index, self._count).name / name, "ab") as file:
                file.writelines(lines)
        self._waiting.clear()
        self._bytes = 0


def _update(destination: RootedPath, draft: RootedPath, known: Listing, listing: Listing) -> None:
    """Replace the parts that have changed.

    A shard is marked unfinished before it gets a new part, so a crash leaves no shard finished by mistake.
    """
    for shard in all_shards(listing.count):
        state_folder = state_folder_of(destination, shard)
        new, old = draft / shard.name / PLAN, state_folder / PLAN
        changed = not old.exists() or new.read_bytes() != old.read_bytes()
        if changed or known.settings != listing.settings:
            state = read_state(state_folder)
            if state is not None and state.finished:
                write_state(state_folder, replace(state, finished=False))
        if changed:
            state_folder.mkdir(exist_ok=True)
            new.replace(old)
    write_json(destination / STATE_FOLDERS / LISTING_INFO, asdict(listing))
    (destination / STATE_FOLDERS).sync()
    remove_tree(draft, is_state_file)
