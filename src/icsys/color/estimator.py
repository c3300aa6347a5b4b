"""Our K-means as a scikit-learn clusterer."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin, _fit_context
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from icsys.color.distinct_rgb import DistinctRGB, kernel_points
from icsys.color.kernels import nearest_centers
from icsys.color.kmeans import EFFORT_TABLE, fit_centers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_COMPILED_FEATURES = (3, 4)
_BYTE = 255
# Spread above which outliers lie too far out for splits across a cluster's axis; normally distributed samples stay
# below it.
_HEAVY_TAIL = 100
# Spread above which float32 has too few digits for most samples.
_WIDEST = 1e4
_LARGEST_SEED = np.iinfo(np.int32).max


class ColorKMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """K-means for colours, which moves its centres out of poor local optima.

    It takes any number of features. Up to four, such as grey levels, RGB and RGBA, run on compiled kernels; more
    features, and samples with far outliers, are clustered by :class:`sklearn.cluster.KMeans`. Equal samples are merged
    first and their weights added up, so weighting a sample is the same as repeating it.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters, and of centres.
    effort : {"fast", "balanced", "best"}, default="balanced"
        How long to search for better centres; with more than four features, 1, 4 or 10 starts.
    max_iter : int, default=300
        Most iterations of Lloyd's algorithm after the search.
    tol : float, default=1e-4
        Iterations end when the inertia falls by no more than this share.
    random_state : int, RandomState instance or None, default=None
        Seed of the search. With up to four features, effort "fast" is not random.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features), float64
        The means of the clusters.
    labels_ : ndarray of shape (n_samples,), int32
        The cluster of every training sample.
    inertia_ : float
        Sum over samples of weight times squared distance to the centre.
    n_iter_ : int
        Iterations of Lloyd's algorithm after the search.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where they have names that are all strings.

    Notes
    -----
    Distances of up to four features are compared in float32 about the mean of the training data: a sample may go to
    a centre that is farther by less than a millionth of the largest squared distance from that mean. For whole
    numbers from 0 to 255, such as colours, the samples themselves are held exactly.

    Examples
    --------
    >>> import numpy as np
    >>> from icsys import ColorKMeans
    >>> colors = np.array([[250, 10, 10], [240, 20, 10], [10, 10, 250], [20, 10, 240]])
    >>> kmeans = ColorKMeans(n_clusters=2).fit(colors)
    >>> kmeans.cluster_centers_[kmeans.predict([[255, 0, 0]])]
    array([[245.,  15.,  10.]])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "effort": [StrOptions(set(EFFORT_TABLE))],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        effort: str = "balanced",
        max_iter: int = 300,
        tol: float = 1e-4,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.effort = effort
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: ArrayLike, y: None = None, sample_weight: ArrayLike | None = None) -> Self:  # noqa: ARG002, N803
        """Find the centres.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.
        y : None
            Not used.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative; all 1 if left out.

        Returns
        -------
        self
        """
        X = self._checked(X, reset=True)  # noqa: N806 - scikit-learn's name
        if len(X) < self.n_clusters:
            raise ValueError(f"n_samples={len(X)} should be >= n_clusters={self.n_clusters}.")
        weights = _checked_weights(sample_weight, X)
        seed = check_random_state(self.random_state).randint(_LARGEST_SEED)
        points, merged = _merge_equal(X, weights)
        if len(points) < self.n_clusters:
            warnings.warn(
                f"{len(points)} distinct samples were found for n_clusters={self.n_clusters}: some centers are equal.",
                ConvergenceWarning,
                stacklevel=2,
            )
        self.cluster_centers_, self.n_iter_ = self._search(points, merged, seed)
        self._n_features_out = self.n_clusters
        self.labels_ = _nearest(X, self.cluster_centers_)
        self.inertia_ = _inertia(X, self.cluster_centers_, self.labels_, weights)
        return self

    def _search(
        self, points: NDArray[np.float64], weights: NDArray[np.float64], seed: int
    ) -> tuple[NDArray[np.float64], int]:
        """Return the centres of distinct weighted points, and the number of iterations at the end."""
        k = self.n_clusters
        if len(points) <= k:
            return np.concatenate([points, np.repeat(points[:1], k - len(points), axis=0)]), 1
        if points.shape[1] > _COMPILED_FEATURES[-1] or _spread(points) > _HEAVY_TAIL:
            starts = {"fast": 1, "balanced": 4, "best": 10}[self.effort]
            kmeans = KMeans(k, n_init=starts, max_iter=self.max_iter, tol=self.tol, random_state=seed)
            kmeans.fit(points, sample_weight=weights)
            return kmeans.cluster_centers_, kmeans.n_iter_
        order = _space_order(points)
        points, weights = points[order], weights[order]
        centers, _ = fit_centers(_padded(points), weights, k, seed=seed, effort=self.effort)
        centers = centers[:, : points.shape[1]]
        if len(centers) < k:
            # The search found too few clusters to split: the points with the largest errors become centres.
            worst = np.argsort(-np.square(points - centers[_nearest(points, centers)]).sum(axis=1), kind="stable")
            centers = np.concatenate([centers, points[worst[: k - len(centers)]]])
        last, iteration = np.inf, 0
        while iteration < self.max_iter:
            iteration += 1
            labels = _nearest(points, centers)
            inertia = _inertia(points, centers, labels, weights)
            total = np.bincount(labels, weights, minlength=k)
            # A centre without points keeps its place.
            means = np.stack([np.bincount(labels, weights * x, minlength=k) for x in points.T], axis=1)
            centers = np.where(total[:, None] > 0, means / np.maximum(total[:, None], np.finfo(float).tiny), centers)
            if last - inertia <= self.tol * inertia:
                break
            last = inertia
        return centers, iteration

    def predict(self, X: ArrayLike) -> NDArray[np.int32]:  # noqa: N803
        """Return the index of the nearest centre of every sample, shape (n_samples,), int32."""
        check_is_fitted(self)
        return _nearest(self._checked(X), self.cluster_centers_)

    def transform(self, X: ArrayLike) -> NDArray[np.floating]:  # noqa: N803
        """Return the distance of every sample to every centre, shape (n_samples, n_clusters)."""
        check_is_fitted(self)
        return euclidean_distances(self._checked(X), self.cluster_centers_)

    def score(self, X: ArrayLike, y: None = None, sample_weight: ArrayLike | None = None) -> float:  # noqa: ARG002, N803
        """Return the negative inertia of samples, so that more is better."""
        check_is_fitted(self)
        X = self._checked(X)  # noqa: N806
        weights = _checked_weights(sample_weight, X)
        return -_inertia(X, self.cluster_centers_, _nearest(X, self.cluster_centers_), weights)

    def _checked(self, X: ArrayLike, *, reset: bool = False) -> NDArray[np.float64]:  # noqa: N803
        """Validate samples as finite numbers."""
        return validate_data(self, X, reset=reset, dtype=np.float64, order="C")


