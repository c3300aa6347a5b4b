"""The measured quality of a palette is that of the pixels it shows."""

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import structural_similarity

from helpers import synthetic_photo
from icsys.choices import MEASURES
from icsys.color.palette_quality import palette_measure
from icsys.color.strategy_steps import distinct_of
from icsys.options import Options
from icsys.pipeline import quantize_pixels


def seen(measure, first, second):
    """Measure two pictures (H, W, 3) with scikit-image."""
    if measure == "psnr":
        return 10 * np.log10(255**2 / np.mean((first.astype(float) - second) ** 2))
    if measure == "delta_e":
        return deltaE_ciede2000(rgb2lab(first), rgb2lab(second)).mean()
    x, y = (picture.astype(float) @ [0.299, 0.587, 0.114] for picture in (first, second))
    return structural_similarity(x, y, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)


@pytest.mark.parametrize("dither", ["none", "floyd-steinberg"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("measure", MEASURES)
def test_a_measure_is_of_what_is_shown(measure, channels, dither):
    pixels = synthetic_photo(channels=channels)
    few = quantize_pixels(pixels, Options(colors=6, dither=dither))
    measured = palette_measure(measure, distinct_of(pixels.reshape(-1, channels)), pixels.shape[:2])
    before = pixels if channels == 3 else np.repeat(pixels[..., None], 3, axis=2)
    found = measured(few.palette, few.indices, few.mse)
    assert found == pytest.approx(seen(measure, before, few.to_array()), abs=3e-6)


@pytest.mark.parametrize(("measure", "best"), [("psnr", None), ("ssim", 1.0), ("delta_e", 0.0)])
def test_no_difference_is_the_best_there_is(measure, best):
    pixels = synthetic_photo(4, 4)
    same = quantize_pixels(pixels, Options(colors=16))
    measured = palette_measure(measure, distinct_of(pixels.reshape(-1, 3)), (4, 4))
    assert measured(same.palette, same.indices, same.mse) == best
