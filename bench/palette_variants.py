"""Ways to few colours that might leave a model more than K-means of pixels does; none of them sees a label.

A variant is a function of all pictures of a set, shape (n, S, S, 3), uint8, and of K; it returns a
:class:`FewColors`. Pictures are done in blocks, so that what NumPy holds at once stays small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from scipy.ndimage import gaussian_filter, median_filter
from sklearn.cluster import KMeans

from icsys import quantize
from icsys.color.kmeans import fit_centers
from icsys.color.palette_rounding import tidy

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Pictures = NDArray[np.uint8]
    Floats = NDArray[np.float32]

T = TypeVar("T", bound=np.generic)
_BLOCK = 64  # pictures at once
_ROUNDS = 4  # of assignment and palette in turn
_CHROMA_AXES = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]], np.float32)
_CHROMA_AXES /= np.linalg.norm(_CHROMA_AXES, axis=1, keepdims=True)
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_THUMBNAIL = 4  # every fourth pixel of every fourth row stands for a picture where palettes are shared
_BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32)
_BINOMIAL = np.array([1, 2, 1], np.float32) / 4


@dataclass(frozen=True, slots=True)
class FewColors:
    """Pictures of few colours.

    Attributes
    ----------
    indices
        Shape (n, S, S), uint8.
    palettes
        Shape (n, k, 3), uint8; entries may be equal or unused.
    shared
        Number of palettes that the pictures share; None if each has its own.
    """

    indices: NDArray[np.uint8]
    palettes: NDArray[np.uint8]
    shared: int | None = None

    def to_array(self) -> Pictures:
        """Return the pixels, shape (n, S, S, 3), uint8."""
        n, side, _ = self.indices.shape
        flat = self.indices.reshape(n, -1, 1).astype(np.intp)
        return np.take_along_axis(self.palettes, flat, axis=1).reshape(n, side, side, 3)

    def files(self) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
        """Return indices and palette of each picture as a file stores them: distinct colours, dark to light."""
        stored = []
        for indices, palette in zip(self.indices, self.palettes, strict=True):
            colors, place = np.unique(palette, axis=0, return_inverse=True)
            entries, numbers = tidy(colors, place.reshape(-1)[indices])
            stored.append((numbers.astype(np.uint8), entries))
        return stored


def plain(pictures: Pictures, k: int, **options: object) -> FewColors:
    """Reduce each picture as ``ics compress`` does, with options of :func:`icsys.quantize`."""
    few = [quantize(picture, k, **options) for picture in pictures]  # type: ignore[arg-type]
    palettes = [np.pad(one.palette, ((0, k - len(one.palette)), (0, 0)), mode="edge") for one in few]
    return FewColors(np.stack([one.indices.astype(np.uint8) for one in few]), np.stack(palettes))


def weighted(pictures: Pictures, k: int, weigh: Callable[[Floats], Floats]) -> FewColors:
    """Cluster pixels with weights, which ``weigh`` finds for a block of pictures: shape (n, S, S)."""
    weights = _in_blocks(pictures, lambda block: weigh(block.astype(np.float32)))
    palettes = np.stack([_centers(x, w, k) for x, w in zip(_rows(pictures), weights.reshape(len(pictures), -1))])  # noqa: B905
    return _nearest_of(pictures, palettes)


def by_contrast(power: float) -> Callable[[Floats], Floats]:
    """Return weights that grow with local contrast, or fall with it where the power is negative."""

    def weigh(block: Floats) -> Floats:
        luma = block @ _LUMA
        spread = np.sqrt(np.maximum(_smoothed(luma**2, 1.0) - _smoothed(luma, 1.0) ** 2, 0))
        weights: Floats = (1 + spread / 4) ** power
        return weights

    return weigh


def by_place(block: Floats) -> Floats:
    """Return weights that fall from the middle of a picture: objects are more often there."""
    n, side = block.shape[:2]
    along = np.exp(-0.5 * ((np.arange(side) - (side - 1) / 2) / (side / 4)) ** 2).astype(np.float32)
    return np.broadcast_to(0.1 + along[:, None] * along, (n, side, side))


def chroma_scaled(pictures: Pictures, k: int, scale: float) -> FewColors:
    """Cluster with distances of chroma times ``scale``."""
    return _by_features(pictures, k, lambda block: block.astype(np.float32) @ _axes(scale).T)


def with_surroundings(pictures: Pictures, k: int, weight: float, sigma: float = 1.5) -> FewColors:
    """Cluster colours together with the brightness around each pixel, times ``weight``."""

    def features(block: Pictures) -> Floats:
        pixels = block.astype(np.float32)
        around = _smoothed(pixels @ _LUMA, sigma) * np.float32(weight * 3**0.5)
        return np.concatenate([pixels, around[..., None]], axis=-1)

    return _by_features(pictures, k, features)


def smoothed(pictures: Pictures, sigma: float) -> Pictures:
    """Smooth each picture with a Gaussian."""
    return _in_blocks(pictures, lambda block: _rounded(_smoothed(block.astype(np.float32), sigma)))


def smoothed_first(pictures: Pictures, k: int, sigma: float) -> FewColors:
    """Smooth each picture with a Gaussian, and reduce that."""
    return plain(smoothed(pictures, sigma), k)


def median_first(pictures: Pictures, k: int, side: int = 3) -> FewColors:
    """Take the median of each channel in a window first: it smooths and keeps edges."""
    return plain(_in_blocks(pictures, lambda block: median_filter(block, (1, side, side, 1))), k)


def sharpened_first(pictures: Pictures, k: int, amount: float) -> FewColors:
    """Raise local contrast (unsharp mask), and reduce that."""

    def sharpened(block: Pictures) -> Floats:
        pixels = block.astype(np.float32)
        return pixels + np.float32(amount) * (pixels - _smoothed(pixels, 1.5))

    return plain(_rounded(_in_blocks(pictures, sharpened)), k)


def luma_steps(pictures: Pictures, k: int) -> FewColors:
    """Give all pictures the same K steps of luma, equally full over the set; each step takes its mean colour."""
    luma = _in_blocks(pictures, lambda block: block.astype(np.float32) @ _LUMA)
    edges = np.quantile(luma[:, ::_THUMBNAIL, ::_THUMBNAIL], np.arange(1, k) / k)
    indices = np.searchsorted(edges, luma).astype(np.uint8)
    return FewColors(indices, _means(pictures, indices, k))


def luma_grid(pictures: Pictures, k: int, step: int) -> FewColors:
    """Shift every entry of K-means along grey until its luma is a multiple of ``step``."""
    few = plain(pictures, k)
    palettes = few.palettes.astype(np.float32)
    luma = palettes @ _LUMA
    return _nearest_of(pictures, palettes + (np.rint(luma / step) * step - luma)[..., None])


def shared(pictures: Pictures, k: int, count: int) -> FewColors:
    """Find ``count`` palettes for the set; each picture takes the best one."""
    own = plain(pictures, k).palettes
    few = pictures[:, ::_THUMBNAIL, ::_THUMBNAIL].reshape(len(pictures), -1, 3).astype(np.float32)
    own = np.take_along_axis(own, np.argsort(own @ _LUMA, axis=1)[..., None], axis=1)
    clusters = KMeans(min(count, len(pictures)), n_init=1, random_state=0).fit(own.reshape(len(pictures), -1))
    palettes = clusters.cluster_centers_.reshape(-1, k, 3).astype(np.float32)
    for _ in range(_ROUNDS):
        best = np.stack([_errors(few, palette) for palette in palettes]).argmin(axis=0)
        for i in np.unique(best):
            palettes[i] = _centers(few[best == i].reshape(-1, 3), None, k)
    best = np.stack([_errors(few, palette) for palette in palettes]).argmin(axis=0)
    chosen = _nearest_of(pictures, palettes[best])
    return FewColors(chosen.indices, chosen.palettes, shared=len(palettes))


def joined(pictures: Pictures, k: int, cost: float, scale: float = 1.0) -> FewColors:
    """Prefer neighbours of one colour (Potts), by iterated conditional modes (Besag, 1986).

    A pair of neighbours of different colours costs ``cost`` times the mean squared error of K-means; chroma counts
    ``scale`` times in distances.
    """
    start = chroma_scaled(pictures, k, scale)
    parts = [
        _joined_block(pictures[at], start.indices[at], cost, k, _axes(scale)) for at in _block_places(len(pictures))
    ]
    return FewColors(np.concatenate([i for i, _ in parts]), np.concatenate([p for _, p in parts]))


def blurred_error(pictures: Pictures, k: int, strength: float) -> FewColors:
    """Lower the squared error after a blur of 3x3 pixels, by iterated conditional modes.

    With the blur as matrix G and H = G'G, the best entry for a pixel is the one nearest to its colour less the errors
    of its neighbours, weighted by H; ``strength`` scales these errors: 0 is K-means, 1 the blurred error alone.
    """
    start = plain(pictures, k)
    parts = [
        _blurred_block(pictures[at], start.indices[at], start.palettes[at], strength)
        for at in _block_places(len(pictures))
    ]
    return FewColors(np.concatenate([i for i, _ in parts]), np.concatenate([p for _, p in parts]))


def diffused(pictures: Pictures, k: int, strength: float) -> FewColors:
    """Spread errors as Floyd and Steinberg (1976) do, times ``strength``; row after row, all pictures at once."""
    palettes = plain(pictures, k).palettes
    n, side = pictures.shape[:2]
    rest = np.zeros((side + 1, side + 2, n, 3), np.float32)
    rest[:-1, 1:-1] = pictures.transpose(1, 2, 0, 3)
    indices = np.empty((side, side, n), np.uint8)
    entries, numbers = palettes.astype(np.float32), np.arange(n)
    for y in range(side):
        for x in range(side):
            wanted = np.clip(rest[y, x + 1], 0, 255)
            nearest = np.square(wanted[:, None] - entries).sum(axis=2).argmin(axis=1)
            indices[y, x] = nearest
            error = (wanted - entries[numbers, nearest]) * np.float32(strength / 16)
            rest[y, x + 2] += 7 * error
            rest[y + 1, x] += 3 * error
            rest[y + 1, x + 1] += 5 * error
            rest[y + 1, x + 2] += error
    return FewColors(np.ascontiguousarray(indices.transpose(2, 0, 1)), palettes)


def ordered(pictures: Pictures, k: int, strength: float, scale: float = 1.0) -> FewColors:
    """Add a pattern of 4x4 thresholds (Bayer, 1973), as high as ``strength`` root mean squared errors of K-means.

    Chroma counts ``scale`` times in distances.
    """
    few = chroma_scaled(pictures, k, scale)
    side = pictures.shape[1]
    pattern = np.tile((_BAYER + 0.5) / 16 - 0.5, (side // 4 + 1, side // 4 + 1))[:side, :side]
    error = np.sqrt(_mean_error(pictures, few)) * np.float32(2 * strength)
    wanted = pictures.astype(np.float32) + (error[:, None, None] * pattern)[..., None]
    return _nearest_of(wanted, few.palettes, _axes(scale))


def _axes(scale: float) -> Floats:
    """Return the axes of luma and, ``scale`` times as long, of chroma, shape (3, 3)."""
    return _CHROMA_AXES * np.array([[1], [scale], [scale]], np.float32)


def _rows(pictures: NDArray[np.generic]) -> Floats:
    """Return pixels as float32, shape (n, S * S, channels)."""
    return pictures.reshape(len(pictures), -1, pictures.shape[-1]).astype(np.float32)


def _block_places(n: int) -> list[slice]:
    return [slice(start, start + _BLOCK) for start in range(0, n, _BLOCK)]


def _in_blocks(pictures: Pictures, work: Callable[[Pictures], NDArray[T]]) -> NDArray[T]:
    return np.concatenate([work(pictures[at]) for at in _block_places(len(pictures))])


def _rounded(values: Floats) -> Pictures:
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


def _smoothed(block: Floats, sigma: float) -> Floats:
    """Smooth pictures, shape (n, S, S) or (n, S, S, channels), along rows and columns."""
    smooth: Floats = gaussian_filter(block, (0, sigma, sigma, 0)[: block.ndim], mode="nearest")
    return smooth


def _centers(points: Floats, weights: Floats | None, k: int) -> Floats:
    """Return k centres, shape (k, channels); the last one repeated where there are fewer distinct points."""
    centers, _ = fit_centers(points, weights, k)
    return np.pad(centers, ((0, k - len(centers)), (0, 0)), mode="edge").astype(np.float32)


def _distances(points: Floats, centers: Floats) -> Floats:
    """Return squared distances of each picture's points, shape (n, m, d), to its centres, shape (n, k, d).

    They are less the points' own squares, which are the same for all centres.
    """
    distances: Floats = np.square(centers).sum(axis=2)[:, None] - 2 * points @ centers.transpose(0, 2, 1)
    return distances


def _nearest(points: Floats, centers: Floats) -> NDArray[np.intp]:
    """Return the nearest of each picture's centres, shape (n, k, d), for its points, shape (n, m, d)."""
    return _distances(points, centers).argmin(axis=2)


