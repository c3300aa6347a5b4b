"""Items made ahead by a thread."""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator

_Item = TypeVar("_Item")
_WAIT = 0.1  # seconds between looks at whether a pass is over


class _End:
    """What follows the last item."""


def made_ahead(items: Generator[_Item], most: int) -> Generator[_Item]:
    """Yield items that a thread makes, at most so many ahead; the thread ends with the pass, however that ends."""
    made: queue.Queue[_Item | BaseException | _End] = queue.Queue(most)
    is_over = threading.Event()

    def put(item: _Item | BaseException | _End) -> None:
        while not is_over.is_set():
            with suppress(queue.Full):
                made.put(item, timeout=_WAIT)
                return

    def make() -> None:
        try:
            for item in items:
                put(item)
                if is_over.is_set():
                    return
            put(_End())
        except BaseException as error:  # noqa: BLE001 - raised again where items are taken
            put(error)

    maker = threading.Thread(target=make, name="icsys batches", daemon=True)
    maker.start()
    try:
        while not isinstance(item := made.get(), _End):
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        is_over.set()
        maker.join()
