"""A folder divided into shards by one that lists it for all of them.

Shards that know nothing of one another list the folder each. Here it is listed once, and every shard finds its part
of the list in its books (``plan.jsonl``), beside its part of what earlier runs have written. ``.ics-books`` appears
whole or not at all, with ``division.json`` in it, which says of what run it is.
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
from icsys.partition import MAX_SHARDS, Shard, all_shards, shard_index
from icsys.records.labels import Label
from icsys.records.manifest import read_rows, to_line
from icsys.records.pending_outputs import copy_pending, load_pending
from icsys.shards.state import clean_merged, is_state_file, read_state, shards_in, state_folder_of, write_state
from icsys.sources.base import Ignored, PassedOver, Planned, Task, Unreadable
from icsys.sources.folder import Folder

if TYPE_CHECKING:
    import os
    import threading
    from collections.abc import Callable, Iterable, Iterator

    from icsys.files.rooted_path import RootedPath

_HELD = 64 * 2**20  # bytes of lines that wait to be written into the books of their shards
_TOLD = 1000  # images


@dataclass(frozen=True, slots=True)
class Listing:
    """How a folder is divided.

    Attributes
    ----------
    count
        Number of shards.
    images
        Images in all of them.
    settings
        Of the run that divided it, as plain JSON values: with others, nothing is finished.
    """

    count: int
    images: int
    settings: dict[str, Any]


def read_listing(destination: RootedPath) -> Listing | None:
    """Return how a folder is divided; None if it is not, or by shards that know nothing of one another."""
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
    tell: Callable[[int], object] = lambda _: None,
) -> Listing | None:
    """Divide an output folder into shards, or bring its division up to date.

    A folder that is divided already keeps its number of shards, and what they have done; a shard whose part of the list
    has changed is not finished any more, nor is any if the settings are others.

    Parameters
    ----------
    planned
        The whole list; it is drawn once, and never held.
    choose_count
        Number of images to number of shards.
    tell
        Called now and then with the number of images listed so far.

    Returns
    -------
    Division
        None if ``stop`` was set, or there is no image; the folder is as it was then.

    Raises
    ------
    UsageError
        If another run works on the folder, or shards that know nothing of one another are not merged.
    """
    # Whoever comes meanwhile is refused; from then on the names of the shards refuse him.
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
        images = _list(draft / LISTING, planned, stop, tell)
        if stop.is_set() or not images:
            remove_tree(draft, is_state_file)
            return None
        division = Listing(known.count if known else choose_count(images), images, settings)
        _scatter(destination, draft, division, share=known is None)
        (draft / LISTING).unlink()
        if known is None:
            write_json(draft / LISTING_INFO, asdict(division))
            draft.sync()
            remove_tree(destination / STATE_FOLDERS, is_state_file)  # it holds no shard
            draft.replace(destination / STATE_FOLDERS)
            destination.sync()
        else:
            _bring_up_to_date(destination, draft, known, division)
    return division


def _list(listing: RootedPath, planned: Iterable[Planned], stop: threading.Event, tell: Callable[[int], object]) -> int:
    """Write down the list and return how many images are on it."""
    images = 0
    with listing.open("xb") as file:
        for entry in planned:
            if stop.is_set():
                break
            file.write(to_line(_fields(entry)))
            images += not isinstance(entry, Ignored | PassedOver)
            if images % _TOLD == 1:
                tell(images)
    return images


def _fields(entry: Planned) -> list[str] | dict[str, Any]:
    """Return an entry of the list as a line that its form and length tell from those of other kinds."""
    match entry:
        case Task(label=None, sample=""):
            return [entry.source, entry.output]
        case Task():
            return {"source": entry.source, "output": entry.output, "label": entry.label, "sample": entry.sample}
        case Ignored():
            return [entry.source]
        case PassedOver():
            return {"passed_over": entry.source}
        case Unreadable():
            return [entry.source, entry.code, entry.message, *(["folder"] if entry.is_folder else [])]


def _entry(line: bytes) -> Planned:
    """Return what :func:`_fields` has made a line of; ValueError if it cannot have."""
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
        case {"passed_over": str(source)}:
            return PassedOver(source)
        case [str(source), str(code), str(message), *folder]:
            return Unreadable(source, code, message, is_folder=bool(folder))
    raise ValueError(line)


@dataclass(frozen=True, slots=True)
class ListedShard(Folder):
    """A shard's part of a folder, which was listed for all of them."""

    state_folder: RootedPath = field(kw_only=True)

    def plan(self, _: str) -> Iterator[Planned]:
        """Draw it from the shard's books."""
        return read_listed(self.state_folder)


