"""Every file format: decoders that are not ours get back the pixels that went in."""

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from helpers import image_bytes, synthetic_photo
from icsys import ImageError, Options, compress_image, quantize
from icsys.choices import ARRAYS, ENCODINGS, PNG_EFFORTS, PNGS
from icsys.image.encode import ENCODERS, encode_lossy

SO = Options(strategy="SO", step=1)
sides = st.integers(1, 40)
grey_or_colour = st.one_of(st.tuples(sides, sides), st.tuples(sides, sides, st.just(3)))


def by_pillow(data):
    """Decode to (H, W, 3)."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def by_opencv(data):
    """Decode to (H, W, 3), R first."""
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def by_numpy(data):
    """Read the pixels of an archive, (H, W, 3)."""
    with np.load(io.BytesIO(data)) as arrays:
        pixels = arrays["pixels"] if "pixels" in arrays else arrays["palette"][arrays["indices"]]
    return in_colour(pixels)


def in_colour(pixels):
    return pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)


LOSSLESS = [
    ("png", by_pillow),
    ("png", by_opencv),
    ("webp", by_pillow),
    ("webp", by_opencv),
    ("npz", by_numpy),
]
lossless = pytest.mark.parametrize(("encoding", "decode"), LOSSLESS)


def test_every_format_has_an_encoder_and_a_test():
    assert tuple(ENCODERS) == (*ENCODINGS, ARRAYS)  # of arrays: tests/image/arrays
    assert {name for name, _ in LOSSLESS} == set(ENCODINGS) - {"jpeg"}


@lossless
@settings(deadline=None)
@given(pixels=hnp.arrays(np.uint8, grey_or_colour))
def test_truecolour_comes_back_exactly(encoding, decode, pixels):
    data = ENCODERS[encoding].truecolor(pixels, SO.replace(format=encoding))
    np.testing.assert_array_equal(decode(data), in_colour(pixels))


@lossless
@settings(deadline=None)
@given(st.data())
def test_few_colours_come_back_exactly(encoding, decode, data):
    palette = data.draw(hnp.arrays(np.uint8, st.tuples(st.integers(1, 256), st.just(3))))
    indices = data.draw(hnp.arrays(np.uint8, st.tuples(sides, sides), elements=st.integers(0, len(palette) - 1)))
    encoded = ENCODERS[encoding].indexed(indices, palette, Options(format=encoding))
    np.testing.assert_array_equal(decode(encoded), palette[indices])


@lossless
@pytest.mark.parametrize("colors", [5, 300])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_photo_goes_through_the_pipeline_into_every_format(encoding, decode, colors, channels, china):
    pixels = china[:200, :250, 0].copy() if channels == 1 else china[:200, :250]
    compressed = compress_image(image_bytes(pixels), Options(colors=colors, step=1, format=encoding))
    np.testing.assert_array_equal(decode(compressed.data), quantize(pixels, colors).to_array())


@pytest.mark.parametrize("effort", PNG_EFFORTS)
@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4)])
def test_a_truecolour_png_has_the_pixels_of_the_indexed_one_and_the_channels_of_the_image(mode, channels, effort):
    photo = Image.fromarray(synthetic_photo(40, 56))
    photo.putalpha(Image.linear_gradient("L").resize(photo.size) if "A" in mode else 255)
    source = image_bytes(photo.convert(mode))
    options = Options(step=1, colors=20, alpha="keep", png_effort=effort)
    indexed, truecolor = (compress_image(source, options.replace(png=png)) for png in PNGS)
    assert (indexed.data[25], truecolor.data[24:26]) == (3, bytes([8, {1: 0, 2: 4, 3: 2, 4: 6}[channels]]))
    stored = cv2.imdecode(np.frombuffer(truecolor.data, np.uint8), cv2.IMREAD_UNCHANGED)
    expected = np.asarray(Image.open(io.BytesIO(indexed.data)).convert("RGBA"))[..., [2, 1, 0, 3]]
    # OpenCV turns grey with alpha into four channels.
    np.testing.assert_array_equal(stored, {1: expected[..., 0], 3: expected[..., :3]}.get(channels, expected))
    assert (truecolor.colors, truecolor.mse, truecolor.channels) == (indexed.colors, indexed.mse, indexed.channels)


def test_truecolour_is_what_size_only_and_many_colours_give_anyway(china):
    source = image_bytes(china[:60, :80])
    for options in (SO, Options(step=1, colors=300)):
        assert compress_image(source, options.replace(png="truecolor")).data == compress_image(source, options).data


@pytest.mark.parametrize(("colors", "dtype"), [(256, np.uint8), (257, np.uint16)])
def test_an_archive_holds_indices_of_one_type_whatever_was_found(colors, dtype):
    """An image of four colours, in a dataset of more than 256, has indices as wide as those of the others."""
    pixels = np.arange(4, dtype=np.uint8).reshape(2, 2)
    data = compress_image(image_bytes(pixels), Options(colors=colors, step=1, format="npz")).data
    with np.load(io.BytesIO(data)) as arrays:
        assert sorted(arrays.files) == ["indices", "palette"]
        assert (arrays["indices"].dtype, arrays["indices"].shape) == (dtype, (2, 2))
        assert (arrays["palette"].dtype, arrays["palette"].shape) == (np.uint8, (4, 3))


def test_webp_is_lossless_in_the_file_too(china):
    data = compress_image(image_bytes(china), Options(format="webp", colors=8)).data
    assert data[12:16] == b"VP8L"
    assert len(data) < len(compress_image(image_bytes(china), Options(colors=8)).data)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("quality", [30, 90])
def test_jpeg_is_what_another_encoder_makes_of_the_same_pixels(china, channels, quality):
    """OpenCV, with the same quality and chroma, writes a file of the same pixels, within rounding."""
    pixels = china[..., 0].copy() if channels == 1 else china
    data = compress_image(image_bytes(pixels), SO.replace(format="jpeg", jpeg_quality=quality)).data
    theirs = cv2.imencode(".jpg", pixels[..., ::-1] if channels == 3 else pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    theirs = theirs[1].tobytes()
    image = Image.open(io.BytesIO(data))
    assert (image.format, image.mode) == ("JPEG", "L" if channels == 1 else "RGB")
    assert image.quantization == Image.open(io.BytesIO(theirs)).quantization
    for decode in by_pillow, by_opencv:
        np.testing.assert_allclose(decode(data).astype(int), decode(theirs), atol=2)
    errors = [np.square(by_pillow(file).astype(int) - in_colour(pixels)).mean() for file in (data, theirs)]
    assert errors[0] == pytest.approx(errors[1], rel=0.01)


@pytest.mark.parametrize(("encoding", "side"), [("webp", 16_384), ("jpeg", 65_501)])
def test_a_side_that_the_format_cannot_hold_is_a_failure_with_the_reason(encoding, side):
    image = image_bytes(np.zeros((1, side), np.uint8))
    with pytest.raises(ImageError, match=f"{side}x1") as caught:
        compress_image(image, SO.replace(format=encoding))
    assert caught.value.code == "too_large"
    just_fits = image_bytes(np.zeros((1, side - 1), np.uint8))
    assert by_pillow(compress_image(just_fits, SO.replace(format=encoding)).data).shape == (1, side - 1, 3)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_same_image_gives_the_same_bytes(encoding):
    options = SO.replace(format=encoding)
    data = image_bytes(synthetic_photo())
    assert compress_image(data, options).data == compress_image(data, options).data


@pytest.mark.parametrize(("codec", "name"), [("JPEG", "JPEG"), ("WebP", "WEBP")])
def test_lossy_files_are_those_of_pillow_and_grey_is_stored_as_one_channel(codec, name):
    pixels = synthetic_photo(40, 50)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, name, quality=60)
    assert encode_lossy(codec, pixels, 60) == file.getvalue()
    grey = np.repeat(pixels[..., :1], 3, axis=2)
    image = Image.open(io.BytesIO(encode_lossy(codec, grey, 60)))
    assert image.format == name
    if codec == "JPEG":
        assert image.mode == "L"
    assert np.abs(np.asarray(image.convert("L")).astype(int) - grey[..., 0]).mean() < 12
