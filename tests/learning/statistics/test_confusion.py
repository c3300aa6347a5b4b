"""Lost images and grown confusions beside lists made image by image."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.learning.design import Predictions
from icsys.learning.statistics.confusion import grown_confusions, lost_images

CLASSES = ["ant", "bee", "cat", "dog"]


@st.composite
def predicted(draw):
    """Labels of t images, and what models predict in full and in an arm."""
    images, repeats = draw(st.integers(1, 12)), draw(st.integers(1, 4))
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    labels = random.integers(0, 4, images, np.int32)
    found = []
    for share in draw(st.tuples(st.floats(0, 1), st.floats(0, 1))):
        named = np.where(
            random.random((repeats, images)) < share, labels, random.integers(0, 4, (repeats, images))
        ).astype(np.int32)
        margins = random.integers(-3, 4, (repeats, images)).astype(np.float32)
        found.append(Predictions(named, named, margins))
    return labels, *found


@given(predicted(), st.integers(0, 5))
def test_lost_images_are_those_that_a_list_of_all_images_gives(case, most):
    labels, full, arm = case
    rows = []
    for place, label in enumerate(labels.tolist()):
        right = [sum(named == label for named in one.own[:, place].tolist()) for one in (full, arm)]
        wrong = Counter(sorted(named for named in arm.own[:, place].tolist() if named != label))
        if 2 * right[0] > len(full.own) and 2 * right[1] < len(arm.own):
            drop = float(full.margins[:, place].astype(float).mean() - arm.margins[:, place].astype(float).mean())
            rows.append((f"{place}.png", CLASSES[label], CLASSES[wrong.most_common(1)[0][0]], drop))
    rows.sort(key=lambda row: -row[3])
    sources = [f"{place}.png" for place in range(len(labels))]
    found = lost_images(full, arm, labels, sources, CLASSES, most=most)
    assert [(one.source, one.label, one.taken_for, one.drop) for one in found] == rows[:most]


@given(predicted(), st.integers(0, 7))
def test_grown_confusions_are_those_that_counting_gives(case, most):
    labels, full, arm = case
    counts = [Counter(), Counter()]
    for one, count in zip((full, arm), counts, strict=True):
        for row in one.own.tolist():
            count.update((label, named) for label, named in zip(labels.tolist(), row, strict=True) if label != named)
    before, now = counts
    pairs = sorted((before[pair] - now[pair], pair) for pair in now if now[pair] > before[pair])
    found = grown_confusions(full, arm, labels, CLASSES, most=most)
    repeats = len(full.own)
    assert [(one.label, one.taken_for, one.images, one.images_in_full) for one in found] == [
        (CLASSES[pair[0]], CLASSES[pair[1]], pytest.approx(now[pair] / repeats), pytest.approx(before[pair] / repeats))
        for _, pair in pairs[:most]
    ]


def test_an_arm_like_full_colour_loses_nothing():
    named = np.array([[0, 1, 2]], np.int32)
    same = Predictions(named, named, np.ones((1, 3), np.float32))
    labels = np.array([0, 1, 3], np.int32)
    assert lost_images(same, same, labels, ["a", "b", "c"], CLASSES) == []
    assert grown_confusions(same, same, labels, CLASSES) == []
