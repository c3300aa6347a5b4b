"""Colours changed in palettes are those that torchvision gives the pixels of images."""

import numpy as np
import pytest

from icsys.loading.palette_jitter import jitter_palettes

torch = pytest.importorskip("torch", reason="needs PyTorch: make test-extras")
pytest.importorskip("torchvision", reason="needs torchvision: make test-extras")

from torchvision.transforms.v2 import functional

# Every 15th level in all combinations, greys among them.
LEVELS = np.arange(0, 256, 15, dtype=np.uint8)
CUBE = np.stack(np.meshgrid(LEVELS, LEVELS, LEVELS, indexing="ij"), axis=-1).reshape(1, -1, 3)
ADJUSTMENTS = {
    "brightness": (functional.adjust_brightness, (0, 0.5, 0.8, 1, 1.2, 2.5)),
    "contrast": (functional.adjust_contrast, (0, 0.5, 0.8, 1, 1.2, 2.5)),
    "saturation": (functional.adjust_saturation, (0, 0.5, 0.8, 1, 1.2, 2.5)),
    "hue": (functional.adjust_hue, (-0.5, -0.21, 0, 0.04, 0.3, 0.5)),
}
CASES = [(name, value) for name, (_, values) in ADJUSTMENTS.items() for value in values]


def image_of(palette):
    """Return a palette as an image of one row, shape (3, 1, K)."""
    return torch.from_numpy(palette).T[:, None]


@pytest.mark.parametrize(("name", "value"), CASES)
def test_a_palette_gets_the_levels_of_the_image(name, value):
    """The cube of colours has middle grey as its mean, which torchvision's contrast takes."""
    found = jitter_palettes(CUBE, **{name: [value]})[0]
    adjust, _ = ADJUSTMENTS[name]
    expected = adjust(image_of(CUBE[0]).double() / 255, value)[:, 0].T.numpy() * 255
    # Weights of luma that add up to 0.9999 move torchvision's mean by a hundredth of a level.
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.502 + (0.02 if name == "contrast" else 0))


@pytest.mark.parametrize(("name", "value"), [case for case in CASES if 0.5 <= case[1] <= 1.5 or case[0] == "hue"])
def test_levels_of_whole_numbers_differ_by_one_at_most(name, value):
    """torchvision rounds them down."""
    found = jitter_palettes(CUBE, **{name: [value]})[0].astype(int)
    adjust, _ = ADJUSTMENTS[name]
    expected = adjust(image_of(CUBE[0]), value)[:, 0].T.numpy().astype(int)
    assert np.abs(found - expected).max() <= 1
