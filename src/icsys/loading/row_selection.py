"""Rows of a dataset chosen as NumPy chooses them, and arrays of several files as one, read row by row."""

from __future__ import annotations

import math
import operator
from types import EllipsisType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import DTypeLike, NDArray

Rows: TypeAlias = "range | NDArray[np.int64]"
"""Numbers of rows; a range takes no memory."""

_Part = TypeVar("_Part")
_EXPECTED = "expected an integer, a slice, or a mask or integers in an array of one axis"


def choose_rows(rows: Rows, key: object) -> int | Rows:
    """Return the row, or the rows, that ``array[key]`` has for the array of these rows.

    Parameters
    ----------
    rows
        The rows to choose from.
    key
        An integer, a slice, a sequence or array of integers, or a mask; negative numbers count from the end.

    Raises
    ------
    IndexError
        If a number is out of range, a mask has another length, or the key is of another kind.

    Examples
    --------
    >>> choose_rows(range(10, 20), -1), choose_rows(range(10, 20), slice(2, 8, 3))
    (19, range(12, 18, 3))
    >>> choose_rows(range(10, 20), [3, -1])
    array([13, 19])
    """
    if isinstance(key, slice):
        return rows[key]
    if isinstance(key, bool | np.bool_ | tuple | str | bytes) or key is None or key is Ellipsis:
        hint = f"; split({key!r}) gives a split" if isinstance(key, str) else ""
        raise IndexError(f"{key!r}: {_EXPECTED}{hint}")
    try:
        number = operator.index(key)  # type: ignore[arg-type] # what has no index is an array, below
    except TypeError:
        return _rows_at(rows, _numbers_of(key))
    if not -len(rows) <= number < len(rows):
        raise IndexError(f"index {number} is out of range for {len(rows)} images")
    return int(rows[number])


def _numbers_of(key: object) -> NDArray[Any]:
    """Return what a user gives as an array; an empty list is one of integers, as in NumPy."""
    try:
        numbers = np.asarray(key)
    except (TypeError, ValueError):  # lists of several lengths
        raise IndexError(f"{key!r}: {_EXPECTED}") from None
    return numbers.astype(np.int64) if isinstance(key, list) and numbers.shape == (0,) else numbers


def _rows_at(rows: Rows, key: NDArray[Any]) -> NDArray[np.int64]:
    if key.ndim != 1 or key.dtype.kind not in "biu":
        raise IndexError(f"an array of shape {key.shape} and type {key.dtype}: {_EXPECTED}")
    if key.dtype == bool:
        if len(key) != len(rows):
            raise IndexError(f"a mask of length {len(key)} for {len(rows)} images: expected one value for each")
        places = np.flatnonzero(key)
    else:
        wrong = (key < -len(rows)) | (key >= len(rows)) if key.dtype.kind == "i" else key >= len(rows)
        if key.size and wrong.any():
            raise IndexError(f"index {key[wrong][0]} is out of range for {len(rows)} images")
        places = key.astype(np.int64)
        places[places < 0] += len(rows)
    if isinstance(rows, range):
        return rows.start + rows.step * places
    return rows[places]


def as_array(rows: Rows) -> NDArray[np.int64]:
    """Return the numbers of rows as an array."""
    return np.arange(rows.start, rows.stop, rows.step) if isinstance(rows, range) else rows


class RowsOfPart(NamedTuple):
    """The rows of one part among several: its number, rows within it, and their places among all chosen rows."""

    part: int
    rows: NDArray[np.int64]
    places: slice | NDArray[np.int64]


def rows_by_part(rows: NDArray[np.int64], starts: Sequence[int]) -> Iterator[RowsOfPart]:
    """Yield which of the chosen rows lie in which part; part p has the rows from ``starts[p]`` to ``starts[p + 1]``."""
    if len(starts) == 2:  # noqa: PLR2004 - one part, with its begin and its end
        yield RowsOfPart(0, rows - starts[0], slice(0, len(rows)))
        return
    parts = np.searchsorted(np.asarray(starts), rows, side="right") - 1
    for part in np.unique(parts).tolist():
        places = np.flatnonzero(parts == part)
        is_whole = places[-1] - places[0] + 1 == len(places)
        yield RowsOfPart(part, rows[places] - starts[part], slice(places[0], places[-1] + 1) if is_whole else places)


