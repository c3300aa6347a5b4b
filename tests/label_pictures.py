"""Pictures with a white box on black: where the box lies in the output is what labels are compared with."""

import functools
import io
import itertools

import numpy as np
from PIL import Image, ImageOps

from icsys import Options, compress_image
from icsys.choices import FITS
from icsys.image.view import View

STORED = (90, 60)
TURNS = range(1, 9)
WAYS = (
    {"step": 4},
    {"step": 1},
    {"scale": 0.3},
    *({"size": (40, 24), "fit": fit} for fit in FITS),
    *({"size": (20, 31), "fit": fit} for fit in FITS),
    *({"size": (110, 100), "fit": fit} for fit in ("cover", "pad")),
    {"size": (110, 130), "fit": "cover", "enlarge": True},
)
VIEWS = list(itertools.product(TURNS, WAYS))


def view_of(turn, way, stored=STORED):
    return View.of(stored, turn, Options(**way))


@functools.cache  # pictures of the same box are asked for in every kind of resize
def picture(turn, box, stored=STORED):
    """Return a PNG file with an EXIF orientation; the box, in whole pixels of the stored picture, is white."""
    left, top, right, bottom = box
    pixels = np.zeros(stored[::-1], np.uint8)
    pixels[top:bottom, left:right] = 255
    image, exif = Image.fromarray(pixels), Image.Exif()
    exif[0x0112] = turn
    file = io.BytesIO()
    image.save(file, "PNG", exif=exif)
    return file.getvalue()


def seen_box(turn, box, way):
    """Return left, top, right and bottom of the white box in the output, at parts of a pixel; None if it is not seen.

    It is what the pixels show: the share of the box in a pixel is how light it is.
    """
    data = compress_image(picture(turn, box), Options(strategy="SO", background="#000000", **way)).data
    light = np.array(Image.open(io.BytesIO(data)).convert("L")) / 255
    if not light.any():
        return None
    rows, columns = light.max(axis=1), light.max(axis=0)
    (left, right), (top, bottom) = (_ends(line / line.max()) for line in (columns, rows))
    return left, top, right, bottom


def _ends(line):
    """Return where a plateau begins and ends: each of its halves is as long as its sum."""
    (where,) = np.nonzero(line > 0.01)
    middle = (where[0] + where[-1] + 1) // 2
    return middle - line[:middle].sum(), middle + line[middle:].sum()


@functools.cache
def upright_box(turn, box, stored=STORED):
    """Return the box on the upright picture, found by turning a picture of it with Pillow."""
    pixels = np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(picture(turn, box, stored)))))
    y, x = np.nonzero(pixels)
    return int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1
