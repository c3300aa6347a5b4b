"""Judging what programs made of photos."""

import numpy as np
import pytest
from PIL import Image

from outputs import Quality, assess, block_means, mse
from photos import generate_photo, load_rgb


@pytest.fixture
def photo(tmp_path):
    """A photo whose sides no block of 5 divides."""
    path = tmp_path / "photos" / "a.png"
    path.parent.mkdir()
    Image.fromarray(generate_photo(43, 31, 0)).save(path)
    return path


def naive_means(pixels, step):
    height, width, _ = pixels.shape
    return [
        [pixels[y : y + step, x : x + step].mean(axis=(0, 1)) for x in range(0, width, step)]
        for y in range(0, height, step)
    ]


def test_error_is_summed_over_channels():
    black, gray = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 3, np.uint8)
    assert mse(black, gray) == 27


def test_block_means_are_those_of_every_pixel(photo):
    means = block_means(photo, (9, 7), 5, upright=True)
    np.testing.assert_allclose(means, naive_means(load_rgb(photo).astype(float), 5), atol=1)


def test_another_size_is_averaged_too(photo):
    assert block_means(photo, (8, 6), 5, upright=True).shape == (6, 8, 3)


def test_orientation_is_applied_only_where_the_program_does(tmp_path):
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(generate_photo(40, 30, 0)).save(path, exif=exif)
    assert block_means(path, (6, 8), 5, upright=True).shape == (8, 6, 3)
    assert block_means(path, (8, 6), 5, upright=False).shape == (6, 8, 3)


@pytest.mark.parametrize(("numbered", "name"), [(False, "a.png"), (True, "0.png")])
def test_an_output_is_compared_with_its_own_pixels_and_with_the_photo(photo, tmp_path, numbered, name):
    plain, few = block_means(photo, (9, 7), 5, upright=True), np.zeros((7, 9, 3), np.uint8)
    for folder, pixels in (("plain", plain), ("few", few)):
        (tmp_path / folder).mkdir()
        Image.fromarray(pixels).save(tmp_path / folder / name)
    size = (tmp_path / "few" / name).stat().st_size
    quality = assess([photo], tmp_path / "few", tmp_path / "plain", 5, numbered=numbered, upright=True)
    assert quality == Quality(size, mse(few, plain), mse(few, plain))


def test_a_missing_output_gives_no_figures(photo, tmp_path):
    assert assess([photo], tmp_path, tmp_path, 5, numbered=False, upright=True) is None
