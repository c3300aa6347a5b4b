"""Making images smaller: what size each becomes, which of its pixels are read, and how they are averaged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageColor

from icsys.errors import UsageError
from icsys.image.color import flatten, to_plain
from icsys.options import Options

# Blocks of whole pixels are averaged exactly. Where a block ends inside a pixel, Pillow's BOX takes or leaves
# the whole pixel, which shows as jagged lines (measured 38 to 44 dB from the true mean); HAMMING weights it
# (43 to 53 dB; for step 5, from a JPEG decoded at a quarter of its size, 42 on average and 35 at worst) and,
# unlike the sharper filters, makes no colour that was not between its neighbours.
_FILTERS = {"box": Image.Resampling.HAMMING, "lanczos": Image.Resampling.LANCZOS}
# Whole blocks are averaged first until this many pixels are left for each one; the filter does the rest.
_REDUCING_GAP = {"box": 2.0, "lanczos": 3.0}


@dataclass(frozen=True, slots=True)
class ResizePlan:
    """What happens to the pixels of one upright image.

    Parameters
    ----------
    box
        Left, top, right and bottom of the part that is read, in pixels of the source.
    size
        Width and height that this part becomes.
    canvas
        Width and height of the result.
    offset
        Left and top of the part on the canvas; what it does not cover is background.
    step
        N when every output pixel stands for one N by N block counted from the top left, those at the right
        and bottom edges for what is left of it; None when the box is stretched over the size.
    """

    box: tuple[float, float, float, float]
    size: tuple[int, int]
    canvas: tuple[int, int]
    offset: tuple[int, int] = (0, 0)
    step: int | None = None

    @property
    def reduction(self) -> float:
        """Source pixels per output pixel, along the side where they are fewer."""
        if self.step is not None:
            return self.step
        left, top, right, bottom = self.box
        return min((right - left) / self.size[0], (bottom - top) / self.size[1])


def plan_resize(width: int, height: int, options: Options) -> ResizePlan:
    """Work out what ``options`` make of an upright image of ``width`` by ``height`` pixels.

    ``step`` N gives ceil(width/N) by ceil(height/N), ``scale`` the rounded product, both at least 1.
    ``size`` with ``contain`` fits the whole image inside, ``cover`` fills the size and crops what stands out
    in the middle, ``stretch`` ignores the aspect, ``pad`` centres the contained image on the background.
    Only ``stretch`` ever enlarges: where the image is smaller than a size to cover or pad, background shows.
    """
    whole = (0.0, 0.0, float(width), float(height))
    if options.step is not None:
        size = (math.ceil(width / options.step), math.ceil(height / options.step))
        return ResizePlan(whole, size, size, step=options.step)
    if options.scale is not None:
        size = (max(1, round(width * options.scale)), max(1, round(height * options.scale)))
        return ResizePlan(whole, size, size)
    if options.size is None:  # pragma: no cover - Options always set one of the three
        raise UsageError("expected one of step, scale and size")
    wanted = options.size
    if options.fit == "stretch":
        return ResizePlan(whole, wanted, wanted)
    if options.fit == "cover":
        return _plan_cover(width, height, wanted)
    ratio = min(wanted[0] / width, wanted[1] / height, 1.0)
    size = (
        min(wanted[0], max(1, round(width * ratio))),
        min(wanted[1], max(1, round(height * ratio))),
    )
    if options.fit == "contain":
        return ResizePlan(whole, size, size)
    return ResizePlan(whole, size, wanted, _centred(size, wanted))


def _plan_cover(width: int, height: int, wanted: tuple[int, int]) -> ResizePlan:
    """Plan a scaled crop from the middle; without enlarging, the crop may leave background around it."""
    ratio = min(max(wanted[0] / width, wanted[1] / height), 1.0)
    size = (min(wanted[0], max(1, round(width * ratio))), min(wanted[1], max(1, round(height * ratio))))
    part = (min(float(width), size[0] / ratio), min(float(height), size[1] / ratio))
    left, top = (width - part[0]) / 2, (height - part[1]) / 2
    if ratio == 1.0:  # whole pixels, so that nothing is resampled
        left, top = float(int(left)), float(int(top))
    box = (left, top, min(float(width), left + part[0]), min(float(height), top + part[1]))
    return ResizePlan(box, size, wanted, _centred(size, wanted))


def _centred(size: tuple[int, int], canvas: tuple[int, int]) -> tuple[int, int]:
    """Return the left and top of ``size`` in the middle of ``canvas``."""
    return (canvas[0] - size[0]) // 2, (canvas[1] - size[1]) // 2


@dataclass(frozen=True, slots=True)
class Grid:
    """How the pixels of a decoded image lie on the source's: a JPEG decoder may have shrunk it already.

    Parameters
    ----------
    shrink
        Source pixels per decoded pixel, along each side.
    left, top
        Decoded pixels (below 1) that stand before the source's first column and row.
    """

    shrink: int = 1
    left: float = 0.0
    top: float = 0.0

    def box(self, source: tuple[float, float, float, float], image: Image.Image) -> tuple[float, float, float, float]:
        """Return the box ``source``, given in source pixels, in pixels of the decoded ``image``."""
        left, top, right, bottom = (value / self.shrink for value in source)
        return (
            left + self.left,
            top + self.top,
            min(right + self.left, image.width),
            min(bottom + self.top, image.height),
        )


def decoder_shrink(plan: ResizePlan, resample: str) -> int:
    """Return by how much a JPEG decoder may shrink, 1, 2, 4 or 8, so that the resize has pixels enough.

    For ``box`` and a step that 2, 4 or 8 divides, the decoder leaves at least 2 by 2 pixels of each block to
    average; for another step from 5 up, and for sizes, at least 1.25 by 1.25. Three is averaged from full size,
    as fast as from a half. ``lanczos`` gets twice the pixels it makes, ``skip`` every pixel.
    """
    if resample == "skip" or (resample == "box" and plan.step == 3):  # noqa: PLR2004 - see above
        return 1
    if resample == "box" and plan.step is not None and plan.step % 2 == 0:
        return next(s for s in (8, 4, 2, 1) if plan.step % s == 0 and plan.step >= 2 * s)
    margin = 1.25 if resample == "box" else 2.0
    return next((s for s in (8, 4, 2) if s * margin <= plan.reduction), 1)


def pick_pixels(image: Image.Image, plan: ResizePlan) -> Image.Image:
    """Make ``image`` smaller by leaving pixels out (``skip``); the mode may be any.

    A step N keeps exactly the columns and rows 0, N, 2N, …
    """
    step = plan.step
    if step is None:
        return image.resize(plan.size, Image.Resampling.NEAREST, plan.box)
    if step == 1:
        return image
    # Pillow maps the centre of output pixel i to step·(i + ½) + shift; the shift brings it to step·i + ½.
    shift = (1 - step) / 2
    matrix = (step, 0, shift, 0, step, shift)
    return image.transform(plan.size, Image.Transform.AFFINE, matrix, Image.Resampling.NEAREST)


def average_pixels(image: Image.Image, plan: ResizePlan, resample: str, grid: Grid | None = None) -> Image.Image:
    """Make a plain image smaller by averaging: ``box`` or ``lanczos``.

    Parameters
    ----------
    image
        Mode L, LA, RGB, RGBA or CMYK. Pillow weights colours with their alpha, so transparent pixels lend none.
    plan
        What to make of the source.
    resample
        ``box`` (area average) or ``lanczos``.
    grid
        Where the decoded pixels lie; by default one per source pixel.
    """
    grid = grid or Grid()
    if plan.step is not None:
        return _average_blocks(image, plan, plan.step, resample, grid)
    return _filtered(image, plan.size, grid.box(plan.box, image), resample)


def _filtered(
    image: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float], resample: str
) -> Image.Image:
    """Resample the part ``box`` of ``image``, or return ``image`` itself where nothing changes."""
    if size == image.size and box == (0, 0, *size):
        return image
    return image.resize(size, _FILTERS[resample], box, _REDUCING_GAP[resample])


def _average_blocks(image: Image.Image, plan: ResizePlan, step: int, resample: str, grid: Grid) -> Image.Image:
    """Average blocks of ``step`` source pixels, those at the right and bottom edges over what is left of them."""
    whole_pixels = grid.left == grid.top == 0 and step % grid.shrink == 0
    if whole_pixels and (resample == "box" or step == 1):
        return image.reduce(step // grid.shrink) if step > grid.shrink else image
    right, bottom = plan.box[2], plan.box[3]
    columns = _spans(plan.size[0], int(right) // step)
    rows = _spans(plan.size[1], int(bottom) // step)
    parts = [
        (
            (x0, y0),
            _filtered(
                image,
                (x1 - x0, y1 - y0),
                grid.box((x0 * step, y0 * step, min(x1 * step, right), min(y1 * step, bottom)), image),
                resample,
            ),
        )
        for x0, x1 in columns
        for y0, y1 in rows
    ]
    if len(parts) == 1:
        return parts[0][1]
    result = Image.new(image.mode, plan.size)
    for corner, part in parts:
        result.paste(part, corner)
    return result


def _spans(size: int, whole: int) -> list[tuple[int, int]]:
    """Split 0…size into the whole blocks and the one at the edge that may be partial."""
    return [span for span in ((0, whole), (whole, size)) if span[0] < span[1]]


def on_canvas(image: Image.Image, plan: ResizePlan, background: str) -> Image.Image:
    """Place a flat image (L or RGB) where the plan puts it; a coloured background makes grey RGB."""
    if plan.canvas == plan.size:
        return image
    color = ImageColor.getrgb(background)
    grey = image.mode == "L" and len(set(color)) == 1
    canvas = Image.new("L" if grey else "RGB", plan.canvas, color[0] if grey else color)
    canvas.paste(image, plan.offset)
    return canvas


def resize(
    image: Any,  # noqa: ANN401 - whatever as_image accepts
    *,
    step: int | None = None,
    scale: float | None = None,
    size: tuple[int, int] | str | None = None,
    fit: str = "contain",
    resample: str = "box",
    background: str = "#ffffff",
) -> Image.Image:
    """Make one image smaller.

    Parameters
    ----------
    image
        (H, W) or (H, W, 3) uint8 array, or a PIL image of any mode. A PIL image is taken as it stands: its EXIF
        orientation and its ICC profile are not applied.
    step
        Keep one pixel in N of every row and column; 5 when neither ``scale`` nor ``size`` is given.
    scale
        Factor of width and height, above 0 and at most 1.
    size
        Width and height, or text such as ``"224x224"``.
    fit
        How the image meets ``size``: ``contain``, ``cover``, ``stretch`` or ``pad``.
    resample
        ``box`` averages the pixels that become one, ``lanczos`` keeps edges sharper, ``skip`` leaves pixels out.
    background
        Colour ``#RRGGBB`` behind transparent and padded areas.

    Returns
    -------
    PIL.Image.Image
        Mode L for grey, RGB for colour.

    Raises
    ------
    UsageError
        If an option is not accepted or ``image`` is no image.
    ImageError
        If the mode of a PIL image has no mapping to 8 bits.

    Examples
    --------
    >>> import numpy as np
    >>> resize(np.zeros((100, 203, 3), np.uint8), step=5).size
    (41, 20)
    """
    options = Options(
        step=step,
        scale=scale,
        size=size,  # type: ignore[arg-type]  # text is accepted and normalised
        fit=fit,
        resample=resample,
        background=background,
    )
    source = as_image(image)
    plan = plan_resize(source.width, source.height, options)
    if options.resample == "skip":
        small = to_plain(pick_pixels(source, plan))
    else:
        small = average_pixels(to_plain(source), plan, options.resample)
    small = small.convert("RGB") if small.mode == "CMYK" else small
    return on_canvas(flatten(small, options.background), plan, options.background)


def as_image(image: Any) -> Image.Image:  # noqa: ANN401 - what it refuses is its subject
    """Take an array or a PIL image as a PIL image.

    Raises
    ------
    UsageError
        If it is neither a PIL image nor an (H, W) or (H, W, 3) uint8 array, or has no pixels.
    """
    if isinstance(image, Image.Image):
        if 0 in image.size:
            raise UsageError(f"image of size {image.width}x{image.height}: expected at least one pixel")
        return image
    if not isinstance(image, np.ndarray):
        raise UsageError(
            f"image of type {type(image).__name__}: expected an (H, W, 3) or (H, W) uint8 array or a PIL image"
        )
    check_array(image)
    return Image.fromarray(np.ascontiguousarray(image))


def check_array(pixels: np.ndarray[Any, Any]) -> None:
    """Refuse an array that is not (H, W) or (H, W, 3) uint8 with at least one pixel.

    Raises
    ------
    UsageError
        Naming the shape and type that were given.
    """
    grey_or_rgb = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)  # noqa: PLR2004 - shapes
    if pixels.dtype != np.uint8 or not grey_or_rgb or pixels.size == 0:
        raise UsageError(
            f"array of shape {pixels.shape} and type {pixels.dtype}: "
            "expected (H, W, 3) or (H, W) of type uint8, values 0 to 255, with at least one pixel"
        )
