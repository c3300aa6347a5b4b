"""What the journals of an output folder say that lies in it: read once, and kept small.

Of every output 37 bytes are kept: hashes of its name, and where its line stands. While they are sorted it is three
times as much: 1.1 GB for ten million.
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
from icsys.partition import shard_index
from icsys.records.manifest import DONE, FAILED, from_line
from icsys.records.pending_outputs import WrittenHashes, load_pending
from icsys.shards.state import is_whole, read_state, shards_in, state_folder_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from icsys.files.rooted_path import RootedPath

_LINE = np.dtype([("key", "u8"), ("at", "i8"), ("pack", "i4"), ("book", "i4"), ("length", "i4"), ("done", "?")])
_KEY = os.urandom(16)  # so that nobody can make two names of one hash
_FILE = -1  # of an output that lies in no shard
_AT_ONCE = 512


class _Book(NamedTuple):
    """A journal, and how its folder is called below the output folder."""

    folder: RootedPath
    name: str


class Account:
    """What the journals of an output folder say of its outputs.

    Parameters
    ----------
    destination
        The folder; no run works on it.
    place
        Tells by its line in which shard an output lies.

    Attributes
    ----------
    damaged
        Names of journals in which lines cannot be read.
    claims, written
        Outputs that a killed run may have written, and the hashes by output of what it wrote.
    packs
        Names of the shards that lines tell of.
    palettes
        Hashes of the palettes that images share, by the name of the folder that they lie in, which tells their class.
    """

    def __init__(self, destination: RootedPath, place: Callable[[dict[str, Any]], str | None] = lambda _: None) -> None:
        self.damaged: set[str] = set()
        self.claims: set[str] = set()
        self.written: dict[str, set[str]] = {}
        self.packs: list[str] = []
        self.palettes: dict[str, set[str]] = {}
        self._place = place
        self._numbers: dict[str, int] = {}
        self._books = [_Book(destination, "")]
        started = [shard for shard in shards_in(destination) if read_state(state_folder_of(destination, shard))]
        self._books += [
            _Book(state_folder_of(destination, shard), f"{STATE_FOLDERS}/{shard.name}/") for shard in started
        ]
        taken = {(shard.index, shard.count) for shard in started}
        counts = {shard.count for shard in started}

        def is_taken(source: str) -> bool:
            """Tell whether a shard has taken over what the folder's own journal says of a source."""
            return any((shard_index(source, count), count) in taken for count in counts)

        tables = [self._read(number, is_taken if number == 0 and taken else None) for number in range(len(self._books))]
        lines = np.concatenate(tables)
        # Of two shards that tell of one output, the one that has made it is right.
        order = np.lexsort((lines["done"], lines["key"]))
        lines = lines[order]
        lines = lines[_is_last(lines["key"])]
        self._keys = lines["key"].copy()
        self._lines = lines[np.lexsort((lines["at"], lines["book"], lines["pack"]))]

    def __len__(self) -> int:
        """Return the number of outputs."""
        return len(self._lines)

    def holds(self, outputs: Sequence[str]) -> NDArray[np.bool_]:
        """Tell of each of these names whether a line tells of it."""
        keys = np.array([_key(output) for output in outputs], np.uint64)
        if not len(self._keys):
            return np.zeros(len(keys), bool)
        places = np.searchsorted(self._keys, keys)
        found: NDArray[np.bool_] = self._keys[np.minimum(places, len(self._keys) - 1)] == keys
        return found

    @property
    def has_files(self) -> bool:
        """Whether a line tells of an output that lies in no shard."""
        return bool(len(self._lines) and self._lines["pack"][0] == _FILE)

    def files(self) -> Iterator[list[dict[str, Any]]]:
        """Yield the lines of outputs that lie in no shard, some hundred at once, in the order of the journals."""
        return self._rows(_FILE)

    def packed(self, pack: str) -> Iterator[list[dict[str, Any]]]:
        """Yield the lines of outputs that lie in a shard, likewise."""
        return self._rows(self._numbers[pack]) if pack in self._numbers else iter(())

    def count(self, pack: str) -> int:
        """Return the number of outputs that lie in a shard."""
        number = self._numbers.get(pack)
        return 0 if number is None else int(np.subtract(*np.searchsorted(self._lines["pack"], [number + 1, number])))

    def _rows(self, pack: int) -> Iterator[list[dict[str, Any]]]:
        begin, end = np.searchsorted(self._lines["pack"], [pack, pack + 1])
        lines = self._lines[begin:end]
        for number in np.unique(lines["book"]).tolist():
            own = lines[lines["book"] == number]
            with (self._books[number].folder / MANIFEST).open() as file:
                for first in range(0, len(own), _AT_ONCE):
                    rows = []
                    for at, length in own[["at", "length"]][first : first + _AT_ONCE].tolist():
                        file.seek(at)
                        row = from_line(file.read(length))
                        if row is None:
                            raise UsageError("the journal was changed while it was read: verify the folder again")
                        rows.append(row)
                    yield rows

    def _read(self, number: int, is_taken: Callable[[str], bool] | None) -> NDArray[np.void]:
        """Read a journal; of the lines that tell of one output the last one counts."""
        book = self._books[number]
        claims = set(load_pending(book.folder))
        self.claims |= claims
        if claims:
            for output, hashes in WrittenHashes(book.folder).load().items():
                self.written.setdefault(output, set()).update(hashes)
        state = read_state(book.folder) if number else None
        if state is not None and state.finished and not is_whole(book.folder, state):
            self.damaged.add(f"{book.name}{MANIFEST}")
        for _ in self._lines_of(book, FAILURES, is_open=False):
            pass
        keys, places, lengths, packs, done = array("Q"), array("q"), array("i"), array("i"), bytearray()
        for at, length, row in self._lines_of(book, MANIFEST, is_open=bool(claims)):
            if row["status"] == FAILED or (is_taken is not None and is_taken(row["source_path"])):
                continue
            output, is_done = row["file_name"], row["status"] == DONE
            keys.append(_key(output))
            places.append(at)
            lengths.append(length)
            done.append(is_done)
            packs.append(self._number_of(self._place(row)))
            if is_done and isinstance(row.get("palette"), str) and row["palette"]:
                self.palettes.setdefault(_folder(output), set()).add(row["palette"])
        table = np.empty(len(keys), _LINE)
        table["key"], table["at"], table["length"], table["pack"] = keys, places, lengths, packs
        table["book"], table["done"] = number, np.frombuffer(done, bool)
        table = table[np.argsort(table["key"], kind="stable")]
        return table[_is_last(table["key"])]

    def _lines_of(self, book: _Book, name: str, *, is_open: bool) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """Read the lines of a journal with their positions and lengths; the last one of an open one may be torn."""
        try:
            file = (book.folder / name).open()
        except FileNotFoundError:
            return
        with file:
            for at, line in lines_of(file):
                row = from_line(line)
                if row is not None:
                    yield at, len(line), row
                elif line.endswith(b"\n") or not is_open:
                    self.damaged.add(f"{book.name}{name}")

    def _number_of(self, pack: str | None) -> int:
        if pack is None:
            return _FILE
        number = self._numbers.setdefault(pack, len(self.packs))
        if number == len(self.packs):
            self.packs.append(pack)
        return number


def _key(name: str) -> int:
    """Return the hash of a name: of ten million, two have the same one once in some hundred thousand folders."""
    data = name.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8, key=_KEY).digest(), "little")


def _folder(output: str) -> str:
    return output.rpartition("/")[0].rpartition("/")[2]


def _is_last(keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Tell of each of sorted keys whether no other one follows that is the same."""
    last = np.ones(len(keys), bool)
    last[:-1] = keys[1:] != keys[:-1]
    return last