def _checked_weights(sample_weight: ArrayLike | None, samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Validate weights, one for each sample; all 1 if there are none."""
    weights: NDArray[np.float64] = _check_sample_weight(
        sample_weight, samples, dtype=np.float64, ensure_non_negative=True
    )
    return weights


def _merge_equal(
    samples: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Merge equal samples: return the distinct ones of positive weight, in order, with the sums of their weights."""
    samples, weights = samples[weights > 0], weights[weights > 0]
    levels = samples.astype(np.uint8) if samples.min() >= 0 and samples.max() <= _BYTE else None
    if levels is not None and samples.shape[1] in _COMPILED_FEATURES and (levels == samples).all():
        # Colours: one number holds all features, and sorting by it is several times faster.
        order = np.argsort(levels.astype(np.uint32) @ (256 ** np.arange(samples.shape[1], dtype=np.uint32)[::-1]))
    else:
        order = np.lexsort(samples.T[::-1])
    samples, weights = samples[order], weights[order]
    starts = np.flatnonzero(np.concatenate(([True], (samples[1:] != samples[:-1]).any(axis=1))))
    return samples[starts], np.add.reduceat(weights, starts)


def _spread(points: NDArray[np.float64]) -> float:
    """Return the largest squared distance from the mean divided by the median one: how far out the outliers are."""
    squares = np.square(points - points.mean(axis=0)).sum(axis=1)
    with np.errstate(over="ignore"):  # infinite if half of the points equal the mean
        return float(squares.max() / max(np.median(squares), np.finfo(np.float64).tiny))


def _padded(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Append features of zeros, up to a number that kernels are compiled for; distances stay."""
    missing = next(d for d in _COMPILED_FEATURES if d >= points.shape[1]) - points.shape[1]
    return np.pad(points, ((0, 0), (0, missing)))


def _space_order(points: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return an order in which neighbours are near in space, so that the kernels can prune whole blocks."""
    low, high = points.min(axis=0), points.max(axis=0)
    levels = (255 * (points - low) / np.where(high > low, high - low, 1)).astype(np.uint8)
    return np.argsort(DistinctRGB(np.ascontiguousarray(_padded(levels)[:, :3])).inverse, kind="stable")


def _nearest(samples: NDArray[np.float64], centers: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return the index of the nearest centre of every sample."""
    middle = centers.mean(axis=0)
    if centers.shape[1] > _COMPILED_FEATURES[-1] or _spread(np.concatenate([samples, centers])) > _WIDEST:
        distances = euclidean_distances(samples - middle, centers - middle, squared=True)
        return distances.argmin(axis=1).astype(np.int32)
    points = kernel_points(_padded(samples - middle), np.ones(len(samples)))
    columns = np.ascontiguousarray(_padded(centers - middle).T, np.float32)
    labels = np.empty(points.w.shape, np.int32)
    nearest_centers(points, columns, labels)
    return labels.reshape(-1)[: len(samples)]


def _inertia(
    samples: NDArray[np.float64],
    centers: NDArray[np.float64],
    labels: NDArray[np.int32],
    weights: NDArray[np.float64],
) -> float:
    """Return the sum of weight times squared distance to the centre of each sample."""
    return float(np.square(samples - centers[labels]).sum(axis=1) @ weights)
