"""What is wrong with a file, as plain data; the pixels of one that is cut off or damaged; what decoders raise."""

from __future__ import annotations

import logging
import re
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL import Image

from icsys.errors import ImageError

if TYPE_CHECKING:
    from types import TracebackType

    from PIL import ImageFile

# Pillow's errors when it stops within the pixels; the pixels before are good.
_CUT_SHORT = ("truncated", "broken data stream", "decoder error")
_UNSUPPORTED = ("unsupported", "not supported", "unknown", "cannot handle", "not installed")
_TOO_LARGE = ("max_text_chunk", "max_text_memory")  # compressed texts that unpack to more than Pillow allows
_REASONS = dict.fromkeys(_UNSUPPORTED, "unsupported") | dict.fromkeys(_TOO_LARGE, "too_large")
_FILTERS: tuple[Any, ...] = (
    ("ignore", None, Image.DecompressionBombWarning, None, 0),
    ("ignore", None, Warning, re.compile(r"PIL\.\w+ImagePlugin"), 0),
)
_NOWHERE, _PILLOW = logging.NullHandler(), logging.getLogger("PIL")


class Faults(NamedTuple):
    """What is wrong with a file.

    Parameters
    ----------
    damage
        Why pixels are missing or wrong; None if none are.
    note
        What is wrong outside the pixels; None if nothing is.
    """

    damage: str | None = None
    note: str | None = None

    @property
    def warning(self) -> str | None:
        """Both as one text; None if nothing is wrong."""
        return "; ".join(filter(None, self)) or None


def load_pixels(image: ImageFile.ImageFile, *, keep: bool) -> str | None:
    """Decode the pixels of an opened image.

    Parameters
    ----------
    keep
        Keep the pixels of a file that ends or breaks within them; the missing ones stay black.

    Returns
    -------
    str or None
        The damage of an image that was kept.

    Raises
    ------
    ImageError
        ``corrupt`` for an image that ``keep`` would have kept.
    OSError
        If there is nothing to keep.
    """
    failure: OSError | None = None
    try:
        image.load()
    except OSError as error:
        failure = error
        if not is_cut_short(error):
            raise
        image.tile = []
        image.load()  # raises again if no memory for pixels was taken yet
    messages = getattr(image, "complaints", None)  # from a decoder that goes on after damage
    if not messages and failure is None:
        return None
    reason = f"damaged {image.format}: {messages[0] if messages else failure}"
    if not keep:
        raise ImageError("corrupt", reason) from failure
    return reason


def is_cut_short(error: OSError) -> bool:
    """Return whether a decoder of Pillow stopped within the pixels, so that those before are good."""
    return any(words in str(error) for words in _CUT_SHORT)


class DecoderErrors:
    """A context that turns what a decoder raises on a bad file into an :class:`~icsys.errors.ImageError`.

    :class:`MemoryError` passes. Pillow's warnings are silent within it.
    """

    def __enter__(self) -> None:
        _silence_pillow()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        # A decoder may raise anything on a bad file, and one bad file must not end a run.
        if isinstance(error, Exception) and not isinstance(error, (ImageError, MemoryError)):
            raise _image_error(error) from error


def _image_error(error: Exception) -> ImageError:
    reason = str(error)
    if isinstance(error, Image.DecompressionBombError):
        return ImageError("too_large", f"more pixels than Pillow's own PIL.Image.MAX_IMAGE_PIXELS allows: {reason}")
    code = next((code for word, code in _REASONS.items() if word in reason.lower()), "broken")
    if " " not in reason:  # one word, such as the name of a missing key, is no explanation
        reason = "its structure is damaged"
    return ImageError(code, f"the image cannot be decoded: {reason}")


def _silence_pillow() -> None:
    """Ignore Pillow's warnings about sizes, which are checked here, and about damaged metadata, which are not used.

    Warning filters belong to the whole process and ``catch_warnings`` is not thread-safe, so these are added
    once and stay. Every call checks for them, because code elsewhere that leaves a ``catch_warnings`` removes them.
    Pillow's error for images of twice its limit still comes. Pillow's log messages go to the handlers of the program
    that uses ICS, and never to standard error by default.
    """
    if _NOWHERE not in _PILLOW.handlers:  # adding it takes a lock
        _PILLOW.addHandler(_NOWHERE)
    if _FILTERS[0] not in warnings.filters or _FILTERS[1] not in warnings.filters:
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        warnings.filterwarnings("ignore", module=_FILTERS[1][3].pattern)
