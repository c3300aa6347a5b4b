"""MKM, or a given palette, in one call: from pixels to palette and indices, without the layers of Python in between.

The steps of a small image take less time than the calls between them. The result is that of
:func:`icsys.color.kmeans.reduce_pixels` or :func:`icsys.color.strategy_steps.map_to`, whose layers serve every other
choice.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from icsys.choices import MAX_INDEXED_COLORS
from icsys.color.kmeans import EFFORT_TABLE, FINER, GROWTH, MOST_HIDDEN, POLISH
from icsys.color.scratch import KEPT_BYTES, thread_scratch
from icsys.color.strategy_steps import Reduced
from icsys.native.library import KERNELS, address

if TYPE_CHECKING:
    from numpy.typing import NDArray

EFFORT = "fast"
"""The effort of the one call."""
_RGB = 3


class _Plan(ctypes.Structure):
    _fields_ = (
        ("k", ctypes.c_int64),
        *((name, ctypes.c_double) for name in ("fineness", "most_hidden", "finer", "share")),
        ("settle", ctypes.c_int64),
        ("moved", ctypes.c_double),
        ("patience", ctypes.c_int64),
        ("tolerance", ctypes.c_double),
        *((name, ctypes.c_int64) for name in ("limit", "last", "polish")),
    )


@cache
def _plan(n_colors: int) -> _Plan:
    effort = EFFORT_TABLE[EFFORT]
    return _Plan(
        k=n_colors,
        fineness=effort.fineness,
        most_hidden=MOST_HIDDEN,
        finer=FINER,
        share=GROWTH[0],
        settle=GROWTH[1],
        moved=effort.moved,
        patience=effort.patience,
        tolerance=effort.tolerance,
        limit=effort.limit,
        last=effort.last,
        polish=POLISH,
    )


def is_one_call(pixels: NDArray[np.uint8], n_colors: int) -> bool:
    """Return whether one call reduces an image: of R, G and B, to as many colours as one byte numbers."""
    return n_colors <= MAX_INDEXED_COLORS and pixels.shape[2:] == (_RGB,)


def reduce_in_one_call(pixels: NDArray[np.uint8], n_colors: int) -> Reduced:
    """Reduce pixels as :func:`icsys.color.kmeans.reduce_pixels` does with effort "fast" in sRGB.

    Parameters
    ----------
    pixels
        Shape (N, 3), uint8, C-contiguous, N from 1 to below 2^32.
    n_colors
        1 to 256.
    """
    palette, indices = np.empty((n_colors, _RGB), np.uint8), np.empty(len(pixels), np.uint8)
    error = ctypes.c_double()
    given = address(pixels, np.uint8), len(pixels), ctypes.addressof(_plan(n_colors)), *_memory()
    n = KERNELS.reduce(*given, address(palette, np.uint8), address(indices, np.uint8), ctypes.byref(error))
    return Reduced(palette[:n].copy() if n < n_colors else palette, indices, int(error.value))


def map_in_one_call(pixels: NDArray[np.uint8], palette: NDArray[np.uint8]) -> Reduced:
    """Map pixels to a palette as :func:`icsys.color.strategy_steps.map_to` does in sRGB.

    Parameters
    ----------
    pixels
        Shape (N, 3), uint8, C-contiguous, N from 1 to below 2^32.
    palette
        Shape (k, 3), uint8, k from 1 to 256.
    """
    indices = np.empty(len(pixels), np.uint8)
    error = ctypes.c_double()
    palette = np.ascontiguousarray(palette)
    given = address(pixels, np.uint8), len(pixels), address(palette, np.uint8), len(palette), *_memory()
    KERNELS.map_to(*given, address(indices, np.uint8), ctypes.byref(error))
    return Reduced(palette, indices, int(error.value))


def _memory() -> tuple[int, int]:
    """Return the address and the bytes of the thread's memory."""
    return address(thread_scratch().empty("one call", (KEPT_BYTES,), np.uint8), np.uint8), KEPT_BYTES
