"""Pair the files of a folder with pictures by their stems: in bounded memory, as names are sorted and merged."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from icsys.sources.companions.layout import Endings
from icsys.sources.companions.name_words import beginnings, cuts, known_ending
from icsys.sources.sorted_names import SortedNames

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_END = "\0"  # no name holds it, and it sorts before every character
_LAST = "~"  # sorts after the digits


class NamedPicture(NamedTuple):
    """A picture: the number of its folder, its name there, and the name of its output."""

    folder: int
    name: str
    output: str


def stem_of(name: str) -> str:
    """Return a name without its last suffix; a leading dot starts no suffix."""
    stem, dot, _ = name.rpartition(".")
    return stem if dot and stem else name


def pair_files(
    files: Iterable[str], endings: Sequence[Endings], pictures: Iterable[NamedPicture], *, whole_names: bool = False
) -> Iterator[tuple[str, NamedPicture | None]]:
    """Yield each file with its picture, in the order of the names; None without one.

    Parameters
    ----------
    endings
        The first with which there is a picture counts; of several pictures, the first folder and name.
    whole_names
        Whether a file may also have the whole name of its picture as its stem, such as ``a.jpg.txt``.
    """
    wanted, found = SortedNames(), SortedNames()
    for file in files:
        found.add(f"{file}{_END}{_LAST}")
        stem = stem_of(file)
        for rank, (ending, of_picture) in enumerate(endings):
            if stem.endswith(ending) and len(stem) > len(ending):
                wanted.add(f"{stem[: len(stem) - len(ending)]}{of_picture}{_END}{rank:04d}{_END}{file}")
    have = SortedNames()
    for folder, name, output in pictures if len(wanted) else ():
        rest = f"{folder:04d}{_END}{name}{_END}{output}"
        have.add(f"{stem_of(name)}{_END}{rest}")
        if whole_names:
            have.add(f"{name}{_END}{rest}")
    for ranked, picture in _merged(iter(wanted), iter(have)):
        place, _, file = ranked.partition(_END)
        found.add(f"{file}{_END}{place}{_END}{picture}")
    for file, lines in groupby((line.partition(_END) for line in found), key=lambda parts: parts[0]):
        best = next(lines)[2]
        if best == _LAST:
            yield file, None
        else:
            _, folder_number, name, output = best.split(_END)
            yield file, NamedPicture(int(folder_number), name, output)


def _merged(wanted: Iterator[str], have: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Yield what is behind the keys of two sorted lists of lines where they are equal; the first of ``have`` counts."""
    key, rest = "", ""
    for line in wanted:
        own, _, ranked = line.partition(_END)
        while key < own:
            after = next(have, None)
            if after is None:
                return
            new, _, behind = after.partition(_END)
            if new != key:
                key, rest = new, behind
        if key == own:
            yield ranked, rest


def count_endings(files: Sequence[str], pictures: Iterable[str], *, beside: bool = False) -> Counter[Endings]:
    """Count with which endings files belong to pictures; each file counts once, with the shortest ending.

    Parameters
    ----------
    files, pictures
        Names; those of pictures are read once.
    beside
        Whether they lie in one folder: then only the known endings of masks count.
    """
    wanted: dict[str, list[tuple[int, str]]] = {}
    for number, file in enumerate(files):
        stem = stem_of(file)
        own = known_ending(stem)
        for beginning, ending in [(stem[: len(stem) - len(own)], own)] if beside else cuts(stem):
            if ending or not beside:
                wanted.setdefault(beginning, []).append((number, ending))
    best: dict[int, Endings] = {}
    for picture in pictures:
        for beginning, of_picture in beginnings(stem_of(picture)):
            for number, ending in wanted.get(beginning, ()):
                new = Endings(ending, of_picture)
                if number not in best or _order(new) < _order(best[number]):
                    best[number] = new
    return Counter(best.values())


def _order(endings: Endings) -> tuple[int, Endings]:
    return len(endings.file) + len(endings.picture), endings


def evenly_spread(names: Iterable[str], count: int, most: int) -> list[str]:
    """Return at most ``most`` of ``count`` names, evenly spread."""
    step = max(1, -(-count // most))
    return [name for number, name in enumerate(names) if number % step == 0]
