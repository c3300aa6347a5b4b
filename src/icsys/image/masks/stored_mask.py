"""The numbers that a mask stores for its pixels, exactly: no colour is converted, and nothing is flattened."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from icsys.errors import ImageError
from icsys.image.decode import unlimited
from icsys.image.faults import DecoderErrors, load_pixels
from icsys.image.integrity import find_faults
from icsys.image.limits import check_bytes, check_frames, check_image, memory_needed
from icsys.image.open_image import count_frames, open_image, sniff
from icsys.image.opened_file import exif_orientation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from PIL import ImageFile

    from icsys.image.decode import Admit
    from icsys.image.tiff.decoder import TiffFile
    from icsys.image.web.gif_decoder import GifFile
    from icsys.options import Options

    Values = NDArray[np.uint8] | NDArray[np.uint16]

LOSSY_FORMATS = frozenset({"JPEG", "AVIF", "HEIF"})
"""Formats whose decoded pixels are near the numbers that were stored, and not equal to them."""

_BYTE, _WORD = 8, 16
_DEEP_GREY = b"\x10\0"  # depth and colour type of a PNG
# Measured: Pillow's pixels and those of the array; two halves of 16 bits, and both together.
_BYTES_OF_PIXEL, _BYTES_OF_DEEP = 12, 28
_WORD_END = 1 << _WORD
_WORD_MODES = {"I;16", "I;16B", "I;16L", "I;16N"}
_BYTE_MODES = {"L", "P", "LA", "RGB", "RGBA"}
# Of grey with 2 and 4 bits: what Pillow multiplies the numbers of a PNG by, which have these bits.
_SCALED = {"L;2": (85, 2), "L;4": (17, 4)}
_POSITIONS = {"P;1": 1, "P;2": 2, "P;4": 4, "P": 8}
_DEEP_COLORS = {"RGB;16B", "RGBA;16B", "LA;16B"}
_MAY_BE_CLEAR = {"1", "L", "I;16", "P", "RGB"}
_LOSSY_WEBP, _FRAME = b"VP8 ", b"ANMF"


class StoredMask(NamedTuple):
    """The content of a mask.

    Attributes
    ----------
    values
        Shape (H, W), or (H, W, 2 to 4) with channels, uint8 or uint16.
    depth
        Bits of a number: 1, 2, 4, 8 or 16. A PNG keeps them; readers see 2 and 4 bits of grey scaled to 8.
    mode
        Pillow's name of the pixels.
    turn
        EXIF orientation that the file itself states, 1 to 8, where 1 is turned already; None if it states none.
    palette
        R, G and B of each entry; None without a palette.
    transparency
        The content of the PNG's chunk tRNS: the opacity of each entry, or one colour that is clear. None without one.
    """

    values: Values
    depth: int
    mode: str
    turn: int | None = None
    palette: bytes | None = None
    transparency: bytes | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, in pixels."""
        height, width = self.values.shape[:2]
        return width, height


@contextmanager
def read_mask(data: bytes, options: Options, admit: Admit = unlimited) -> Iterator[StoredMask]:
    """Read the first frame of a mask, and hold what ``admit`` returns as long as it is used.

    A mask with damaged pixels is an error whatever ``on_corrupt`` says: missing pixels would be labels that never were.

    Parameters
    ----------
    data
        The content of a PNG, GIF, BMP, TIFF or lossless WebP.
    options
        The limits are used.
    admit
        As for :func:`~icsys.image.decode.decode_photo`.

    Raises
    ------
    ImageError
        ``mask_lossy`` for a format that changes numbers, ``unsupported`` for numbers that 16 bits do not hold, and the
        codes of :func:`~icsys.image.decode.decode_photo`.
    """
    with DecoderErrors():
        check_bytes(len(data), options)
        lossy = lossy_name(data)
        if lossy:
            raise _refused_lossy(lossy)
        name, image = open_mask(data, options)
    with image:
        with DecoderErrors():
            check_image(image, options)
            check_frames(count_frames(name, data, image, options.max_frames), options)
            needed = memory_needed(image, bytes_per_pixel=_BYTES_OF_DEEP if _is_deep(name, data) else _BYTES_OF_PIXEL)
        with admit(needed):
            with DecoderErrors():
                damage = find_faults(name, data).damage
                if damage:
                    raise ImageError("corrupt", damage)
                mask = stored_mask(name, image)
            yield mask


def _is_deep(name: str, data: bytes) -> bool:
    """Return whether colours have 16 bits, which are decoded in halves."""
    return name == "PNG" and data[24:25] == _DEEP_GREY[:1] and data[25:26] != _DEEP_GREY[1:]


def lossy_name(data: bytes) -> str | None:
    """Return the name of the format if it changes the numbers of pixels; None for others, and for TIFF."""
    name = sniff(data[:64])
    if name == "WEBP":
        return "lossy WebP" if _is_lossy_webp(data) else None
    return name if name in LOSSY_FORMATS else None


def open_mask(data: bytes, options: Options) -> tuple[str, ImageFile.ImageFile]:
    """Open a mask, also a TIFF of whole numbers that are no colours; see :func:`~icsys.image.open_image.open_image`."""
    try:
        name, image = open_image(data, options)
    except ImageError as error:
        if error.code != "unsupported" or sniff(data[:64]) != "TIFF":
            raise
        from icsys.image.tiff.whole_numbers import open_whole_numbers  # noqa: PLC0415 - for few files

        return "TIFF", open_whole_numbers(data)
    return name, image


