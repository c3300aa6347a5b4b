"""Resize images by skipping pixels, by averaging, or by a sharper filter."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageColor

from icsys.errors import UsageError
from icsys.image.area_average import average_image
from icsys.image.color_conversion import flatten, note_grey_scale, seen_through, to_plain, without_hidden
from icsys.image.geometry import ResizePlan, plan_resize, stored_edges
from icsys.options import Options
from icsys.pixel_checks import check_array, refuse_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.choices import AlphaName, FitName, ResampleName
    from icsys.image.area_average import Edges

# Enlarging has no areas to average, so it interpolates between pixels.
_ENLARGING = Image.Resampling.BILINEAR
# Whole blocks are averaged first, down to three pixels for each output pixel; the filter does the rest.
_LANCZOS, _REDUCING_GAP = Image.Resampling.LANCZOS, 3.0


def pick_pixels(image: Image.Image, plan: ResizePlan) -> Image.Image:
    """Resize ``image`` by skipping pixels (``skip``); any mode.

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
    picked = image.transform(plan.size, Image.Transform.AFFINE, matrix, Image.Resampling.NEAREST)
    if image.mode == "PA":  # Pillow keeps the palette of mode P only
        picked.putpalette(image.getpalette("RGB") or [])
    return picked


def resample_pixels(image: Image.Image, plan: ResizePlan, resample: str, edges: tuple[Edges, Edges]) -> Image.Image:
    """Resize an image by a filter: ``box`` or ``lanczos``.

    Parameters
    ----------
    image
        Any mode that :func:`~icsys.image.color_conversion.to_plain` takes.
    plan
        The plan of the resize.
    resample
        ``box`` (area average) or ``lanczos``. Colours are weighted with their alpha, so transparent pixels add none.
    edges
        Between output columns and between output rows, see :func:`~icsys.image.geometry.stored_edges`.

    Returns
    -------
    PIL.Image.Image
        Mode L, LA, RGB, RGBA or CMYK.
    """
    x, y = edges
    if _is_whole(x, image.width) and _is_whole(y, image.height):
        return to_plain(image)
    if resample == "box" and not plan.enlarges:
        return average_image(image, x, y)
    # Pillow spaces output pixels evenly, so a shorter block at the edge is made separately.
    # RGBX keeps its padding until it is small: removing it earlier takes a second copy of all pixels.
    source = image if image.mode == "RGBX" else to_plain(image)
    result = Image.new(source.mode, (len(x) - 1, len(y) - 1))
    for left, right in _even_runs(x):
        for top, bottom in _even_runs(y):
            box = x[left], y[top], x[right], y[bottom]
            size = right - left, bottom - top
            if resample == "box":
                part = source.resize(size, _ENLARGING, box)
            else:
                part = source.resize(size, _LANCZOS, box, _REDUCING_GAP)
            result.paste(part, (left, top))
    return to_plain(result)


def _is_whole(edges: Edges, length: int) -> bool:
    """Return whether a side keeps its length."""
    return len(edges) == length + 1 and edges[0] == 0 and edges[-1] == length


def _even_runs(edges: Edges) -> list[tuple[int, int]]:
    """Split output pixels into whole blocks and the one at an end that may be shorter."""
    widths = np.diff(edges)
    changes = np.flatnonzero(~np.isclose(widths[1:], widths[:-1])) + 1
    return list(itertools.pairwise([0, *changes.tolist(), len(widths)]))


def finished(image: Image.Image, plan: ResizePlan, background: str, alpha: str) -> Image.Image:
    """Flatten a small sRGB image or keep its alpha, and place it where the plan puts it.

    Returns
    -------
    PIL.Image.Image
        Mode L or RGB; LA or RGBA, with transparent padding, where alpha is kept and a pixel of the image is not opaque.
    """
    image = without_hidden(image) if alpha == "keep" and seen_through(image) else flatten(image, background)
    return _on_canvas(image, plan, background)


def _on_canvas(image: Image.Image, plan: ResizePlan, background: str) -> Image.Image:
    """Place an image where the plan puts it; a coloured background turns grey into RGB, with alpha it does not."""
    if plan.canvas == plan.size:
        return image
    if image.mode in {"LA", "RGBA"}:
        canvas = Image.new(image.mode, plan.canvas)
        canvas.paste(image, plan.offset)
        return canvas
    color = ImageColor.getrgb(background)
    grey = image.mode == "L" and len(set(color)) == 1
    canvas = Image.new("L" if grey else "RGB", plan.canvas, color[0] if grey else color)
    canvas.paste(image, plan.offset)
    return canvas


