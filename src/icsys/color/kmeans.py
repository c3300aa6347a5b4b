"""MKM: our own K-means for colours.

The distinct colours of an image are merged into cells, as coarse as the aimed-at error allows. On these few weighted
points, centres grow from one to K by splits and settle by Lloyd's iteration. Then centres whose removal costs least
move to clusters whose split gains most, as long as that lowers the error. A last few iterations on all distinct
colours make the result exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys.color import palette_rounding as stored
from icsys.color.distinct_rgb import CENTER, SCALE, DistinctRGB, kernel_points, to_centers
from icsys.color.distinct_rgba import DistinctRGBA
from icsys.color.grey_levels import GreyLevels, best_levels
from icsys.color.kernels import BLOCK, Partition, grow, improve, lloyd, reassign
from icsys.color.strategy_steps import distinct_of, fit_palette, reduce_to

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.color.kernels import Points
    from icsys.color.strategy_steps import Distinct, Reduced

# In a round of growth, each cluster that gains at least this share of the best gain is split; then this many iterations
# of Lloyd's algorithm follow.
GROWTH = (0.3, 2)
# Cells that hide more than this share of the error are too coarse, as in images of a few tight groups of colours.
MOST_HIDDEN = 0.2
# Iterations on the stored palette with means rounded to whole levels; they lower the error by 0.03 to 0.1 %.
POLISH = 2
# With more clusters than this, growth is quick and no centre is moved: moves compare all pairs of clusters.
_MOST_MOVED = 2048
_HASTY_GROWTH = (0.03, 1)
_FEW = 5
# Cells that are too coarse are made this many times finer.
FINER = 16


class Effort(NamedTuple):
    """The settings of one effort: how far the search goes.

    Attributes
    ----------
    fineness
        Cells are merged up to a squared error of V / (3 K^2 fineness) each, with V that of all points about
        their mean. K-means leaves about V / 3K: at 50 the cells number some 45 K and hide a tenth of that.
    moved
        Share of the centres that the first move moves at once.
    patience
        Single moves in a row that may fail.
    tolerance
        Lloyd's iteration ends when the error falls by no more than this share.
    limit
        Iterations after each move.
    rounds
        Times that the search starts again from its best centres, some of them placed at random.
    last
        Iterations on the distinct colours.
    """

    fineness: float
    moved: float
    patience: int
    tolerance: float
    limit: int
    rounds: int
    last: int


EFFORT_TABLE = {
    "fast": Effort(100, 1 / 8, 8, 1e-4, 10, 0, 5),
    "balanced": Effort(400, 1 / 4, 10, 1e-4, 10, 4, 10),
    "best": Effort(1600, 1 / 4, 20, 1e-4, 10, 12, 50),
}


def fit_centers(
    points: NDArray[np.floating],
    weights: NDArray[np.floating] | None = None,
    n_clusters: int = 8,
    *,
    seed: int = 0,
    effort: str = "fast",
) -> tuple[NDArray[np.float64], float]:
    """Find centres with a small weighted squared error for points of three or four features.

    Parameters
    ----------
    points
        Shape (n, d), d 3 or 4, any float dtype, n at least 1. Fastest when neighbours in order are near in space.
    weights
        Shape (n,), not negative; all 1 if left out.
    n_clusters
        At least 1.
    seed
        Seed of the search; effort "fast" is not random.
    effort
        "fast", "balanced" or "best".

    Returns
    -------
    centers
        The means of the clusters, shape (k, d), float64; k is less than ``n_clusters`` only where there are
        fewer distinct points.
    error
        Sum of weight times squared distance to the nearest centre, as the clusters assign it; distances are
        compared in float32.
    """
    chosen = EFFORT_TABLE[effort]
    middle = np.average(points, axis=0, weights=weights)
    blocks = kernel_points(points - middle, np.ones(len(points)) if weights is None else weights)
    _, error, part = _search(blocks, n_clusters, chosen, seed, snap=False)
    return part.means + middle, error


def _search(
    points: Points, k: int, effort: Effort, seed: int, *, snap: bool
) -> tuple[NDArray[np.float32], float, Partition]:
    """Grow k centres, settle them and move them; return centres, error and their partition."""
    part = Partition(points, k)
    centers = part.centers.copy()
    share, settle = GROWTH if k <= _MOST_MOVED else _HASTY_GROWTH
    k = grow(points, part, centers, k, snap=snap, share=share, limit=settle)

    def settled() -> float:
        return lloyd(points, part, centers, k, snap=snap, tolerance=effort.tolerance, limit=effort.limit)

    def moved(error: float, size: int) -> float:
        return improve(
            points,
            part,
            centers,
            k,
            error,
            snap=snap,
            size=size,
            patience=effort.patience,
            tolerance=effort.tolerance,
            limit=effort.limit,
        )

    error = settled()
    if not 1 < k <= _MOST_MOVED:
        return centers[:, :k], error, part
    size = max(1, int(k * effort.moved))
    error = moved(error, size)
    best, lowest = centers.copy(), error
    if effort.rounds:  # NumPy loads its random generators on first use
        rng = np.random.default_rng(seed)
        for _ in range(effort.rounds):
            centers[:] = best
            thrown = rng.choice(k, size, replace=False)
            rows = rng.choice(points.w.size, size, p=points.w.reshape(-1) / points.w.sum())
            centers[:, thrown] = points.x[rows // BLOCK, :, rows % BLOCK].T
            error = moved(settled(), size)
            if error < lowest:
                best, lowest = centers.copy(), error
    reassign(points, part, best, k)
    return best[:, :k], lowest, part


def reduce_pixels(
    pixels: NDArray[np.uint8], n_colors: int, *, seed: int = 0, effort: str = "fast", space: str = "srgb"
) -> Reduced:
    """Find a palette with a small squared error for the pixels of an image, and map every pixel to it.

    Parameters
    ----------
    pixels
        Shape (N, 3), (N, 1) for grey or (N, 4) with alpha, uint8, not empty.
    n_colors
        1 to 65536. An image of no more distinct colours keeps them.
    seed
        Seed of the search; effort "fast" is not random.
    effort
        "fast", "balanced" or "best"; grey levels in sRGB are always solved exactly.
    space
        Colour space of distances: "srgb", or "oklab", close to human vision. Oklab distances are compared in float32.
    """

    def fit(distinct: Distinct) -> NDArray[np.uint8]:
        return find_palette(distinct, n_colors, seed=seed, effort=effort, space=space)

    return reduce_to(distinct_of(pixels), n_colors, fit, space)


def find_palette(
    distinct: Distinct, n_colors: int, *, seed: int = 0, effort: str = "fast", space: str = "srgb"
) -> NDArray[np.uint8]:
    """Find the palette of more than ``n_colors`` distinct colours, as :func:`reduce_pixels` does.

    Returns
    -------
    palette
        Distinct colours, shape (k, channels), uint8, k at most ``n_colors``.
    """
    if space == "oklab" or isinstance(distinct, DistinctRGBA):

        def centers_of(points: NDArray[np.floating], weights: NDArray[np.floating]) -> NDArray[np.floating]:
            return fit_centers(points, weights, n_colors, seed=seed, effort=effort)[0]

        return fit_palette(centers_of, distinct, n_colors, space)
    if isinstance(distinct, GreyLevels):
        return best_levels(distinct.by_level, n_colors)[:, None]
    return _palette_in_srgb(distinct, n_colors, EFFORT_TABLE[effort], seed)


def _palette_in_srgb(colors: DistinctRGB, n_colors: int, effort: Effort, seed: int) -> NDArray[np.uint8]:
    """Find the palette for distinct colours with their counts."""
    points = colors.points
    fineness = effort.fineness
    while True:
        cells, hidden = colors.cells(fineness, n_colors)
        centers, error, _ = _search(cells, n_colors, effort, seed, snap=True)
        if hidden <= MOST_HIDDEN * error or cells.w.size >= len(colors):
            break
        fineness *= FINER
    k = centers.shape[1]
    part = Partition(points, k, products=False)
    last = effort.last if n_colors <= _MOST_MOVED else min(effort.last, _FEW)
    lloyd(points, part, np.ascontiguousarray(centers), k, snap=True, limit=last)
    for _ in range(POLISH):
        reassign(points, part, _at_levels(part), k)
    palette = stored.distinct_colors(_levels(part.means))
    if len(palette) < n_colors:
        palette = _fill(colors, palette, n_colors)
    return palette


def _at_levels(part: Partition) -> NDArray[np.float32]:
    """Return the means of clusters rounded to whole levels, as centres; a cluster without points keeps its centre."""
    centers = part.centers.copy()
    centers[:, part.sums[:, 0] > 0] = to_centers(_levels(part.means))
    return centers


def _levels(means: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Round means in the kernels' units, shape (n, 3), to colours that a file can store."""
    return np.rint(means / SCALE + CENTER).astype(np.uint8)


def _fill(colors: DistinctRGB, palette: NDArray[np.uint8], n_colors: int) -> NDArray[np.uint8]:
    """Fill up a palette that rounding or empty clusters left short, with the colours of the largest error."""
    labels, _ = colors.nearest(palette)
    found = colors.colors()
    error = np.square(found - palette[labels].astype(np.float64)).sum(axis=1) * colors.counts
    worst = np.argsort(-error, kind="stable")[: n_colors - len(palette)]
    return stored.distinct_colors(np.concatenate([palette, found[worst[error[worst] > 0]]]))
