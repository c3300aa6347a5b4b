"""Limits hold at their boundary, and before memory is taken."""

import io
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from helpers import image_bytes, synthetic_photo
from icsys import ImageError, Options, compress_image
from icsys.image.jpeg.scans import MAX_SCANS, count_scans
from icsys.image.limits import check_bytes, memory_needed
from icsys.image.open_image import open_image
from tiff_files import tiff_of

SCAN = b"\xff\xda"


def code_of(data, **options):
    with pytest.raises(ImageError) as caught:
        compress_image(data, Options(**options))
    return caught.value.code


def with_scans(scans):
    """A progressive JPEG that repeats its last scan until it has ``scans``."""
    data = image_bytes(synthetic_photo(32, 32), "JPEG", progressive=True)
    last = data.rindex(SCAN)
    return data[:-2] + data[last:-2] * (scans - count_scans(data)) + data[-2:]


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF"])
def test_the_limits_hold_at_their_boundaries_in_every_format(name):
    data = image_bytes(synthetic_photo(50, 60), name)
    limits = {"max_pixels": 50 * 60, "max_bytes": len(data), "max_frames": 1}
    assert compress_image(data, Options(**limits)).source.frames == 1
    for limit in ("max_pixels", "max_bytes"):
        assert code_of(data, **{limit: limits[limit] - 1}) == "too_large"


@pytest.mark.parametrize("name", ["PNG", "GIF", "TIFF", "WEBP", "AVIF", "MPO"])
def test_the_frame_limit_holds_at_its_boundary(name):
    frames = [Image.fromarray(synthetic_photo(20, 30, seed=seed)) for seed in range(4)]
    data = image_bytes(frames[0], name, save_all=True, append_images=frames[1:])
    assert compress_image(data, Options(max_frames=4)).source.frames == 4
    assert code_of(data, max_frames=3) == "too_large"


def test_every_limit_is_named_with_the_option_that_moves_it():
    frames = [Image.fromarray(synthetic_photo(20, 30, seed=seed)) for seed in range(2)]
    data = image_bytes(frames[0], "GIF", save_all=True, append_images=frames[1:])
    for limit in ("max_pixels", "max_bytes", "max_frames"):
        with pytest.raises(ImageError, match=f"--{limit.replace('_', '-')} 1"):
            compress_image(data, Options(**{limit: 1}))


def test_scans_are_refused_above_the_limit_only():
    check_bytes(1, Options(max_bytes=1))
    assert count_scans(with_scans(MAX_SCANS)) == MAX_SCANS
    open_image(with_scans(MAX_SCANS))
    assert code_of(with_scans(MAX_SCANS + 1)) == "too_large"
    assert count_scans(with_scans(50_000)) == MAX_SCANS + 1


@pytest.mark.parametrize("settings", [{}, {"progressive": True}, {"progressive": True, "subsampling": 0}])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_scans_are_those_that_the_file_holds(mode, settings):
    """Pictures made by code have nothing before their pixels that could hold the marker of a scan."""
    image = Image.fromarray(synthetic_photo(40, 50)).convert(mode)
    data = image_bytes(image, "JPEG", **settings)
    assert count_scans(data) == data.count(SCAN)


def test_the_scans_of_a_thumbnail_and_of_what_follows_the_picture_are_not_counted():
    data = image_bytes(synthetic_photo(40, 50), "JPEG", progressive=True)
    within = struct.pack(">2sH", b"\xff\xe5", 2 + 2 * 9) + SCAN * 9
    assert count_scans(data[:2] + within + data[2:]) == count_scans(data)
    assert count_scans(data + data) == count_scans(data)


def test_a_sequential_jpeg_that_lacks_components_in_its_scan_is_counted_to_its_end():
    """A decoder waits for the others, and so reads every scan there is."""
    data = bytearray(image_bytes(synthetic_photo(40, 50), "JPEG"))
    scan = data.rindex(SCAN)
    first = SCAN + bytes([0, 8, 1, 1, 0, 0, 63, 0])
    made = bytes(data[:scan]) + first * (MAX_SCANS + 1) + b"\xff\xd9"
    assert count_scans(made) == MAX_SCANS + 1
    assert code_of(made) == "too_large"


@given(st.binary(max_size=300))
def test_counting_scans_ends_on_any_bytes(tail):
    assert 0 <= count_scans(b"\xff\xd8" + tail) <= MAX_SCANS + 1


def test_the_memory_of_a_progressive_jpeg_holds_its_coefficients():
    """Six bytes for every pixel of the whole picture, however far the decoder shrinks it."""
    plain, progressive = (
        Image.open(io.BytesIO(image_bytes(synthetic_photo(80, 120), "JPEG", progressive=progressive)))
        for progressive in (False, True)
    )
    assert memory_needed(plain) == 4 * 120 * 80
    assert memory_needed(plain, 4, 3) == 3 * 30 * 20
    assert memory_needed(progressive, 4, 3) == 3 * 30 * 20 + 6 * 120 * 80


