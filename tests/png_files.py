"""PNG files made by hand, for the kinds that Pillow does not write."""

import struct
import zlib

import numpy as np

_PASSES = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


def chunk(kind, content, *, sound=True):
    checksum = zlib.crc32(kind + content) ^ (not sound)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def number_chunk(kind, *values):
    """Return a chunk of 32-bit numbers, such as gAMA and cHRM, from their values in units of 1/100,000."""
    return chunk(kind, struct.pack(f">{len(values)}I", *values))


def png_of(samples, depth, *chunks, grey=False, palette=(), interlaced=False):
    """Write a PNG of samples (H, W, channels); every other row is filtered."""
    height, width, channels = samples.shape
    color_type = 3 if len(palette) else {1: 0, 2: 4 if grey else None, 3: 2, 4: 6}[channels]
    head = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, interlaced)
    parts = [samples[y::dy, x::dx] for y, x, dy, dx in _PASSES] if interlaced else [samples]
    raw = b"".join(_rows(part, depth) for part in parts if part.size)
    plte = [chunk(b"PLTE", bytes(palette))] if len(palette) else []
    data = [chunk(b"IHDR", head), *(c for c in chunks if c[4:8] != b"tRNS"), *plte]
    data += [*(c for c in chunks if c[4:8] == b"tRNS"), chunk(b"IDAT", zlib.compress(raw)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(data)


def _rows(samples, depth):
    """Pack rows of samples and filter every other one by the pixel to its left (PNG specification, 9.2)."""
    step = max(1, depth * samples.shape[2] // 8)
    rows = b""
    for i, row in enumerate(samples.reshape(len(samples), -1)):
        bits = (row[:, np.newaxis].astype(np.uint32) >> np.arange(depth - 1, -1, -1)) & 1
        packed = np.packbits(bits.astype(np.uint8))
        if i % 2:
            packed = packed - np.concatenate([np.zeros(step, np.uint8), packed])[: len(packed)]
        rows += bytes([i % 2]) + packed.tobytes()
    return rows
