"""The original's algorithm, written anew: its results are sane where its faults do not show."""

import numpy as np
import pytest
from PIL import Image

import original
from photos import generate_photo, write_photos


@pytest.fixture(scope="module")
def photo():
    return generate_photo(201, 151, 0)


def test_size_only_keeps_one_pixel_in_five(photo):
    small = original.compress(photo, "SO", 4)
    assert small.shape == (30, 40, 3)
    np.testing.assert_array_equal(small[2, 3], photo[10, 15])


@pytest.mark.parametrize("strategy", original.CLUSTERINGS)
def test_clustering_leaves_few_colours_near_the_pixels(photo, strategy):
    small = original.shrink(photo).astype(float)
    few = original.compress(photo, strategy, 4)
    assert few.shape == small.shape
    assert few.dtype == np.uint8
    assert len(np.unique(few.reshape(-1, 3), axis=0)) <= 4
    one_color = ((small - small.mean(axis=(0, 1))) ** 2).mean()
    assert ((few - small) ** 2).mean() < 0.7 * one_color


def test_outputs_are_numbered_truecolour_pictures(tmp_path):
    write_photos(tmp_path / "in", 2, 40, 30)
    original.main("SO", "4", str(tmp_path / "in"), str(tmp_path / "out"))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0.png", "1.png"]
    with Image.open(tmp_path / "out" / "1.png") as image:
        assert (image.mode, image.size) == ("RGB", (8, 6))