STATUS = Path("/proc/self/status")
PEAK = """
import contextlib, pathlib, sys
from icsys.image.decode import decode_photo
from icsys.options import Options

def peak():
    return 1024 * int(pathlib.Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])

def admit(size):
    reserved.append(size)
    return contextlib.nullcontext()

reserved = []
small, large = (pathlib.Path(name).read_bytes() for name in ("small", "large"))
options = Options(step=int(sys.argv[2]), resample=sys.argv[1])
decode_photo(small, options)
before = peak()
decode_photo(large, options, admit)
print(peak() - before, *reserved)
"""


def taken_and_reserved(folder, name, resample="box", convert=lambda picture: picture, step=10, **settings):
    """Bytes by which decoding a picture of nine megapixels raises the peak of a process, and its reserved bytes."""
    for path, size in (("small", (60, 40)), ("large", (3600, 2500))):
        picture = convert(Image.linear_gradient("L").resize(size).convert("RGB"))
        (folder / path).write_bytes(image_bytes(picture, name, **settings))
    return peak_of(folder, resample, step)


def peak_of(folder, resample="box", step=10):
    """The same for the files that lie in the folder."""
    command = [sys.executable, "-c", PEAK, resample, str(step)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return map(int, done.stdout.split())


@pytest.mark.skipif(not STATUS.exists(), reason="needs /proc, which shows the peak of a process's memory")
@pytest.mark.parametrize("compression", [None, "tiff_adobe_deflate"])
def test_tiff_planes_that_are_put_together_here_are_requested(compression, tmp_path):
    for path, size in (("small", (40, 60)), ("large", (2500, 3600))):
        samples = np.zeros((*size, 4), np.uint8)
        data = tiff_of(samples, photometric=2, planar=True, compression=compression, tags={338: (3, [2])})
        (tmp_path / path).write_bytes(data)
    taken, reserved = peak_of(tmp_path)
    assert 0.5 * reserved < taken < 1.25 * reserved


@pytest.mark.skipif(not STATUS.exists(), reason="needs /proc, which shows the peak of a process's memory")
@pytest.mark.parametrize("name", ["AVIF", "BMP", "GIF", "PNG", "TIFF", "WEBP"])
def test_decoding_takes_no_more_memory_than_requested(name, tmp_path):
    """A fifth more is for file, bands and small picture."""
    taken, reserved = taken_and_reserved(tmp_path, name, **{"AVIF": {"speed": 10}, "WEBP": {"method": 0}}.get(name, {}))
    assert 0.1 * reserved < taken < 1.2 * reserved


def linear_light():
    chunks = PngInfo()
    chunks.add(b"gAMA", (100_000).to_bytes(4, "big"))
    return chunks


def to_16_bits(picture):
    return Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)


@pytest.mark.skipif(not STATUS.exists(), reason="needs /proc, which shows the peak of a process's memory")
@pytest.mark.parametrize(
    ("name", "resample", "convert", "settings"),
    [
        ("JPEG", "skip", Image.Image.copy, {}),
        ("TIFF", "box", Image.Image.copy, {"compression": "tiff_adobe_deflate", "tiffinfo": {278: 2500}}),
        ("PNG", "lanczos", lambda picture: picture.convert("RGBA"), {}),
        ("PNG", "lanczos", Image.Image.quantize, {"transparency": 0}),
        ("PNG", "lanczos", to_16_bits, {}),
        ("PNG", "box", Image.Image.copy, {"pnginfo": linear_light()}),
    ],
)
def test_copies_that_a_kind_of_picture_takes_are_requested(name, resample, convert, settings, tmp_path):
    taken, reserved = taken_and_reserved(tmp_path, name, resample, convert, **settings)
    assert taken < 1.25 * reserved


@pytest.mark.skipif(not STATUS.exists(), reason="needs /proc, which shows the peak of a process's memory")
def test_a_cmyk_jpeg_is_looked_through_for_damage_at_an_eighth_of_its_size(tmp_path):
    taken, _ = taken_and_reserved(tmp_path, "JPEG", convert=lambda picture: picture.convert("CMYK"))
    assert taken < 2 * 3600 * 2500


@pytest.mark.skipif(not STATUS.exists(), reason="needs /proc, which shows the peak of a process's memory")
def test_16_bits_are_made_8_in_bands(tmp_path):
    taken, _ = taken_and_reserved(tmp_path, "PNG", "lanczos", to_16_bits)
    assert taken < 6 * 3600 * 2500  # two bytes a pixel, one more, and what the filter takes


@pytest.mark.skipif(not STATUS.exists(), reason="needs /proc, which shows the peak of a process's memory")
@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_a_picture_that_keeps_its_size_is_copied_once(name, tmp_path):
    taken, reserved = taken_and_reserved(tmp_path, name, step=1)
    assert taken < 1.2 * (reserved + 3 * 3600 * 2500)  # as Pillow holds it, and the pixels that come out
