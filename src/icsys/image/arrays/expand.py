"""Batches of pixels from packed indices and palettes: crops, flips, order of axes and normalisation in one pass.

A pixel is an entry of a palette, so whatever is done to colours alone is done to the palette. The kernels turn the few
colours of each image into the values that are wished, and then look up every pixel once.
"""

from __future__ import annotations

import ctypes
import threading
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import numpy as np

from icsys.errors import UsageError
from icsys.image.arrays.packing import index_dtype, packed_width
from icsys.native.library import KERNELS, LIBRARY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from numpy.typing import ArrayLike, NDArray

    Crop = tuple[ArrayLike, ArrayLike, int, int]
    Channels = float | Sequence[float] | NDArray[Any]

PIXEL_LAYOUTS = ("CHW", "HWC")
PIXEL_DTYPES = ("uint8", "float32", "float16")
_CHANNELS = 3
_LEVELS = 256
# A thread is worth its start for this many bytes of pixels.
_BYTES_OF_A_THREAD = 1 << 20
_LONG_SHUFFLES: int = LIBRARY.has_long_shuffles()


class PixelForm(TypedDict, total=False):
    """How the pixels of a batch are wished; see :func:`expand_batch`."""

    layout: Literal["CHW", "HWC"]
    dtype: Literal["uint8", "float32", "float16"]
    mean: Channels | None
    std: Channels | None
    flip: NDArray[np.bool_] | None
    crop: Crop | None


class _Batch(ctypes.Structure):
    """The structure ``Batch`` of the kernels."""

    _fields_ = (
        ("indices", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("image_bytes", "row_bytes", "width", "bits")),
        ("palettes", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("palette_bytes", "colors")),
        *((name, ctypes.c_void_p) for name in ("rows", "flips", "tops", "lefts")),
        *((name, ctypes.c_int64) for name in ("out_height", "out_width")),
        ("values", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("value_bytes", "planar", "long_shuffles")),
        ("out", ctypes.c_void_p),
    )


