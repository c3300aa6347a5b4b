"""Near duplicates: images that show the same picture in another size, encoding or crop.

Hashes find candidates, the luma on a small grid leaves most of them out, and pixels that are laid over one another
decide. Flat and tiny pictures show too little to be compared, so they have no near duplicates. Mirrored and turned
pictures are other pictures.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from icsys.inspection.alignment import align, difference, softened
from icsys.inspection.compare_pictures import show_the_same
from icsys.inspection.fingerprint import GRID
from icsys.inspection.similar_hashes import similar_hashes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from icsys.inspection.alignment import Difference
    from icsys.inspection.image_facts import ImageFacts
    from icsys.inspection.small_pictures import SmallPictures

MOST_BITS = 12
"""Different bits of the hashes of candidates, of 64: the largest found between pictures and copies of them was 13."""

MOST_LIGHT = 13.0
"""Difference of the mean luma of candidates, in levels."""

LEAST_CONTRAST = 4.0
"""Standard deviation of the luma, in levels, below which a picture is flat."""

_HALF = GRID // 2
LEAST_SIDE = 16
"""Pixels of the shorter side below which a picture shows too little."""

# Parts of the contrast and levels that a difference may have: before and after pictures are laid over one another.
_MOST_BEFORE, _MOST_AFTER, _LOOSE = (0.42, 1.0), (0.2, 1.0), (0.3, 2.0)
_MOST_OUTSIDE = 0.03  # of a side: two crops of one picture, and what cells can tell
_STEPS = 5
_BLOCK = 3  # cells
_PAIRS, _ALIGNED = 4096, 512  # pairs that are worked on at once
_MOST_SIMILAR = 300  # pairs of an image whose luma is looked at
_MOST_PAIRS = 12  # pairs of an image that are laid over one another
_MOST_PICTURES = 600  # held at once, about 100 kB each

_Pair = tuple[int, int]


def find_near_duplicates(images: Sequence[ImageFacts], pictures: SmallPictures) -> dict[str, str]:
    """Return the images that have near duplicates, each with the first image of its group, by their paths.

    An image joins a group only if it resembles the largest picture of the group, too: otherwise a chain of small
    changes would join everything.

    Parameters
    ----------
    images
        With different files, in the order of the source; broken, flat and tiny ones are in no group.
    pictures
        Reads candidates once more.
    """
    clear = [one for one in images if _is_clear(one)]
    grids = _Grids(clear)
    clusters = _Clusters(clear, grids)
    pairs = grids.candidates()
    done = 0
    for names, chunk in _chunks(pairs, clusters):
        pictures.report(len(pairs), done)
        if pictures.is_stopped:
            break
        shown = pictures.load({clear[place].source for place in names})
        _compare(chunk, {place: shown.get(clear[place].source) for place in names}, clusters)
        done += len(chunk)
    leaders = {place: clusters.first(place) for place in range(len(clear))}
    return {clear[place].source: clear[first].source for place, first in leaders.items()}


def _is_clear(one: ImageFacts) -> bool:
    """Return whether an image shows enough to be compared."""
    if one.fingerprint is None or one.info is None:
        return False
    return one.fingerprint.contrast >= LEAST_CONTRAST and min(one.info.width, one.info.height) >= LEAST_SIDE


def _compare(pairs: Sequence[_Pair], pictures: dict[int, NDArray[np.uint8] | None], clusters: _Clusters) -> None:
    """Compare pairs of pictures, and join their clusters if they show the same.

    Pairs that are in one cluster already are not compared: first a forest of pairs is, then one of what is left.
    """
    left = list(pairs)
    while left:
        forest, later = clusters.forest(left)
        known = [(a, b, pictures[a], pictures[b]) for a, b in forest]
        usable = [(a, b, first, second) for a, b, first, second in known if first is not None and second is not None]
        equal = show_the_same([(first, second) for _, _, first, second in usable])
        for (a, b, _, _), is_equal in zip(usable, equal, strict=True):
            if is_equal:
                clusters.join(a, b)
        left = later


def _chunks(pairs: Sequence[_Pair], clusters: _Clusters) -> Iterator[tuple[set[int], list[_Pair]]]:
    """Yield the pairs in groups with a bounded number of pictures, with the positions of these.

    Pairs that are in one cluster by then are left out, so that their pictures are not read.
    """
    names: set[int] = set()
    chunk: list[_Pair] = []
    for pair in sorted(pairs):
        if clusters.first(pair[0]) == clusters.first(pair[1]):
            continue
        if len(names) + 2 > _MOST_PICTURES:
            yield names, chunk
            names, chunk = set(), []
        names.update(pair)
        chunk.append(pair)
    if chunk:
        yield names, chunk


class _Grids:
    """The hashes and the luma of pictures, and what can be told from them alone."""

    def __init__(self, images: Sequence[ImageFacts]) -> None:
        seen = [one.fingerprint for one in images if one.fingerprint is not None]
        self._hashes = np.array([one.hash for one in seen], np.uint64)
        self._light = np.array([one.light for one in seen], np.float32)
        self._contrast = np.array([one.contrast for one in seen], np.float32)
        luma = np.frombuffer(b"".join(one.luma for one in seen), np.uint8)
        self._luma = luma.reshape(len(seen), GRID, GRID)
        cells = self._luma.reshape(-1, _HALF, 2, _HALF, 2).sum((2, 4), dtype=np.int16)
        self._halves = (cells // 4).reshape(-1, _HALF * _HALF)

    def candidates(self) -> list[_Pair]:
        """Return the pairs that may be near duplicates, the first position before the second, in order.

        The work is bounded: of an image with very many similar ones, those of the closest light are looked at, and of
        these the closest pictures.
        """
        closest = np.array(sorted(self._closest()), np.intp).reshape(-1, 2)
        found: list[_Pair] = []
        for begin in range(0, len(closest), _ALIGNED):
            some = closest[begin : begin + _ALIGNED]
            differ = self._difference(some[:, 0], some[:, 1])
            part, level = _MOST_AFTER
            found += [(a, b) for a, b in some[differ.rms <= part * differ.contrast + level].tolist()]
        return found

    def _closest(self) -> set[_Pair]:
        """Return the pairs that have similar hashes and about the same luma as they lie."""
        near: defaultdict[int, list[tuple[float, _Pair]]] = defaultdict(list)
        looked_at = np.zeros(len(self._hashes), np.int32)
        similar = similar_hashes(self._hashes, self._light, most_bits=MOST_BITS, most_light=MOST_LIGHT)
        for firsts, seconds in similar:
            is_new = (looked_at[firsts] < _MOST_SIMILAR) | (looked_at[seconds] < _MOST_SIMILAR)
            firsts, seconds = firsts[is_new], seconds[is_new]  # noqa: PLW2901 - the same pairs, without some
            np.add.at(looked_at, firsts, 1)
            np.add.at(looked_at, seconds, 1)
            for begin in range(0, len(firsts), _PAIRS):
                a, b = firsts[begin : begin + _PAIRS], seconds[begin : begin + _PAIRS]
                far = self._distance(a, b)
                is_close = far <= 1
                close = zip(a[is_close].tolist(), b[is_close].tolist(), far[is_close].tolist(), strict=True)
                for first, second, distance in close:
                    pair = (min(first, second), max(first, second))
                    _keep(near[first], distance, pair)
                    _keep(near[second], distance, pair)
        return {pair for some in near.values() for _, pair in some}

    def _distance(self, first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return how much pairs differ as they lie, on half as many cells: 1 is the most that candidates may."""
        away = self._halves[first] - self._halves[second]
        rms = np.sqrt(np.einsum("ij,ij->i", away, away, dtype=np.float32) / away.shape[1])
        part, level = _MOST_BEFORE
        distance: NDArray[np.float32] = rms / (part * np.minimum(self._contrast[first], self._contrast[second]) + level)
        return distance

    def resemble(self, first: int, second: int) -> bool:
        """Return whether two pictures are similar enough to be in one group, as two crops of one picture are."""
        found = self._difference(np.array([first]), np.array([second]))
        part, level = _LOOSE
        return bool(found.rms[0] <= part * found.contrast[0] + level and found.outside[0] <= _MOST_OUTSIDE)

    def _difference(self, first: NDArray[np.intp], second: NDArray[np.intp]) -> Difference:
        a, b = (softened(self._luma[places].astype(np.float32)) for places in (first, second))
        return difference(a, b, align(a, b, _STEPS), _BLOCK)


