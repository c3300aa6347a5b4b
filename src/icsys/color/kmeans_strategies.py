"""The table of the four strategies: the ways to find a palette for an image."""

from __future__ import annotations

from contextlib import nullcontext
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys.color.kmeans import find_palette
from icsys.color.strategy_steps import fit_palette

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray
    from threadpoolctl import ThreadpoolController

    from icsys.color.strategy_steps import Centers, Distinct
    from icsys.options import Options

    Fit = Callable[[Distinct, int, Options], NDArray[np.uint8]]

# KMeans starts on samples of the distinct colours: this many for each requested colour, within these bounds, and as
# many starts as the largest sample allows. It ends with this many iterations on all of them. On photos that takes
# about a third of the time of one start on all colours; the error was within 2 % of one start's on all pixels.
_SAMPLE_PER_COLOR = 128
_SMALLEST_SAMPLE, _LARGEST_SAMPLE = 4096, 16_384
_SAMPLED_IN_ALL = 20_480
_ITERATIONS = 10
_FEWEST_PER_COLOR = 16
# The colours of many images are clustered only once, so they may take more time. MiniBatchKMeans moves less with every
# batch; started again from its own centres, with larger batches, it reaches the result of KMeans.
_POOL_SAMPLE = 65_536
_POOL_ITERATIONS = 60
_POOL_STARTS = 5
_BATCH = 4096
_POOL_BATCHES = (_BATCH, 16_384, 65_536, 65_536)


def _nothing() -> None:
    """Do nothing: the strategy needs no preparation."""


class Strategy(NamedTuple):
    """One way to reduce colours: a row of the table.

    Attributes
    ----------
    summary
        One line for users.
    fit
        (distinct colours with their counts, K, options) to a palette of at most K of them, shape (k, channels), uint8,
        for more than K colours; None if all colours are kept. Only the options ``seed``, ``effort`` and ``space`` are
        used.
    prepare
        Loads the packages of the strategy before the first image.
    one_thread
        Context for working on images in parallel, entered after ``prepare``: it keeps the strategy's libraries from
        using threads of their own, which would compete for the cores.
    fit_pool
        Like ``fit``, for the colours of many images, which may take longer; ``fit`` if left out.
    """

    summary: str
    fit: Fit | None
    prepare: Callable[[], object] = _nothing
    one_thread: Callable[[], AbstractContextManager[object]] = nullcontext
    fit_pool: Fit | None = None


def _full_kmeans(distinct: Distinct, n_colors: int, options: Options) -> NDArray[np.uint8]:
    """Fit :class:`sklearn.cluster.KMeans`."""
    size = min(max(_SMALLEST_SAMPLE, _SAMPLE_PER_COLOR * n_colors), _LARGEST_SAMPLE)
    starts = _SAMPLED_IN_ALL // size, 1
    return _kmeans_from_sample(distinct, n_colors, options, size=size, starts=starts, iterations=_ITERATIONS)


def _full_kmeans_for_pool(distinct: Distinct, n_colors: int, options: Options) -> NDArray[np.uint8]:
    """Fit :class:`sklearn.cluster.KMeans` with larger samples, more starts and more iterations."""
    starts, iterations = (_POOL_STARTS, _POOL_STARTS), _POOL_ITERATIONS
    return _kmeans_from_sample(distinct, n_colors, options, size=_POOL_SAMPLE, starts=starts, iterations=iterations)


def _kmeans_from_sample(
    distinct: Distinct, n_colors: int, options: Options, *, size: int, starts: tuple[int, int], iterations: int
) -> NDArray[np.uint8]:
    """Fit :class:`sklearn.cluster.KMeans` to a sample, and from there to all colours; if there are few, only to all.

    ``starts`` holds the number of starts on a sample, and on all colours.
    """
    from sklearn.cluster import KMeans  # noqa: PLC0415 - slow to import, needed by this strategy alone

    def centers_of(points: NDArray[np.floating], counts: NDArray[np.floating]) -> NDArray[np.floating]:
        seed = options.seed
        if len(points) > size >= _FEWEST_PER_COLOR * n_colors:
            chosen = np.random.default_rng(seed).choice(len(points), size, replace=False)
            sample = KMeans(n_colors, n_init=starts[0], random_state=seed)
            start = sample.fit(points[chosen], sample_weight=counts[chosen]).cluster_centers_
            kmeans = KMeans(n_colors, init=start, n_init=1, max_iter=iterations)
        else:
            kmeans = KMeans(n_colors, n_init=starts[1], random_state=seed)
        centers: NDArray[np.floating] = kmeans.fit(points, sample_weight=counts).cluster_centers_
        return centers

    return _fit_by(centers_of, distinct, n_colors, options)


