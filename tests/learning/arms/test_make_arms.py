"""Every arm is what ``compress`` writes, and its pixels are what a reader sees."""

import errno
import io
import shutil
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from tests.source_makers import put_folder, put_parquet, put_tar, put_zip

from icsys import Options, UsageError, compress_folder
from icsys.engine.executor import Executor
from icsys.learning.arm import FULL
from icsys.learning.arms.make_arms import make_arms
from icsys.learning.arms.plan_arms import plan_arms
from icsys.learning.arms.temporary_pixels import StoredPixels
from icsys.pipeline.lossy_quality import HIGHEST
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


WIDE = (180, 160)


def test_a_lossy_arm_has_the_highest_quality_within_the_bytes_of_another_arm(tmp_path):
    photos = {
        f"{kind}/{number}.jpg": encoded(picture(number, size=WIDE), quality=95) for kind in "ab" for number in range(4)
    }
    source = put_folder(tmp_path / "photos", photos | {"a/clear.png": encoded(picture(9, "RGBA", WIDE), "PNG")})
    options = Options(size=90, alpha="keep", background="#00ff80")
    tasks, result = made(source, plan_arms(options, (64, 16, 4), given_geometry=True), tmp_path / "arms", size=90)
    found = {one.arm.name: one for one in result.pictures}
    lossy = [one for one in result.pictures if one.arm.codec]
    assert [one.arm.name for one in lossy] == ["WebP = K16", "JPEG = K16", "WebP = K4"]
    compress_folder(source, tmp_path / FULL, found[FULL].arm.options)
    full = []
    for task in tasks:
        image = Image.open((tmp_path / FULL / task.source).with_suffix(".png")).convert("RGBA")
        canvas = Image.new("RGBA", image.size, options.background)
        canvas.alpha_composite(image)
        full.append(canvas.convert("RGB"))
    for one in lossy:
        settings = {"subsampling": "4:2:0"} if one.arm.codec == "JPEG" else {}

        def sizes(quality, form=one.arm.codec, settings=settings):
            return [len(encoded(image, form, quality=quality, **settings)) for image in full]

        limit = found[one.arm.as_small_as].bytes.sum()
        assert one.bytes.tolist() == sizes(one.quality)
        assert one.bytes.sum() <= limit
        assert one.quality == HIGHEST or sum(sizes(one.quality + 1)) > limit
        for row, image in enumerate(full):
            again = encoded(image, one.arm.codec, quality=one.quality, **settings)
            assert np.abs(enlarged(again, 90).astype(int) - one.pixels[row]).max() <= 1


COLORED = [("a", 0, "#ff0000"), ("a", 1, "#00ff00"), ("b", 0, "#0000ff"), ("b", 1, "#102030")]


def test_a_broken_image_is_left_out_of_every_arm_and_named(tmp_path):
    good = {name: data for name, data in files().items() if name.startswith("cat")}
    broken = {"cat/empty.jpg": b"", "dog/half.jpg": encoded(picture(0))[:600], "dog/text.png": b"no image"}
    arms = plan_arms(Options(size=16), (16, 2), given_geometry=True)
    without = put_folder(tmp_path / "good", good)
    source = put_folder(tmp_path / "photos", good | broken)
    _, expected = made(without, arms, tmp_path / "expected")
    tasks, result = made(source, arms, tmp_path / "arms")
    assert sorted(one.source for one in result.failures) == sorted(broken)
    assert {one.code for one in result.failures} <= {"empty", "broken", "corrupt", "unidentified"}
    assert [task.source in good for task in tasks] == result.usable.tolist()
    for ours, theirs in zip(result.pictures, expected.pictures, strict=True):
        assert ours.quality == theirs.quality
        assert ours.bytes[result.usable].tolist() == theirs.bytes.tolist()
        assert not ours.bytes[~result.usable].any()
        if ours.arm.options or ours.arm.codec:
            assert np.array_equal(ours.pixels[result.usable], theirs.pixels)


def test_a_codec_that_cannot_hold_an_image_takes_it_out_of_every_arm(tmp_path):
    photos = files() | {"cat/long.png": encoded(picture(8, "L", size=(17000, 2)), "PNG")}
    source = put_folder(tmp_path / "photos", photos)
    arms = plan_arms(Options(scale=1), (16, 4), given_geometry=True)
    tasks, result = made(source, arms, tmp_path / "arms", size=64)
    assert [one.source for one in result.failures] == ["cat/long.png"]
    assert [task.source != "cat/long.png" for task in tasks] == result.usable.tolist()
    for one in result.pictures:
        if one.arm.codec:
            limit = next(other for other in result.pictures if other.arm.name == one.arm.as_small_as).bytes.sum()
            assert one.bytes.sum() <= limit


