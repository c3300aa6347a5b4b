"""Files that are almost images: real ones of every format, made by code, and what chance makes of them."""

import base64
import functools
import random
import struct
import zlib

import numpy as np
from PIL import ExifTags, Image

from heif_files import clap, nclx, with_properties
from helpers import image_bytes, synthetic_photo
from png_files import chunk, number_chunk, png_of
from tiff_files import tiff_of

FORMATS = ("AVIF", "BMP", "GIF", "HEIF", "JPEG", "PNG", "TIFF", "WEBP")

# A HEIC file of 96x64 pixels with four fields of colour that its irot box turns by 90 degrees to the left.
TURNED_HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAUxtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAAA5waXRt"
    "AAAAAAABAAAAImlsb2MAAAAAREAAAQABAAAAAAFwAAEAAAAAAAAAXwAAACNpaW5mAAAAAAABAAAAFWluZmUCAAAAAAEAAGh2YzEAAAAAzGlw"
    "cnAAAACtaXBjbwAAAHhodmNDAQNwAAAAAAAAAAAAHvAA/P34+AAADwMgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQCEAAQArQgEBA3AA"
    "AAMAkAAAAwAAAwAeoDCBBZbqSSmubgQEDAgAAAMACAAAAwAIQCIAAQAHRAHBcrAiQAAAABRpc3BlAAAAAAAAAGAAAABAAAAAEHBpeGkAAAAA"
    "AwgICAAAAAlpcm90AQAAABdpcG1hAAAAAAAAAAEAAQSBAoOEAAAAZ21kYXQAAABbKAGvWIrYDpJf//K13/9R/kPlAMOjcW9D9H9kpP+VBEQL"
    "cK2urV13XaaSrt/+IW2PlSef8ykWrJaieORP4iIrnwuCs5uKv0mAH46R8EW9FPxl04ZoONVfLMFXbw=="
)

_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@functools.cache
def seeds(name):
    """Return whole files of a format, in as many of its kinds as can be written."""
    return tuple(_SEEDS[name]())


def mutant(name, number):
    """Return the mutant of a format that has this number; the same number gives the same bytes."""
    choose = random.Random(f"{name} {number}")  # noqa: S311 - the same bytes every time
    data = bytearray(choose.choice(seeds(name)))
    for _ in range(choose.choice((1, 1, 2, 3, 8))):
        choose.choice(_MUTATIONS)(data, choose, name)
    # With its checksums right, damage reaches what lies behind them.
    return with_checksums(bytes(data)) if name == "PNG" and choose.random() < 0.7 else bytes(data)


def with_checksums(data):
    """Return a PNG with the checksums that its chunks, as they are, should have."""
    made, position = bytearray(data[:8]), 8
    while position + 12 <= len(data):
        end = position + 8 + int.from_bytes(data[position : position + 4], "big")
        if end + 4 > len(data):
            break
        made += data[position:end] + struct.pack(">I", zlib.crc32(data[position + 4 : end]))
        position = end + 4
    return bytes(made + data[position:])


def _flip_bits(data, choose, name):  # noqa: ARG001 - all mutations have one shape
    for _ in range(choose.choice((1, 2, 16))):
        data[choose.randrange(len(data))] ^= 1 << choose.randrange(8)


def _set_number(data, choose, name):  # noqa: ARG001
    size, order = choose.choice((1, 2, 4)), choose.choice(("big", "little"))
    # Most that goes wrong goes wrong in the headers.
    place = choose.randrange(min(len(data), choose.choice((64, 512, len(data))) + 1))
    number = choose.choice(_NUMBERS) % (1 << 8 * size)
    data[place : place + size] = number.to_bytes(size, order)


def _cut_off(data, choose, name):  # noqa: ARG001
    del data[max(1, choose.randrange(len(data))) :]


def _cut_out(data, choose, name):  # noqa: ARG001
    place = choose.randrange(len(data))
    del data[max(1, place) : place + choose.choice((1, 4, 50))]


def _repeat(data, choose, name):  # noqa: ARG001
    place, size, times = choose.randrange(len(data)), choose.choice((1, 12, 100)), choose.choice((1, 3, 300))
    data[place:place] = data[place : place + size] * times


def _insert(data, choose, name):  # noqa: ARG001
    place = choose.randrange(len(data))
    data[place:place] = choose.randbytes(choose.choice((1, 7, 60)))


def _splice(data, choose, name):
    other = choose.choice(seeds(name))
    place, start = choose.randrange(len(data)), choose.randrange(len(other))
    size = choose.choice((4, 30, 400))
    data[place : place + size] = other[start : start + size]


_MUTATIONS = (_flip_bits, _flip_bits, _set_number, _set_number, _cut_off, _cut_out, _repeat, _insert, _splice)


def _photo(mode="RGB", height=24, width=32):
    return Image.fromarray(synthetic_photo(height, width)).convert(mode)


def _frames():
    return [Image.fromarray(synthetic_photo(20, 28, seed=seed)) for seed in range(3)]


def _metadata():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.ImageDescription] = "x" * 40
    return {"exif": exif, "icc_profile": _srgb()}