def expand_batch(
    indices: NDArray[Any],
    palettes: NDArray[np.uint8],
    rows: ArrayLike,
    *,
    bits: int,
    width: int,
    out: NDArray[Any] | None = None,
    threads: int = 1,
    **form: Unpack[PixelForm],
) -> NDArray[Any]:
    """Return the pixels of some images of a dataset as one array.

    Parameters
    ----------
    indices
        Shape (N, H, ceil(width * bits / 8)), uint8, as :func:`~icsys.image.arrays.packing.pack_rows` packs them; with
        16 bits (N, H, width), uint16. A read-only memory map will do. An index past the palette shows its last colour.
    palettes
        Shape (N, K, 3), uint8: R, G and B of the colours of each image; or (K, 3), one palette for all images.
    rows
        The n images to take, integers from 0 to N - 1, in any order and as often as wished.
    bits
        Bits a pixel: 1, 2, 4, 8 or 16; at least ``bits_for(K)``.
    width
        Pixels of a row of an image.
    out
        Array to write to and return, C-contiguous, of the shape and dtype of the result; a new one if left out. To
        write to the same memory again and again spares the time that the system takes to hand out new memory.
    threads
        Threads that share the work; any number gives the same pixels. The GIL is released meanwhile.
    **form
        ``layout``: "CHW" (default) or "HWC". ``dtype``: "uint8" (default), "float32" or "float16". ``mean``, ``std``:
        for floats, a number or one for each of R, G and B; a value is (level / 255 - mean) / std, computed in float64
        and rounded once; 0 and 1 if left out. ``flip``: shape (n,), bool, the images to mirror left to right.
        ``crop``: (tops, lefts, height, width) in pixels, where tops and lefts are integers or of shape (n,); an image
        that is cropped and flipped shows the cropped part, mirrored.

    Returns
    -------
    numpy.ndarray
        Shape (n, 3, h, w) for "CHW", (n, h, w, 3) for "HWC".

    Raises
    ------
    UsageError
        If shapes, dtypes, rows or wishes are others than these.
    """
    _check_form(form)
    if not _is_whole(threads) or threads < 1:
        raise UsageError(f"threads={threads!r}: expected a whole number from 1 on")
    _check_images(indices, palettes, bits, width)
    taken = _rows(rows, len(indices))
    indices, palettes, taken = _readable(indices, palettes, taken)
    flips = _flips(form.get("flip"), len(taken))
    corners, size = _window(form.get("crop"), len(taken), (indices.shape[1], width))
    planar = form.get("layout", "CHW") == "CHW"
    values = _level_values(form.get("dtype", "uint8"), _channels("mean", form, 0.0), _channels("std", form, 1.0))
    out = _target(out, (len(taken), *((_CHANNELS, *size) if planar else (*size, _CHANNELS))), values.dtype)
    if np.may_share_memory(out, indices) or np.may_share_memory(out, palettes):
        raise UsageError("out shares memory with indices or palettes: expected an array of its own")
    batch = _Batch(
        indices.ctypes.data,
        indices.strides[0],
        indices.shape[2] * indices.itemsize,
        width,
        bits,
        palettes.ctypes.data,
        palettes.strides[0] if palettes.ndim > 2 else 0,  # noqa: PLR2004 - images, colours, channels
        palettes.shape[-2],
        taken.ctypes.data,
        None if flips is None else flips.ctypes.data,
        *((None, None) if corners is None else (one.ctypes.data for one in corners)),
        *size,
        values.ctypes.data,
        values.itemsize,
        planar,
        _LONG_SHUFFLES,
        out.ctypes.data,
    )
    batch.arrays = indices, palettes, taken, flips, corners, values, out  # in memory for as long as the structure is
    _run(batch, len(taken), min(threads, max(1, out.nbytes // _BYTES_OF_A_THREAD)))
    return out


def _is_whole(number: object) -> bool:
    return isinstance(number, int | np.integer)


def _check_form(form: PixelForm) -> None:
    """Refuse a wish that is not known."""
    for name in form.keys() - PixelForm.__annotations__.keys():
        raise TypeError(f"expand_batch() got an unexpected keyword argument {name!r}")
    for name, given, known in (
        ("layout", form.get("layout", "CHW"), PIXEL_LAYOUTS),
        ("dtype", form.get("dtype", "uint8"), PIXEL_DTYPES),
    ):
        if given not in known:
            raise UsageError(f"{name}={given!r}: expected one of {', '.join(known)}")


def _check_images(indices: NDArray[Any], palettes: NDArray[np.uint8], bits: int, width: int) -> None:
    """Refuse arrays that are not those of images with this many bits and this width."""
    dtype = index_dtype(bits)
    columns = packed_width(bits, width)
    if width < 1 or indices.dtype != dtype or indices.ndim != _CHANNELS or indices.shape[2] != columns:
        raise UsageError(
            f"indices {indices.shape} of {indices.dtype}, {width} pixels of {bits} bits: expected (N, H, {columns}) of "
            f"{dtype} and a width of at least 1"
        )
    *images, colors, channels = palettes.shape if palettes.ndim > 1 else (0, 0)
    fits = images in ([], [len(indices)]) and 1 <= colors <= 1 << bits and channels == _CHANNELS
    if palettes.dtype != np.uint8 or not fits:
        raise UsageError(
            f"palettes {palettes.shape} of {palettes.dtype}: expected ({len(indices)}, K, 3) or (K, 3) of uint8 with K "
            f"from 1 to {1 << bits}, as {bits} bits number"
        )


def _rows(rows: ArrayLike, images: int) -> NDArray[np.int64]:
    """Return the images to take as an array."""
    taken = np.asarray(rows)
    if taken.ndim != 1 or (taken.size and taken.dtype.kind not in "iu"):
        raise UsageError(f"rows {taken.shape} of {taken.dtype}: expected (n,) of integers")
    if taken.size and not (taken.min() >= 0 and taken.max() < images):
        raise UsageError(
            f"rows from {taken.min()} to {taken.max()}: expected 0 to {images - 1}, the images that there are"
        )
    return np.ascontiguousarray(taken, np.int64)


def _readable(
    indices: NDArray[Any], palettes: NDArray[np.uint8], taken: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.uint8], NDArray[np.int64]]:
    """Return arrays whose images lie in one piece each; where they do not, copies of the images that are taken."""
    shared = palettes.ndim == 2  # noqa: PLR2004 - colours, channels
    if indices[:1].flags.c_contiguous and indices.flags.aligned:
        if shared:
            return indices, np.ascontiguousarray(palettes), taken
        if palettes[:1].flags.c_contiguous:
            return indices, palettes, taken
    own = palettes if shared else palettes[taken]
    # A selection keeps the order of axes in memory that the array has.
    return np.ascontiguousarray(indices[taken]), np.ascontiguousarray(own), np.arange(len(taken), dtype=np.int64)


def _flips(flip: NDArray[np.bool_] | None, n: int) -> NDArray[np.bool_] | None:
    if flip is None:
        return None
    flips = np.asarray(flip)
    if flips.dtype != np.bool_ or flips.shape != (n,):
        raise UsageError(f"flip {flips.shape} of {flips.dtype}: expected ({n},) of bool, one for each row")
    return np.ascontiguousarray(flips)


def _window(
    crop: Crop | None, n: int, whole: tuple[int, int]
) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]] | None, tuple[int, int]]:
    """Return the tops and lefts of what is kept, None for all, and its height and width."""
    if crop is None:
        return None, whole
    if [_is_whole(kept) for kept in crop[2:]] != [True, True]:
        raise UsageError(f"crop={crop!r}: expected (tops, lefts, height, width) with a whole height and width")
    tops, lefts, *size = crop
    corners = []
    for name, given, kept, full in zip(("top", "left"), (tops, lefts), size, whole, strict=True):
        at = np.asarray(given)
        if at.shape not in ((), (n,)) or (at.size and at.dtype.kind not in "iu"):
            raise UsageError(f"crop {name}s {at.shape} of {at.dtype}: expected an integer, or ({n},) of integers")
        if not 1 <= kept <= full:
            raise UsageError(f"crop of {size[0]}x{size[1]} (height x width): expected 1x1 to {whole[0]}x{whole[1]}")
        if at.size and not (at.min() >= 0 and at.max() <= full - kept):
            raise UsageError(f"crop {name}s from {at.min()} to {at.max()}: expected 0 to {full - kept}")
        corners.append(np.ascontiguousarray(np.broadcast_to(at, (n,)), np.int64))
    return (corners[0], corners[1]), (size[0], size[1])


