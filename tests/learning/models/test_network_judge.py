"""The network learns what is there and nothing else, and its chance is that of its seed alone."""

import numpy as np
import pytest

from icsys import UsageError
from icsys.learning.design import FOLDS, GROUPS, TEST, Design

torch = pytest.importorskip("torch", reason="needs PyTorch: make test-extras")

from icsys.learning.models import network_judge
from icsys.learning.models.network_judge import NetworkJudge


def colored(n, side=8, classes=3, seed=0):
    """Noise with a colour that tells the class."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(n, dtype=np.int32) % classes)
    tint = np.zeros((n, 1, 1, 3))
    tint[np.arange(n), 0, 0, labels] = 60
    return (tint + random.integers(0, 180, (n, side, side, 3))).astype(np.uint8), labels


def design_of(labels, kind=FOLDS, groups=None, trained=None):
    n = len(labels)
    if trained is None:
        trained, tested = np.ones((2, n), bool)
    else:
        tested = ~trained
    groups = np.arange(n, dtype=np.int32) if groups is None else groups
    return Design(labels, int(labels.max()) + 1, trained, tested, groups, kind)


def half(n):
    return np.arange(n) < n // 2


@pytest.fixture
def _few_steps(monkeypatch):
    monkeypatch.setattr(network_judge, "_LEAST_STEPS", 4)


def equal(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", [FOLDS, TEST])
def test_what_colours_tell_is_learned_and_margins_agree_with_classes(kind):
    pixels, labels = colored(120)
    design = design_of(labels, kind, trained=half(120) if kind == TEST else None)
    tested = labels[design.tested]
    found = NetworkJudge(pixels, design, repeats=1).judge(pixels)
    assert found.own.shape == found.originals.shape == found.margins.shape == (1, len(tested))
    assert (found.own.dtype, found.originals.dtype, found.margins.dtype) == (np.int32, np.int32, np.float32)
    assert (found.own == tested).mean() > 0.95
    np.testing.assert_array_equal(found.own, found.originals)
    np.testing.assert_array_equal(found.margins > 0, found.own == tested)


def test_originals_are_shown_to_the_network_of_the_arm():
    """Colours of an arm are exchanged: its own form is learned, and originals are taken for the exchanged class."""
    pixels, labels = colored(120)
    found = NetworkJudge(pixels, design_of(labels, TEST, trained=half(120)), repeats=1).judge(
        np.ascontiguousarray(pixels[..., [1, 2, 0]])
    )
    assert (found.own[0] == labels[60:]).mean() > 0.95
    assert (found.originals[0] == (labels[60:] + 1) % 3).mean() > 0.95


def test_shuffled_labels_are_not_learned():
    """Of 200 tested images, chance exceeds half by 3.5 standard deviations once in 4,000 times."""
    pixels, labels = colored(200, classes=2)
    shuffled = np.random.default_rng(1).permutation(labels)
    accuracy = (NetworkJudge(pixels, design_of(shuffled), repeats=1).judge(pixels).own == shuffled).mean()
    assert accuracy < 0.5 + 3.5 * np.sqrt(0.25 / 200)


def test_what_only_the_group_tells_is_no_gain():
    """Each group has a pattern of its own and a class by chance: single images are recognised, whole groups are not."""
    random = np.random.default_rng(2)
    groups = np.repeat(np.arange(20, dtype=np.int32), 7)
    patterns = random.integers(0, 216, (20, 8, 8, 3))
    pixels = (patterns[groups] + random.integers(0, 40, (140, 8, 8, 3))).astype(np.uint8)
    labels = np.tile(np.array([0, 1], np.int32), 10)[groups]
    whole = NetworkJudge(pixels, design_of(labels, GROUPS, groups), repeats=1).judge(pixels).own
    single = NetworkJudge(pixels, design_of(labels, FOLDS), repeats=1).judge(pixels).own
    assert (single == labels).mean() > 0.9
    assert (whole == labels).mean() < 0.5 + 3.5 * np.sqrt(0.25 / 20)


def test_halves_keep_groups_whole_and_divide_classes_evenly():
    random = np.random.default_rng(3)
    groups = random.integers(0, 90, 300).astype(np.int32) * 7  # numbers may have gaps
    labels = (groups % 5).astype(np.int32)
    judge = NetworkJudge(np.zeros((300, 8, 8, 3), np.uint8), design_of(labels, GROUPS, groups), repeats=2)
    largest = np.bincount(groups).max()
    for first, second in judge._parts:  # noqa: SLF001 - what no prediction shows
        np.testing.assert_array_equal(first.trained, second.tested)
        np.testing.assert_array_equal(second.trained, first.tested)
        assert sorted([*first.tested, *second.tested]) == list(range(300))
        assert not set(groups[first.tested]) & set(groups[second.tested])
        counts = [np.bincount(labels[part.tested], minlength=5) for part in (first, second)]
        assert np.abs(counts[0] - counts[1]).max() <= largest
    assert not np.array_equal(judge._parts[0][0].tested, judge._parts[1][0].tested)  # noqa: SLF001


@pytest.mark.usefixtures("_few_steps")
def test_a_seed_gives_its_predictions_whatever_the_threads_and_the_chance_of_pytorch():
    pixels, labels = colored(40, classes=2, seed=4)
    pixels = (pixels // 3 + np.random.default_rng(5).integers(0, 170, pixels.shape)).astype(np.uint8)  # hard to tell
    design = design_of(labels)
    threads = torch.get_num_threads()
    one = NetworkJudge(pixels, design, repeats=2, seed=6).judge(pixels)
    torch.manual_seed(7)
    before = torch.get_rng_state()
    torch.set_num_threads(2)
    three = NetworkJudge(pixels, design, repeats=2, seed=6, jobs=3).judge(pixels)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(threads)
    equal(one, three)
    assert torch.equal(torch.get_rng_state(), before)
    other = NetworkJudge(pixels, design, repeats=1, seed=7).judge(pixels)
    assert not np.array_equal(one.margins[0], one.margins[1])
    assert not np.array_equal(one.margins[0], other.margins[0])


@pytest.mark.usefixtures("_few_steps")
def test_images_that_are_not_kept_are_not_seen(tmp_path):
    """Pictures and labels of the others may change in a memory map, and no prediction does."""
    pixels, labels = colored(60)
    design = design_of(labels, TEST, trained=half(60))
    kept = np.random.default_rng(8).random(60) < 0.4
    mapped = np.memmap(tmp_path / "pixels", np.uint8, "w+", shape=pixels.shape)
    mapped[:] = pixels
    first = NetworkJudge(pixels, design, repeats=1).judge(pixels, kept)
    changed = labels.copy()
    changed[design.trained & ~kept] = 0
    mapped[design.trained & ~kept] = 0
    equal(first, NetworkJudge(pixels, design._replace(labels=changed), repeats=1).judge(mapped, kept))


@pytest.mark.usefixtures("_few_steps")
@pytest.mark.parametrize(("side", "n"), [(8, 4), (9, 5), (33, 3), (96, 2)])
def test_any_side_and_a_few_images_do(side, n):
    pixels, labels = colored(n, side, classes=2)
    reports = []
    found = NetworkJudge(
        pixels, design_of(labels, TEST, trained=half(n)), repeats=1, epochs=1, report=lambda *done: reports.append(done)
    ).judge(np.zeros_like(pixels))
    assert found.own.shape == (1, n - n // 2)
    assert np.isfinite(found.margins).all()
    assert reports == [(1, 1)]


def test_nothing_to_train_on_is_named():
    pixels, labels = colored(6)
    design = design_of(labels, GROUPS, np.zeros(6, np.int32))
    with pytest.raises(UsageError, match="no image to train on: expected images of at least two groups"):
        NetworkJudge(pixels, design, repeats=1).judge(pixels)
