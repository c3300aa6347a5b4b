"""Features of pictures beside a slow twin that goes from patch to patch in double precision."""

import numpy as np
import pytest

from icsys.learning.models.patch_features import PatchFeatures, PatchScale


def pictures(count: int, size: int, seed: int = 0) -> np.ndarray:
    """Smooth gradients with noise, so that patches differ in contrast."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(0, 1, size)
    slopes = rng.uniform(-90, 90, (count, 2, 1, 1, 3))
    smooth = 128 + slopes[:, 0] * ramp[:, None, None] + slopes[:, 1] * ramp[None, :, None]
    noise = rng.normal(0, 1, (count, size, size, 3)) * rng.uniform(0, 40, (count, 1, size, 1))
    return np.clip(smooth + noise, 0, 255).astype(np.uint8)


def extractor(pixels: np.ndarray, *, repeats: int = 2, seed: int = 0, atoms: int = 5) -> PatchFeatures:
    return PatchFeatures(pixels, np.arange(len(pixels)), repeats=repeats, seed=seed, atoms=atoms)


def computed(features: PatchFeatures, pixels: np.ndarray, repeats: int = 2) -> np.ndarray:
    out = np.full((repeats, len(pixels), features.length), np.nan, np.float32)
    features.compute(pixels, out)
    return out


def cell_of(place: int, count: int) -> int:
    cells = min(3, count)
    return max(cell for cell in range(cells) if cell * count // cells <= place)


def slow_pooled(picture: np.ndarray, scale: PatchScale) -> np.ndarray:
    """Roots of mean answers of shape (2, cells, atoms), patch by patch."""
    count = (len(picture) - scale.side) // scale.stride + 1
    grid = min(3, count)
    sums, hits = np.zeros((2, grid * grid, scale.offsets.size)), np.zeros(grid * grid)
    for row in range(count):
        for column in range(count):
            top, left = row * scale.stride, column * scale.stride
            patch = picture[top : top + scale.side, left : left + scale.side].ravel()
            patch = (patch - patch.mean()) / np.sqrt(patch.var() + 10)
            answers = patch @ scale.projection.astype(float) - scale.offsets
            cell = grid * cell_of(row, count) + cell_of(column, count)
            sums[:, cell] += np.maximum(answers - 0.25, 0), np.maximum(-answers - 0.25, 0)
            hits[cell] += 1
    return np.sqrt(sums / hits[:, None] + 1e-3)


def slow_features(picture: np.ndarray, scales: tuple[PatchScale, ...], repeats: int) -> list[np.ndarray]:
    parts = [[] for _ in range(repeats)]
    levels = picture.astype(float)
    for number, scale in enumerate(scales):
        if number:
            half = len(levels) // 2
            levels = np.array(
                [[levels[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].mean((0, 1)) for j in range(half)] for i in range(half)]
            )
        pooled = slow_pooled(levels, scale)
        for part, answers in zip(parts, np.split(pooled, repeats, axis=2), strict=True):
            part.append(answers.ravel())
    size = len(picture)
    cells = [np.flatnonzero([cell_of(place, size) == cell for place in range(size)]) for cell in range(min(3, size))]
    inside = [picture[np.ix_(rows, columns)].reshape(-1, 3).astype(float) for rows in cells for columns in cells]
    colors = [np.ravel([one.mean(0) for one in inside]) / 64, np.ravel([one.std(0) for one in inside]) / 64]
    return [np.concatenate([*part, *colors]) for part in parts]


@pytest.mark.parametrize("size", [1, 2, 5, 6, 7, 12, 13, 25, 64])
def test_features_are_those_of_the_slow_twin(size):
    pixels = pictures(6, size)
    features = extractor(pixels)
    assert [scale.side for scale in features.scales] == ([6, 6] if size >= 12 else [min(size, 6)])
    found = computed(features, pixels[:2])
    for place, picture in enumerate(pixels[:2]):
        expected = slow_features(picture, features.scales, 2)
        np.testing.assert_allclose(found[:, place], expected, rtol=1e-3, atol=2e-4)


def test_atoms_are_whitened_patches_of_the_pictures():
    """Answers of an atom, found with explicit whitening, are those of a unit vector on whitened patches."""
    pixels = pictures(40, 16)
    scale = extractor(pixels, repeats=1, atoms=3).scales[0]
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (6, 6), axis=(1, 2)).transpose(0, 1, 2, 4, 5, 3)
    patches = windows.reshape(-1, 108).astype(float)
    patches -= patches.mean(axis=1, keepdims=True)
    patches /= np.sqrt(patches.var(axis=1, keepdims=True) + 10)
    answers = patches @ scale.projection - scale.offsets
    assert np.abs(answers.mean(axis=0)).max() < 0.05
    assert answers.std(axis=0) == pytest.approx(1, abs=0.15)


def test_flat_and_extreme_pictures_have_finite_features_without_warnings():
    flat = np.stack([np.full((14, 14, 3), level, np.uint8) for level in (0, 127, 255)])
    found = computed(extractor(flat), flat)
    assert np.isfinite(found).all()
    assert np.ptp(found[..., :-54], axis=1).max() < 1e-5
    np.testing.assert_allclose(found[0, :, -54:-27], np.repeat([[0], [127 / 64], [255 / 64]], 27, axis=1), rtol=1e-6)
    assert not found[..., -27:].any()


def test_equal_seeds_give_equal_features_and_others_do_not():
    pixels = pictures(8, 16)
    first, again, other = (computed(extractor(pixels, seed=seed), pixels) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert np.abs(first - other)[..., :-54].max() > 0.1
    assert np.abs(first[0] - first[1])[..., :-54].max() > 0.1


def test_a_dictionary_does_not_depend_on_how_many_there_are():
    pixels = pictures(8, 16)
    two, three = computed(extractor(pixels), pixels), computed(extractor(pixels, repeats=3), pixels, 3)
    np.testing.assert_allclose(two, three[:2], rtol=1e-4, atol=1e-5)


def test_patches_are_drawn_from_the_chosen_pictures_alone():
    pixels = pictures(8, 16)
    others = pixels.copy()
    others[5:] = 255 - pictures(3, 16, seed=9)
    first, second = (PatchFeatures(one, np.arange(5), repeats=2, seed=0, atoms=5) for one in (pixels, others))
    assert np.array_equal(computed(first, pixels), computed(second, pixels))


def test_pictures_may_be_a_memory_map(tmp_path):
    pixels = pictures(5, 13)
    held = np.memmap(tmp_path / "pixels", np.uint8, "w+", shape=pixels.shape)
    held[:] = pixels
    assert np.array_equal(computed(extractor(held), held), computed(extractor(pixels), pixels))
