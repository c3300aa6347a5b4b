"""Masks: the values that readers see are those of nearest at the centre, and nothing else about them changes."""

import io
import itertools
import math
import random
import zlib
from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageOps

from helpers import image_bytes, synthetic_photo
from icsys import compress_image
from icsys.choices import FITS, RESAMPLES
from icsys.errors import ImageError
from icsys.image.decode import decode_photo
from icsys.image.mask import mask_values, reduce_mask
from icsys.image.picture_header import read_header
from icsys.image.view import View
from icsys.options import Options
from marked_points import STORE
from mask_files import COLORS, KINDS, classes, color_png, color_values, palette_png
from tiff_files import tiff_of

WHOLE = Options(step=1)


def reduced(data, view, options=WHOLE, *, labels_on="auto", pad=255):
    """Reduce a mask, check its size, and return what Pillow reads of it."""
    made = reduce_mask(data, view, options, labels_on=labels_on, pad=pad)
    image = Image.open(io.BytesIO(made.data))
    assert image.size == view.output == (made.width, made.height)
    assert image.format == "PNG"
    return image


def indexed(ids, palette=COLORS):
    image = Image.fromarray(ids)
    image.putpalette(palette.tobytes())
    return image


def turned(image, orientation, name="PNG", **settings):
    """Return a file of an upright picture as a camera stores it."""
    facts = Image.Exif()
    facts[ExifTags.Base.Orientation] = orientation
    stored = image if STORE[orientation] is None else image.transpose(STORE[orientation])
    return image_bytes(stored, name, exif=facts, **settings), stored


# The twin: loops over the pixels of the output, in fractions


def twin_axis(view, axis, length):
    """Return the positions at the centres of output pixels along one side, of a mask of ``length`` pixels there."""
    plan, side = view.plan, view.upright[axis]
    count, positions = plan.size[axis], []
    first, last = (Fraction(plan.box[axis + end]) for end in (0, 2))
    for index in range(count):
        if plan.step is not None:
            begin, end = Fraction(index * plan.step), Fraction(min((index + 1) * plan.step, side))
        else:
            begin, end = (first + (last - first) * (index + at) / count for at in (0, 1))
        centre = (begin + end) / 2 * Fraction(length, side)
        positions.append(min(math.floor(centre + Fraction(1, 10**9)), length - 1))
    return positions


def twin(upright, view, pad):
    """Return the mask as plain loops place it."""
    width, height = view.output
    columns, rows = (twin_axis(view, axis, upright.shape[1 - axis]) for axis in (0, 1))
    made = [[pad] * width for _ in range(height)]
    left, top = view.plan.offset
    for y, row in enumerate(rows):
        for x, column in enumerate(columns):
            made[top + y][left + x] = int(upright[row, column])
    return np.array(made)


def geometry(choose):
    """Return the options of any resize."""
    kind = choose.choice(("step", "scale", *FITS))
    if kind == "step":
        return {"step": choose.randint(1, 9)}
    if kind == "scale":
        return {"scale": choose.uniform(0.05, 1)}
    size = f"{choose.randint(1, 80)}x{choose.randint(1, 80)}"
    return {"size": size, "fit": kind, "enlarge": choose.random() < 0.4}


@given(st.integers(0, 10**6))
@settings(max_examples=120)
def test_ids_are_those_of_a_loop_over_output_pixels(seed):
    """Any size, resize, orientation and fit; the mask as stored as its picture, or upright."""
    choose = random.Random(seed)  # noqa: S311 - the same example every time
    orientation = choose.randint(1, 8)
    width, height = choose.randint(1, 90), choose.randint(1, 90)
    ids = classes(height, width, seed=seed)
    file, stored = turned(Image.fromarray(ids), orientation)
    options = Options(**geometry(choose), resample=choose.choice(("box", "lanczos")))
    view = View.of(stored.size, orientation, options)
    on = choose.choice(("upright", "stored"))
    data = image_bytes(ids if on == "upright" else stored)
    pad = choose.choice((0, 255, 3))
    for one in (data, file):  # a file that states its own orientation is turned by that
        found = np.asarray(reduced(one, view, options, labels_on=on, pad=pad))
        assert np.array_equal(found, twin(ids, view, pad))


@given(st.integers(0, 10**6), st.sampled_from(RESAMPLES))
@settings(max_examples=60)
def test_a_mask_has_the_size_of_its_picture(seed, resample):
    choose = random.Random(seed)  # noqa: S311
    orientation, size = choose.randint(1, 8), (choose.randint(1, 90), choose.randint(1, 90))
    options = Options(**geometry(choose), resample=resample, strategy="SO")
    data, _ = turned(
        Image.fromarray(synthetic_photo(*size)), orientation, choose.choice(("PNG", "JPEG", "TIFF", "WEBP"))
    )
    header = read_header(data, options)
    view = View.of(header.stored, header.orientation, options)
    picture = Image.open(io.BytesIO(compress_image(data, options).data))
    assert reduced(image_bytes(classes(*header.stored[::-1])), view, options).size == picture.size