def listed_shard(
    destination: RootedPath,
    shard: Shard,
    source: str | os.PathLike[str],
    suffix: str,
    *,
    follow_links: bool,
    include_outputs: bool = False,
) -> ListedShard | None:
    """Return a shard's part of a folder; None where nobody has listed it for this run."""
    state_folder = state_folder_of(destination, shard)
    division = read_listing(destination) if (state_folder / PLAN).exists() else None
    folder = Path(source)
    links = {"follow_links": follow_links, "include_outputs": include_outputs}
    asked = {"source": str(folder.absolute()), "suffix": suffix, **links}
    if division is None or not asked.items() <= division.settings.items():
        return None
    return ListedShard(folder, Path(str(destination)), follow_links, include_outputs, state_folder=state_folder)


def read_listed(state_folder: RootedPath) -> Iterator[Planned]:
    """Draw a shard's part of the list from its books."""
    return _read(state_folder / PLAN)


def _read(listing: RootedPath) -> Iterator[Planned]:
    with listing.open() as lines:
        for _, line in lines_of(lines):
            try:
                yield _entry(line)
            except ValueError:
                raise UsageError(
                    f"{str(listing)!r} is not what ics has written: remove {STATE_FOLDERS!r} and run again"
                ) from None


def _scatter(destination: RootedPath, draft: RootedPath, division: Listing, *, share: bool) -> None:
    """Give every shard its part of the list and, for a ``share``, of what earlier runs have written."""
    count = division.count
    for shard in all_shards(count):
        (draft / shard.name).mkdir()
        (draft / shard.name / PLAN).open("xb").close()
    lines = _Lines(draft, count)
    with (draft / LISTING).open() as listing:
        for line in listing:
            entry = _entry(line)
            if isinstance(entry, Unreadable) and entry.is_folder:
                for index in range(1, count + 1):  # none of them has met all of its images
                    lines.add(index, PLAN, line)
                continue
            index = shard_index(entry.source, count)
            lines.add(index, PLAN, line)
    if share:
        for name in (MANIFEST, FAILURES):
            for _, row in read_rows(destination / name):
                lines.add(shard_index(row["source_path"], count), name, to_line(row))
    lines.write()
    if share:
        _scatter_pending(destination, draft, count)


def _scatter_pending(destination: RootedPath, draft: RootedPath, count: int) -> None:
    """Give every shard the claims to outputs of its own; what no source asks for goes by the source that it came of."""
    pending = load_pending(destination)
    claimed: dict[int, dict[str, str]] = defaultdict(dict)
    left = dict(pending)
    if pending:
        for entry in _read(draft / LISTING):
            if isinstance(entry, Task) and entry.output in pending:
                claimed[shard_index(entry.source, count)][entry.output] = pending[entry.output]
                left.pop(entry.output, None)
        for output, source in left.items():
            claimed[shard_index(source, count)][output] = source
    for index, some in claimed.items():
        copy_pending(destination, draft / Shard(index, count).name, some)


class _Lines:
    """Lines on their way into the files of many shards, of which only few can be open at once."""

    def __init__(self, folder: RootedPath, count: int) -> None:
        self._folder, self._count = folder, count
        self._waiting: dict[tuple[int, str], list[bytes]] = defaultdict(list)
        self._bytes = 0

    def add(self, index: int, name: str, line: bytes) -> None:
        """Take in a line for a file of a shard."""
        self._waiting[index, name].append(line)
        self._bytes += len(line)
        if self._bytes > _HELD:
            self.write()

    def write(self) -> None:
        """Write what waits, each line behind those before it."""
        for (index, name), lines in self._waiting.items():
            with open_own(self._folder / Shard(index, self._count).name / name, "ab") as file:
                file.writelines(lines)
        self._waiting.clear()
        self._bytes = 0


def _bring_up_to_date(destination: RootedPath, draft: RootedPath, known: Listing, division: Listing) -> None:
    """Put new parts of the list into the place of those that have changed.

    A shard is called unfinished before it gets new work, so that a crash leaves none finished by mistake.
    """
    for shard in all_shards(division.count):
        state_folder = state_folder_of(destination, shard)
        new, old = draft / shard.name / PLAN, state_folder / PLAN
        changed = not old.exists() or new.read_bytes() != old.read_bytes()
        if changed or known.settings != division.settings:
            state = read_state(state_folder)
            if state is not None and state.finished:
                write_state(state_folder, replace(state, finished=False))
        if changed:
            state_folder.mkdir(exist_ok=True)
            new.replace(old)
    write_json(destination / STATE_FOLDERS / LISTING_INFO, asdict(division))
    (destination / STATE_FOLDERS).sync()
    remove_tree(draft, is_state_file)
