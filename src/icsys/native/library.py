"""The compiled kernels as Python functions, in the fastest version for this processor.

Kernels release the GIL. They take addresses only: callers check shapes, and :func:`address` checks the dtype and the
memory layout of an array.
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
# Return type and argument types of the kernels: n (integer), f (float), p (address of an array or structure).
_LETTERS: dict[str, Any] = {"n": _INT, "f": _FLOAT, "p": _ADDRESS, "-": None}
_SIGNATURES = {
    "mark_colors": "n pnpppp",
    "count_colors": "n pnpppnppppp",
    "merge_colors": "n pnppfp",
    "place_cells": "f pnppppp",
    "bound_points": "- ppnnppp",
    "map_ranks": "- pnppn",
    "reassign": "n pppn",
    "nearest_centers": "n ppnnpnp",
    "lloyd": "n pppnnfnfp",
    "grow": "n pppnnfn",
    "improve": "n pppnnfnnnp",
    "best_levels": "n pnnp",
    "principal_axis": "f pnp",
    "split": "f pnpp",
    "merge_costs": "n pnnpp",
    "reduce": "n pnppnppp",
    "map_to": "n pnpnpnpp",
    "average_area": "n pnnnpnpnp",
    "filter_rows": "n pnnnnp",
    "pack_rows": "n pnnnnpp",
    "similarity": "n ppnnnpfffp",
    "expand": "- pnn",
}
# Functions that exist once, for all instruction sets.
_COMMON_SIGNATURES = {
    "processor_level": "n",
    "has_long_shuffles": "n",
    "file_system_type": "n n",
    "sync_file_system": "n n",
}
_OUT_OF_MEMORY = -1


class Kernels:
    """The kernels of one instruction set, as functions by name.

    Parameters
    ----------
    library
        The compiled kernels.
    level
        The instruction set: the suffix of its kernels' names.
    """

    def __init__(self, library: ctypes.CDLL, level: str) -> None:
        self.level = level
        for name, signature in _SIGNATURES.items():
            function = _declared(_kernel(library, f"{name}_{level}"), signature)
            if signature.startswith("n"):
                function.errcheck = _check_memory
            setattr(self, name, function)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - functions of many shapes
        """Declare kernels as attributes for type checkers; at run time they are real attributes."""
        raise AttributeError(f"there is no kernel {name!r}")


def _declared(function: Any, signature: str) -> Any:  # noqa: ANN401 - ctypes keeps the type of its functions to itself
    """Return a function of the library after its types have been set."""
    returned, _, taken = signature.partition(" ")
    function.restype, function.argtypes = _LETTERS[returned], [_LETTERS[letter] for letter in taken]
    return function


def _check_memory(result: int, _function: object, _arguments: object) -> int:
    if result == _OUT_OF_MEMORY:
        raise MemoryError
    return result


def address(array: NDArray[Any], dtype: DTypeLike) -> int:
    """Return the memory address of an array's values.

    Raises
    ------
    TypeError
        If it is not C-contiguous or not of ``dtype``: a kernel would read other memory than the array's.
    """
    if array.dtype != dtype or not array.flags.c_contiguous:
        raise TypeError(f"array of {array.dtype} with strides {array.strides}: expected contiguous {np.dtype(dtype)}")
    try:  # three times as fast as array.ctypes
        return ctypes.addressof(ctypes.c_char.from_buffer(array.data))
    except (TypeError, ValueError):  # the array is read-only or empty
        return array.ctypes.data


def levels() -> tuple[str, ...]:
    """Return this processor's instruction sets that have kernels, the fastest first."""
    return {2: ("v2",), 3: ("v3", "v2")}.get(LIBRARY.processor_level(), ("base",))


def _load() -> ctypes.CDLL:
    suffix = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
    path = Path(__file__).with_name(f"kernels{suffix}")
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise ImportError(
            f"the compiled kernels {path} cannot be loaded ({error}): "
            "install icsys again, with pip install --force-reinstall icsys"
        ) from error
    for name, signature in _COMMON_SIGNATURES.items():
        _declared(_kernel(library, name), signature)
    return library


def _kernel(library: ctypes.CDLL, name: str) -> Any:  # noqa: ANN401 - ctypes keeps the type of its functions to itself
    """Return a function that this version of the package calls.

    Raises
    ------
    ImportError
        If the library lacks it.
    """
    try:
        return library[name]
    except AttributeError as error:
        raise ImportError(
            f"the compiled kernels are older than the package ({error}): install icsys again, with pip install "
            "--force-reinstall icsys, or in a checkout compile them with hatch_build.compile_kernels"
        ) from error


LIBRARY = _load()
KERNELS = Kernels(LIBRARY, levels()[0])
"""The kernels in use."""