class ArrayRows(NDArrayOperatorsMixin):
    """Chosen rows of the arrays of several files, which are read when they are indexed.

    Indexing by rows, as NumPy does it, reads these rows; ``numpy.asarray``, operators such as ``==`` and ``/``, and
    functions of NumPy read all. Integers, slices and ``...`` of the other axes may follow: ``indices[[4, 0], 10:20]``.
    Pickled, they take the path of the folder along, and open the files in the other process; an array of NumPy, as one
    split has, takes its numbers along.

    Parameters
    ----------
    parts
        The splits, or what else has the arrays.
    array_of
        Gives the array of a part; a function of a module, where the rows are to be pickled.
    rows
        The rows, counted over all parts.

    Attributes
    ----------
    shape, dtype, ndim
        As of an array.
    """

    def __init__(self, parts: Sequence[_Part], array_of: Callable[[_Part], NDArray[Any]], rows: Rows) -> None:
        self._parts, self._array_of, self._rows = tuple(parts), array_of, rows
        self._arrays = arrays = list(map(array_of, parts))
        self._starts = [0, *np.cumsum([len(array) for array in arrays]).tolist()]
        self.shape = (len(rows), *arrays[0].shape[1:])
        self.dtype, self.ndim = arrays[0].dtype, arrays[0].ndim

    def __reduce__(self) -> tuple[type[ArrayRows], tuple[Any, ...]]:
        return ArrayRows, (self._parts, self._array_of, self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key: object) -> NDArray[Any]:
        first, *others = key if isinstance(key, tuple) and key else (key,)
        known = int | np.integer | slice | EllipsisType
        if not all(isinstance(one, known) and not isinstance(one, bool) for one in others):
            raise IndexError(f"{key!r}: expected integers, slices or ... behind the rows; numpy.asarray reads all rows")
        chosen = choose_rows(self._rows, first)
        if isinstance(chosen, int):
            return self._read(np.array([chosen]))[(0, *others)]
        return self._read(as_array(chosen))[(slice(None), *others)]

    def __array__(self, dtype: DTypeLike | None = None, *, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("rows of several files cannot be one array without a copy")
        return np.asarray(self._read(as_array(self._rows)), dtype)

    def __array_ufunc__(self, function: np.ufunc, method: str, *given: Any, **more: Any) -> Any:  # noqa: ANN401
        """Do what NumPy does with the arrays, whose rows are all read."""
        read = (np.asarray(one) if isinstance(one, ArrayRows) else one for one in given)
        return getattr(function, method)(*read, **more)

    def astype(self, dtype: DTypeLike) -> NDArray[Any]:
        """Return all values as another type."""
        return np.asarray(self).astype(dtype)

    @property
    def size(self) -> int:
        """Number of all values, as of an array."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all values, as of an array."""
        return self.size * self.dtype.itemsize

    def __repr__(self) -> str:
        return f"ArrayRows(shape={self.shape}, dtype={self.dtype})"

    def _read(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        out = np.empty((len(rows), *self.shape[1:]), self.dtype)
        for one in rows_by_part(rows, self._starts):
            out[one.places] = self._arrays[one.part][one.rows]
        return out


def without_copy(
    parts: Sequence[_Part], array_of: Callable[[_Part], NDArray[Any]], rows: Rows
) -> NDArray[Any] | ArrayRows:
    """Return the rows as a view of one array where that is possible, otherwise as :class:`ArrayRows`."""
    if len(parts) == 1 and isinstance(rows, range) and rows.step > 0:
        return array_of(parts[0])[rows.start : rows.stop : rows.step]
    return ArrayRows(parts, array_of, rows)