def _keep(near: list[tuple[float, _Pair]], far: float, pair: _Pair) -> None:
    """Keep a pair if it is among the most similar ones of an image."""
    near.append((far, pair))
    if len(near) > 2 * _MOST_PAIRS:
        near.sort()
        del near[_MOST_PAIRS:]


class _Clusters:
    """Groups of pictures that are joined pair by pair."""

    def __init__(self, images: Sequence[ImageFacts], grids: _Grids) -> None:
        self._grids = grids
        self._above = list(range(len(images)))
        # The largest picture of each cluster, the first one of equal size: copies are made from it.
        self._largest = list(range(len(images)))
        self._pixels = [one.info.width * one.info.height if one.info else 0 for one in images]

    def first(self, place: int) -> int:
        """Return the first picture of the cluster of a picture, by position."""
        while self._above[place] != place:
            self._above[place] = self._above[self._above[place]]
            place = self._above[place]
        return place

    def join(self, a: int, b: int) -> None:
        """Join the clusters of two pictures, if their largest pictures resemble one another."""
        first, second = sorted((self.first(a), self.first(b)))
        if first == second:
            return
        one, other = self._largest[first], self._largest[second]
        if {one, other} != {a, b} and not self._grids.resemble(one, other):
            return
        self._above[second] = first
        self._largest[first] = max(one, other, key=lambda place: (self._pixels[place], -place))

    def forest(self, pairs: Iterable[_Pair]) -> tuple[list[_Pair], list[_Pair]]:
        """Divide pairs of different clusters into ones that join each two of them once, and the others."""
        above: dict[int, int] = {}

        def top(place: int) -> int:
            while place in above:
                place = above[place]
            return place

        forest, later = [], []
        for a, b in pairs:
            first, second = self.first(a), self.first(b)
            if first == second:
                continue
            first, second = top(first), top(second)
            if first == second:
                later.append((a, b))
            else:
                above[second] = first
                forest.append((a, b))
        return forest, later
