"""Table of all outputs in the manifests of an output folder, read once and kept small.

Each output takes 38 bytes: a hash of its name, and the position of its manifest row. Sorting takes three times as much:
1.1 GB for ten million outputs.
"""

from __future__ import annotations

import hashlib
import os
from array import array
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from icsys.errors import UsageError
from icsys.files.bounded_lines import lines_of
from icsys.layout import FAILURES, MANIFEST, STATE_FOLDERS
from icsys.records.manifest import DONE, FAILED, LEFT_OUT, from_line, row_kind
from icsys.records.pending_outputs import WrittenHashes, load_pending
from icsys.results import IMAGE
from icsys.shard import shard_index
from icsys.shards.state_folders import is_whole, read_state, shards_in, state_folder_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from icsys.files.rooted_path import RootedPath

_LINE = np.dtype(
    [("key", "u8"), ("at", "i8"), ("pack", "i4"), ("journal", "i4"), ("length", "i4"), ("done", "?"), ("image", "?")]
)
_KEY = os.urandom(16)  # random, so no one can construct two names with one hash
_FILE = -1  # the pack number of an output in a file of its own
_AT_ONCE = 512


class _Journal(NamedTuple):
    """A state folder with a manifest, and its name below the output folder."""

    folder: RootedPath
    name: str


