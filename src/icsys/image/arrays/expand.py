"""Batches of pixels from packed indices and palettes: crops, flips, order of axes and normalisation in one pass.

A pixel is an entry of a palette, so whatever is done to colours alone is done to the palette. The kernels turn the few
colours of each image into the values that are wished, and then look up every pixel once.
"""

from __future__ import annotations

import ctypes
import threading
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict

import numpy as np

from icsys.errors import UsageError
from icsys.image.arrays.batch_checks import (
    check_images,
    check_own_palettes,
    flags_of,
    is_integer,
    rows_to_take,
    shift_of,
    window_of,
)
from icsys.image.arrays.packing import index_dtype
from icsys.native.library import KERNELS, LIBRARY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from numpy.typing import ArrayLike, NDArray

    from icsys.image.arrays.batch_checks import Crop, Shift

    Channels = float | Sequence[float] | NDArray[Any]

PIXEL_LAYOUTS = ("CHW", "HWC")
PIXEL_DTYPES = ("uint8", "float32", "float16", "bfloat16")
_CHANNELS = 3
_ANY_PALETTE = np.zeros((1, _CHANNELS), np.uint8)
_SHARED = 2  # axes of a palette that all images share
_LEVELS = 256
# Of bfloat16: bits of its significand, the exponent of its least number, and the bits that float32 has more.
_DIGITS, _LEAST_EXPONENT, _HALF = 8, -133, 16
# A thread is worth its start for this many bytes of pixels.
_BYTES_OF_A_THREAD = 1 << 20
_LONG_SHUFFLES: int = LIBRARY.has_long_shuffles()


class PixelForm(TypedDict, total=False):
    """How the pixels of a batch are wished; see :func:`expand_batch`."""

    layout: Literal["CHW", "HWC"]
    dtype: Literal["uint8", "float32", "float16", "bfloat16"]
    mean: Channels | None
    std: Channels | None
    flip: NDArray[np.bool_] | None
    crop: Crop | None
    shift: Shift | None
    own_palettes: NDArray[np.uint8] | None


class IndexChanges(TypedDict, total=False):
    """What is changed in indices; see :func:`unpack_batch`."""

    flip: NDArray[np.bool_] | None
    crop: Crop | None
    shift: Shift | None


class _Images(NamedTuple):
    """Packed indices, the images to take from them, bits of an index, and width of an image."""

    indices: NDArray[Any]
    taken: NDArray[np.int64]
    bits: int
    width: int


class _LookUp(NamedTuple):
    """What indices become: numbers of a type, from levels and palettes with so many colours; or the indices."""

    dtype: np.dtype[Any]
    values: NDArray[Any] | None
    palettes: NDArray[np.uint8] | None
    palette_at: NDArray[np.int64] | None
    colors: int