def _mini_batch_kmeans(distinct: Distinct, n_colors: int, options: Options) -> NDArray[np.uint8]:
    """Fit :class:`sklearn.cluster.MiniBatchKMeans`."""
    from sklearn.cluster import MiniBatchKMeans  # noqa: PLC0415 - as above

    # Its default moves clusters of little weight, which loses the rare colours of a mostly flat image.
    estimator = MiniBatchKMeans(n_colors, n_init=3, batch_size=_BATCH, reassignment_ratio=0, random_state=options.seed)

    def centers_of(points: NDArray[np.floating], counts: NDArray[np.floating]) -> NDArray[np.floating]:
        centers: NDArray[np.floating] = estimator.fit(points, sample_weight=counts).cluster_centers_
        return centers

    return _fit_by(centers_of, distinct, n_colors, options)


def _mini_batch_kmeans_in_rounds(distinct: Distinct, n_colors: int, options: Options) -> NDArray[np.uint8]:
    """Fit :class:`sklearn.cluster.MiniBatchKMeans` several times, then the best again in larger batches."""
    from sklearn.cluster import MiniBatchKMeans  # noqa: PLC0415 - as above

    def centers_of(points: NDArray[np.floating], counts: NDArray[np.floating]) -> NDArray[np.floating]:
        settings = {"n_init": 1, "reassignment_ratio": 0}
        starts = [
            MiniBatchKMeans(n_colors, batch_size=_BATCH, random_state=random_state, **settings)
            for random_state in np.random.default_rng(options.seed).integers(2**32, size=_POOL_STARTS).tolist()
        ]
        best = min((start.fit(points, sample_weight=counts) for start in starts), key=lambda fitted: fitted.inertia_)
        for batch in _POOL_BATCHES:
            again = MiniBatchKMeans(
                n_colors, init=best.cluster_centers_, batch_size=batch, random_state=options.seed, **settings
            )
            best = again.fit(points, sample_weight=counts)
        centers: NDArray[np.floating] = best.cluster_centers_
        return centers

    return _fit_by(centers_of, distinct, n_colors, options)


def _prepare_scikit_learn() -> None:
    """Import scikit-learn's clusterers, which takes a second."""
    import sklearn.cluster  # noqa: F401, PLC0415 - slow to import, needed by two strategies alone


def _without_blas_threads() -> AbstractContextManager[object]:
    """Keep the BLAS that scikit-learn has loaded to one thread."""
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - as above

    return threadpool_limits(1, user_api="blas")


def _fit_by(centers_of: Centers, distinct: Distinct, n_colors: int, options: Options) -> NDArray[np.uint8]:
    """Fit centres to the distinct colours, weighted by their counts, and return them as a palette."""
    # Threads add partial sums in any order, and images are already worked on in parallel. One thread per image gives
    # the same bytes for any number of jobs, without competing for the cores.
    with _thread_pools().limit(limits=1, user_api="openmp"):
        return fit_palette(centers_of, distinct, n_colors, options.space)


@cache
def _thread_pools() -> ThreadpoolController:
    """Find the thread pools of the loaded libraries, once: the search takes milliseconds."""
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415 - finds the libraries loaded so far

    return ThreadpoolController()


def _own_kmeans(distinct: Distinct, n_colors: int, options: Options) -> NDArray[np.uint8]:
    """Fit our own K-means."""
    return find_palette(distinct, n_colors, seed=options.seed, effort=options.effort, space=options.space)


STRATEGY_TABLE: dict[str, Strategy] = {
    "SO": Strategy("size only: every image made smaller, all its colours kept; no clustering", None),
    "MKM": Strategy("our own K-means: as a rule the best palette, and the fastest to find", _own_kmeans),
    "FKM": Strategy(
        "full K-means of scikit-learn (KMeans): the reference, slower",
        _full_kmeans,
        _prepare_scikit_learn,
        _without_blas_threads,
        _full_kmeans_for_pool,
    ),
    "MBKM": Strategy(
        "mini-batch K-means of scikit-learn (MiniBatchKMeans): a rougher palette",
        _mini_batch_kmeans,
        _prepare_scikit_learn,
        _without_blas_threads,
        _mini_batch_kmeans_in_rounds,
    ),
}