class JournalTable:
    """Table of the outputs that the manifests of an output folder record.

    Parameters
    ----------
    destination
        The output folder; no run uses it.
    pack_of
        Returns the pack of an output, given its manifest row; None for a file of its own.

    Attributes
    ----------
    damaged
        Names of manifests with invalid lines.
    pending, written
        Outputs that a killed run may have written, and the hashes by output of files that it wrote.
    packs
        Names of the packs in the rows.
    palettes
        Hashes of shared palettes, by the name of the images' folder, which is their class.
    """

    def __init__(
        self, destination: RootedPath, pack_of: Callable[[dict[str, Any]], str | None] = lambda _: None
    ) -> None:
        self.damaged: set[str] = set()
        self.pending: set[str] = set()
        self.written: dict[str, set[str]] = {}
        self.packs: list[str] = []
        self.palettes: dict[str, set[str]] = {}
        self._pack_of = pack_of
        self._numbers: dict[str, int] = {}
        self._journals = [_Journal(destination, "")]
        started = [shard for shard in shards_in(destination) if read_state(state_folder_of(destination, shard))]
        self._journals += [
            _Journal(state_folder_of(destination, shard), f"{STATE_FOLDERS}/{shard.name}/") for shard in started
        ]
        taken = {(shard.index, shard.count) for shard in started}
        counts = {shard.count for shard in started}

        def is_taken(source: str) -> bool:
            """Return whether a shard has taken over the folder's own row for a source."""
            return any((shard_index(source, count), count) in taken for count in counts)

        tables = [
            self._read(number, is_taken if number == 0 and taken else None) for number in range(len(self._journals))
        ]
        lines = np.concatenate(tables)
        # If two shards record one output, the row of the shard that made it counts.
        order = np.lexsort((lines["done"], lines["key"]))
        lines = lines[order]
        lines = lines[_is_last(lines["key"])]
        self._keys = lines["key"].copy()
        self._lines = lines[np.lexsort((lines["at"], lines["journal"], lines["pack"]))]

    def __len__(self) -> int:
        """Return the number of outputs."""
        return len(self._lines)

    @property
    def images(self) -> int:
        """Number of outputs that are images."""
        return int(np.count_nonzero(self._lines["image"]))

    def holds(self, outputs: Sequence[str]) -> NDArray[np.bool_]:
        """Return for each name whether a row records it."""
        keys = np.array([_key(output) for output in outputs], np.uint64)
        if not len(self._keys):
            return np.zeros(len(keys), bool)
        places = np.searchsorted(self._keys, keys)
        found: NDArray[np.bool_] = self._keys[np.minimum(places, len(self._keys) - 1)] == keys
        return found

    @property
    def has_files(self) -> bool:
        """Whether an output is in a file of its own."""
        return bool(len(self._lines) and self._lines["pack"][0] == _FILE)

    def files(self) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of outputs in files of their own, some hundred at a time, in the order of the manifests."""
        return self._rows(_FILE)

    def packed(self, pack: str) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of outputs in a pack, likewise."""
        return self._rows(self._numbers[pack]) if pack in self._numbers else iter(())

    def count(self, pack: str) -> int:
        """Return the number of outputs in a pack."""
        number = self._numbers.get(pack)
        return 0 if number is None else int(np.subtract(*np.searchsorted(self._lines["pack"], [number + 1, number])))

    def _rows(self, pack: int) -> Iterator[list[dict[str, Any]]]:
        begin, end = np.searchsorted(self._lines["pack"], [pack, pack + 1])
        lines = self._lines[begin:end]
        for number in np.unique(lines["journal"]).tolist():
            own = lines[lines["journal"] == number]
            with (self._journals[number].folder / MANIFEST).open() as file:
                for first in range(0, len(own), _AT_ONCE):
                    rows = []
                    for at, length in own[["at", "length"]][first : first + _AT_ONCE].tolist():
                        file.seek(at)
                        row = from_line(file.read(length))
                        if row is None:
                            raise UsageError("the manifest was changed while it was read: verify the folder again")
                        rows.append(row)
                    yield rows

    def _read(self, number: int, is_taken: Callable[[str], bool] | None) -> NDArray[np.void]:
        """Read a manifest; the last row of an output counts."""
        journal = self._journals[number]
        pending = set(load_pending(journal.folder))
        self.pending |= pending
        if pending:
            for output, hashes in WrittenHashes(journal.folder).load().items():
                self.written.setdefault(output, set()).update(hashes)
        state = read_state(journal.folder) if number else None
        if state is not None and state.finished and not is_whole(journal.folder, state):
            self.damaged.add(f"{journal.name}{MANIFEST}")
        for _ in self._lines_of(journal, FAILURES, was_killed=False):
            pass
        keys, places, lengths, packs = array("Q"), array("q"), array("i"), array("i")
        done, images = bytearray(), bytearray()
        for at, length, row in self._lines_of(journal, MANIFEST, was_killed=bool(pending)):
            if row["status"] in (FAILED, LEFT_OUT) or (is_taken is not None and is_taken(row["source_path"])):
                continue
            output, is_done = row["file_name"], row["status"] == DONE
            keys.append(_key(output))
            places.append(at)
            lengths.append(length)
            done.append(is_done)
            images.append(row_kind(row) == IMAGE)
            packs.append(self._number_of(self._pack_of(row)))
            if is_done and isinstance(row.get("palette"), str) and row["palette"]:
                self.palettes.setdefault(_folder(output), set()).add(row["palette"])
        table = np.empty(len(keys), _LINE)
        table["key"], table["at"], table["length"], table["pack"] = keys, places, lengths, packs
        table["journal"] = number
        table["done"], table["image"] = np.frombuffer(done, bool), np.frombuffer(images, bool)
        table = table[np.argsort(table["key"], kind="stable")]
        return table[_is_last(table["key"])]

    def _lines_of(self, journal: _Journal, name: str, *, was_killed: bool) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """Yield position, length and content of each row; the last line may be torn if a run was killed."""
        try:
            file = (journal.folder / name).open()
        except FileNotFoundError:
            return
        with file:
            for at, line in lines_of(file):
                row = from_line(line)
                if row is not None:
                    yield at, len(line), row
                elif line.endswith(b"\n") or not was_killed:
                    self.damaged.add(f"{journal.name}{name}")

    def _number_of(self, pack: str | None) -> int:
        if pack is None:
            return _FILE
        number = self._numbers.setdefault(pack, len(self.packs))
        if number == len(self.packs):
            self.packs.append(pack)
        return number


def _key(name: str) -> int:
    """Return the hash of a name; ten million names collide about once in a hundred thousand folders."""
    data = name.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8, key=_KEY).digest(), "little")


def _folder(output: str) -> str:
    return output.rpartition("/")[0].rpartition("/")[2]


def _is_last(keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return for each of the sorted keys whether it is the last of its value."""
    last = np.ones(len(keys), bool)
    last[:-1] = keys[1:] != keys[:-1]
    return last
