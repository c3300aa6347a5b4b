"""Masks: pictures whose pixels are numbers, such as those of classes, that go the geometry of their picture."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys.errors import ImageError
from icsys.image.decode import unlimited
from icsys.image.faults import DecoderErrors
from icsys.image.limits import check_bytes, check_image
from icsys.image.masks.distinct_values import count_values
from icsys.image.masks.padding import padded_mask, with_entries
from icsys.image.masks.stored_mask import lossy_name, open_mask, read_mask, stored_mask
from icsys.image.masks.taken_pixels import place_mask, taken_pixels, upright_values
from icsys.image.picture_header import read_header
from icsys.image.png_encoder import encode_numbers

if TYPE_CHECKING:
    from icsys.image.decode import Admit
    from icsys.image.view import View
    from icsys.options import Options

_BEGINNING = 1 << 16  # bytes of a PNG that tell a photo from a mask
_MOST_COLORS = 256


class ReducedMask(NamedTuple):
    """A mask for the output of its picture.

    Attributes
    ----------
    data
        A PNG file.
    width, height
        Its size, which is that of the output, in pixels.
    warning
        What its reader should know; None otherwise.
    """

    data: bytes
    width: int
    height: int
    warning: str | None = None


class MaskFacts(NamedTuple):
    """What shows whether a picture is a mask.

    Attributes
    ----------
    format
        As in :class:`~icsys.image.decode.ImageInfo`.
    lossless
        Whether pixels are stored as they were.
    mode
        Pixel mode as stored, in Pillow's names.
    size
        Width and height as stored, in pixels.
    values
        Number of distinct values of pixels; None if they are more than asked for, or no numbers that a mask can have.
    """

    format: str
    lossless: bool
    mode: str
    size: tuple[int, int]
    values: int | None


def reduce_mask(
    data: bytes, view: View, options: Options, *, labels_on: str, pad: int, admit: Admit = unlimited
) -> ReducedMask:
    """Place a mask on the output of its picture, pixel by pixel, as the picture is placed.

    Each pixel of the output has the value that the mask has at its centre, or of the pixel that ``skip`` takes. Values,
    mode, depth, palette and transparency stay as they are; colour profiles are left out, because numbers are no
    colours. Grey of 2 and 4 bits, which readers scale to 8, gets these 8 bits where its own cannot hold the padding;
    positions of fewer bits do, too.

    Parameters
    ----------
    data
        The content of a PNG, GIF, BMP, TIFF or lossless WebP; the first frame counts.
    view
        Of the picture.
    options
        The options of the picture; ``resample``, ``png_effort`` and the limits are used.
    labels_on
        ``auto``, ``upright`` or ``stored``: see :func:`~icsys.image.masks.taken_pixels.place_mask`.
    pad
        The value outside the picture, in each channel; in a mask of 1 bit, 1 for every value but 0. In a palette it is
        a position.
    admit
        As for :func:`~icsys.image.decode.decode_photo`.

    Raises
    ------
    ImageError
        ``label_size`` for a mask of another aspect than its picture, ``mask_pad`` if its depth cannot hold ``pad``, and
        the codes of :func:`~icsys.image.masks.stored_mask.read_mask`.
    """
    with read_mask(data, options, admit) as whole:
        turn, warning = place_mask(view, whole.size, whole.turn, labels_on)
        upright = upright_values(whole.values, turn)
        columns, rows = taken_pixels(view, upright.shape[1::-1], options.resample)
        mask = with_entries(whole._replace(values=upright[rows[:, np.newaxis], columns]))
        del whole, upright
    (width, height), (left, top) = view.output, view.plan.offset
    if (width, height) != view.plan.size:
        mask, number = padded_mask(mask, pad)
        canvas = np.full((height, width, *mask.values.shape[2:]), number, mask.values.dtype)
        canvas[top : top + len(rows), left : left + len(columns)] = mask.values
        mask = mask._replace(values=canvas)
    png = encode_numbers(
        mask.values, mask.depth, palette=mask.palette, transparency=mask.transparency, effort=options.png_effort
    )
    return ReducedMask(png, width, height, warning)


def mask_values(data: bytes, options: Options, most: int = _MOST_COLORS) -> MaskFacts:
    """Return what shows whether a picture is a mask. Few photos are decoded as a whole for it.

    Parameters
    ----------
    data
        The content of a file.
    options
        The limits are used.
    most
        The most values that are counted.

    Raises
    ------
    ImageError
        If the picture cannot be read.
    """
    lossy = lossy_name(data) is not None
    if lossy:
        header = read_header(data, options)
        return MaskFacts(header.format, lossless=False, mode=header.mode, size=header.stored, values=None)
    with DecoderErrors():
        check_bytes(len(data), options)
        name, image = open_mask(data, options)
        check_image(image, options)
        facts = MaskFacts(name, lossless=True, mode=image.mode, size=image.size, values=None)
        image.close()
    if name == "PNG" and len(data) > 2 * _BEGINNING and _begins_with_many(data, options, most):
        return facts
    try:
        with read_mask(data, options) as mask:
            return facts._replace(values=count_values(mask.values, most))
    except ImageError as error:
        if error.code not in {"unsupported", "mask_lossy"}:
            raise
        return facts._replace(lossless=error.code != "mask_lossy")


def _begins_with_many(data: bytes, options: Options, most: int) -> bool:
    """Return whether the first rows of a PNG have more values than asked for, beside the zeros of rows that lack."""
    with suppress(ImageError), DecoderErrors():
        name, image = open_mask(data[:_BEGINNING], options)
        with image:
            return count_values(stored_mask(name, image, keep=True).values, most + 1) is None
    return False
