"""ColorKMeans is a scikit-learn clusterer, and a better one for colours than scikit-learn's own."""

import pickle
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from helpers import synthetic_photo
from icsys import ColorKMeans
from icsys.color.estimator import _merge_equal

EFFORTS = ("fast", "balanced", "best")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks([ColorKMeans(), ColorKMeans(n_clusters=2, effort="fast"), ColorKMeans(effort="best")])
def test_scikit_learns_own_checks_pass_without_exception(estimator, check):
    check(estimator)


def blobs(features, seed=0):
    """Samples around 5 well separated centres."""
    random = np.random.default_rng(seed)
    centers = random.uniform(-100, 100, (5, features))
    return np.concatenate([random.normal(center, 1, (60, features)) for center in centers])


@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize("features", [1, 2, 3, 4, 5, 9])
def test_separate_clusters_are_found_with_any_number_of_features(features, effort):
    samples = blobs(features)
    ours = ColorKMeans(5, effort=effort, random_state=0).fit(samples)
    reference = KMeans(5, n_init=20, random_state=0).fit(samples)
    assert ours.inertia_ == pytest.approx(reference.inertia_, rel=1e-3)
    np.testing.assert_allclose(
        np.sort(ours.cluster_centers_, axis=0), np.sort(reference.cluster_centers_, axis=0), atol=0.1
    )