@functools.cache
def _srgb():
    from PIL import ImageCms  # noqa: PLC0415 - slow to load

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _animated(name, **settings):
    first, *others = _frames()
    return image_bytes(first, name, save_all=True, append_images=others, **settings)


def _jpeg():
    for mode in ("L", "RGB", "CMYK"):
        for settings in ({}, {"progressive": True}, {"restart_marker_blocks": 3}):
            yield image_bytes(_photo(mode), "JPEG", **settings)
    yield image_bytes(_photo(), "JPEG", subsampling=0, quality=97, **_metadata())
    yield _animated("MPO")


def _png():
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        yield image_bytes(_photo(mode))
    yield image_bytes(Image.fromarray(synthetic_photo(24, 32, channels=1).astype(np.uint16) * 257))
    for bits in (1, 2, 4):
        yield image_bytes(_photo().quantize(2**bits), bits=bits, transparency=b"\0\xff")
    yield image_bytes(_photo(), **_metadata())
    deep = np.arange(24 * 32 * 3, dtype=np.uint16).reshape(24, 32, 3)
    yield png_of(deep, 16, number_chunk(b"gAMA", 100_000), number_chunk(b"cHRM", *range(30_000, 70_000, 5000)))
    yield png_of(deep, 16, chunk(b"cICP", b"\x09\x10\0\1"), chunk(b"tRNS", bytes(6)))
    yield _animated("PNG")


def _gif():
    yield image_bytes(_photo("P"), "GIF")
    yield image_bytes(_photo("L"), "GIF", interlace=0, transparency=3, comment=b"made by code")
    yield _animated("GIF", duration=40, loop=0, disposal=2)


def _tiff():
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        for mode in ("L", "RGB"):
            yield image_bytes(_photo(mode), "TIFF", compression=compression)
    for mode in ("1", "P", "RGBA", "CMYK", "LAB", "I;16"):
        yield image_bytes(_photo(mode) if mode != "I;16" else _photo("I").convert("I;16"), "TIFF")
    yield image_bytes(_photo("1"), "TIFF", compression="group4")
    yield image_bytes(_photo(), "TIFF", big_tiff=True, **_metadata())
    yield _animated("TIFF")
    photo, clear = synthetic_photo(24, 32), np.dstack([synthetic_photo(24, 32), synthetic_photo(24, 32, channels=1)])
    yield tiff_of(photo.astype(int) << 4, 12, photometric=2, compression="tiff_lzw", rows_per_strip=7)
    yield tiff_of(clear.astype(int) << 8, 16, photometric=2, planar=True, tile=(16, 16), tags={338: (3, [2])})
    yield tiff_of(clear, photometric=5, planar=True, compression="packbits", order=">", big=True)
    yield tiff_of(photo, photometric=6, planar=True, tags={530: (3, [1, 1])})


def _bmp():
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        yield image_bytes(_photo(mode), "BMP")
    # Runs of one colour (BI_RLE8), which Pillow reads and does not write.
    colors = bytes(range(256)) * 4
    runs = b"".join(b"\x10" + bytes([row]) + b"\x10" + bytes([255 - row]) + b"\0\0" for row in range(24)) + b"\0\1"
    header = struct.pack("<IiiHHIIiiII", 40, 32, 24, 1, 8, 1, len(runs), 2835, 2835, 256, 0)
    offset = 14 + len(header) + len(colors)
    yield struct.pack("<2sIHHI", b"BM", offset + len(runs), 0, 0, offset) + header + colors + runs
    # Bit masks with alpha, which Pillow does not read.
    masks, pixels = struct.pack("<4I", 0xF00, 0xF0, 0xF, 0xF000), np.arange(32 * 24, dtype="<u2").tobytes()
    header = struct.pack("<IiiHHIIiiII", 56, 32, 24, 1, 16, 3, len(pixels), 2835, 2835, 0, 0) + masks
    yield struct.pack("<2sIHHI", b"BM", 70 + len(pixels), 0, 0, 70) + header + pixels


def _webp():
    for mode in ("RGB", "RGBA"):
        for lossless in (False, True):
            yield image_bytes(_photo(mode), "WEBP", lossless=lossless)
    yield image_bytes(_photo(), "WEBP", **_metadata())
    yield _animated("WEBP")


def _avif():
    for mode in ("L", "RGB", "RGBA"):
        yield image_bytes(_photo(mode), "AVIF", speed=10)
    yield image_bytes(_photo(), "AVIF", speed=10, **_metadata())
    yield _animated("AVIF", speed=10)

    yield with_properties(image_bytes(_photo(), "AVIF", speed=10), clap(20, 1, 10, 1, 0, 1, 1, 1))


def _heif():
    yield TURNED_HEIC
    yield with_properties(TURNED_HEIC, clap(20, 1, 10, 1, 0, 1, 1, 1), nclx(9, 16))


_SEEDS = {
    "AVIF": _avif,
    "BMP": _bmp,
    "GIF": _gif,
    "HEIF": _heif,
    "JPEG": _jpeg,
    "PNG": _png,
    "TIFF": _tiff,
    "WEBP": _webp,
}
