"""The four strategies, one table: how the colours of an image become a palette."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from icsys.color import palette as stored
from icsys.color.histogram import Histogram
from icsys.options import Options

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from threadpoolctl import ThreadpoolController

    Fit = Callable[[Histogram, Options], NDArray[np.uint8]]
    Nearest = Callable[[Histogram, NDArray[np.uint8]], tuple[NDArray[np.integer], int]]


def _nothing() -> None:
    """Prepare a strategy that needs nothing."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way to reduce colours.

    Attributes
    ----------
    summary
        A line of plain words.
    fit
        (histogram, options) to a palette of distinct colours, shape (n, channels), uint8, n at most
        ``options.colors``; None where colours stay as they are.
    nearest
        (histogram, palette) to the indices of all pixels, shape (N,), and their summed squared error.
    prepare
        Loads what the strategy needs, so that the first image does not pay for it.
    """

    summary: str
    fit: Fit | None
    nearest: Nearest = stored.nearest
    prepare: Callable[[], object] = _nothing


def _full_kmeans(histogram: Histogram, options: Options) -> NDArray[np.uint8]:
    """Fit :class:`sklearn.cluster.KMeans` to the distinct colours, weighted by their counts."""
    from sklearn.cluster import KMeans  # noqa: PLC0415 - slow to import, needed by this strategy alone

    return _fit(KMeans(options.colors, n_init=1, random_state=options.seed), histogram)


def _mini_batch_kmeans(histogram: Histogram, options: Options) -> NDArray[np.uint8]:
    """Fit :class:`sklearn.cluster.MiniBatchKMeans` to the distinct colours, weighted by their counts."""
    from sklearn.cluster import MiniBatchKMeans  # noqa: PLC0415 - as above

    estimator = MiniBatchKMeans(
        options.colors, n_init=1, batch_size=4096, reassignment_ratio=0, random_state=options.seed
    )
    return _fit(estimator, histogram)


def _prepare_scikit_learn() -> None:
    """Import scikit-learn's clusterers: that takes a second."""
    import sklearn.cluster  # noqa: F401, PLC0415 - slow to import, needed by two strategies alone


def _fit(estimator: Any, histogram: Histogram) -> NDArray[np.uint8]:  # noqa: ANN401 - scikit-learn is untyped
    """Return the stored palette of a scikit-learn estimator, or the colours themselves if they are few."""
    if len(histogram.counts) <= estimator.n_clusters:
        return histogram.colors
    # Threads add their partial sums in any order, and images run in parallel already: one thread each
    # keeps the bytes equal whatever the number of jobs, and the cores from being asked twice.
    with _thread_pools().limit(limits=1, user_api="openmp"):
        estimator.fit(histogram.colors.astype(np.float64), sample_weight=histogram.counts.astype(np.float64))
    return stored.store_centers(estimator.cluster_centers_)


@cache
def _thread_pools() -> ThreadpoolController:
    """Find the thread pools of the loaded libraries once: looking for them takes milliseconds."""
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415 - finds only what is loaded by now

    return ThreadpoolController()


def _own_kmeans(histogram: Histogram, options: Options) -> NDArray[np.uint8]:
    """Fit our own K-means."""
    from icsys.color.kmeans import mkm_palette  # noqa: PLC0415 - numba is slow to import

    palette = mkm_palette(_points(histogram), options.colors, seed=options.seed)
    return palette.reshape(-1, histogram.channels)


def _prepare_kernels() -> None:
    """Compile the kernels, or load them from the cache, on a tiny image of each kind."""
    ramp = np.arange(64, dtype=np.uint8)
    for pixels in (ramp, np.stack([ramp, ramp[::-1], ramp], axis=1)):
        histogram = Histogram(pixels, pixels.size // 64)
        _own_nearest(histogram, _own_kmeans(histogram, Options(strategy="MKM", colors=4)))


def _own_nearest(histogram: Histogram, palette: NDArray[np.uint8]) -> tuple[NDArray[np.integer], int]:
    """Search with the compiled kernel."""
    from icsys.color.kmeans import nearest  # noqa: PLC0415 - numba is slow to import

    return nearest(_points(histogram), palette if histogram.channels > 1 else palette[:, 0])


def _points(histogram: Histogram) -> NDArray[np.uint8]:
    """Return the pixels as the kernels take them: (N, 3), or (N,) for grey."""
    return histogram.pixels if histogram.channels > 1 else histogram.pixels[:, 0]


STRATEGIES: dict[str, Strategy] = {
    "SO": Strategy("size only: every image made smaller, all its colours kept; no clustering", None),
    "MKM": Strategy(
        "our own K-means: the best palette of the four, and the fastest",
        _own_kmeans,
        _own_nearest,
        prepare=_prepare_kernels,
    ),
    "FKM": Strategy(
        "full K-means of scikit-learn (KMeans): the reference, slower",
        _full_kmeans,
        prepare=_prepare_scikit_learn,
    ),
    "MBKM": Strategy(
        "mini-batch K-means of scikit-learn (MiniBatchKMeans): a rougher palette",
        _mini_batch_kmeans,
        prepare=_prepare_scikit_learn,
    ),
}
