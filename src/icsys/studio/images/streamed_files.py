"""Files of an archive that can only be read from its beginning on, as a compressed tar."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from icsys.errors import ImageError, UsageError
from icsys.studio.images.kept_bytes import KeptWithinBytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from icsys.options import Options
    from icsys.sources.base import Loaded, Source, Task

_MOST_BYTES = 32 * 2**20


def is_streamed(task: Task) -> bool:
    """Return whether an image lies in an archive that can only be read from its beginning on."""
    return bool(getattr(task.place, "streamed", False))


class StreamedFiles:
    """Reads on where the last read ended, and keeps what lies between for the requests that follow.

    A grid asks for images about in their order, so an archive is unpacked once for all of them.

    Parameters
    ----------
    source
        The archive.
    tasks
        Its images, in its order; the list may grow.
    """

    def __init__(self, source: Source, tasks: Sequence[Task]) -> None:
        self._source, self._tasks = source, tasks
        self._passed = KeptWithinBytes[bytes](_MOST_BYTES, len)
        self._next = 0
        self._stream: Iterator[Loaded] = iter(())
        self._options: Options | None = None
        self._lock = threading.Lock()

    def read(self, number: int, options: Options) -> bytes:
        """Return the bytes of an image by its place in the list; errors as of ``Source.read``."""
        with self._lock:
            if (kept := self._passed.get(number)) is not None:
                return kept
            if number < self._next or self._options is None or options.max_bytes != self._options.max_bytes:
                self._begin(number, options)
            while self._next <= number:
                data = self._step(options)
        if isinstance(data, ImageError):
            raise data
        return data

    def close(self) -> None:
        """Close the archive."""
        with self._lock:
            self._begin(0, None)

    def _begin(self, number: int, options: Options | None) -> None:
        close = getattr(self._stream, "close", None)
        if close is not None:
            close()
        self._next, self._options = number, options
        self._stream = iter(()) if options is None else self._source.load(self._from(number), options)

    def _from(self, number: int) -> Iterator[Task]:
        while number < len(self._tasks):
            yield self._tasks[number]
            number += 1

    def _step(self, options: Options) -> bytes | ImageError:
        """Return the next image, and keep it."""
        try:
            task, data = next(self._stream)
        except StopIteration:
            self._options = None  # the list has grown, or the archive has ended: begin again next time
            raise UsageError(f"image {self._next} is not listed yet: ask again") from None
        if data is None:  # of another kind among archives
            data = self._source.read(task, options)[0]
        if isinstance(data, bytes):
            self._passed.put(self._next, data)
        self._next += 1
        return data
