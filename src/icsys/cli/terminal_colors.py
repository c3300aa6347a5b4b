"""Colour on a terminal for failures and results; none in files, in pipes, or with ``NO_COLOR``."""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

_RED, _GREEN = "31", "32"
_VIRTUAL_TERMINAL = 0x0004  # Windows: ENABLE_VIRTUAL_TERMINAL_PROCESSING

# Patterns are compiled with the first text that is painted.
_BAD = r"(?m)^(?:ics|failed|missing|changed|foreign):|\b[1-9]\d* (?:failed|missing|changed|foreign)\b"
_GOOD = r"(?m)^Bytes: +.*|\ball as they were written\b"


def painted(text: str, stream: TextIO) -> str:
    """Return a text with failures in red and the result in green, if a stream shows colours."""
    if not shows_colors(stream):
        return text
    text = re.sub(_BAD, lambda found: _in(_RED, found[0]), text)
    return re.sub(_GOOD, lambda found: _in(_GREEN, found[0]), text)


def shows_colors(stream: TextIO) -> bool:
    """Return whether a stream is a terminal with colours, and ``NO_COLOR`` is not set."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    try:
        return stream.isatty() and _takes_codes(stream.fileno())
    except (OSError, ValueError):  # no file, or closed
        return False


def _in(color: str, text: str) -> str:
    return f"\x1b[{color}m{text}\x1b[0m"


@cache
def _takes_codes(descriptor: int) -> bool:
    """Return whether a terminal takes codes for colours; a console of Windows is switched to them."""
    if sys.platform != "win32":
        return True
    import ctypes  # noqa: PLC0415 - Windows only
    import msvcrt  # noqa: PLC0415

    kernel, mode = ctypes.windll.kernel32, ctypes.c_uint32()
    handle = msvcrt.get_osfhandle(descriptor)
    return bool(
        kernel.GetConsoleMode(ctypes.c_void_p(handle), ctypes.byref(mode))
        and kernel.SetConsoleMode(ctypes.c_void_p(handle), mode.value | _VIRTUAL_TERMINAL)
    )
