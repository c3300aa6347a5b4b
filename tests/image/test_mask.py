"""Masks: the values that readers see are those of nearest at the centre, and nothing else about them changes."""

import io
import random
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers import image_bytes, synthetic_photo
from icsys import compress_image
from icsys.choices import FITS, RESAMPLES
from icsys.image.decode import decode_photo
from icsys.image.mask import mask_values, reduce_mask
from icsys.image.masks import stored_mask
from icsys.image.picture_header import read_header
from icsys.image.view import View
from icsys.options import Options
from mask_files import (
    KINDS,
    WHOLE,
    classes,
    color_values,
    numbers_of,
    reduced,
    turned,
    twin,
)


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


@pytest.mark.parametrize(("side", "small"), [(14, 5), (28, 10), (32, 21), (54, 49), (58, 25)])
def test_a_centre_between_two_pixels_takes_the_later_one(side, small):
    """In floating point, these centres lie a little before the edge of a pixel."""
    ids, options = np.tile(np.arange(side, dtype=np.uint8), (side, 1)), Options(size=f"{small}x{small}", fit="stretch")
    view = View.of((side, side), 1, options)
    assert np.array_equal(np.asarray(reduced(image_bytes(ids), view, options)), twin(ids, view, 0))


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
    data = image_bytes(synthetic_photo(*size), compress_level=1)
    monkeypatch.setattr("icsys.image.mask.read_mask", None)  # the whole is not decoded
    assert mask_values(data, WHOLE)[1:3] == (True, "RGB")
    assert mask_values(data, WHOLE).values is None


def test_a_large_mask_is_counted_whole():
    ids = np.random.default_rng(0).integers(0, 100, (700, 700), np.uint8)  # noise: a large file
    ids[-1, -1] = 200
    data = image_bytes(Image.fromarray(ids))
    assert len(data) > 300_000
    assert mask_values(data, WHOLE).values == 101


@pytest.mark.parametrize("kind", ["grey 8", "grey 16", "3 channels 16"])
def test_memory_is_asked_for_before_pixels_are_decoded_and_held_until_they_are_placed(kind, monkeypatch):
    events = []

    @contextmanager
    def admit(size):
        events.append(size)
        yield
        events.append("freed")

    real, view = stored_mask.stored_mask, View.of((67, 41), 1, WHOLE)
    monkeypatch.setattr(stored_mask, "stored_mask", lambda *given: events.append("decoded") or real(*given))
    reduce_mask(KINDS[kind], view, WHOLE, labels_on="auto", pad=0, admit=admit)
    assert events[1:] == ["decoded", "freed"]
    assert events[0] >= 67 * 41 * (14 if kind == "3 channels 16" else 3)
