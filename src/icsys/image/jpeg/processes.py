"""The coding processes of JPEG, to refuse by name what no decoder here reads."""

from __future__ import annotations

from icsys.errors import ImageError
from icsys.image.jpeg.segments import frame_at, jpeg_segments

# By the last byte of the frame's marker (ITU-T T.81, table B.1; T.87).
_REFUSED = {
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical JPEG"),
    0xCB: "lossless JPEG with arithmetic coding",
}
_JPEG_LS = 0xF7
_HEADER = 9  # bytes of a frame's header up to its width


def check_process(data: bytes) -> None:
    """Refuse a JPEG of a kind that no decoder here reads.

    Raises
    ------
    ImageError
        ``unsupported``, with the name of the kind.
    """
    start = frame_at(data)
    frame = data[start : start + _HEADER]
    if len(frame) < _HEADER:
        name = "JPEG-LS" if any(kind == _JPEG_LS for kind, _, _ in jpeg_segments(data)) else None
    else:
        name = _REFUSED.get(frame[1])
    if name is None and frame[5:7] == b"\0\0":
        name = "JPEG whose height follows its pixels (DNL)"
    if name:
        raise ImageError("unsupported", f"{name}: expected a baseline or progressive one; save it again as JPEG or PNG")
