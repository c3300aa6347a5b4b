"""News for the page: what is going on, as it changes. A page that comes later gets the latest of each kind."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

from icsys.files.parsing import from_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BEAT = 10.0  # seconds without news after which a line is sent anyway, so that a closed page is noticed


class Events:
    """The latest news of each kind.

    News of a kind replaces older news of that kind: a slow page gets fewer, and nothing piles up.
    """

    def __init__(self) -> None:
        self._latest: dict[str, tuple[int, str]] = {}
        self._number = 0
        self._changed = threading.Condition()
        self._is_over = False

    def publish(self, kind: str, values: Mapping[str, Any]) -> None:
        """Tell all pages, with plain JSON values; ValueError for numbers that JSON has not: infinite ones and NaN."""
        text = json.dumps(values, allow_nan=False)
        with self._changed:
            self._number += 1
            self._latest[kind] = self._number, text
            self._changed.notify_all()

    def latest(self, kind: str) -> Any:  # noqa: ANN401 - what was published
        """Return the latest values of a kind; None if there are none."""
        with self._changed:
            found = self._latest.get(kind)
        return None if found is None else from_json(found[1])

    def close(self) -> None:
        """End all streams."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def after(self, number: int, timeout: float = _BEAT) -> tuple[int, list[tuple[str, str]]] | None:
        """Wait for news behind a number; return the number of the last, and kind and JSON text of each, oldest first.

        There are none after ``timeout`` seconds; None at the end of all streams.
        """
        end = time.monotonic() + timeout
        with self._changed:
            while not self._is_over and self._number <= number:
                if (left := end - time.monotonic()) <= 0:
                    break
                self._changed.wait(left)
            if self._is_over:
                return None
            found = sorted((at, kind, text) for kind, (at, text) in self._latest.items() if at > number)
            return self._number, [(kind, text) for _, kind, text in found]


def as_lines(news: list[tuple[str, str]]) -> Iterator[bytes]:
    """Yield news in the form of server-sent events; a comment if there are none."""
    if not news:
        yield b":\n\n"
    for kind, text in news:
        yield f"event: {kind}\ndata: {text}\n\n".encode()
