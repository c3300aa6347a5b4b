"""Threads beside a run: one waits for slow work while progress is reported, one counts the images."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from icsys.errors import ICSError
from icsys.sources.base import Companion, Ignored, PassedOver

if TYPE_CHECKING:
    from collections.abc import Callable

    from icsys.sources.base import Planned, Source

_FIRST_REPORT, _NEXT_REPORTS = 0.1, 0.5  # seconds
_NO_IMAGES = (Companion, Ignored, PassedOver)


def wait_for(work: Callable[[], object], report: Callable[[], object], stop: threading.Event) -> None:
    """Do ``work`` in a thread and call ``report`` meanwhile; ``stop`` ends the wait, not the work.

    Compilers swallow an interrupt that reaches them. Here it reaches this thread, which only waits.
    """
    failures: list[BaseException] = []

    def catch() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)

    thread = threading.Thread(target=catch, daemon=True)
    thread.start()
    thread.join(_FIRST_REPORT)
    while thread.is_alive() and not stop.is_set():
        report()
        thread.join(_NEXT_REPORTS)
    if failures:
        raise failures[0]


class ImageCount:
    """Counts the images of a source in a thread, so that a run starts at once; ``total`` is None until it is done."""

    def __init__(self, source: Source, owns: Callable[[Planned], bool]) -> None:
        self._owns = owns
        self.total: int | None = None
        self._run_ended = threading.Event()
        self._thread = threading.Thread(target=self._count, args=(source,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._run_ended.set()
        self._thread.join()

    def _count(self, source: Source) -> None:
        images = 0
        with suppress(OSError, ICSError):  # the run meets the same error and reports it
            for planned in source.plan(""):
                if self._run_ended.is_set():
                    return
                images += not isinstance(planned, _NO_IMAGES) and self._owns(planned)
            self.total = images
