"""Checks of images that callers pass as arrays; each error has the call that gives such an array."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from icsys.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EXPECTED = "expected an (H, W, 3), (H, W) or (H, W, 4) array of type uint8, values 0 to 255"
_LEVELS, _WIDE_LEVELS = 255, 65_535  # the highest levels of 8 and 16 bits
_CHANNELS = {1, 3, 4}
_PLANES, _IMAGE, _BATCH = 2, 3, 4  # dimensions


def check_array(pixels: NDArray[Any]) -> None:
    """Refuse an array that is not (H, W), (H, W, 3) or (H, W, 4) uint8 with at least one pixel.

    Raises
    ------
    UsageError
        With the shape, the type, the range of values, and an expression that converts the array.
    """
    known = pixels.ndim == _PLANES or (pixels.ndim == _IMAGE and pixels.shape[2] in {3, 4})
    if pixels.dtype == np.uint8 and known and pixels.size:
        return
    given = f"array of shape {pixels.shape} and type {pixels.dtype}"
    if not pixels.size:
        raise UsageError(f"{given}: {_EXPECTED}, with at least one pixel")
    raise UsageError(f"{given}{_range_text(pixels)}: {_EXPECTED}{_conversion(pixels)}")


def refuse_image(image: Any) -> UsageError:  # noqa: ANN401 - anything but an image
    """Return the error for a value that is neither an array nor a PIL image."""
    kind = type(image)
    name = f"{kind.__module__}.{kind.__qualname__}" if kind.__module__ != "builtins" else kind.__qualname__
    expected = f"{_EXPECTED}, or a PIL image"
    if isinstance(image, str | os.PathLike):
        path = os.fspath(image)
        return UsageError(
            f"image={path!r} of type {name}: {expected}; for a file, "
            f"icsys.compress_image(pathlib.Path({path!r}).read_bytes()) or PIL.Image.open({path!r})"
        )
    if isinstance(image, bytes | bytearray | memoryview):
        return UsageError(
            f"image of type {name}: {expected}; for the bytes of a file, icsys.compress_image(image) or "
            "PIL.Image.open(io.BytesIO(image))"
        )
    if kind.__module__.partition(".")[0] in {"torch", "torchvision"} and hasattr(image, "numpy"):
        array = image.detach().cpu().numpy()
        given = f"image of type {name}, shape {array.shape} and type {image.dtype}"
        tensor = "image.detach().cpu().numpy()"
        return UsageError(f"{given}{_range_text(array)}: {expected}{_conversion(array, tensor)}")
    if isinstance(image, list | tuple):
        one = f" of {len(image)} values" if image else ""
        several = image and (hasattr(image[0], "size") or isinstance(image[0], str | os.PathLike | bytes))
        way = _ONE_AT_A_TIME if several else "convert it: numpy.asarray(image, numpy.uint8)"
        return UsageError(f"image of type {name}{one}: {expected}; {way}")
    way = "; convert it: numpy.asarray(image)" if hasattr(image, "__array__") else ""
    return UsageError(f"image of type {name}: {expected}{way}")


_ONE_AT_A_TIME = "one call for each image"


def _range_text(pixels: NDArray[Any]) -> str:
    """Return the range of the values of a type other than uint8 that has an order."""
    if pixels.dtype == np.uint8 or pixels.dtype.kind not in "iuf" or not pixels.size:
        return ""
    return f", values {pixels.min():g} to {pixels.max():g}"


def _conversion(pixels: NDArray[Any], array: str = "image") -> str:
    """Return how to convert an array of another shape or type, as the end of a sentence; or nothing.

    Parameters
    ----------
    array
        The expression of the array.
    """
    if pixels.ndim == _BATCH and (pixels.shape[1] in _CHANNELS or pixels.shape[3] in _CHANNELS):
        return f"; {_ONE_AT_A_TIME}"
    way = _with_levels(pixels, _with_channels_last(pixels, array))
    return "" if way is None else f"; convert it: {way}"


def _with_channels_last(pixels: NDArray[Any], array: str) -> str | None:
    """Return an expression for (H, W) or (H, W, channels); None if the shape is no image's."""
    if pixels.ndim == _PLANES:
        return array
    if pixels.ndim != _IMAGE:
        return None
    first, _, last = pixels.shape
    if last in _CHANNELS:
        return f"{array}[..., 0]" if last == 1 else array
    if first in _CHANNELS:
        return f"{array}[0]" if first == 1 else f"numpy.moveaxis({array}, 0, -1)"
    return f"{array}[..., 0]" if last == _PLANES else None  # grey and alpha


def _with_levels(pixels: NDArray[Any], array: str | None) -> str | None:
    """Return an expression for uint8; None if the values have no clear scale."""
    if array is None or pixels.dtype == np.uint8:
        return array
    kind = pixels.dtype.kind
    if kind == "b":
        return f"{array}.astype(numpy.uint8) * {_LEVELS}"
    if kind not in "iuf" or not np.isfinite(pixels).all() or pixels.min() < 0:
        return None
    high = pixels.max()
    scales = [
        (kind == "f" and high <= 1, f"numpy.rint({array} * {_LEVELS}).astype(numpy.uint8)"),
        (kind == "f" and high <= _LEVELS, f"numpy.rint({array}).astype(numpy.uint8)"),
        (high <= _LEVELS, f"{array}.astype(numpy.uint8)"),
        (pixels.dtype == np.uint16, f"numpy.rint({array} / {_WIDE_LEVELS // _LEVELS}).astype(numpy.uint8)"),
    ]
    return next((way for fits, way in scales if fits), None)
