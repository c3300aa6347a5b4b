"""AVIF and HEIC files with other properties, made from whole ones."""

import struct

TURNS = {b"irot", b"imir"}


def box(kind, content):
    return struct.pack(">I", 8 + len(content)) + kind + content


def clap(*numbers):
    """Return a clean aperture from eight numbers: width, height and both offsets, each with its denominator."""
    return box(b"clap", struct.pack(">8i", *numbers))


def nclx(primaries, transfer, matrix=6):
    return box(b"colr", b"nclx" + struct.pack(">3HB", primaries, transfer, matrix, 0x80))


def _boxes(content, start=0):
    parts = []
    while start < len(content):
        size = int.from_bytes(content[start : start + 4], "big")
        parts.append((content[start + 4 : start + 8], content[start + 8 : start + size]))
        start += size
    return parts


def with_properties(data, *added, without=(), last=False):
    """Return a file whose primary item has more properties, before those that turn it or last, and lacks others."""
    (meta,) = (content for kind, content in _boxes(data) if kind == b"meta")
    (iprp,) = (content for kind, content in _boxes(meta, 4) if kind == b"iprp")
    shared = [box(*one) for one in _boxes(dict(_boxes(iprp))[b"ipco"])]
    (primary,) = (struct.unpack_from(">H", content, 4)[0] for kind, content in _boxes(meta, 4) if kind == b"pitm")
    grown = box(b"ipco", b"".join([*shared, *added]))
    ipma = box(
        b"ipma", _with_associations(dict(_boxes(iprp))[b"ipma"], primary, shared, added, without=without, last=last)
    )

    def made(moved):
        parts = {b"iprp": grown + ipma}
        inner = b"".join(
            box(kind, _moved(content, moved) if kind == b"iloc" else parts.get(kind, content))
            for kind, content in _boxes(meta, 4)
        )
        return b"".join(box(kind, meta[:4] + inner if kind == b"meta" else content) for kind, content in _boxes(data))

    return made(len(made(0)) - len(data))


def _with_associations(ipma, primary, shared, added, *, without, last):
    """Return the content of an ``ipma`` box of version 0 with one byte an association."""
    assert ipma[:4] == bytes(4)
    result, position = ipma[:8], 8
    while position < len(ipma):
        (item,), count = struct.unpack_from(">H", ipma, position), ipma[position + 2]
        own = list(ipma[position + 3 : position + 3 + count])
        if item == primary:
            kinds = [shared[(index & 127) - 1][4:8] for index in own]
            own = [index for index, kind in zip(own, kinds, strict=True) if kind not in without]
            kinds = [kind for kind in kinds if kind not in without]
            at = next((i for i, kind in enumerate(kinds) if kind in TURNS and not last), len(own))
            first = len(shared) + 1
            own[at:at] = [i | 128 * (one[4:8] == b"clap") for i, one in enumerate(added, first)]  # 128: essential
        result += struct.pack(">HB", item, len(own)) + bytes(own)
        position += 3 + count
    return result


def _add(data, start, length, shift):
    data[start : start + length] = (int.from_bytes(data[start : start + length], "big") + shift).to_bytes(length, "big")


def _moved(iloc, moved):
    """Return the content of an ``iloc`` box whose offsets in the file are larger by ``moved``."""
    version, sizes = iloc[0], iloc[4]
    offset_size, length_size, base_size = sizes >> 4, sizes & 15, iloc[5] >> 4
    data, position = bytearray(iloc), 8 if version < 2 else 10
    while position < len(data):
        inside = version > 0 and data[position + (3 if version < 2 else 5)] & 15
        position += (2 if version < 2 else 4) + (2 if version else 0) + 2
        base, position = position, position + base_size
        (extents,) = struct.unpack_from(">H", data, position)
        position += 2
        shift = 0 if inside else moved
        if base_size and not inside and any(data[base : base + base_size]):
            _add(data, base, base_size, shift)
            shift = 0
        for _ in range(extents):
            _add(data, position, offset_size, shift)
            position += offset_size + length_size
    return bytes(data)