def _nearest_of(pixels: NDArray[np.generic], palettes: NDArray[np.generic], axes: Floats | None = None) -> FewColors:
    """Map pixels, shape (n, S, S, 3), to the palette of each picture, by distances along axes."""
    stored = _rounded(palettes.astype(np.float32))
    turn = np.eye(3, dtype=np.float32) if axes is None else axes.T
    blocks = [
        _nearest(_rows(pixels[at]) @ turn, stored[at].astype(np.float32) @ turn) for at in _block_places(len(pixels))
    ]
    return FewColors(np.concatenate(blocks).reshape(pixels.shape[:3]).astype(np.uint8), stored)


def _means(pictures: Pictures, indices: NDArray[np.integer], k: int) -> NDArray[np.uint8]:
    """Return the mean colour of every index of every picture, shape (n, k, 3); black where none has it."""
    n = len(pictures)
    place = (indices.reshape(n, -1) + k * np.arange(n)[:, None]).reshape(-1)
    counts = np.bincount(place, minlength=n * k)
    sums = [np.bincount(place, channel, minlength=n * k) for channel in pictures.reshape(-1, 3).T]
    return _rounded((np.stack(sums, axis=1) / np.maximum(counts, 1)[:, None]).reshape(n, k, 3).astype(np.float32))


