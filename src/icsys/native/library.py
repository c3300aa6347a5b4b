"""The compiled kernels as Python functions, in the version that is fastest on this processor.

Kernels release the GIL. They see addresses only: whoever calls them has checked shapes, and :func:`address` checks
that an array is what its kernel reads.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

_INT, _FLOAT, _ADDRESS = ctypes.c_int64, ctypes.c_double, ctypes.c_void_p
# What kernels return and take, by the letters n (integer), f (float) and p (address of an array or structure).
_LETTERS: dict[str, Any] = {"n": _INT, "f": _FLOAT, "p": _ADDRESS, "-": None}
_SIGNATURES = {
    "mark_colors": "n pnpppp",
    "count_colors": "n pnppppnppppp",
    "merge_colors": "n pnppfp",
    "place_cells": "f pnppppp",
    "bound_points": "- ppnnppp",
    "map_ranks": "- pnppn",
    "reassign": "n pppn",
    "nearest_centers": "n ppnnpnp",
    "lloyd": "n pppnnfnfp",
    "grow": "n pppnnfn",
    "improve": "n pppnnfnnnp",
    "principal_axis": "f pnp",
    "split": "f pnpp",
    "merge_costs": "n pnnpp",
    "average_area": "n pnnnpnpnp",
    "filter_rows": "n pnnnnp",
    "similarity": "n ppnnnpfffp",
}
_OUT_OF_MEMORY = -1


class Kernels:
    """The kernels of one instruction set, each a function by its name.

    Parameters
    ----------
    library
        The compiled kernels.
    level
        The instruction set, as the names of its kernels end.
    """

    def __init__(self, library: ctypes.CDLL, level: str) -> None:
        self.level = level
        for name, signature in _SIGNATURES.items():
            returned, taken = signature.split()
            function = library[f"{name}_{level}"]
            function.restype, function.argtypes = _LETTERS[returned], [_LETTERS[letter] for letter in taken]
            if returned == "n":
                function.errcheck = _check_memory  # type: ignore[assignment] # results are numbers, not structures
            setattr(self, name, function)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - functions of many shapes
        """Tell type checkers that kernels are attributes; at run time every kernel is found before this is asked."""
        raise AttributeError(f"there is no kernel {name!r}")


def _check_memory(result: int, _function: object, _arguments: object) -> int:
    if result == _OUT_OF_MEMORY:
        raise MemoryError
    return result


def address(array: NDArray[Any], dtype: DTypeLike) -> int:
    """Return where the values of an array lie.

    Raises
    ------
    TypeError
        If it is not C-contiguous or not of ``dtype``: a kernel would read other memory than the array's.
    """
    if array.dtype != dtype or not array.flags.c_contiguous:
        raise TypeError(f"array of {array.dtype} with strides {array.strides}: expected contiguous {np.dtype(dtype)}")
    try:  # three times as fast as NumPy's own way
        return ctypes.addressof(ctypes.c_char.from_buffer(array.data))
    except (TypeError, ValueError):  # nothing can be written there, or there is nothing
        return array.ctypes.data


def levels() -> tuple[str, ...]:
    """Return the instruction sets of this processor that there are kernels for, the fastest first."""
    return {2: ("v2",), 3: ("v3", "v2")}.get(LIBRARY.processor_level(), ("base",))


def _load() -> ctypes.CDLL:
    suffix = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
    path = Path(__file__).with_name(f"kernels{suffix}")
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise ImportError(
            f"the compiled kernels {path} cannot be loaded ({error}): "
            "install icsys again, with pip install --force-reinstall icsys"
        ) from error


LIBRARY = _load()
KERNELS = Kernels(LIBRARY, levels()[0])
"""The kernels that everything uses."""
