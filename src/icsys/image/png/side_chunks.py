"""Chunks of a PNG beside its pixels: a decoder would stumble over some, so these are found and left out."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

from icsys.errors import ImageError
from icsys.image.png.chunks import PngChunk, chunks_of, holds_only_pixels

if TYPE_CHECKING:
    from collections.abc import Sequence

_PICTURE = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_LENGTHS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9, b"cICP": 4}
_COLOR_TYPE_AT, _INDEXED = 25, 3
_KEY_LENGTHS = {0: 2, 2: 6}  # of the transparent colour, by colour type
_ONCE = {*_LENGTHS, b"tRNS", b"iCCP", b"eXIf", b"tIME"}
_ANIMATION = {b"acTL", b"fcTL", b"fdAT"}
_TEXTS = {b"tEXt", b"zTXt", b"iTXt"}
# Keywords of texts that Pillow would take for facts about the picture.
_FACTS = {
    *(b"aspect", b"background", b"bbox", b"blend", b"chromaticity", b"default_image", b"disposal", b"dpi", b"duration"),
    *(b"gamma", b"icc_profile", b"interlace", b"loop", b"srgb", b"transparency"),
}
_SMALL_LETTER = 0x20  # of the first letter: the picture can be decoded without the chunk

_MOST_TEXT = 1 << 20  # bytes of an unpacked text, as Pillow allows
_MOST_TEXTS = 1 << 26  # bytes of all, as Pillow allows
_MOST_PROFILE = 8 << 20  # bytes, as libpng allows
_KIND = 4  # bytes
_NAMED = 3  # chunks in a message
_ANIMATION_LENGTH, _FRAME_LENGTH, _MOST_FRAMES = 8, 26, 1 << 31  # of acTL, of fcTL (PNG specification, 11.3.6)


class _FaultyChunk(NamedTuple):
    """A chunk to leave out, and the reason; an empty one is not reported."""

    chunk: PngChunk
    reason: str


def mend_side_chunks(data: bytes) -> tuple[bytes, str | None]:
    """Take chunks out of a PNG that hold no pixels and are damaged, too large or misleading.

    Returns
    -------
    mended
        The file without these chunks; the same bytes if there are none.
    note
        What was left out; None if there is nothing to report.

    Raises
    ------
    ImageError
        ``broken`` or ``unsupported`` for a picture whose colours are not certain.
    """
    faulty = _faulty_chunks(data)
    if not faulty:
        return data, None
    ends = [0, *(one.chunk.end + 4 for one in faulty)]
    starts = [*(one.chunk.start - 8 for one in faulty), len(data)]
    return b"".join(data[end:start] for end, start in zip(ends, starts, strict=True)), _note(faulty)


def _note(faulty: list[_FaultyChunk]) -> str | None:
    """Describe the chunks that are left out; None if there is nothing to report."""
    faults = [f"{chunk.kind.decode('latin-1')} ({reason})" for chunk, reason in faulty if reason]
    if not faults:
        return None
    more = f" and {len(faults) - _NAMED} more" if len(faults) > _NAMED else ""
    return f"chunks of the PNG beside its pixels were left out: {', '.join(faults[:_NAMED])}{more}"


def parted_from_profile(data: bytes) -> tuple[bytes, bytes] | None:
    """Return a PNG without its colour profile, and the profile; None if that has more than 8 MiB.

    Pillow refuses a profile of more than 1 MiB.
    """
    chunk = next((one for one in chunks_of(data, b"IDAT") if one.kind == b"iCCP"), None)
    if chunk is None:
        return None
    unpacker = zlib.decompressobj()
    profile = unpacker.decompress(chunk.content.partition(b"\0")[2][1:], _MOST_PROFILE)
    rest = data[: chunk.start - 8] + data[chunk.end + 4 :]
    return None if unpacker.unconsumed_tail else (rest, profile)


def _faulty_chunks(data: bytes) -> list[_FaultyChunk]:
    """Return the chunks to leave out, in the order of the file."""
    if holds_only_pixels(data):
        return []
    faulty: list[_FaultyChunk] = []
    chunk, animation, texts, pixels_at = None, [], 0, 0
    seen: set[bytes] = set()
    for chunk in chunks_of(data):
        _check_certain(chunk, seen)
        if chunk.kind == b"IDAT":
            pixels_at = pixels_at or chunk.start
        elif chunk.kind in _ANIMATION:
            animation.append(chunk)
        elif chunk.kind == b"tRNS" or chunk.kind not in _PICTURE:
            reason = _misplacement(chunk, seen) or _fault(chunk)
            if reason is None and chunk.kind in _TEXTS:
                size = _size_of_text(chunk) if texts <= _MOST_TEXTS else 0
                reason = _text_fault(chunk, size, texts)
                texts += size
            if reason is not None:
                faulty.append(_FaultyChunk(chunk, reason))
                continue
        seen.add(chunk.kind)
    if chunk and pixels_at:
        faulty += _cut_chunk(data, chunk)
    if animation and not _is_sound_animation(animation, pixels_at, data):
        faulty += (_FaultyChunk(one, "damaged animation" if one is animation[0] else "") for one in animation)
    return sorted(faulty, key=lambda one: one.chunk.start)


def _check_certain(chunk: PngChunk, seen: set[bytes]) -> None:
    """Refuse a picture whose colours are not certain.

    Raises
    ------
    ImageError
        ``unsupported`` for an unknown chunk without which the picture cannot be decoded (PNG specification, 5.4), and
        ``broken`` for a second palette: other readers refuse both, and Pillow passes over the one and takes the other.
    """
    kind = chunk.kind
    if kind == b"PLTE" and kind in seen:
        raise ImageError("broken", "a PNG of two palettes: expected one")
    if not kind[0] & _SMALL_LETTER and kind not in _PICTURE and kind.isalpha() and chunk.is_sound:
        raise ImageError("unsupported", f"a PNG with the unknown chunk {kind.decode()}, which changes the picture")


def _misplacement(chunk: PngChunk, seen: set[bytes]) -> str | None:
    """Return what is wrong with the place of a chunk; None if nothing is. Browsers pass over such chunks."""
    if chunk.kind in seen and chunk.kind in _ONCE:
        return "repeated"
    if chunk.kind != b"tRNS":
        return None
    needs_palette = chunk.data[_COLOR_TYPE_AT] == _INDEXED and b"PLTE" not in seen
    return "in the wrong place" if needs_palette or b"IDAT" in seen else None


def _fault(chunk: PngChunk) -> str | None:
    """Return what is wrong with a chunk; None if nothing is, or if it may be a part of the picture."""
    kind, content = chunk.kind, chunk.content
    if not kind[0] & _SMALL_LETTER:
        return None
    if not chunk.is_sound:
        stored = int.from_bytes(chunk.whole[-4:], "big")
        meant = any(zlib.crc32(content, zlib.crc32(picture)) == stored for picture in _PICTURE)
        return None if meant or kind == b"tRNS" else "wrong checksum"  # otherwise the kind is damaged
    least = _KEY_LENGTHS.get(chunk.data[_COLOR_TYPE_AT], 0)
    if len(content) != _LENGTHS.get(kind, len(content)) or (kind == b"tRNS" and len(content) < least):
        return "wrong length"
    if kind == b"iCCP" and content.partition(b"\0")[2][:1] != b"\0":
        return "unknown compression"
    return None


def _text_fault(chunk: PngChunk, size: int, texts: int) -> str | None:
    """Return what is wrong with a text of ``size`` bytes; an empty reason for a misleading keyword.

    Parameters
    ----------
    texts
        Bytes of the texts before it.
    """
    keyword, _, rest = chunk.content.partition(b"\0")
    if keyword in _FACTS or (keyword == b"exif" and chunk.kind != b"tEXt"):
        return ""
    if chunk.kind == b"zTXt" and rest[:1] not in {b"\0", b""}:
        return "unknown compression"
    if size > _MOST_TEXT and not _is_plain(chunk):
        return "more than 1 MiB of text"
    return "more than 64 MiB of text" if texts + size > _MOST_TEXTS else None


def _size_of_text(chunk: PngChunk) -> int:
    """Return the bytes that a text takes, or one more than it may if it unpacks to more."""
    if _is_plain(chunk):
        return len(chunk.content)
    rest = chunk.content.partition(b"\0")[2]
    packed = rest[1:] if chunk.kind == b"zTXt" else rest[2:].split(b"\0", 2)[-1]
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(packed, _MOST_TEXT)
    except zlib.error:
        return 0
    return len(text) + bool(unpacker.unconsumed_tail)


def _is_plain(chunk: PngChunk) -> bool:
    """Return whether a text is not compressed."""
    flag = chunk.content.partition(b"\0")[2][:1]
    return chunk.kind == b"tEXt" or (chunk.kind == b"iTXt" and flag in {b"\0", b""})


def _is_sound_animation(chunks: Sequence[PngChunk], pixels_at: int, data: bytes) -> bool:
    """Return whether the chunks of an animation that are read for its first frame are valid.

    That frame is the picture itself, or it follows the picture (PNG specification, 11.3.6).
    """
    before = sum(chunk.start < pixels_at for chunk in chunks)
    head, own, later = chunks[0], chunks[1:before], chunks[before : before + 1]
    frames = own or later
    if not before or head.kind != b"acTL" or any(chunk.kind != b"fcTL" for chunk in (*own, *later)) or len(own) > 1:
        return False
    canvas = data[16:24]  # width and height
    return (
        head.is_sound
        and len(head.content) == _ANIMATION_LENGTH
        and 0 < int.from_bytes(head.content[:4], "big") <= _MOST_FRAMES
        and all(frame.is_sound and len(frame.content) == _FRAME_LENGTH for frame in frames)
        and all(frame.content[:4] == bytes(4) for frame in frames)
        and all(frame.content[4:20] == canvas + bytes(8) for frame in own)
    )


def _cut_chunk(data: bytes, last: PngChunk) -> list[_FaultyChunk]:
    """Return the chunk behind the last whole one, if the file is cut off in it and it holds no pixels."""
    start = last.end + 12
    kind = data[start - 4 : start]
    if last.kind == b"IEND" or len(kind) < _KIND or not kind.isalnum() or kind in _PICTURE | _ANIMATION:
        return []
    return [_FaultyChunk(PngChunk(kind, data, start, len(data) - 4), "cut off")]
