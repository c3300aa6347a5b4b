"""Masks of every kind, made by code."""

import math

import numpy as np

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
    "interlaced 4": grey_png(4, interlaced=True),
    "interlaced 16": grey_png(16, interlaced=True),
    "clear grey": grey_png(4, chunk(b"tRNS", b"\0\3")),
    "clear entries": palette_png(4, chunk(b"tRNS", bytes(range(0, 250, 50)))),
    "clear colour": color_png(8, 3, chunk(b"tRNS", bytes(6))),
    "clear deep colour": color_png(16, 3, chunk(b"tRNS", bytes(6))),
    "gamma": grey_png(8, number_chunk(b"gAMA", 100_000)),
}
