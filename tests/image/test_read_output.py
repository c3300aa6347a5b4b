"""Outputs of every format are read back as they were written; damage is one kind of error."""

import io

import numpy as np
import pytest
from PIL import Image

from helpers import image_bytes, synthetic_photo
from icsys import ImageError, Options, compress_image, quantize
from icsys.choices import ENCODINGS, PNG_EFFORTS
from icsys.image.read_output import is_own_png, read_indexed, read_pixels


def written(encoding, pixels, **others):
    strategy = "SO" if encoding == "jpeg" else others.pop("strategy", "MKM")
    return compress_image(image_bytes(pixels), Options(format=encoding, strategy=strategy, step=1, **others)).data


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("colors", [2, 5, 40, 300])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_pixels_are_those_that_were_written(encoding, colors, channels):
    pixels = synthetic_photo(30, 40, channels=channels)
    data = written(encoding, pixels, colors=colors)
    shown = read_pixels(data)
    assert (shown.shape, shown.dtype) == ((30, 40, 3), np.uint8)
    if encoding == "jpeg":
        np.testing.assert_array_equal(shown, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    else:
        np.testing.assert_array_equal(shown, quantize(pixels, colors).to_array())


@pytest.mark.parametrize("channels", [1, 3])
def test_size_only_archives_are_read_as_pixels(channels):
    pixels = synthetic_photo(30, 40, channels=channels)
    data = written("npz", pixels, strategy="SO")
    assert read_indexed(data) is None
    np.testing.assert_array_equal(read_pixels(data)[..., 0], pixels if channels == 1 else pixels[..., 0])


@pytest.mark.parametrize(("encoding", "colors"), [("png", 2), ("png", 40), ("npz", 2), ("npz", 40), ("npz", 300)])
def test_indices_and_palette_are_those_that_were_written(encoding, colors):
    pixels = synthetic_photo(30, 40)
    indices, palette = read_indexed(written(encoding, pixels, colors=colors))
    few = quantize(pixels, colors)
    np.testing.assert_array_equal(indices, few.indices)
    np.testing.assert_array_equal(palette, few.palette)


@pytest.mark.parametrize("encoding", ["webp", "jpeg"])
def test_formats_without_a_palette_are_refused(encoding):
    assert read_indexed(written(encoding, synthetic_photo(30, 40), colors=4)) is None


@pytest.mark.parametrize("read", [read_indexed, read_pixels])
@pytest.mark.parametrize("encoding", ["png", "npz"])
def test_a_file_that_was_cut_off_is_refused(encoding, read):
    data = written(encoding, synthetic_photo(60, 80), colors=9)
    for end in (0, 3, len(data) // 3, len(data) - 30):
        with pytest.raises(ImageError):
            read(data[:end])


@pytest.mark.parametrize("encoding", ["png", "npz"])
def test_no_flipped_bit_gives_another_picture(encoding):
    """Each of 600 bits: what is still read is what was written, because the format has checksums."""
    data = written(encoding, synthetic_photo(12, 16), colors=9)
    indices, palette = read_indexed(data)
    pixels = read_pixels(data)
    refused = 0
    for bit in range(0, 8 * len(data), max(1, 8 * len(data) // 600)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            stored, shown = read_indexed(bytes(flipped)), read_pixels(bytes(flipped))
        except ImageError:
            refused += 1
        else:
            np.testing.assert_array_equal(shown, pixels)
            assert stored is not None
            np.testing.assert_array_equal(stored[0], indices)
            np.testing.assert_array_equal(stored[1], palette)
    assert refused > 300


def test_a_jpeg_that_libjpeg_warns_of_is_refused():
    """Pillow decodes it without an error."""
    data = bytearray(written("jpeg", synthetic_photo(200, 300)))
    middle = len(data) // 2
    data[middle : middle + 2] = b"\xff\xd9"  # the end, too early
    assert Image.open(io.BytesIO(data)).convert("RGB").size == (300, 200)
    with pytest.raises(ImageError):
        read_pixels(bytes(data))


INDICES, PALETTE = np.zeros((2, 3), np.uint8), np.zeros((2, 3), np.uint8)


@pytest.mark.parametrize(
    "arrays",
    [
        {"indices": INDICES + 2, "palette": PALETTE},
        {"indices": INDICES.astype(float), "palette": PALETTE},
        {"indices": INDICES.astype(np.int64) - 1, "palette": PALETTE},
        {"indices": INDICES[0], "palette": PALETTE},
        {"indices": INDICES[:0], "palette": PALETTE},
        {"indices": INDICES, "palette": PALETTE.astype(np.uint16)},
        {"indices": INDICES, "palette": PALETTE[:, :2]},
        {"indices": INDICES, "palette": PALETTE[0]},
        {"indices": INDICES},
        {"pixels": INDICES.astype(float)},
        {"pixels": np.zeros((2, 3, 5), np.uint8)},
        {"pixels": np.zeros((0, 3), np.uint8)},
        {"other": INDICES},
    ],
)
def test_another_programs_archive_is_refused(arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    with pytest.raises(ImageError, match="not a whole file as ics writes it"):
        read_pixels(file.getvalue())
    if "pixels" not in arrays:
        with pytest.raises(ImageError, match="not a whole file as ics writes it"):
            read_indexed(file.getvalue())


MODES = ["1", "L", "LA", "RGB", "RGBA", "P"]
COLORS = [(None, "indexed"), (2, "indexed"), (14, "truecolor"), (200, "indexed")]
# Every two of mode, colours and effort come together.
PNG_KINDS = [
    (mode, *some, PNG_EFFORTS[(row + column) % len(PNG_EFFORTS)])
    for row, mode in enumerate(MODES)
    for column, some in enumerate(COLORS)
]


@pytest.mark.parametrize(("mode", "colors", "png", "effort"), PNG_KINDS)
def test_only_png_files_of_ics_are_recognised(mode, colors, png, effort):
    """Files of Pillow's encoder of the same pixels and palettes, and ours with a byte changed, are not."""
    picture = Image.fromarray(synthetic_photo(24, 40)).convert(mode)
    strategy = {"strategy": "SO"} if colors is None else {"colors": colors, "png": png}
    ours = compress_image(
        image_bytes(picture), Options(step=1, alpha="keep", never_larger=False, png_effort=effort, **strategy)
    ).data
    assert is_own_png(ours)
    for theirs in (image_bytes(picture), image_bytes(Image.open(io.BytesIO(ours)))):
        assert theirs != ours
        assert not is_own_png(theirs)
    for place in range(0, len(ours), 37):
        damaged = bytearray(ours)
        damaged[place] ^= 1
        assert not is_own_png(bytes(damaged))