class _Batch(ctypes.Structure):
    """The structure ``Batch`` of the kernels."""

    _fields_ = (
        ("indices", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("image_bytes", "row_bytes", "height", "width", "bits")),
        ("palettes", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("palette_bytes", "colors")),
        *((name, ctypes.c_void_p) for name in ("rows", "palette_rows", "flips", "tops", "lefts", "downs", "rights")),
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
        ``layout``: "CHW" (default) or "HWC". ``dtype``: "uint8" (default), "float32", "float16", or "bfloat16",
        whose bits come as uint16. ``mean``, ``std``: for floats, a number or one for each of R, G and B; a value is
        (level / 255 - mean) / std, computed in float64 and rounded once, to the nearest, halves to even; 0 and 1 if
        left out. ``flip``: shape (n,), bool, the images to mirror left to right.
        ``crop``: (tops, lefts, height, width) in pixels, where tops and lefts are integers or of shape (n,); an image
        that is cropped and flipped shows the cropped part, mirrored. ``shift``: (downs, rights) in pixels, integers or
        of shape (n,), negative for up and left: what is shown is moved by so much before it is mirrored, so the pixel
        (y, x) of the part from (top, left) on comes from row ``top + y - down`` and column ``left + x - right`` of the
        whole image; past its edges, the outermost pixels are repeated. ``own_palettes``: shape (n, K, 3), uint8, the
        palettes to use for these rows, instead of those in ``palettes``.

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
    check_images(indices, palettes, bits, width)
    taken = rows_to_take(rows, len(indices))
    own = form.get("own_palettes")
    check_own_palettes(own, len(taken), bits)
    values = _level_values(form.get("dtype", "uint8"), _channels("mean", form, 0.0), _channels("std", form, 1.0))
    chosen = (palettes, taken) if own is None else (own, np.arange(len(taken), dtype=np.int64))
    if out is not None and np.may_share_memory(out, chosen[0]):
        raise UsageError("out shares memory with palettes: expected an array of its own")
    look_up = _LookUp(values.dtype, values, *_readable(*chosen), chosen[0].shape[-2])
    images = _Images(indices, taken, bits, width)
    changes: IndexChanges = {"flip": form.get("flip"), "crop": form.get("crop"), "shift": form.get("shift")}
    return _expanded(images, look_up, changes, form.get("layout", "CHW"), out=out, threads=threads)


def unpack_batch(
    indices: NDArray[Any],
    rows: ArrayLike,
    *,
    bits: int,
    width: int,
    colors: int,
    out: NDArray[Any] | None = None,
    threads: int = 1,
    **changes: Unpack[IndexChanges],
) -> NDArray[Any]:
    """Return one index a pixel of some images of a dataset as one array, shape (n, h, w).

    Parameters
    ----------
    indices, rows, bits, width, threads
        As for :func:`expand_batch`.
    colors
        Number of colours of a palette; an index past them becomes the last one.
    out
        As for :func:`expand_batch`: uint8, or uint16 or int32 for 16 bits. A new one is uint8 or uint16.
    **changes
        ``flip``, ``crop`` and ``shift`` as for :func:`expand_batch`.

    Raises
    ------
    UsageError
        If shapes, dtypes, rows or changes are others than these.
    """
    if not is_integer(colors) or not 1 <= colors <= 1 << bits:
        raise UsageError(f"colors={colors!r}: expected a whole number from 1 to {1 << bits}, as {bits} bits number")
    dtype = index_dtype(bits)
    if out is not None and dtype == np.uint16 and out.dtype == np.int32:
        dtype = np.dtype(np.int32)
    check_images(indices, _ANY_PALETTE, bits, width)
    images = _Images(indices, rows_to_take(rows, len(indices)), bits, width)
    return _expanded(images, _LookUp(dtype, None, None, None, colors), changes, "index", out=out, threads=threads)


def _expanded(
    images: _Images, look_up: _LookUp, changes: IndexChanges, layout: str, *, out: NDArray[Any] | None, threads: int
) -> NDArray[Any]:
    """Return what the kernel makes of a batch."""
    if not is_integer(threads) or threads < 1:
        raise UsageError(f"threads={threads!r}: expected a whole number from 1 on")
    n, whole = len(images.taken), (images.indices.shape[1], images.width)
    flips = flags_of(changes.get("flip"), n)
    corners, size = window_of(changes.get("crop"), n, whole)
    moved = shift_of(changes.get("shift"), n, whole)
    shape = {"CHW": (n, _CHANNELS, *size), "HWC": (n, *size, _CHANNELS), "index": (n, *size)}[layout]
    out = _target(out, shape, look_up.dtype)
    if np.may_share_memory(out, images.indices):
        raise UsageError("out shares memory with indices: expected an array of its own")
    indices, at = _readable(images.indices, images.taken)
    palettes = look_up.palettes
    arrays = at, look_up.palette_at, flips, *(corners or (None, None)), *(moved or (None, None))
    batch = _Batch(
        indices.ctypes.data,
        indices.strides[0],
        indices.shape[2] * indices.itemsize,
        *whole,
        images.bits,
        *((None, 0) if palettes is None else (palettes.ctypes.data, _stride_of(palettes))),
        look_up.colors,
        *(None if one is None else one.ctypes.data for one in arrays),
        *size,
        None if look_up.values is None else look_up.values.ctypes.data,
        look_up.dtype.itemsize,
        layout != "HWC",
        _LONG_SHUFFLES,
        out.ctypes.data,
    )
    batch.arrays = indices, arrays, look_up, out  # in memory for as long as the structure is
    _run(batch, n, min(threads, max(1, out.nbytes // _BYTES_OF_A_THREAD)))
    return out


def _stride_of(palettes: NDArray[np.uint8]) -> int:
    """Return the bytes from one palette to the next; 0 for one that all images share."""
    return palettes.strides[0] if palettes.ndim > _SHARED else 0


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


def _readable(array: NDArray[Any], taken: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return an array whose images lie in one piece each, and the images to take from it; a copy if they do not."""
    if array.ndim == _SHARED:
        return np.ascontiguousarray(array), taken
    if array[:1].flags.c_contiguous and array.flags.aligned:
        return array, taken
    # A selection keeps the order of axes in memory that the array has.
    return np.ascontiguousarray(array[taken]), np.arange(len(taken), dtype=np.int64)


def _channels(name: Literal["mean", "std"], form: PixelForm, usual: float) -> tuple[float, ...]:
    """Return the mean or the standard deviation of R, G and B."""
    given = form.get(name)
    if given is None:
        return (usual,) * _CHANNELS
    if form.get("dtype", "uint8") == "uint8":
        raise UsageError(
            f"{name}={given!r} with uint8: expected a dtype of {', '.join(PIXEL_DTYPES[1:])}, or no {name}"
        )
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
        values = (levels / (_LEVELS - 1) - np.array(mean)[:, None]) / np.array(std)[:, None]
        rounded = _nearest_bfloat16(values) if dtype == "bfloat16" else values.astype(dtype)
    if not np.isfinite(rounded).all():
        raise UsageError(f"mean={mean}, std={std}: expected values that {dtype} holds")
    return (rounded.view(np.uint32) >> _HALF).astype(np.uint16) if dtype == "bfloat16" else rounded


def _nearest_bfloat16(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return numbers of bfloat16, which are those of float32 whose lower 16 bits are 0; halves are rounded to even."""
    _, exponents = np.frexp(values)
    units = np.ldexp(1.0, np.maximum(exponents - _DIGITS, _LEAST_EXPONENT))  # between a number and the next
    return (np.rint(values / units) * units).astype(np.float32)


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
