"""TIFF files through Pillow and the libtiff inside it: held to our limits, and heard when it complains of one."""

from __future__ import annotations

import ctypes
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PIL import ImageFile, TiffImagePlugin, _imaging

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST = 1000  # bytes of a sentence
_ANY_FILE = "tempfile.tif: "  # as Pillow calls all of them
_OF_TAGS = "TIFFFetchNormalTag: "
# TIFFErrorHandler: the function that speaks, a format as for printf, and a va_list, which every calling convention that
# Python runs on passes as one pointer.
_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
_ears = threading.local()
_installing = threading.Lock()
_installed: list[object] = []  # what C may call has to stay


class TiffFile(TiffImagePlugin.TiffImageFile):
    """A TIFF whose size was checked already, so that Pillow's own process-wide limit need not be asked.

    Attributes
    ----------
    complaints
        What libtiff has said of the picture, see :func:`hear_libtiff`.
    """

    complaints: tuple[str, ...] = ()

    def load(self) -> _imaging.PixelAccess | None:
        """Decode the pixels."""
        with hear_libtiff() as said:
            try:
                return super().load()
            finally:
                self.complaints += tuple(said)

    def load_prepare(self) -> None:
        """Take memory for the pixels, as Pillow's own method does after its check."""
        if self._im is None:
            self.im = _imaging.new(self.mode, self._tile_size)
        ImageFile.ImageFile.load_prepare(self)


@contextmanager
def hear_libtiff() -> Iterator[list[str]]:
    """Take down what libtiff says in this thread of a picture that it decodes; it would be printed, without a name.

    A decoder of faxes says that a line is damaged, and goes on as if it were not. What it says of tags is no part, and
    what it says in other threads goes where it went before. Where Pillow holds libtiff in itself, as its packages for
    Windows do, nothing is heard.
    """
    with _installing:
        if not _installed:
            _installed.append(_install())
    heard: list[str] = []
    _ears.heard = heard
    try:
        yield heard
    finally:
        _ears.heard = None


def _install() -> object:
    """Put an ear of ours before the handler that is there, and return it; None if libtiff cannot be reached."""
    try:
        # What Pillow's own module was linked with is found through it, wherever it lies.
        exchange = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
        write = ctypes.pythonapi.PyOS_vsnprintf
    except (OSError, AttributeError):
        return None
    write.argtypes = ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_void_p
    exchange.argtypes, exchange.restype = [ctypes.c_void_p], ctypes.c_void_p
    before = None

    @_HANDLER  # type: ignore[untyped-decorator]
    def hear(speaker: bytes | None, sentence: bytes, values: int) -> None:
        heard: list[str] | None = getattr(_ears, "heard", None)
        if heard is not None:
            text = ctypes.create_string_buffer(_LONGEST)
            write(text, _LONGEST, sentence, values)
            said = b": ".join((speaker or b"libtiff", text.value)).decode(errors="replace")
            if not said.startswith(_OF_TAGS):
                heard.append(said.removeprefix(_ANY_FILE))
        elif before is not None:
            before(speaker, sentence, values)

    address = exchange(ctypes.cast(hear, ctypes.c_void_p))
    before = _HANDLER(address) if address else None
    return hear