def stored_mask(name: str, image: ImageFile.ImageFile, *, keep: bool = False) -> StoredMask:
    """Decode an opened mask of a format; ``keep`` keeps the pixels of one that is cut off."""
    if name == "TIFF":
        return _of_tiff(cast("TiffFile", image))
    if name == "GIF":
        cast("GifFile", image).has_uncovered_canvas = False  # numbers of a palette stay such
    if name == "PNG":
        return _of_png(image, keep=keep)
    load_pixels(image, keep=keep)
    return _of_pixels(image, _turn(image))


def _of_pixels(image: ImageFile.ImageFile, turn: int | None) -> StoredMask:
    """Return what Pillow decoded."""
    mode = image.mode
    if mode == "1":
        return StoredMask(np.asarray(image).astype(np.uint8), 1, mode, turn)
    if mode in _WORD_MODES:
        return StoredMask(np.asarray(image).astype(np.uint16), _WORD, "I;16", turn)
    if mode == "I":
        return StoredMask(_narrowed(np.asarray(image)), _WORD, mode, turn)
    if mode not in _BYTE_MODES:
        raise ImageError(
            "unsupported",
            f"a mask of mode {mode}: expected whole numbers, as in grey of up to 16 bits, a palette or RGB; convert it",
        )
    palette = bytes(image.getpalette("RGB") or []) if mode == "P" else None
    return StoredMask(np.asarray(image), _BYTE, mode, turn, palette, _transparency(image))


def _narrowed(values: NDArray[Any]) -> NDArray[np.uint16]:
    """Return numbers of 32 bits as numbers of 16."""
    least, most = int(values.min()), int(values.max())
    if least < 0 or most >= _WORD_END:
        raise ImageError(
            "unsupported",
            f"a mask of the numbers {least} to {most}: expected 0 to {_WORD_END - 1}, which 16 bits of a PNG hold",
        )
    return values.astype(np.uint16)


def _transparency(image: ImageFile.ImageFile) -> bytes | None:
    """Return the clear entry of a GIF's palette, or its clear level of grey, as a PNG states it."""
    clear = image.info.get("transparency")
    if not isinstance(clear, int):
        return None
    return b"\xff" * clear + b"\0" if image.mode == "P" else clear.to_bytes(2, "big")


def _of_tiff(image: TiffFile) -> StoredMask:
    from icsys.image.tiff.whole_numbers import check_exact, is_lossy_tiff  # noqa: PLC0415 - for few files

    if is_lossy_tiff(image.tag_v2):
        raise _refused_lossy("TIFF with lossy compression")
    check_exact(image)
    turn = _turn(image)
    load_pixels(image, keep=False)
    return _of_pixels(image, None if turn is None else 1)  # Pillow has turned it


def _of_png(image: ImageFile.ImageFile, *, keep: bool) -> StoredMask:
    """Return the numbers of a PNG; Pillow scales 2 and 4 bits of grey, and cuts colours of 16 bits."""
    from icsys.image.png.chunks import chunks_of  # noqa: PLC0415 - with the decoder
    from icsys.image.png.decoder import low_bytes  # noqa: PLC0415 - with the decoder

    file, rawmode = image.fp, image.tile[0].args
    assert file is not None  # noqa: S101 - its pixels are not decoded yet
    chunks = {chunk.kind: chunk.content for chunk in chunks_of(cast("Any", file).getvalue(), b"IDAT")}
    palette, transparency = chunks.get(b"PLTE"), chunks.get(b"tRNS")
    load_pixels(image, keep=keep)
    turn = _turn(image)
    if rawmode in _DEEP_COLORS:
        low = np.asarray(low_bytes(file, str(rawmode), keep=keep))
        if rawmode == "LA;16B":
            pairs = low.view(np.uint32)
            values = np.stack([pairs >> _WORD, pairs & (_WORD_END - 1)], axis=-1).astype(np.uint16)
            return StoredMask(values, _WORD, "LA", turn)
        deep = np.asarray(image).astype(np.uint16) << _BYTE | low
        return StoredMask(deep, _WORD, image.mode, turn, None, transparency if image.mode in _MAY_BE_CLEAR else None)
    mask = _of_pixels(image, turn)
    mask = mask._replace(transparency=transparency if mask.mode in _MAY_BE_CLEAR else None)
    if rawmode in _SCALED:
        factor, depth = _SCALED[str(rawmode)]
        return mask._replace(values=mask.values // factor, depth=depth)
    if mask.palette is None or palette is None:
        return mask
    # Some readers, such as torchvision, take positions of 8 bits only, so that the depth stays, too.
    depth = _POSITIONS[str(rawmode)]
    return mask._replace(palette=palette, transparency=transparency and transparency[: len(palette) // 3], depth=depth)


def _turn(image: ImageFile.ImageFile) -> int | None:
    orientation = exif_orientation(image)
    return None if orientation == 1 else orientation


def _refused_lossy(name: str) -> ImageError:
    return ImageError(
        "mask_lossy",
        f"a mask as {name}, which changes the numbers of pixels: convert it to PNG from what it was made of, or give "
        "--no-masks if it is a picture",
    )


def _is_lossy_webp(data: bytes) -> bool:
    """Return whether the picture or the first frame of a WebP is lossy (RFC 9649, 2.5 to 2.7)."""
    at = 12
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if kind == _FRAME:
            at += 8 + 16
        elif kind in {_LOSSY_WEBP, b"VP8L"}:
            return kind == _LOSSY_WEBP
        else:
            at += 8 + size + size % 2
    return False