def resize(
    image: Any,  # noqa: ANN401 - as_image checks the type
    size: tuple[int, int] | str | int | None = None,
    *,
    step: int | None = None,
    scale: float | None = None,
    fit: FitName = "contain",
    enlarge: bool = False,
    resample: ResampleName = "box",
    background: str = "#ffffff",
    alpha: AlphaName = "flatten",
) -> Image.Image:
    """Resize one image.

    Parameters
    ----------
    image
        (H, W), (H, W, 3) or, with alpha, (H, W, 4) uint8 array, or a PIL image of any mode. The EXIF
        orientation and ICC profile of a PIL image are not applied.
    size
        Width and height, text such as ``"224x224"``, or one number for a square.
    step
        Keep one pixel in N of every row and column; 5 when neither ``scale`` nor ``size`` is given.
    scale
        Factor of width and height, above 0 and at most 1.
    fit
        How to fit ``size``: ``contain``, ``cover``, ``stretch`` or ``pad``.
    enlarge
        Enlarge an image that is smaller than ``size``. Otherwise ``contain`` keeps such an image, and ``cover`` and
        ``pad`` put background around it; ``stretch`` enlarges it anyway.
    resample
        ``box`` (mean), ``lanczos`` (sharper edges) or ``skip`` (nearest pixel).
    background
        Colour ``#RRGGBB`` behind transparent and padded areas.
    alpha
        ``flatten`` lays transparency over the background; ``keep`` keeps it, and pads with it.

    Returns
    -------
    PIL.Image.Image
        Mode L for grey, RGB for colour; LA or RGBA where alpha is kept and a pixel is not opaque.

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
        size=size,
        fit=fit,
        enlarge=enlarge,
        resample=resample,
        background=background,
        alpha=alpha,
    )
    source = as_image(image)
    plan = plan_resize(source.width, source.height, options)
    if options.resample == "skip":
        small = to_plain(pick_pixels(source, plan))
    else:
        small = resample_pixels(source, plan, options.resample, stored_edges(plan, source.size))
    small = small.convert("RGB") if small.mode == "CMYK" else small
    return finished(small, plan, options.background, options.alpha)


def window_at(pixels: NDArray[np.uint8], size: tuple[int, int], window: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Return a window of a picture as it looks at another size, interpolated between pixels.

    Parameters
    ----------
    pixels
        Shape (h, w, 3), uint8.
    size
        Width and height of the whole picture at that size.
    window
        Left, top, right and bottom of the window, in pixels of that size.

    Returns
    -------
    numpy.ndarray
        Shape (bottom - top, right - left, 3), uint8.
    """
    left, top, right, bottom = window
    x, y = pixels.shape[1] / size[0], pixels.shape[0] / size[1]
    box = left * x, top * y, right * x, bottom * y
    small = Image.fromarray(np.ascontiguousarray(pixels))
    return np.array(small.resize((right - left, bottom - top), _ENLARGING, box))


def stretched(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return a picture, shape (H, W, 3), uint8, as a square with sides of ``side`` pixels.

    It is enlarged by bilinear interpolation, as by :func:`resize` with ``stretch``; a larger one is averaged.
    """
    height, width = pixels.shape[:2]
    if height == width == side:
        return pixels
    plan = ResizePlan((0.0, 0.0, float(width), float(height)), (side, side), (side, side))
    return np.asarray(resample_pixels(Image.fromarray(pixels), plan, "box", stored_edges(plan, (width, height))))


def as_image(image: Any) -> Image.Image:  # noqa: ANN401 - its purpose is to check the type
    """Convert an array to a PIL image, and check it; a PIL image is returned unchanged.

    Raises
    ------
    UsageError
        If it is neither a PIL image nor an (H, W), (H, W, 3) or (H, W, 4) uint8 array, or has no pixels.
    """
    if isinstance(image, Image.Image):
        if 0 in image.size:
            raise UsageError(f"image of size {image.width}x{image.height}: expected at least one pixel")
        note_grey_scale(image)
        return image
    if not isinstance(image, np.ndarray):
        raise refuse_image(image)
    check_array(image)
    return Image.fromarray(np.ascontiguousarray(image))