@pytest.mark.parametrize("put", [put_zip, put_tar, put_parquet], ids=["zip", "tar", "parquet"])
def test_archives_give_the_same_arms_as_a_folder_whatever_the_jobs(tmp_path, put):
    photos = {name: data for name, data in files().items() if name.startswith("cat")}
    arms = plan_arms(Options(size=16), (16,), given_geometry=True)
    _, expected = made(put_folder(tmp_path / "photos", photos), arms, tmp_path / "expected", jobs=1)
    suffix = {put_zip: ".zip", put_tar: ".tar", put_parquet: ".parquet"}[put]
    _, result = made(put(tmp_path / f"photos{suffix}", photos), arms, tmp_path / "arms", jobs=3)
    for ours, theirs in zip(result.pictures, expected.pictures, strict=True):
        assert (ours.width, ours.height, ours.quality) == (theirs.width, theirs.height, theirs.quality)
        assert sorted(ours.bytes) == sorted(theirs.bytes)
        assert sorted(map(bytes, ours.pixels)) == sorted(map(bytes, theirs.pixels))


def test_arms_larger_than_the_working_size_have_bytes_only_and_the_reference_is_averaged(tmp_path):
    flat = Image.fromarray(np.kron(np.array([[0, 255], [90, 30]], np.uint8), np.ones((20, 20), np.uint8)))
    source = put_folder(tmp_path / "photos", {"a/0.png": encoded(flat, "PNG"), "b/0.png": encoded(flat, "PNG")})
    _, result = made(source, plan_arms(Options(step=1), (16,), given_geometry=True), tmp_path / "arms", size=20)
    judged = {one.arm.name: one.arm.is_judged and len(one.pixels) > 0 for one in result.pictures}
    assert judged == {
        FULL: True,
        "K16": False,
        **dict.fromkeys(("step 2", "step 2 K16", "step 4", "step 4 K16"), True),
        **dict.fromkeys(("WebP = K16", "fewer = K16"), False),
    }
    assert all(one.bytes.all() for one in result.pictures)
    averaged = np.asarray(flat.resize((20, 20), Image.Resampling.BOX))
    assert (result.pictures[0].pixels[0] == averaged[..., None]).all()
    assert [(one.width, one.height) for one in result.pictures[:3]] == [(40, 40), (40, 40), (20, 20)]


def test_a_stop_ends_the_work(tmp_path):
    source = open_source(put_folder(tmp_path / "photos", files()), Path("nowhere"))
    tasks = [task for task in source.plan("") if isinstance(task, Task)]
    stop = threading.Event()
    stop.set()
    arms = plan_arms(Options(), (16,), given_geometry=False)
    result = make_arms(source, tasks, arms, Executor("auto", 2, None, False, stop), folder=tmp_path, size=64)
    assert not result.usable.any()
    assert not result.failures


def test_progress_reaches_its_end(tmp_path):
    source = open_source(put_folder(tmp_path / "photos", files()), Path("nowhere"))
    tasks = [task for task in source.plan("") if isinstance(task, Task)]
    steps = []
    executor = Executor("threads", 2, None, False, threading.Event())
    arms = plan_arms(Options(), (16,), given_geometry=False)
    make_arms(source, tasks, arms, executor, folder=tmp_path, size=64, report=steps.append)
    last = {step.note: (step.done, step.total) for step in steps}
    assert set(last) == {"Making the forms of the images", "Making the forms of the images: WebP = K16"}
    assert set(last.values()) == {(len(tasks), len(tasks))}


def test_a_codec_that_is_too_large_at_its_lowest_quality_is_left_out(tmp_path):
    flat = {f"{kind}/{n}.png": encoded(Image.new("RGB", (64, 64), color), "PNG") for kind, n, color in COLORED}
    arms = plan_arms(Options(), (4,), given_geometry=False)
    _, result = made(put_folder(tmp_path / "photos", flat), arms, tmp_path / "arms", size=64)
    assert "JPEG = K4" not in {one.arm.name for one in result.pictures}
    (note,) = (note for note in result.notes if note.startswith("JPEG"))
    least = np.mean([len(encoded(Image.new("RGB", (64, 64), color), quality=1)) for _, _, color in COLORED])
    assert f"an image takes {least:.0f} bytes" in note


def test_a_disk_without_room_is_refused_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2**28 + 50_000))
    path = put_folder(tmp_path / "photos", files())
    few, many = (plan_arms(Options(), colors, given_geometry=False) for colors in ((16,), (64, 32, 16)))
    with pytest.raises(UsageError, match=r"the pictures of 8 images need .* set TMPDIR"):
        made(path, many, tmp_path / "many")
    assert list((tmp_path / "many").iterdir()) == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2**28 + 300_000))
    assert made(path, few, tmp_path / "few")[1].usable.all()


def test_a_disk_that_fills_up_is_no_failure_of_an_image(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No room")

    monkeypatch.setattr(StoredPixels, "add", fail)
    path, arms = put_folder(tmp_path / "photos", files()), plan_arms(Options(), (16,), given_geometry=False)
    with pytest.raises(UsageError, match=r"8 images cannot be held on the disk: No room: judge fewer"):
        made(path, arms, tmp_path / "arms")
