"""The judge on fixed features beside explicit retraining, one model for each group that is left out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from icsys.errors import UsageError
from icsys.learning.design import FOLDS, GROUPS, TEST, Design
from icsys.learning.models import fixed_judge, kernel_ridge
from icsys.learning.models.fixed_judge import FixedFeatureJudge
from icsys.learning.models.kernel_ridge import PENALTY
from icsys.learning.models.patch_features import PatchFeatures

SIZE = 8


def labelled(count: int, classes: int, seed: int = 0, noise: float = 25) -> tuple[np.ndarray, np.ndarray]:
    """Pictures whose classes differ in the colours of their halves."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count).astype(np.int32)
    colors = rng.uniform(60, 200, (classes, 2, 3))
    pixels = np.repeat(colors[labels], SIZE // 2, axis=1)[:, :, None] + rng.normal(0, noise, (count, SIZE, SIZE, 3))
    return np.clip(pixels, 0, 255).astype(np.uint8), labels


def left_out(labels: np.ndarray, groups: np.ndarray | None = None) -> Design:
    every = np.ones(len(labels), bool)
    alone = np.arange(len(labels), dtype=np.int32)
    kind = FOLDS if groups is None else GROUPS
    return Design(labels, int(labels.max()) + 1, every, every, alone if groups is None else groups, kind)


def split(labels: np.ndarray, tested: np.ndarray) -> Design:
    groups = np.zeros(len(labels), np.int32)
    return Design(labels, int(labels.max()) + 1, ~tested, tested, groups, TEST)


def coarse(pixels: np.ndarray) -> np.ndarray:
    return pixels // 64 * 64 + 32


def slow_scores(design: Design, full: np.ndarray, pixels: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Scores of each tested image, shape (2, t, classes): in the form of the arm and in full; seed 0, one repeat."""
    features = PatchFeatures(full, np.flatnonzero(design.trained), repeats=1, seed=0)
    own, whole = (np.empty((1, len(full), features.length), np.float32) for _ in range(2))
    features.compute(pixels, own)
    features.compute(full, whole)
    train = np.flatnonzero(design.trained & kept)
    center, spread = own[0, train].mean(0, dtype=float), own[0, train].std(0, dtype=float)
    spread = spread + 1e-3 * np.sqrt(np.mean(spread**2))
    own, whole = ((one[0] - center) / np.where(spread > 0, spread, np.inf) for one in (own, whole))
    for features_of in (own, whole):
        features_of[:, -54:] *= 2  # colours of nine cells: mean and spread of three channels
    targets = np.where(design.labels[:, None] == np.arange(design.classes), 1.0, -1.0)
    width = np.square(own[train][:, None] - own[train][None]).sum(2).mean()

    def kernel(one, other):
        return 1 + np.exp(-np.square(one[:, None] - other[None]).sum(2) / width)

    scores = np.zeros((2, design.tested.sum(), design.classes))
    for row, image in enumerate(np.flatnonzero(design.tested)):
        rest = train if design.kind == TEST else train[design.groups[train] != design.groups[image]]
        if len(rest):
            inner = kernel(own[rest], own[rest]) + PENALTY * np.eye(len(rest))
            weights = np.linalg.solve(inner, targets[rest])
            scores[:, row] = kernel(np.stack([own[image], whole[image]]), own[rest]) @ weights
    return scores


def agrees(predicted: np.ndarray, scores: np.ndarray) -> bool:
    """Whether each predicted class has the best score, or one that differs from it by rounding alone."""
    return bool((scores[np.arange(len(scores)), predicted] >= scores.max(axis=1) - 1e-2).all())


@st.composite
def experiments(draw):
    count = draw(st.integers(6, 24))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    pixels, labels = labelled(count, 3, seed=draw(st.integers(0, 10**6)), noise=60)
    kept = rng.random(count) < draw(st.sampled_from([0.4, 1.1]))
    tested = rng.random(count) < 0.4
    kept[:2], tested[:3] = True, [False, False, True]
    groups = rng.integers(0, draw(st.sampled_from([2, 6, 30])), count).astype(np.int32)
    return pixels, kept, draw(st.sampled_from([left_out(labels), left_out(labels, groups), split(labels, tested)]))


@given(experiments())
@settings(max_examples=15, deadline=None)
def test_predictions_are_those_of_explicit_retraining(experiment):
    full, kept, design = experiment
    pixels = coarse(full)
    found = FixedFeatureJudge(full, design, repeats=1).judge(pixels, kept)
    own, originals = slow_scores(design, full, pixels, kept)
    assert found.own.shape == found.originals.shape == found.margins.shape == (1, design.tested.sum())
    assert (found.own.dtype, found.originals.dtype, found.margins.dtype) == (np.int32, np.int32, np.float32)
    assert agrees(found.own[0], own)
    assert agrees(found.originals[0], originals)
    labels = design.labels[design.tested]
    true = own[np.arange(len(labels)), labels]
    others = np.where(labels[:, None] == np.arange(design.classes), -np.inf, own).max(axis=1)
    np.testing.assert_allclose(found.margins[0], true - others, atol=1e-2)


@pytest.mark.parametrize("kind", ["alone", "groups", "test"])
def test_predictions_do_not_depend_on_the_number_of_threads(kind, monkeypatch):
    """More images than one piece of work holds."""
    for module in (fixed_judge, kernel_ridge):
        monkeypatch.setattr(module, "_ROWS", 64)
    monkeypatch.setattr(fixed_judge, "_PICTURES", 32)
    full, labels = labelled(140, 4, noise=50)
    places = np.arange(140, dtype=np.int32)
    design = {"alone": left_out(labels), "groups": left_out(labels, places // 3), "test": split(labels, places > 100)}
    kept = np.random.default_rng(0).random(140) < 0.9
    one, several = (FixedFeatureJudge(full, design[kind], repeats=2, jobs=jobs) for jobs in (1, 3))
    for pixels, part in ((full, None), (coarse(full), None), (full, kept)):
        expected = one.judge(pixels, part)
        assert all(np.array_equal(*pair) for pair in zip(expected, several.judge(pixels, part), strict=True))


def test_a_clear_difference_is_learnt_and_shuffled_labels_are_not():
    """With 160 test images, chance exceeds the majority's share by the bound in one of 10,000 runs."""
    full, labels = labelled(400, 4)
    tested = np.arange(400) >= 240
    clear = FixedFeatureJudge(full, split(labels, tested)).judge(coarse(full))
    assert (clear.own == labels[tested]).mean() > 0.95
    assert (clear.originals == labels[tested]).mean() > 0.9
    shuffled = np.random.default_rng(1).permutation(labels)
    share = np.bincount(shuffled[tested]).max() / tested.sum()
    found = FixedFeatureJudge(full, split(shuffled, tested)).judge(coarse(full))
    for right in (found.own == shuffled[tested]).sum(axis=1):
        assert right <= binom.ppf(1 - 1e-4, tested.sum(), share)


def test_shuffled_labels_that_groups_share_are_not_learnt():
    """Four equal pictures of one label each: the model must not see the other three."""
    few, labels = labelled(60, 3)
    shuffled = np.random.default_rng(2).permutation(labels)
    groups = np.repeat(np.arange(60, dtype=np.int32), 4)
    full, repeated = few[groups], shuffled[groups]
    share = np.bincount(shuffled).max() / 60
    alone = FixedFeatureJudge(full, left_out(repeated)).judge(full)
    assert (alone.own == repeated).mean() > 0.95
    found = FixedFeatureJudge(full, left_out(repeated, groups)).judge(full)
    for right in (found.own == repeated)[:, ::4].sum(axis=1):
        assert right <= binom.ppf(1 - 1e-4, 60, share)


def test_the_reference_is_known_by_its_array_and_by_its_pixels(tmp_path):
    full, labels = labelled(50, 3, noise=80)
    held = np.memmap(tmp_path / "full", np.uint8, "w+", shape=full.shape)
    held[:] = full
    judge = FixedFeatureJudge(held, left_out(labels))
    first = judge.judge(held)
    assert np.array_equal(first.own, first.originals)
    for again in (judge.judge(held), judge.judge(full), FixedFeatureJudge(full, left_out(labels)).judge(full)):
        assert all(np.array_equal(*pair) for pair in zip(first, again, strict=True))


def test_an_arm_has_the_same_predictions_whatever_was_judged_before():
    full, labels = labelled(50, 3, noise=80)
    fresh, used = (FixedFeatureJudge(full, left_out(labels)) for _ in range(2))
    used.judge(full)
    used.judge(255 - full)
    for one, other in zip(fresh.judge(coarse(full)), used.judge(coarse(full)), strict=True):
        assert np.array_equal(one, other)


def test_models_and_seeds_differ():
    full, labels = labelled(60, 3, noise=80)
    first, again, other = (FixedFeatureJudge(full, left_out(labels), seed=seed).judge(full) for seed in (5, 5, 6))
    assert np.array_equal(first.margins, again.margins)
    assert not np.array_equal(first.margins, other.margins)
    assert len({margins.tobytes() for margins in first.margins}) == FixedFeatureJudge(full, left_out(labels)).repeats


@pytest.mark.parametrize("jobs", [1, 3])
def test_progress_counts_every_step_to_the_end(jobs):
    full, labels = labelled(150, 3)
    steps = []
    judge = FixedFeatureJudge(full, left_out(labels), jobs=jobs, report=lambda *step: steps.append(step))
    for pixels in (coarse(full), full, coarse(full)):
        steps.clear()
        judge.judge(pixels)
        assert steps == [(done, len(steps)) for done in range(1, len(steps) + 1)]


def test_an_interrupt_in_a_report_ends_the_work():
    full, labels = labelled(150, 3)

    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        FixedFeatureJudge(full, left_out(labels), jobs=2, report=stop).judge(full)


def test_flat_pictures_and_a_class_of_one_image_are_judged():
    full = np.full((12, SIZE, SIZE, 3), 200, np.uint8)
    labels = np.int32([0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2])
    found = FixedFeatureJudge(full, left_out(labels)).judge(full)
    assert (found.own == 1).all()
    assert np.isfinite(found.margins).all()


def test_wrong_input_is_named():
    full, labels = labelled(10, 2)
    judge = FixedFeatureJudge(full, left_out(labels))
    with pytest.raises(UsageError, match=r"\(9, 8, 8, 3\): expected the shape of the full pictures, \(10, 8, 8, 3\)"):
        judge.judge(full[:9])
    with pytest.raises(UsageError, match="expected at least one image that may be trained on"):
        judge.judge(full, np.zeros(10, bool))


def test_classes_that_differ_in_colour_alone_are_learned_from_few_images():
    """Patches say nothing of the mean colour, and there are many more answers of patches than colours."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3, dtype=np.int32), 8)
    colors = np.array([[90, 80, 100], [110, 120, 90], [140, 130, 150]])[labels]
    blocks = rng.normal(colors[:, None, None], 40, (24, 8, 8, 3)).repeat(8, 1).repeat(8, 2)
    pixels = (blocks + rng.normal(0, 10, blocks.shape)).clip(0, 255).astype(np.uint8)
    assert (FixedFeatureJudge(pixels, left_out(labels)).judge(pixels).own == labels).mean() > 0.9