def _by_features(pictures: Pictures, k: int, features: Callable[[Pictures], Floats]) -> FewColors:
    """Cluster pixels by features of three or four numbers; each cluster takes its mean colour."""

    def indices(block: Pictures) -> NDArray[np.uint8]:
        points = _rows(features(block))
        centers = np.stack([_centers(one, None, k) for one in points])
        return _nearest(points, centers).reshape(block.shape[:3]).astype(np.uint8)

    found = _in_blocks(pictures, indices)
    return FewColors(found, _means(pictures, found, k))


def _errors(points: Floats, palette: Floats) -> Floats:
    """Return the mean squared error of each picture's points, shape (n, m, 3), with one palette, shape (k, 3)."""
    distances = np.square(palette).sum(axis=1) - 2 * points @ palette.T
    least: Floats = distances.min(axis=2).mean(axis=1)  # less the points' own squares, which are the same for all
    return least


def _mean_error(pictures: Pictures, few: FewColors) -> Floats:
    """Return the mean squared error of each picture, shape (n,), over pixels and channels."""
    return np.stack(
        [
            np.square(a.astype(np.float32) - b).mean(dtype=np.float32)
            for a, b in zip(pictures, few.to_array(), strict=True)
        ]
    )


def _joined_block(
    block: Pictures, indices: NDArray[np.uint8], cost: float, k: int, axes: Floats
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    pixels, price, shape = _rows(block) @ axes.T, None, (*block.shape[:3], k)
    palettes = _means(block, indices, k)
    black = np.add.outer(np.arange(shape[1]), np.arange(shape[2])) % 2 == 0
    for _ in range(_ROUNDS):
        distances = _distances(pixels, palettes.astype(np.float32) @ axes.T)
        if price is None:
            squares = np.square(pixels).sum(axis=2)
            price = cost * (squares + distances.min(axis=2)).mean(axis=1)[:, None, None, None]
        distances = distances.reshape(shape)
        for phase in (black, ~black):
            alike = np.pad(np.eye(k, dtype=np.float32)[indices], ((0, 0), (1, 1), (1, 1), (0, 0)))
            votes = alike[:, :-2, 1:-1] + alike[:, 2:, 1:-1] + alike[:, 1:-1, :-2] + alike[:, 1:-1, 2:]
            best = (distances - price * votes).argmin(axis=3).astype(np.uint8)
            indices = np.where(phase, best, indices)
        palettes = _means(block, indices, k)
    return indices, palettes


def _blurred_block(
    block: Pictures, indices: NDArray[np.uint8], palettes: NDArray[np.uint8], strength: float
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    along = np.convolve(_BINOMIAL, _BINOMIAL)
    around = np.outer(along, along) / along[2] ** 2 * strength
    around[2, 2] = 0
    pixels, side, numbers = block.astype(np.float32), block.shape[1], np.arange(len(block))[:, None, None]
    entries = palettes.astype(np.float32)
    for _ in range(_ROUNDS):
        for top in range(3):  # pixels three apart do not reach each other
            for left in range(3):
                error = np.pad(entries[numbers, indices] - pixels, ((0, 0), (2, 2), (2, 2), (0, 0)))
                wanted = pixels[:, top::3, left::3].copy()
                for dy, dx in zip(*np.nonzero(around), strict=True):
                    wanted -= np.float32(around[dy, dx]) * error[:, top + dy : side + dy : 3, left + dx : side + dx : 3]
                best = _nearest(_rows(wanted), entries).reshape(wanted.shape[:3])
                indices = indices.copy()
                indices[:, top::3, left::3] = best
    return indices, palettes