@given(st.integers(0, 10**6))
@settings(max_examples=120)
def test_skip_takes_the_pixels_that_the_picture_takes(seed):
    """A picture whose colours are the places of its pixels, and a mask of the same numbers, come out alike."""
    choose = random.Random(seed)  # noqa: S311
    orientation, width, height = choose.randint(1, 8), choose.randint(1, 120), choose.randint(1, 120)
    places = np.arange(width * height, dtype=np.uint16).reshape(height, width)
    colors = np.dstack([places >> 8, places & 255, places * 0]).astype(np.uint8)
    data, _ = turned(Image.fromarray(colors), orientation)
    options = Options(**geometry(choose), resample="skip", strategy="SO", background="#ffffff")
    mask, stored = turned(Image.fromarray(places), orientation)
    view = View.of(stored.size, orientation, options)
    picture = decode_photo(data, options).pixels.astype(int)
    found = np.asarray(reduced(mask, view, options, pad=65535)).astype(int)
    assert np.array_equal(picture[..., 0] * 256 + picture[..., 1], found)


def test_with_box_the_pixel_at_the_centre_is_taken_from_each_block():
    ids = classes(10, 15)
    view = View.of((15, 10), 1, Options(step=5))
    assert np.array_equal(np.asarray(reduced(image_bytes(ids), view, Options(step=5))), ids[2::5, 2::5])


# Kinds of masks


def numbers_of(data, flag=cv2.IMREAD_UNCHANGED):
    return cv2.imdecode(np.frombuffer(data, np.uint8), flag)


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
    if (order, bits, sign) in {(">", 32, 1), (">", 12, 1)}:
        pytest.skip("Pillow reads none")
    ids = classes(ids=(0, 1, 300, 4000), dtype=np.uint16)
    data = tiff_of(ids[..., np.newaxis].astype(np.int32), bits, order=order, tags={339: (3, [sign])})
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


# Turns and sizes


@pytest.mark.parametrize("name", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_that_states_an_orientation_is_turned_by_it(orientation, name):
    """ImageOps turns the twin; the picture is upright, or turned in another way."""
    ids = Image.fromarray(classes()).convert("RGB")
    data, _ = turned(ids, orientation, name, **({"lossless": True} if name == "WEBP" else {}))
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    for view in (View.of((67, 41), 1, WHOLE), View.of((67, 41), 3, WHOLE), View.of((41, 67), 6, WHOLE)):
        assert np.array_equal(np.asarray(reduced(data, view, labels_on="upright")), expected)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_the_size_tells_whether_a_mask_is_turned(orientation):
    ids = Image.fromarray(classes())
    stored = ids.transpose(STORE[orientation])
    view = View.of(stored.size, orientation, WHOLE)
    for one in (ids, stored):
        assert np.array_equal(np.asarray(reduced(image_bytes(one), view)), np.asarray(ids))
    with pytest.raises(ImageError, match="67x41"):
        reduced(image_bytes(stored), view, labels_on="upright")
    with pytest.raises(ImageError, match="41x67"):
        reduced(image_bytes(ids), view, labels_on="stored")


@pytest.mark.parametrize("orientation", [2, 3, 4])
def test_where_sizes_do_not_tell_a_mask_is_upright_unless_stated(orientation):
    ids = Image.fromarray(classes())
    view = View.of(ids.size, orientation, WHOLE)
    assert np.array_equal(np.asarray(reduced(image_bytes(ids), view)), np.asarray(ids))
    stored = ids.transpose(STORE[orientation])
    assert np.array_equal(np.asarray(reduced(image_bytes(stored), view, labels_on="stored")), np.asarray(ids))


@pytest.mark.parametrize("size", [(66, 41), (67, 42), (68, 42), (33, 20), (34, 21), (134, 82), (200, 123)])
@pytest.mark.parametrize(
    "options", [Options(step=4), Options(size="30x30", fit="cover"), Options(size="9x9", fit="pad")]
)
def test_a_mask_of_nearly_the_size_or_in_proportion_is_scaled_with_a_warning(size, options):
    ids = classes(size[1], size[0])
    view = View.of((67, 41), 1, options)
    made = reduce_mask(image_bytes(ids), view, options, labels_on="auto", pad=9)
    assert f"{size[0]}x{size[1]}" in made.warning
    assert "67x41" in made.warning
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(made.data))), twin(ids, view, 9))


@pytest.mark.parametrize("size", [(67, 67), (41, 67), (67, 30), (10, 10), (2, 2), (1, 41)])
def test_a_mask_of_another_aspect_is_an_error_that_names_both_sizes(size):
    with pytest.raises(ImageError, match="67x41") as caught:
        reduced(image_bytes(classes(size[1], size[0])), View.of((67, 41), 1, WHOLE))
    assert caught.value.code == "label_size"
    assert f"{size[0]}x{size[1]}" in str(caught.value)


def test_a_mask_of_the_same_size_has_no_warning():
    assert (
        reduce_mask(image_bytes(classes()), View.of((67, 41), 1, WHOLE), WHOLE, labels_on="auto", pad=0).warning is None
    )