@settings(max_examples=40, deadline=None)
@given(
    samples=st.integers(1, 5).flatmap(lambda d: arrays(np.int16, st.tuples(st.integers(8, 40), st.just(d)))),
    k=st.integers(1, 8),
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_fit_reports_agrees_with_a_slow_and_obvious_computation(samples, k):
    kmeans = ColorKMeans(k, effort="fast", random_state=0).fit(samples)
    distances = np.square(samples[:, None].astype(float) - kmeans.cluster_centers_).sum(axis=2)
    chosen = distances[np.arange(len(samples)), kmeans.labels_]
    # float32 about the mean: a millionth of the largest squared distance.
    np.testing.assert_allclose(chosen, distances.min(axis=1), atol=2e-6 * distances.max() + 1e-9)
    assert kmeans.inertia_ == pytest.approx(chosen.sum())
    assert kmeans.score(samples) == pytest.approx(-kmeans.inertia_)
    np.testing.assert_array_equal(kmeans.predict(samples), kmeans.labels_)
    np.testing.assert_allclose(kmeans.transform(samples) ** 2, distances, rtol=1e-6, atol=1e-9 * distances.max() + 1e-9)
    assert 1 <= kmeans.n_iter_ <= kmeans.max_iter


def test_half_of_the_samples_at_the_mean_bring_no_warning():
    samples = np.array([[4, 2, 2], [0, 2, 2], *[[2, 2, 2]] * 4], np.uint8)
    fitted = ColorKMeans(3, random_state=0).fit(samples)
    assert fitted.inertia_ == 0
    assert {tuple(center) for center in fitted.cluster_centers_} == {(0, 2, 2), (2, 2, 2), (4, 2, 2)}


@settings(max_examples=25, deadline=None)
@given(
    samples=arrays(np.uint8, st.tuples(st.integers(4, 30), st.just(3))),
    data=st.data(),
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_weighting_a_sample_is_repeating_it(samples, data):
    weights = data.draw(arrays(np.int8, len(samples), elements=st.integers(0, 4)).filter(lambda w: (w > 0).sum() >= 3))
    weighted = ColorKMeans(3, random_state=0).fit(samples, sample_weight=weights)
    repeated = ColorKMeans(3, random_state=0).fit(np.repeat(samples, weights, axis=0))
    np.testing.assert_allclose(weighted.cluster_centers_, repeated.cluster_centers_)
    assert weighted.inertia_ == pytest.approx(repeated.inertia_)


@given(
    st.integers(1, 4).flatmap(
        lambda d: arrays(
            np.float64,
            st.tuples(st.integers(1, 30), st.just(d)),
            elements=st.sampled_from([0.0, 1.0, 2.5, 7.0, 255.0, 300.0]),
        )
    )
)
def test_equal_samples_are_merged_as_numpy_does(samples):
    weights = np.arange(1.0, len(samples) + 1)
    points, merged = _merge_equal(samples, weights)
    expected, inverse = np.unique(samples, axis=0, return_inverse=True)
    np.testing.assert_array_equal(points, expected)
    np.testing.assert_allclose(merged, np.bincount(inverse.reshape(-1), weights))


def test_more_effort_never_ends_worse_and_beats_one_start_of_scikit_learn(china):
    samples = china[::4, ::4].reshape(-1, 3)
    inertia = [ColorKMeans(24, effort=effort, random_state=0).fit(samples).inertia_ for effort in EFFORTS]
    one_start = np.mean([KMeans(24, n_init=1, random_state=seed).fit(samples).inertia_ for seed in range(5)])
    assert inertia[2] <= inertia[1] * 1.001
    assert inertia[1] <= inertia[0] * 1.001
    assert inertia[1] < one_start


@pytest.mark.parametrize("outlier", [10, 100, 1e4, 1e6])
@pytest.mark.parametrize("features", [1, 2, 3, 4])
def test_an_outlier_costs_no_quality(features, outlier):
    samples = np.random.default_rng(0).random((500, features))
    samples[0, 0] = outlier
    reference = np.mean([KMeans(8, n_init=1, random_state=seed).fit(samples).inertia_ for seed in range(5)])
    for effort in ("balanced", "best"):
        assert ColorKMeans(8, effort=effort, random_state=0).fit(samples).inertia_ <= 1.05 * reference, effort


def test_fewer_distinct_samples_than_clusters_is_warned_of():
    samples = np.repeat([[1.0, 2.0], [3.0, 4.0]], 5, axis=0)
    with pytest.warns(ConvergenceWarning, match="2 distinct samples were found for n_clusters=4"):
        kmeans = ColorKMeans(4).fit(samples)
    assert kmeans.inertia_ == 0
    assert kmeans.cluster_centers_.shape == (4, 2)


def test_fewer_samples_than_clusters_is_refused():
    with pytest.raises(ValueError, match="n_samples=3 should be >= n_clusters=8"):
        ColorKMeans().fit(np.eye(3))


@pytest.mark.parametrize(
    ("name", "value"), [("n_clusters", 0), ("effort", "most"), ("max_iter", 0), ("tol", -1), ("random_state", "x")]
)
def test_a_wrong_parameter_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=name):
        ColorKMeans(**{name: value}).fit(np.eye(9))


def test_clone_and_pickle_keep_what_was_chosen_and_found():
    samples = synthetic_photo().reshape(-1, 3)
    kmeans = ColorKMeans(6, effort="fast", random_state=3).fit(samples)
    again = clone(kmeans).fit(samples)
    np.testing.assert_array_equal(again.cluster_centers_, kmeans.cluster_centers_)
    loaded = pickle.loads(pickle.dumps(kmeans))  # noqa: S301 - its own pickle
    np.testing.assert_array_equal(loaded.predict(samples), kmeans.labels_)


def test_names_of_features_and_data_frames():
    frame = pd.DataFrame(synthetic_photo(8, 8).reshape(-1, 3), columns=["red", "green", "blue"])
    kmeans = ColorKMeans(3).set_output(transform="pandas").fit(frame)
    assert list(kmeans.feature_names_in_) == ["red", "green", "blue"]
    distances = kmeans.transform(frame)
    assert list(distances.columns) == ["colorkmeans0", "colorkmeans1", "colorkmeans2"]
    assert kmeans.n_features_in_ == 3


@pytest.mark.parametrize("effort", EFFORTS)
def test_the_search_ends_with_weights_of_many_sizes(effort):
    """Rounding makes such an inertia 0 or less, which no move can lower by a share: once the search had no end."""
    samples = np.array([[52.0, 184.0], [40.0, 4.0], [110.0, 97.0], [127.0, 31.0], [97.0, 20.0]])
    weights = np.array([1.4e-37, 4.2e-30, 3e-5, 0.48, 5.5e-8])
    kmeans = ColorKMeans(3, effort=effort, random_state=0).fit(samples, sample_weight=weights)

    def inertia(labels):
        groups = [np.equal(labels, j) for j in set(labels)]
        means = [np.average(samples[group], axis=0, weights=weights[group]) for group in groups]
        errors = [
            weights[group] @ np.square(samples[group] - mean).sum(axis=1)
            for group, mean in zip(groups, means, strict=True)
        ]
        return sum(errors)

    least = min(inertia(labels) for labels in product(range(3), repeat=len(samples)))
    assert kmeans.inertia_ == pytest.approx(least, rel=1e-3)
