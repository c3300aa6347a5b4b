"""Imports of modules that few commands need."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def loading() -> Iterator[None]:
    """Import the modules of a command without garbage collection, which finds nothing then and takes milliseconds."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
