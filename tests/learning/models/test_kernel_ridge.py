"""Kernel ridge beside explicit retraining in double precision, and beside scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.kernel_ridge import KernelRidge

from icsys.errors import ICSError
from icsys.learning.models.kernel_ridge import (
    PENALTY,
    class_targets,
    fill_kernel,
    fit_ridge,
    mean_squared_distance,
    scores_left_out,
    scores_of_others,
)

CLOSE = {"rtol": 2e-3, "atol": 2e-3}


def kernel_of(one, other, width):
    out = np.empty((len(one), len(other)), np.float32)
    fill_kernel(one, other, width, out)
    return out


def slow_kernel(one, other, width):
    return np.array([[1 + np.exp(-sum((a - b) ** 2) / width) for b in other] for a in one.astype(float)])


@st.composite
def experiments(draw):
    """Features of training images and of others, targets, and groups that may be of one, of many, or of no image."""
    count, others = draw(st.integers(1, 14)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    features = rng.normal(size=(count + others, 5)).astype(np.float32)
    groups = rng.integers(0, draw(st.integers(1, 20)), count + others).astype(np.int32)
    labels = rng.integers(0, 3, count).astype(np.int32)
    return features[:count], features[count:], labels, groups[:count], groups[count:]


@given(experiments())
@settings(max_examples=80, deadline=None)
def test_leaving_a_group_out_is_training_without_it(experiment):
    features, others, labels, groups, groups_of_others = experiment
    targets, width = class_targets(labels, 3), 7.0
    model = fit_ridge(kernel_of(features, features, width), targets.copy(), groups)

    def retrained(picture, group):
        rest = groups != group
        if not rest.any():
            return np.zeros(3)
        inner = slow_kernel(features[rest], features[rest], width) + PENALTY * np.eye(rest.sum())
        return (slow_kernel(picture[None], features[rest], width) @ np.linalg.solve(inner, targets[rest]))[0]

    expected = [retrained(picture, group) for picture, group in zip(features, groups, strict=True)]
    np.testing.assert_allclose(scores_left_out(model), expected, **CLOSE)
    expected = [retrained(picture, group) for picture, group in zip(others, groups_of_others, strict=True)]
    found = scores_of_others(model, kernel_of(others, features, width), groups_of_others)
    np.testing.assert_allclose(found, expected, **CLOSE)


def test_a_training_picture_given_again_scores_as_when_it_is_left_out():
    """More images than are handled at once, so that pieces join."""
    rng = np.random.default_rng(1)
    features = rng.normal(size=(1100, 8)).astype(np.float32)
    groups = (np.arange(1100) // np.where(np.arange(1100) < 600, 1, 4)).astype(np.int32)
    targets = class_targets(rng.integers(0, 4, 1100).astype(np.int32), 4)
    kernel = kernel_of(features, features, 16.0)
    model = fit_ridge(kernel.copy(), targets, groups)
    np.testing.assert_allclose(scores_of_others(model, kernel, groups), scores_left_out(model), rtol=1e-2, atol=1e-2)


def test_scores_are_those_of_scikit_learn():
    rng = np.random.default_rng(2)
    features, others = (rng.normal(size=(count, 6)).astype(np.float32) for count in (60, 20))
    targets = class_targets(rng.integers(0, 3, 60).astype(np.int32), 3)
    width = mean_squared_distance(features)
    model = fit_ridge(kernel_of(features, features, width), targets, np.arange(60, dtype=np.int32))
    peer = KernelRidge(alpha=PENALTY, kernel="precomputed").fit(slow_kernel(features, features, width), targets)
    expected = peer.predict(slow_kernel(others, features, width))
    elsewhere = np.full(20, -1, np.int32)
    np.testing.assert_allclose(
        scores_of_others(model, kernel_of(others, features, width), elsewhere), expected, **CLOSE
    )


QUIET, SIGNALLING = 0x7FC00000, 0x7FA00000  # bits of NaNs


@pytest.mark.parametrize("bits", [QUIET, SIGNALLING, None])
@pytest.mark.parametrize("count", [1, 2, 255, 256, 257, 600])
def test_only_the_lower_triangle_of_a_kernel_is_read(count, bits):
    """Above it lies what the memory held before: any bits."""
    rng = np.random.default_rng(3)
    features = rng.normal(size=(count, 30)).astype(np.float32)
    groups = np.arange(count, dtype=np.int32)
    targets = class_targets(groups % 2, 2)
    kernel = kernel_of(features, features, 60.0)
    torn = rng.integers(0, 2**32, kernel.shape, np.uint32) if bits is None else np.full(kernel.shape, bits, np.uint32)
    torn = torn.view(np.float32)
    np.copyto(torn, kernel, where=np.tri(count, dtype=bool))
    whole, half = fit_ridge(kernel.copy(), targets, groups), fit_ridge(torn, targets, groups)
    assert np.array_equal(whole.inverse, half.inverse)
    expected = np.linalg.inv(kernel.astype(float) + PENALTY * np.eye(count))
    np.testing.assert_allclose(half.inverse, expected, atol=1e-4 * np.abs(expected).max())


def test_equal_images_and_equal_labels_are_no_trouble():
    features = np.zeros((40, 3), np.float32)
    assert mean_squared_distance(features) == 1
    model = fit_ridge(kernel_of(features, features, 1.0), class_targets(np.zeros(40, np.int32), 2), np.arange(40))
    np.testing.assert_allclose(scores_left_out(model), np.tile([1, -1], (40, 1)), atol=1e-3)


def test_the_mean_squared_distance_is_that_of_all_pairs():
    features = np.random.default_rng(4).normal(3, 2, size=(12, 5)).astype(np.float32)
    pairs = [np.square(a - b).sum() for a in features for b in features]
    assert mean_squared_distance(features) == pytest.approx(np.mean(pairs), rel=1e-5)


def test_a_kernel_that_is_not_positive_definite_is_named():
    with pytest.raises(ICSError, match=r"penalty=0\.02: expected a positive definite kernel"):
        fit_ridge(np.float32([[1, 5], [5, 1]]), class_targets(np.arange(2, dtype=np.int32), 2), np.arange(2))
