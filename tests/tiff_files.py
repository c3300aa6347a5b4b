"""Write TIFF files of any kind from arrays of samples: a small independent writer (TIFF 6.0)."""

import io
import itertools
import struct

import numpy as np
from PIL import Image

_CODES = {None: 1, "tiff_lzw": 5, "jpeg": 7, "tiff_adobe_deflate": 8, "packbits": 32773, "lzma": 34925, "zstd": 50000}
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def packed(samples, bits, order="<"):
    """Return rows of samples as bytes, each row padded to a byte; 16 bits in the byte order of the file."""
    rows = samples.reshape(len(samples), -1)
    if bits == 16:
        return rows.astype(f"{order}u2").view(np.uint8)
    if rows.dtype.kind == "f" or bits > 16:
        return np.ascontiguousarray(rows.astype(rows.dtype.newbyteorder(order))).view(np.uint8)
    if bits == 8:
        return rows.astype(np.uint8)
    digits = rows[..., np.newaxis] >> np.arange(bits - 1, -1, -1) & 1
    return np.packbits(digits.astype(np.uint8).reshape(len(rows), -1), axis=1)


def compressed(rows, compression):
    """Return rows of bytes as Pillow compresses them as a grey picture of one strip."""
    if compression is None:
        return rows.tobytes()
    file = io.BytesIO()
    Image.fromarray(rows).save(file, "TIFF", compression=compression, tiffinfo={278: len(rows)})
    with Image.open(file) as image:
        (offset,), (size,) = image.tag_v2[273], image.tag_v2[279]
    return file.getvalue()[offset : offset + size]


def differenced(part, bits):
    """Return samples less those of the pixel to the left (predictor 2)."""
    part = part.astype(np.int64)
    part[:, 1:] -= part[:, :-1].copy()
    return part & ((1 << bits) - 1)


def tiff_of(
    samples,
    bits=8,
    *,
    photometric=1,
    planar=False,
    tile=None,
    rows_per_strip=None,
    order="<",
    compression=None,
    predictor=1,
    fill_order=1,
    big=False,
    tags=None,
):
    """Return a TIFF of (H, W, S) samples; ``tile`` is (width, height), ``tags`` {number: (type, values)} are added."""
    height, width, depth = samples.shape
    across, down = tile or (width, rows_per_strip or height)
    planes = [samples[..., [index]] for index in range(depth)] if planar else [samples]
    parts = []
    for plane in planes:
        for top, left in itertools.product(range(0, height, down), range(0, width, across)):
            part = plane[top : top + down, left : left + across]
            if tile:
                part = np.pad(part, ((0, down - part.shape[0]), (0, across - part.shape[1]), (0, 0)))
            if predictor == 2:
                part = differenced(part, bits)
            data = compressed(packed(part, bits, order), compression)
            parts.append(data.translate(_REVERSED) if fill_order == 2 else data)
    kind = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, [bits] * depth),
        259: (3, [_CODES[compression]]),
        262: (3, [photometric]),
        277: (3, [depth]),
        284: (3, [2 if planar else 1]),
    }
    if tile:
        kind |= {322: (4, [across]), 323: (4, [down])}
    else:
        kind[278] = (4, [down])
    if predictor != 1:
        kind[317] = (3, [predictor])
    if fill_order != 1:
        kind[266] = (3, [fill_order])
    return file_of([(kind | (tags or {}), parts, [])], order=order, big=big)


_SIZES = {1: "B", 2: "B", 3: "H", 4: "I", 5: "I", 7: "B", 13: "I", 16: "Q"}


def file_of(pages, *, order="<", big=False, parts_at=16):
    """Return a TIFF of pages, each (tags, strips or tiles, pages below it), whose parts begin at ``parts_at``.

    The tags that hold places are added.
    """
    body = bytearray(parts_at)
    first = _chain(body, pages, order, big=big)
    mark = b"II" if order == "<" else b"MM"
    body[: 16 if big else 8] = mark + (
        struct.pack(order + "HHHQ", 43, 8, 0, first) if big else struct.pack(order + "HI", 42, first)
    )
    return bytes(body)


def _chain(body, pages, order, *, big):
    """Write pages behind one another and return the place of the first."""
    following = 0
    for tags, parts, below in reversed(pages):
        written = dict(tags)
        if below:
            written[330] = (4, [_chain(body, [page], order, big=big) for page in below])
        offsets = []
        for part in parts:
            body.extend(bytes(len(body) % 2))
            offsets.append(len(body))
            body.extend(part)
        places = (324, 325) if 322 in tags else (273, 279)
        written |= {places[0]: (4, offsets), places[1]: (4, [len(part) for part in parts])}
        following = _directory(body, written, following, order, big=big)
    return following


def _directory(body, tags, following, order, *, big):
    """Write one directory behind its values and return its place."""
    entries, word = [], "Q" if big else "I"
    room = struct.calcsize(order + word)
    for tag, (kind, values) in sorted(tags.items()):
        raw = struct.pack(f"{order}{len(values)}{_SIZES[kind]}", *map(int, values))
        if len(raw) > room:
            body.extend(bytes(len(body) % 2))
            place = len(body)
            body.extend(raw)
            raw = struct.pack(order + word, place)
        count = len(values) // 2 if kind == 5 else len(values)
        entries.append(struct.pack(f"{order}HH{word}", tag, kind, count) + raw.ljust(room, b"\0"))
    body.extend(bytes(len(body) % 2))
    place = len(body)
    body.extend(struct.pack(order + ("Q" if big else "H"), len(entries)) + b"".join(entries))
    body.extend(struct.pack(order + word, following))
    return place
