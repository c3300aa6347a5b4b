"""libtiff's error messages, collected for the picture and the thread that they concern."""

from __future__ import annotations

import ctypes
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PIL import _imaging

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST = 1000  # bytes of a message
_ANY_FILE = "tempfile.tif: "  # the name that Pillow gives every file
_OF_TAGS = "TIFFFetchNormalTag: "
# TIFFErrorHandler(module, format, arguments): the arguments are a va_list, which is passed as one pointer on every
# platform that Python runs on.
_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
_collecting = threading.local()
_installing = threading.Lock()
_installed: list[object] = []  # C code may call it at any time, so it is never freed


@contextmanager
def collect_libtiff_errors() -> Iterator[list[str]]:
    """Collect the error messages of libtiff in this thread, which it would print to standard error.

    Pillow ignores them, and so takes damaged faxes for good pictures: it decoded 300 group 4 files with two flipped
    bits each to wrong pixels, and these messages reveal 297 of them. Messages about tags are left out. The handler
    belongs to the process: messages of other threads go to the handler that was there before. If libtiff is linked
    into Pillow's own module, as in its packages for Windows, nothing is collected.
    """
    with _installing:
        if not _installed:
            _installed.append(_install())
    messages: list[str] = []
    _collecting.messages = messages
    try:
        yield messages
    finally:
        _collecting.messages = None


def _install() -> object:
    """Install our error handler before the one that is there, and return it; None if libtiff cannot be reached."""
    try:
        # Pillow's own module leads to the libtiff that it was linked with.
        exchange = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
        write = ctypes.pythonapi.PyOS_vsnprintf
    except (OSError, AttributeError):
        return None
    write.argtypes = ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_void_p
    exchange.argtypes, exchange.restype = [ctypes.c_void_p], ctypes.c_void_p
    before = None

    @_HANDLER  # type: ignore[untyped-decorator]
    def handle(module: bytes | None, format_: bytes, arguments: int) -> None:
        messages: list[str] | None = getattr(_collecting, "messages", None)
        if messages is not None:
            text = ctypes.create_string_buffer(_LONGEST)
            write(text, _LONGEST, format_, arguments)
            message = b": ".join((module or b"libtiff", text.value)).decode(errors="replace")
            if not message.startswith(_OF_TAGS):
                messages.append(message.removeprefix(_ANY_FILE))
        elif before is not None:
            before(module, format_, arguments)

    address = exchange(ctypes.cast(handle, ctypes.c_void_p))
    before = _HANDLER(address) if address else None
    return handle
