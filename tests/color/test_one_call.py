"""The one call gives what the layers of Python give, entry by entry and pixel by pixel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.datasets import load_sample_images

from helpers import synthetic_photo
from icsys.color import one_call
from icsys.color.kmeans import reduce_pixels
from icsys.color.one_call import is_one_call, map_in_one_call, reduce_in_one_call
from icsys.color.scratch import Slots
from icsys.color.strategy_steps import distinct_of, map_to
from icsys.native.library import LIBRARY, Kernels, levels

lasting = settings(deadline=None, max_examples=settings.default.max_examples)
numbers = st.one_of(st.integers(1, 20), st.integers(1, 256))


@st.composite
def images(draw):
    """Pixels of noise, of few colours, of tight groups of colours, or of smooth changes."""
    n, seed = draw(st.one_of(st.integers(1, 70), st.integers(1, 3000))), draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    kind = draw(st.sampled_from(["noise", "few", "groups", "smooth"]))
    if kind == "noise":
        least = draw(st.integers(0, 255))
        return random.integers(least, draw(st.integers(least, 255)) + 1, (n, 3)).astype(np.uint8)
    if kind == "smooth":
        return np.clip(random.normal(0, draw(st.floats(0.5, 50)), (n, 3)).cumsum(axis=0) + 128, 0, 255).astype(np.uint8)
    colors = random.integers(0, 256, (draw(st.integers(1, 400 if kind == "few" else 8)), 3))
    spread = 0 if kind == "few" else 3
    pixels = colors[random.integers(0, len(colors), n)] + random.integers(-spread, spread + 1, (n, 3))
    return np.clip(pixels, 0, 255).astype(np.uint8)


def assert_same(found, expected):
    assert np.array_equal(found.palette, expected.palette)
    assert np.array_equal(found.indices, expected.indices)
    assert found.indices.dtype == expected.indices.dtype
    assert (found.sse, type(found.sse)) == (expected.sse, int)


@lasting
@given(images(), numbers)
def test_it_equals_the_layers(pixels, k):
    assert_same(reduce_in_one_call(pixels, k), reduce_pixels(pixels, k))


@lasting
@given(arrays(np.uint8, st.tuples(st.integers(1, 90), st.just(3)), elements=st.integers(98, 105)), numbers)
def test_it_equals_the_layers_on_crowded_colors(pixels, k):
    """Rounded means often coincide, and the palette is filled up."""
    assert_same(reduce_in_one_call(pixels, k), reduce_pixels(pixels, k))


@lasting
@given(images(), numbers, st.integers(0, 2**32 - 1))
def test_pixels_go_to_the_entries_of_a_palette_that_the_layers_find(pixels, k, seed):
    palette = np.random.default_rng(seed).integers(0, 256, (k, 3)).astype(np.uint8)
    assert_same(map_in_one_call(pixels, palette), map_to(distinct_of(pixels), palette))


@pytest.mark.parametrize("level", levels())
@pytest.mark.parametrize("k", [1, 2, 16, 100, 256])
def test_it_equals_the_layers_on_photos_with_all_instructions(k, level, monkeypatch):
    monkeypatch.setattr(one_call, "KERNELS", Kernels(LIBRARY, level))
    photo = load_sample_images().images[1]
    for pixels in (photo[100:132, 200:232], photo[::4, ::4], photo[:, :400], synthetic_photo()):
        rows = np.ascontiguousarray(pixels).reshape(-1, 3)
        found = reduce_in_one_call(rows, k)
        assert_same(found, reduce_pixels(rows, k))
        assert_same(map_in_one_call(rows, found.palette), map_to(distinct_of(rows), found.palette))


def test_an_image_of_all_colors_needs_more_memory_than_is_kept(monkeypatch):
    monkeypatch.setattr(one_call, "KEPT_BYTES", 100)
    pixels = np.random.default_rng(0).integers(0, 256, (20_000, 3), np.uint8)
    assert_same(reduce_in_one_call(pixels, 9), reduce_pixels(pixels, 9))


def test_a_result_stays_when_the_next_image_uses_the_memory():
    random = np.random.default_rng(0)
    first, second = (random.integers(0, 256, (5000, 3)).astype(np.uint8) for _ in range(2))
    with Slots(1):
        found = reduce_in_one_call(first, 9)
        kept = [np.copy(part) for part in found]
        reduce_in_one_call(second, 9)
    for part, before in zip(found, kept, strict=True):
        assert np.array_equal(part, before)


def test_it_takes_colors_without_alpha_and_indices_of_one_byte():
    image = np.zeros((2, 2, 3), np.uint8)
    assert is_one_call(image, 256)
    assert not is_one_call(image, 257)
    assert not is_one_call(image[..., 0], 2)
    assert not is_one_call(np.zeros((2, 2, 4), np.uint8), 2)
