"""What the benchmark of automatic colours counts."""

import io

import numpy as np
import pytest
from PIL import Image

from auto import away, confirmed, files, independent, main, measure, ssim
from helpers import synthetic_photo
from icsys import Options, compress_image, quantize


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Generated photos of a quarter of the pixels, of which every second in each direction is taken."""
    monkeypatch.setattr("photos._GENERATED_SIZE", (384, 256))


def test_bytes_and_colours_are_those_of_the_runs():
    data = files(None, 2)
    options = Options(colors="auto", min_ssim=0.9, step=2)
    found = measure(data, options, 1)
    each = [compress_image(one, options) for one in data]
    assert found.colors == [image.colors for image in each]
    assert (found.size, found.missed) == (sum(len(image.data) for image in each), 0)
    fixed = Options(colors=max(found.colors), step=2)
    assert found.fixed_size == sum(len(compress_image(one, fixed).data) for one in data)
    assert found.times_mean > 0 < found.times_worst


def test_a_k_is_confirmed_and_one_that_is_far_off_is_not():
    with Image.open(io.BytesIO(files(None, 1)[0])) as image:
        pixels = np.asarray(image)[::2, ::2]
    k = len(quantize(pixels, "auto", min_ssim=0.9).palette)
    assert confirmed(pixels, k, 0.9)[0]
    assert confirmed(pixels, 2 * k, 0.9)[2] is False
    assert confirmed(pixels, k // 2, 0.9)[1] is False


def test_independent_palettes_have_k_colours():
    pixels = synthetic_photo()
    few = independent(pixels, 7)
    assert len(np.unique(few.reshape(-1, 3), axis=0)) == 7
    assert ssim(pixels, pixels) == pytest.approx(1)
    assert ssim(pixels, few) < 1
    assert (away(5), away(100)) == (2, 10)


def test_the_page_has_a_row_for_each_target(tmp_path):
    main(["--images", "1", "--step", "3", "--ssim", "0.8,0.9", "--rounds", "1", "--out", str(tmp_path / "page.md")])
    lines = (tmp_path / "page.md").read_text("utf-8").splitlines()
    assert [line.split("|")[1].strip() for line in lines if line.startswith("| 0.")] == ["0.8", "0.9", "0.8", "0.9"]
