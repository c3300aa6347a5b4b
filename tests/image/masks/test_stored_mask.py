"""What a mask stores: of every kind of file, readers see the same values, mode and palette after as before."""

import io
import itertools
import zlib
from contextlib import suppress

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from damaged_images import mutant
from helpers import image_bytes, synthetic_photo
from icsys.errors import ImageError
from icsys.image.mask import mask_values, reduce_mask
from icsys.image.view import View
from icsys.options import Options
from mask_files import (
    COLORS,
    KINDS,
    WHOLE,
    classes,
    color_png,
    numbers_of,
    reduced,
)
from tiff_files import tiff_of


def indexed(ids, palette=COLORS):
    image = Image.fromarray(ids)
    image.putpalette(palette.tobytes())
    return image


def raw(data):
    """Return what Pillow reads of a mask: pixels, mode, palette and transparency."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return np.asarray(image), image.mode, image.getpalette(), image.info.get("transparency")


@pytest.mark.parametrize("kind", KINDS)
def test_readers_see_the_same_values_mode_and_palette(kind):
    """Pillow and OpenCV, which scale grey of few bits, each read of the output what they read of the source."""
    data = KINDS[kind]
    made = reduce_mask(data, View.of((67, 41), 1, WHOLE), WHOLE, labels_on="auto", pad=255).data
    assert made[24:26] == data[24:26]  # depth and colour type
    for one, other in zip(raw(made), raw(data), strict=True):
        assert np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other
    for flag in (cv2.IMREAD_UNCHANGED, cv2.IMREAD_GRAYSCALE, cv2.IMREAD_COLOR):
        assert np.array_equal(numbers_of(made, flag), numbers_of(data, flag))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [Options(step=3), Options(size="20x20", fit="cover", resample="skip")])
def test_a_mask_gains_no_value(kind, options):
    before, after = (
        set(map(tuple, np.atleast_3d(numbers_of(data)).reshape(-1, np.atleast_3d(numbers_of(data)).shape[2])))
        for data in (
            KINDS[kind],
            reduce_mask(KINDS[kind], View.of((67, 41), 1, options), options, labels_on="auto", pad=0).data,
        )
    )
    assert after <= before


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("channels", [2, 3, 4])
def test_all_bits_of_channels_are_kept(channels, depth):
    """Pillow cuts 16 bits, so the rows are read here."""
    data = color_png(depth, channels)
    made = reduce_mask(data, View.of((67, 41), 1, WHOLE), WHOLE, labels_on="auto", pad=255).data
    assert np.array_equal(samples(made, channels, depth), samples(data, channels, depth))


def samples(data, channels, depth):
    """Unfilter a PNG whose filters are None, Sub and Up (PNG specification, 9.2)."""
    packed, at = b"", 8
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        packed += data[at + 8 : at + 8 + size] if data[at + 4 : at + 8] == b"IDAT" else b""
        at += 12 + size
    step = channels * depth // 8
    rows, above = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(41, -1), np.zeros(67 * step, np.uint8)
    made = []
    for kind, *values in rows.tolist():
        assert kind in {0, 1, 2}
        row = np.array(values, np.uint8)
        if kind == 1:
            row = np.cumsum(row.reshape(-1, step), axis=0, dtype=np.uint8).ravel()
        above = row + above if kind == 2 else row
        made.append(above)
    return np.array(made)


@pytest.mark.parametrize("name", ["PNG", "GIF", "BMP", "TIFF"])
def test_positions_in_a_palette_stay_positions_of_the_same_colours(name):
    ids = classes()
    data = image_bytes(indexed(ids), name)
    assert reduce_mask(data, View.of((67, 41), 1, WHOLE), WHOLE, labels_on="auto", pad=0).data[24] == 8  # bits
    image = reduced(data, View.of((67, 41), 1, WHOLE))
    with Image.open(io.BytesIO(data)) as source:
        expected = np.asarray(source), np.asarray(source.convert("RGB"))
    assert image.mode == "P"
    assert np.array_equal(np.asarray(image), expected[0])
    assert np.array_equal(np.asarray(image.convert("RGB")), expected[1])


@pytest.mark.parametrize("name", ["GIF", "TIFF", "WEBP", "PNG"])
def test_the_first_frame_counts(name):
    first, second = (Image.fromarray(classes(seed=seed)).convert("RGB" if name == "WEBP" else "L") for seed in (0, 1))
    data = image_bytes(
        first, name, save_all=True, append_images=[second], **({"lossless": True} if name == "WEBP" else {})
    )
    assert np.array_equal(
        np.asarray(reduced(data, View.of((67, 41), 1, WHOLE)).convert("L")), np.asarray(first.convert("L"))
    )


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA"])
@pytest.mark.parametrize("name", ["BMP", "TIFF", "WEBP"])
def test_other_lossless_formats_keep_what_pillow_reads(mode, name):
    settings = {"lossless": True, "exact": True} if name == "WEBP" else {}
    data = image_bytes(Image.fromarray(classes()).convert(mode), name, **settings)
    with Image.open(io.BytesIO(data)) as source:
        image = reduced(data, View.of((67, 41), 1, WHOLE))
        assert (image.mode, image.size) == (source.mode, source.size)
        assert np.array_equal(np.asarray(image), np.asarray(source))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("bits", "sign"), [(12, 1), (16, 1), (16, 2), (32, 1), (32, 2)])
def test_a_tiff_of_wide_numbers_becomes_16_bits(bits, sign, order):
    ids = classes(ids=(0, 1, 300, 4000), dtype=np.uint16)
    data = tiff_of(ids[..., np.newaxis].astype(np.int32), bits, order=order, tags={339: (3, [sign])})
    if (order, bits, sign) in {(">", 32, 1), (">", 12, 1)}:  # which Pillow lacks
        with pytest.raises(ImageError) as caught:
            reduced(data, View.of((67, 41), 1, WHOLE))
        assert caught.value.code == "unsupported"
        return
    image = reduced(data, View.of((67, 41), 1, WHOLE))
    assert image.mode == "I;16"
    assert np.array_equal(np.asarray(image), ids)


@pytest.mark.parametrize("numbers", [(0, 65536), (-1, 5), (0, 2**31 - 1)])
def test_numbers_that_16_bits_do_not_hold_are_an_error_that_names_them(numbers):
    data = image_bytes(Image.fromarray(classes(ids=numbers, dtype=np.int32)), "TIFF")
    with pytest.raises(ImageError, match=f"{numbers[0]} to {numbers[1]}") as caught:
        reduced(data, View.of((67, 41), 1, WHOLE))
    assert caught.value.code == "unsupported"


@pytest.mark.parametrize("depth", [3, 5, 16])
def test_a_tiff_that_would_lose_bits_is_refused(depth):
    values = np.random.default_rng(0).integers(0, 1 << depth, (5, 6, 3))
    with pytest.raises(ImageError) as caught:
        reduced(tiff_of(values, depth, photometric=2), View.of((6, 5), 1, WHOLE))
    assert caught.value.code == "unsupported"


@pytest.mark.parametrize(
    ("name", "settings"), [("JPEG", {}), ("WEBP", {}), ("AVIF", {}), ("TIFF", {"compression": "jpeg"})]
)
def test_a_lossy_mask_is_refused_with_what_to_do(name, settings):
    data = image_bytes(synthetic_photo(41, 67), name, **settings)
    with pytest.raises(ImageError, match="--no-masks") as caught:
        reduced(data, View.of((67, 41), 1, WHOLE))
    assert caught.value.code == "mask_lossy"
    assert mask_values(data, WHOLE)[1] is False


def test_a_lossy_webp_is_found_behind_its_profile_and_in_its_frames():
    photo, facts = Image.fromarray(synthetic_photo(41, 67)), Image.Exif()
    facts[ExifTags.Base.Orientation] = 1
    frames = {"save_all": True, "append_images": [photo.rotate(9)]}
    for others, lossless in itertools.product(({"exif": facts}, frames, {"icc_profile": b"x"}), (False, True)):
        data = image_bytes(photo, "WEBP", lossless=lossless, **others)
        assert mask_values(data, WHOLE).lossless is lossless


@pytest.mark.parametrize("options", [Options(max_pixels=100), Options(max_bytes=50)])
@pytest.mark.parametrize(
    "read", [mask_values, lambda data, options: reduced(data, View.of((67, 41), 1, options), options)]
)
def test_limits_hold_before_memory_is_taken(read, options):
    with pytest.raises(ImageError) as caught:
        read(KINDS["grey 16"], options)
    assert caught.value.code == "too_large"


@pytest.mark.parametrize("on_corrupt", ["fail", "keep"])
@pytest.mark.parametrize(
    "data", [KINDS["grey 8"][:-40], KINDS["palette 8"][:900], b"", b"no mask", KINDS["grey 8"][:20]]
)
def test_a_damaged_mask_fails_also_where_damaged_pictures_are_kept(data, on_corrupt):
    """Missing pixels would be labels that never were."""
    options = Options(step=1, on_corrupt=on_corrupt)
    with pytest.raises(ImageError) as caught:
        reduced(data, View.of((67, 41), 1, options), options)
    assert caught.value.code in {"corrupt", "broken", "empty", "unidentified"}


@pytest.mark.parametrize("name", ["PNG", "GIF", "BMP", "TIFF", "WEBP"])
def test_damage_of_any_kind_is_an_image_error_or_harmless(name):
    for number in range(60):
        data = mutant(name, number)
        with suppress(ImageError):
            facts = mask_values(data, WHOLE)
            assert reduced(data, View.of(facts.size, 1, WHOLE), labels_on="upright").size == facts.size
