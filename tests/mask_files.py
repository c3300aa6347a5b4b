"""Masks of every kind, made by code, and a twin that reduces them in plain loops."""

import io
import math
from fractions import Fraction

import cv2
import numpy as np
from PIL import ExifTags, Image

from helpers import image_bytes
from icsys.image.mask import reduce_mask
from icsys.options import Options
from marked_points import STORE
from png_files import chunk, number_chunk, png_of

IDS = (0, 7, 12, 15, 20, 255)
COLORS = np.random.default_rng(5).integers(0, 256, (256, 3), np.uint8)


def classes(height=41, width=67, *, ids=IDS, seed=0, dtype=np.uint8):
    """Return a mask of patches, each of one class."""
    random_numbers = np.random.default_rng(seed)
    patches = random_numbers.choice(ids, (math.ceil(height / 3), math.ceil(width / 4)))
    return np.repeat(np.repeat(patches, 3, 0), 4, 1)[:height, :width].astype(dtype)


def grey_png(depth, *chunks, interlaced=False):
    values = classes(ids=range(1 << min(depth, 8)), dtype=np.uint16)
    values = values * 257 if depth == 16 else values
    return png_of(values[..., np.newaxis], depth, *chunks, grey=True, interlaced=interlaced)


def color_values(depth, channels):
    return np.random.default_rng(channels).integers(0, 1 << depth, (41, 67, channels), np.uint16)


def color_png(depth, channels, *chunks):
    return png_of(color_values(depth, channels), depth, *chunks, grey=channels == 2)


def palette_png(depth, *chunks):
    ids = classes(ids=range(1 << depth))
    return png_of(ids[..., np.newaxis], depth, *chunks, palette=COLORS[: 1 << depth].tobytes())


KINDS = {
    **{f"grey {depth}": grey_png(depth) for depth in (1, 2, 4, 8, 16)},
    **{f"palette {depth}": palette_png(depth) for depth in (1, 2, 4, 8)},
    **{f"{channels} channels {depth}": color_png(depth, channels) for channels in (2, 3, 4) for depth in (8, 16)},
    "palette of 6": png_of(classes(ids=range(6))[..., np.newaxis], 8, palette=COLORS[:6].tobytes()),
    "interlaced 4": grey_png(4, interlaced=True),
    "interlaced 16": grey_png(16, interlaced=True),
    "clear grey": grey_png(4, chunk(b"tRNS", b"\0\3")),
    "clear entries": palette_png(4, chunk(b"tRNS", bytes(range(0, 250, 50)))),
    "clear colour": color_png(8, 3, chunk(b"tRNS", bytes(6))),
    "clear deep colour": color_png(16, 3, chunk(b"tRNS", bytes(6))),
    "gamma": grey_png(8, number_chunk(b"gAMA", 100_000)),
}

WHOLE = Options(step=1)


def reduced(data, view, options=WHOLE, *, labels_on="auto", pad=255):
    """Reduce a mask, check its size, and return what Pillow reads of it."""
    made = reduce_mask(data, view, options, labels_on=labels_on, pad=pad)
    image = Image.open(io.BytesIO(made.data))
    assert image.size == view.output == (made.width, made.height)
    assert image.format == "PNG"
    return image


def turned(image, orientation, name="PNG", **settings):
    """Return a file of an upright picture as a camera stores it."""
    facts = Image.Exif()
    facts[ExifTags.Base.Orientation] = orientation
    stored = image if STORE[orientation] is None else image.transpose(STORE[orientation])
    return image_bytes(stored, name, exif=facts, **settings), stored


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


def numbers_of(data, flag=cv2.IMREAD_UNCHANGED):
    return cv2.imdecode(np.frombuffer(data, np.uint8), flag)
