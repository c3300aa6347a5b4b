"""The form in which a model takes images: order of axes, type of numbers, mean and standard deviation; or indices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from icsys.errors import UsageError
from icsys.image.arrays.expand import PIXEL_DTYPES, PIXEL_LAYOUTS, expand_batch
from icsys.image.arrays.packing import index_dtype
from icsys.setting_fields import Choice

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

Flags: TypeAlias = "NDArray[np.bool_] | None"
"""One flag for each image, shape (n,); None for no flag set."""

BFLOAT16 = "bfloat16"
BFLOAT16_BITS = "bfloat16_bits"
"""A type of pixels: the bits of bfloat16, in uint16, for programs that do without the package ``ml_dtypes``."""

INDEX = "index"
"""The layout of a batch of indices, which has no axis for R, G and B."""

_RGB = 3


@dataclass(frozen=True, slots=True)
class BatchForm:
    """A form of pixels, or of the indices themselves, checked as it is built.

    Attributes
    ----------
    layout
        "CHW" for channels first, or "HWC"; "index" for one index a pixel.
    dtype
        "uint8" for levels from 0 to 255, "float32", "float16", "bfloat16" or its bits for numbers from 0 to 1,
        normalised; of indices, "uint8", "uint16" or "int32".
    mean, std
        Of each channel, for numbers from 0 to 1; a pixel becomes ``(level / 255 - mean) / std``.
    """

    layout: str = "CHW"
    dtype: str = "uint8"
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def shape(self, images: int, height: int, width: int) -> tuple[int, ...]:
        """Return the shape of a batch."""
        if self.layout == INDEX:
            return images, height, width
        return (images, _RGB, height, width) if self.layout == "CHW" else (images, height, width, _RGB)

    def keywords(self) -> dict[str, Any]:
        """Return the form as the keywords of :meth:`icsys.Dataset.pixels`."""
        return {"layout": self.layout, "dtype": self.dtype, "mean": self.mean, "std": self.std}

    def expand_keywords(self) -> dict[str, Any]:
        """Return the form as the keywords of :func:`~icsys.image.arrays.expand.expand_batch`."""
        return self.keywords() | ({"dtype": BFLOAT16} if self.dtype == BFLOAT16_BITS else {})

    @property
    def array_dtype(self) -> np.dtype[Any]:
        """Of an array of the form."""
        return np.dtype(np.uint16 if self.dtype == BFLOAT16_BITS else self.dtype)

    def as_written(self, out: NDArray[Any]) -> NDArray[Any]:
        """Return an array of the form as it is written: of bfloat16, the bits."""
        return out.view(np.uint16) if self.dtype == BFLOAT16 else out

    def to_out(self, out: Any, images: int | None, height: int, width: int) -> NDArray[Any]:  # noqa: ANN401
        """Return the array for a batch, or for one image if ``images`` is None: a new one, or the given one, checked.

        Either has an axis of images.
        """
        shape = self.shape(1 if images is None else images, height, width)
        if out is None:
            return np.empty(shape, self.array_dtype)
        wanted = shape if images is not None else shape[1:]
        if not isinstance(out, np.ndarray) or out.shape != wanted or out.dtype != self.array_dtype:
            given = f"{getattr(out, 'dtype', type(out).__name__)} {getattr(out, 'shape', '')}".strip()
        elif not out.flags.carray:
            given = "read-only" if not out.flags.writeable else "unaligned" if out.flags.c_contiguous else "strided"
        else:
            return out.reshape(shape)
        raise UsageError(f"out is {given}: expected a contiguous array of {self.array_dtype} {wanted} to write into")


def batch_form(layout: str, dtype: DTypeLike, mean: object, std: object) -> BatchForm:
    """Return a form from what a user gives.

    Raises
    ------
    UsageError
        If a value is not one of those expected.
    """
    layout, name = Choice(PIXEL_LAYOUTS, exact=True).accept("layout", layout), _name_of(dtype)
    if name not in (*PIXEL_DTYPES, BFLOAT16_BITS):
        more = (
            ""
            if not isinstance(dtype, str) or dtype != BFLOAT16
            else "; NumPy has bfloat16 where the package ml_dtypes is imported"
        )
        raise UsageError(f"dtype={dtype!r}: expected one of {', '.join((*PIXEL_DTYPES, BFLOAT16_BITS))}{more}")
    if name == "uint8" and not (mean is None and std is None):
        raise UsageError(
            "mean and std with dtype='uint8': expected dtype='float32', 'float16' or 'bfloat16', or no mean and std"
        )
    return BatchForm(layout, name, _three("mean", mean), _three("std", std, above=0.0))


def index_form(bits: int, *, signed: bool = False) -> BatchForm:
    """Return the form of indices of so many bits; those of 16 bits are int32 if signed, as PyTorch has them."""
    dtype = index_dtype(bits)
    return BatchForm(INDEX, "int32" if signed and dtype == np.uint16 else dtype.name)


def show_pixels(pixels: NDArray[np.uint8], form: BatchForm, out: NDArray[Any]) -> None:
    """Write pixels of shape (n, H, W, 3) into an array of a form."""
    target = out if form.layout == "HWC" else np.moveaxis(out, 1, -1)
    if form.dtype == "uint8":
        target[...] = pixels
        return
    levels = level_table(form.dtype, form.mean, form.std)
    for channel in range(_RGB):
        target[..., channel] = levels[:, channel][pixels[..., channel]]


@lru_cache(8)
def level_table(dtype: str, mean: tuple[float, ...] | None, std: tuple[float, ...] | None) -> NDArray[Any]:
    """Return what each level of each channel becomes, shape (256, 3), rounded as the kernels do; bits of bfloat16."""
    levels = np.arange(256, dtype=np.uint8)
    palettes = np.stack([levels] * _RGB, axis=-1)
    form: Any = BatchForm("HWC", dtype, mean, std).expand_keywords()
    table = expand_batch(levels.reshape(1, 1, -1), palettes, np.zeros(1, np.int64), bits=8, width=256, **form)[0, 0]
    table.flags.writeable = False
    return table


def _name_of(dtype: DTypeLike) -> str:
    """Return the name of a type of numbers; empty if NumPy has no such type."""
    if isinstance(dtype, str) and dtype == BFLOAT16_BITS:
        return BFLOAT16_BITS
    try:
        return np.dtype(dtype).name
    except (TypeError, ValueError):  # ValueError for tensors
        return ""


def _three(name: str, values: object, above: float = -math.inf) -> tuple[float, ...] | None:
    """Return a number for each channel."""
    if values is None:
        return None
    try:
        given = np.asarray(values)
        given = given.astype(np.float64) if given.dtype.kind in "iuf" else np.empty(0)
    except (TypeError, ValueError):
        given = np.empty(0)
    numbers = tuple(np.broadcast_to(given, _RGB).tolist()) if given.shape in ((), (_RGB,)) else ()
    if not numbers or not all(math.isfinite(number) and number > above for number in numbers):
        more = "" if above == -math.inf else f" above {above:g}"
        raise UsageError(f"{name}={values!r}: expected a number{more}, or one for each of R, G and B")
    return numbers