def _channels(name: Literal["mean", "std"], form: PixelForm, usual: float) -> tuple[float, ...]:
    """Return the mean or the standard deviation of R, G and B."""
    given = form.get(name)
    if given is None:
        return (usual,) * _CHANNELS
    if form.get("dtype", "uint8") == "uint8":
        raise UsageError(f"{name}={given!r} with uint8: expected dtype='float32' or 'float16', or no {name}")
    numbers = np.asarray(given, np.float64)
    if numbers.shape not in ((), (1,), (_CHANNELS,)) or not np.isfinite(numbers).all():
        raise UsageError(f"{name}={given!r}: expected a finite number, or one for each of R, G and B")
    if name == "std" and not (numbers > 0).all():
        raise UsageError(f"std={given!r}: expected numbers above 0")
    return tuple(np.broadcast_to(numbers, _CHANNELS).tolist())


@lru_cache(maxsize=16)
def _level_values(dtype: str, mean: tuple[float, ...], std: tuple[float, ...]) -> NDArray[Any]:
    """Return what each level of R, G and B becomes, shape (3, 256)."""
    levels = np.arange(_LEVELS)
    if dtype == "uint8":
        return np.tile(levels.astype(np.uint8), (_CHANNELS, 1))
    with np.errstate(over="ignore"):
        values = ((levels / (_LEVELS - 1) - np.array(mean)[:, None]) / np.array(std)[:, None]).astype(dtype)
    if not np.isfinite(values).all():
        raise UsageError(f"mean={mean}, std={std}: expected values that {dtype} holds")
    return values


def _target(out: NDArray[Any] | None, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    if out is None:
        return np.empty(shape, dtype)
    if out.shape != shape or out.dtype != dtype or not out.flags.carray:
        raise UsageError(
            f"out {out.shape} of {out.dtype} with strides {out.strides}: expected {shape} of {dtype}, C-contiguous and "
            "writeable"
        )
    return out


def _run(batch: _Batch, n: int, threads: int) -> None:
    """Divide the images of a batch among threads; the calling one is the first."""
    edges = [n * part // threads for part in range(threads + 1)]
    others = [threading.Thread(target=_expand, args=(batch, *part)) for part in pairwise(edges[1:])]
    started = []
    try:
        for thread in others:
            thread.start()
            started.append(thread)
        _expand(batch, edges[0], edges[1])
    finally:  # what fails here leaves no thread behind that writes to memory of the caller
        for thread in started:
            thread.join()


def _expand(batch: _Batch, first: int, last: int) -> None:
    KERNELS.expand(ctypes.addressof(batch), first, last)