# Padding

PADDED = Options(size="20x40", fit="pad")
CORNERS = (0, 0), (0, -1), (-1, 0), (-1, -1)


@pytest.mark.parametrize(
    ("kind", "pad", "shown"),
    [
        ("grey 1", 0, False), ("grey 1", 255, True), ("grey 1", 1, True), ("grey 2", 255, 255), ("grey 2", 85, 85),
        ("grey 4", 7, 7), ("grey 2", 1, 1), ("grey 8", 255, 255), ("grey 16", 255, 255), ("grey 16", 65535, 65535),
        ("palette 2", 255, 255), ("palette 8", 0, 0), ("2 channels 8", 255, (255, 255)), ("3 channels 8", 7, (7, 7, 7)),
        ("4 channels 8", 0, (0, 0, 0, 0)),
    ],
)  # fmt: skip
def test_outside_the_picture_readers_see_the_padding(kind, pad, shown):
    image = reduced(KINDS[kind], View.of((67, 41), 1, PADDED), PADDED, pad=pad)
    found, inner = np.asarray(image), np.asarray(reduced(KINDS[kind], View.of((67, 41), 1, scaled()), scaled()))
    assert all(np.array_equal(found[corner], shown) for corner in CORNERS)
    assert np.array_equal(found[14:26], inner)
    assert image.mode == Image.open(io.BytesIO(KINDS[kind])).mode or kind == "grey 1"


def scaled():
    return Options(size="20x12", fit="stretch")


@pytest.mark.parametrize(("kind", "pad"), [("grey 8", 256), ("grey 4", 300), ("palette 4", 256), ("3 channels 8", 999)])
def test_a_padding_that_the_depth_cannot_hold_is_an_error(kind, pad):
    with pytest.raises(ImageError, match=str(pad)) as caught:
        reduced(KINDS[kind], View.of((67, 41), 1, PADDED), PADDED, pad=pad)
    assert caught.value.code == "mask_pad"
    assert reduced(KINDS[kind], View.of((67, 41), 1, WHOLE), pad=pad)  # nothing is padded


def test_the_padding_of_a_short_palette_has_a_colour_of_its_own():
    image = reduced(palette_png(2), View.of((67, 41), 1, PADDED), PADDED)
    colors = np.asarray(image.convert("RGB"))
    assert tuple(colors[0, 0]) not in set(map(tuple, COLORS[:4].tolist()))
    assert np.array_equal(image.getpalette()[:12], COLORS[:4].ravel())


# Faults


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


def test_the_same_mask_gives_the_same_bytes_and_few():
    data, view = image_bytes(classes(400, 600)), View.of((600, 400), 1, Options(step=2))
    made = {reduce_mask(data, view, Options(step=2), labels_on="auto", pad=0).data for _ in range(3)}
    assert len(made) == 1
    pillow = image_bytes(Image.open(io.BytesIO(made.copy().pop())), optimize=True)
    assert len(made.pop()) < 1.1 * len(pillow)


@pytest.mark.parametrize("effort", ["fast", "default", "max"])
def test_every_effort_keeps_the_values(effort):
    if effort == "max":
        pytest.importorskip("oxipng")
    options = Options(step=1, png_effort=effort)
    for data in KINDS.values():
        made = reduce_mask(data, View.of((67, 41), 1, options), options, labels_on="auto", pad=0).data
        assert made[24:26] == data[24:26]
        assert np.array_equal(numbers_of(made), numbers_of(data))


# What tells a mask


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("most", [3, 256, 10**6])
def test_values_are_counted_up_to_a_most(kind, most):
    if "channels" in kind or "colour" in kind:
        channels = 3 if "colour" in kind else int(kind[0])
        values = color_values(16 if "16" in kind or "deep" in kind else 8, channels).reshape(-1, channels)
    else:
        values = np.asarray(Image.open(io.BytesIO(KINDS[kind]))).ravel()
    expected = len(np.unique(values, axis=0))
    facts = mask_values(KINDS[kind], WHOLE, most)
    assert facts.values == (expected if expected <= most else None)
    assert (facts.format, facts.lossless, facts.size) == ("PNG", True, (67, 41))


@pytest.mark.parametrize("size", [(1200, 1000), (1000, 1200)])
def test_a_large_photo_is_told_from_a_mask_by_its_first_rows(size, monkeypatch):
    data = image_bytes(synthetic_photo(*size))
    monkeypatch.setattr("icsys.image.mask.read_mask", None)  # the whole is not decoded
    assert mask_values(data, WHOLE)[1:3] == (True, "RGB")
    assert mask_values(data, WHOLE).values is None


def test_a_large_mask_is_counted_whole():
    ids = np.random.default_rng(0).integers(0, 100, (700, 700), np.uint8)  # noise: a large file
    ids[-1, -1] = 200
    data = image_bytes(Image.fromarray(ids))
    assert len(data) > 300_000
    assert mask_values(data, WHOLE).values == 101
