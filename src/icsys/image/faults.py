"""What is wrong with a file, as plain data; the pixels of one that is cut off or damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from icsys.errors import ImageError

if TYPE_CHECKING:
    from PIL import ImageFile

# Pillow's errors when it stops within the pixels; the pixels before are good.
_CUT_SHORT = ("truncated", "broken data stream", "decoder error")


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
