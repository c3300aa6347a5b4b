"""Values that were used last, kept within a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

_Value = TypeVar("_Value")

_OVERHEAD = 1000  # bytes of what stands beside a value, about


class KeptWithinBytes(Generic[_Value]):
    """A table that forgets what was not used for longest.

    Parameters
    ----------
    most_bytes
        Bytes of all values together; a single larger value is not kept.
    bytes_of
        Returns the bytes of a value.
    """

    def __init__(self, most_bytes: int, bytes_of: Callable[[_Value], int]) -> None:
        self._most, self._bytes_of = most_bytes, bytes_of
        self._values: OrderedDict[Hashable, _Value] = OrderedDict()
        self._lock = threading.Lock()
        self.bytes = 0
        """Bytes that are kept."""

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable) -> _Value | None:
        """Return a value; None if it is not kept."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key]

    def put(self, key: Hashable, value: _Value) -> None:
        """Keep a value, and forget others if there is no room for all."""
        with self._lock:
            if key in self._values:
                self.bytes -= self._size(self._values.pop(key))
            if self._size(value) > self._most:
                return
            self._values[key] = value
            self.bytes += self._size(value)
            while self.bytes > self._most:
                self.bytes -= self._size(self._values.popitem(last=False)[1])

    def _size(self, value: _Value) -> int:
        return self._bytes_of(value) + _OVERHEAD
