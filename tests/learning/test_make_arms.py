"""Every arm is what ``compress`` writes, and its pixels are what a reader sees."""

import io
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.source_makers import put_folder, put_parquet, put_tar, put_zip

from icsys import Options, compress_folder
from icsys.engine.executor import Executor
from icsys.learning.arm import FULL, Arm
from icsys.learning.make_arms import make_arms
from icsys.learning.plan_arms import plan_arms
from icsys.pipeline.lossy_quality import HIGHEST, LOWEST
from icsys.sources.base import Task
from icsys.sources.open_source import open_source

SIZE = 24


def picture(seed, mode="RGB", size=(60, 45)):
    """Return smooth colours with noise as a picture."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (5, 6, 4), np.uint8)
    smooth = np.asarray(Image.fromarray(coarse, "RGBA").resize(size, Image.Resampling.BICUBIC)).astype(int)
    noisy = np.clip(smooth + random.integers(-12, 13, smooth.shape), 0, 255).astype(np.uint8)
    return Image.fromarray(noisy, "RGBA").convert(mode)


def encoded(image, form="JPEG", **settings):
    """Return a picture as the bytes of a file."""
    file = io.BytesIO()
    image.save(file, form, **settings)
    return file.getvalue()


def files():
    """Return photos of several kinds: turned, grey, transparent, with a palette, small."""
    turned = Image.Exif()
    turned[0x0112] = 6
    return {
        "cat/0.jpg": encoded(picture(0), quality=90),
        "cat/1.jpg": encoded(picture(1), quality=90, exif=turned),
        "cat/2.png": encoded(picture(2, "L"), "PNG"),
        "cat/3.png": encoded(picture(3, "RGBA"), "PNG"),
        "dog/0.png": encoded(picture(4).quantize(12), "PNG"),
        "dog/1.png": encoded(picture(5, size=(10, 9)).quantize(3), "PNG"),
        "dog/2.jpg": encoded(picture(6), quality=70),
        "dog/3.webp": encoded(picture(7), "WEBP", lossless=True),
    }


def made(path, arms, folder, size=SIZE, jobs=2):
    """Make arms of all images of a source."""
    source = open_source(path, Path("nowhere"))
    tasks = [task for task in source.plan("") if isinstance(task, Task)]
    folder.mkdir()
    executor = Executor("auto", jobs, None, False, threading.Event())
    return tasks, make_arms(source, tasks, arms, executor, folder=folder, size=size)


def enlarged(file, size, background="#ffffff"):
    """Return what a file shows, as a square, by Pillow alone."""
    image = Image.open(io.BytesIO(file)).convert("RGBA")
    canvas = Image.new("RGBA", image.size, background)
    canvas.alpha_composite(image)
    return np.asarray(canvas.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))


CASES = {
    "plain": (Options(), False),
    "step": (Options(step=4, space="oklab", dither="floyd-steinberg", seed=3), True),
    "scale": (Options(scale=0.3, strategy="SO", effort="best"), True),
    "webp": (Options(size="24x16", fit="pad", background="#102030", format="webp", resample="lanczos"), True),
    "alpha": (Options(size=24, alpha="keep", background="#804020", enlarge=True), True),
    "truecolor": (Options(size=20, fit="cover", png="truecolor", format="webdataset", shard_images=3), True),
    "MBKM": (Options(size=20, strategy="MBKM", keep_colors="#ff0000,#00ff00,#0000ff", count_power=0.5), True),
}


@pytest.mark.parametrize("case", CASES)
def test_every_arm_has_the_files_that_compress_writes_and_their_pixels(tmp_path, case):
    options, given = CASES[case]
    source = put_folder(tmp_path / "photos", files())
    arms = plan_arms(options, (64, 8, 2), lossy=False, given_geometry=given)
    tasks, result = made(source, arms, tmp_path / "arms", size=64)
    assert [one.arm.name for one in result.pictures] == [arm.name for arm in arms]
    assert result.usable.all()
    assert not result.failures
    for one in result.pictures:
        if one.arm.options is None:
            assert np.array_equal(one.bytes, result.pictures[0].bytes)
            continue
        folder = tmp_path / one.arm.name
        compress_folder(source, folder, one.arm.options)
        for row, task in enumerate(tasks):
            output = (folder / task.source).with_suffix(one.arm.options.suffix).read_bytes()
            assert one.bytes[row] == len(output)
            seen = enlarged(output, 64, options.background).astype(int)
            assert np.abs(seen - one.pixels[row]).max() <= 1, (one.arm.name, task.source)
