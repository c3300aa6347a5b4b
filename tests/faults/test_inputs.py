"""Files that are no good images, alone and beside a good one that must get through."""

import io
import shutil
import struct
import subprocess
import sys
import tarfile
import time
import zipfile
import zlib

import numpy as np
import pytest
from PIL import ExifTags, Image

from damaged_images import TURNED_HEIC
from helpers import compress_files, compress_into, image_bytes, synthetic_photo
from icsys import Options
from icsys.image.jpeg.scans import MAX_SCANS, count_scans

GOOD = image_bytes(synthetic_photo())
FULL = Options(strategy="SO", step=1)


@pytest.fixture
def compress(tmp_path):
    """Compress one file beside a good one, which has to be done; return the result of the file."""

    def one(name, data, options=FULL):
        for folder in ("in", "out"):
            shutil.rmtree(tmp_path / folder, ignore_errors=True)
        results, summary = compress_files(tmp_path, {"good.png": GOOD, name: data}, options)
        assert summary.images == 2
        assert results["good.png"].status == "compressed"
        return results[name]

    return one


@pytest.fixture
def fails(compress, observed):
    """Compress one file beside a good one; return the code of its failure, and record it for the page."""

    def code(*arguments):
        result = compress(*arguments)
        assert result.status == "failed", result
        assert result.message
        observed(f"failed: {result.code}")
        return result.code

    return code


def shown(tmp_path, result):
    with Image.open(tmp_path / "out" / result.output) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_header(width, height, depth=8, kind=0):
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)


@pytest.mark.fault(1, "a file of 0 bytes", "failed with a stable code")
def test_an_empty_file(fails):
    """`a.jpg` without a byte in it."""
    assert fails("a.jpg", b"") == "empty"


@pytest.mark.fault(2, "text named .jpg", "failed with a stable code")
def test_text(fails):
    """`a.jpg` that holds a sentence."""
    assert fails("a.jpg", b"this is no image, whatever its name says") == "unidentified"


@pytest.mark.fault(3, "a PNG named .jpg", "decoded by content; the manifest names the true format")
def test_a_wrong_suffix(compress, tmp_path, observed):
    """A PNG named `a.jpg`."""
    pixels = synthetic_photo(seed=3)
    result = compress("a.jpg", image_bytes(pixels))
    assert result.format == "PNG"
    np.testing.assert_array_equal(shown(tmp_path, result), pixels)
    observed("compressed, format PNG")


@pytest.mark.fault(4, "EPS, PDF, PSD, SVG, ICO, PPM behind an image's name", "failed; no other program is started")
def test_formats_that_are_not_read(tmp_path, observed):
    """Each of them named `.png`, `.jpg` and `.tif`, with an audit hook that sees every process that is started."""
    files = {
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n",
        "pdf": image_bytes(synthetic_photo(), "PDF"),
        "psd": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 9, 9, 8, 3) + bytes(12),
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        "ico": image_bytes(synthetic_photo(), "ICO"),
        "ppm": image_bytes(synthetic_photo(), "PPM"),
    }
    source = tmp_path / "in"
    source.mkdir()
    for name, data in files.items():
        for suffix in ("png", "jpg", "tif"):
            (source / f"{name}.{suffix}").write_bytes(data)
    code = (
        "import sys\n"
        "STARTS = ('subprocess.Popen', 'os.exec', 'os.fork', 'os.forkpty', 'os.posix_spawn', 'os.spawn', 'os.system')\n"
        "from icsys import Options, compress_folder\n"
        "started = []\n"
        "sys.addaudithook(lambda event, _: started.append(event) if event in STARTS else None)\n"
        "summary = compress_folder('in', 'out', Options(strategy='SO'))\n"
        "print(summary.images, {failure.code for failure in summary.failures}, started)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "18 {'unidentified'} []\n"
    observed("18 failed: unidentified; no process started")


@pytest.mark.fault(5, "a JPEG cut off in the middle", "failed; --on-corrupt keep keeps it with a warning")
@pytest.mark.parametrize("progressive", [False, True], ids=["sequential", "progressive"])
def test_a_cut_jpeg(progressive, compress, fails, observed):
    """The first half of the file."""
    data = image_bytes(synthetic_photo(200, 300), "JPEG", progressive=progressive)
    cut = data[: len(data) // 2]
    assert fails("a.jpg", cut) == "corrupt"
    kept = compress("a.jpg", cut, FULL.replace(on_corrupt="keep"))
    assert kept.status == "compressed"
    assert "damaged JPEG" in kept.warning
    observed("kept with a warning if asked for")


@pytest.mark.fault(6, "a JPEG with bits flipped among its pixels", "failed where libjpeg can detect it")
def test_a_flipped_jpeg(fails):
    """32 bits of a photo with restart markers inverted in one place."""
    data = bytearray(image_bytes(synthetic_photo(200, 300), "JPEG", restart_marker_rows=1))
    middle = len(data) // 2
    data[middle : middle + 4] = bytes(byte ^ 0xFF for byte in data[middle : middle + 4])
    assert fails("a.jpg", bytes(data)) == "corrupt"


@pytest.mark.fault(7, "a PNG whose checksum or pixel data are wrong", "failed")
@pytest.mark.parametrize("place", ["checksum", "data"])
def test_a_damaged_png(place, fails):
    """One byte of the checksum of the pixel data changed, or 40 bytes of the data with a checksum that fits."""
    pixels = zlib.compress(bytes(61 * 50))
    if place == "checksum":
        body = chunk(b"IDAT", pixels)[:-1] + b"x"
    else:
        body = chunk(b"IDAT", pixels[:5] + b"\xff" * 9 + pixels[14:])
    assert fails("a.png", png_header(60, 50) + body + chunk(b"IEND", b"")) == "corrupt"


def gigabyte_of_zeros():
    """Return it compressed: one part of it, again and again, since a full flush forgets what came before."""
    part = zlib.compressobj(9, wbits=-15)
    packed = part.compress(bytes(2**24)) + part.flush(zlib.Z_FULL_FLUSH)
    checksum = struct.pack(">HH", 2**30 % 65521, 1)  # Adler-32 of zeros: their number, and 1
    return b"\x78\xda" + packed * 64 + part.flush() + checksum


@pytest.mark.fault(
    8,
    "a PNG whose text or colour profile unpacks to gigabytes",
    "a text is left out, a profile fails; at most 64 MiB are unpacked",
)
@pytest.mark.parametrize("kind", ["zTXt", "iTXt", "iCCP", "many zTXt"])
def test_a_text_bomb(kind, tmp_path, observed):
    """A gigabyte of zeros as compressed text; the memory of the whole process is looked at."""
    head = {"iTXt": b"iTXt", "iCCP": b"iCCP"}.get(kind, b"zTXt")
    key = b"key\0\1\0\0\0" if head == b"iTXt" else b"key\0\0"
    if kind == "many zTXt":
        texts = chunk(b"zTXt", b"key\0\0" + zlib.compress(bytes(2**20 - 9))) * 1000
    else:
        texts = chunk(head, key + gigabyte_of_zeros())
    pixels = chunk(b"IDAT", zlib.compress(bytes(61 * 50))) + chunk(b"IEND", b"")
    result = "too_large" if kind == "iCCP" else ""
    assert _in_small_memory(tmp_path, png_header(60, 50) + texts + pixels, 400) == result
    observed("failed: too_large" if kind == "iCCP" else "left out, with a warning")


@pytest.mark.fault(9, "a GIF of a few bytes that announces 65535 x 65535 pixels", "failed before memory is taken")
@pytest.mark.parametrize("where", ["screen", "frame"])
def test_a_gif_bomb(where, tmp_path, observed):
    """The size of its screen, or of its first frame, is the largest there is."""
    data = bytearray(image_bytes(Image.new("P", (4, 4)), "GIF"))
    place = 6 if where == "screen" else data.index(b",") + 5
    data[place : place + 4] = b"\xff\xff\xff\xff"
    assert _in_small_memory(tmp_path, bytes(data), 300) == "too_large"
    observed("failed: too_large")


@pytest.mark.fault(
    9, "a TIFF of a few bytes whose one tile is far larger than its picture", "failed before memory is taken"
)
def test_a_tile_bomb(tmp_path, observed):
    """16 x 16 pixels in a compressed tile of 40000 x 40000; found by trying, 1.5 GB in a file of 278 bytes."""
    data = bytearray(image_bytes(np.zeros((16, 16), np.uint8), "TIFF", compression="tiff_lzw"))
    (place,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, place)
    entries = [struct.unpack_from("<HHII", data, place + 2 + 12 * i) for i in range(count)]
    renamed = [({273: 324, 279: 325}.get(tag, tag), *rest) for tag, *rest in entries if tag != 278]
    tags = sorted([*renamed, (322, 4, 1, 40_000), (323, 4, 1, 40_000)])
    data[4:8] = struct.pack("<I", len(data))
    data += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    assert _in_small_memory(tmp_path, bytes(data), 300) == "too_large"
    observed("failed: too_large")


def _in_small_memory(folder, data, megabytes, limits=""):
    """Compress a file in a process that ends if it takes more than so much beyond what it started with."""
    (folder / "bomb").write_bytes(data)
    code = (
        "import pathlib, sys\n"
        "from icsys import ImageError, Options, compress_image\n"
        f"try: compress_image(pathlib.Path('bomb').read_bytes(), Options(strategy='SO', {limits}))\n"
        "except ImageError as error: print(error.code)\n"
        "status = pathlib.Path('/proc/self/status')\n"
        "if status.exists():\n"  # elsewhere the peak of a process includes its parent's
        "    print(status.read_text().partition('VmHWM:')[2].split()[0])\n"
        "else:\n"
        "    import psutil\n"
        "    print(psutil.Process().memory_info().rss // 2**10)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    *printed, memory = done.stdout.split()
    assert int(memory) < megabytes * 2**10
    return " ".join(printed)


@pytest.mark.fault(10, "an image without width or height", "failed")
@pytest.mark.parametrize("name", ["PNG", "GIF", "BMP", "JPEG"])
def test_no_pixels(name, fails):
    """A size of 0 in the header of a good file."""
    places = {"PNG": 20, "GIF": None, "BMP": 18, "JPEG": None}
    data = bytearray(image_bytes(Image.new("RGB", (8, 8)), name))
    place = data.index(b",") + 5 if name == "GIF" else data.index(b"\xff\xc0") + 7 if name == "JPEG" else places[name]
    data[place : place + (4 if name in {"PNG", "BMP"} else 2)] = bytes(4 if name in {"PNG", "BMP"} else 2)
    if name == "GIF":
        data[6:10] = bytes(4)
    if name == "PNG":
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    assert fails(f"a.{name.lower()}", bytes(data)) in {"broken", "corrupt", "unsupported"}


@pytest.mark.fault(11, "a legal image of 179 million pixels", "done; failed where --max-pixels is lower")
def test_a_very_large_image(compress, fails, observed):
    """A grey PNG of 14000 x 12800 pixels, above the size at which Pillow gives up."""
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(bytes(14_001 * 100)) for _ in range(128)) + packer.flush()
    data = png_header(14_000, 12_800) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    result = compress("a.png", data, Options(strategy="SO", step=100))
    assert (result.source_width, result.source_height, result.width) == (14_000, 12_800, 140)
    observed("compressed; with --max-pixels 179199999")
    assert fails("a.png", data, Options(strategy="SO", max_pixels=14_000 * 12_800 - 1)) == "too_large"


@pytest.mark.fault(
    11, "a legal image of 190 million pixels, more than Pillow allows a program", "done; the limit is --max-pixels"
)
@pytest.mark.parametrize("name", ["TIFF", "WebP"])
def test_more_pixels_than_pillow_allows(name, compress, fails, thorough, observed):
    """A grey TIFF of 14000 x 13600 pixels in 1.3 MB, and a WebP of one colour in 34 bytes, which takes 3 GB."""
    if name == "WebP" and not thorough:
        pytest.skip("only with --thorough, for its memory")
    size = 14_000, 13_600
    data = _webp_of_one_colour(*size) if name == "WebP" else image_bytes(Image.new("L", size, 77), "TIFF",
                                                                         compression="tiff_lzw")  # fmt: skip
    result = compress("a.img", data, Options(strategy="SO", step=100))
    assert (result.source_width, result.source_height, result.width) == (*size, 140)
    observed("compressed; with --max-pixels 190399999")
    assert fails("a.img", data, Options(strategy="SO", max_pixels=size[0] * size[1] - 1)) == "too_large"


def _webp_of_one_colour(width, height):
    """Write a lossless WebP by hand: each of its codes has one symbol, so its pixels take no bits (RFC 9649, 3)."""
    header = [(width - 1, 14), (height - 1, 14), (0, 1), (0, 3)]  # no alpha, version 0
    nothing = [(0, 1), (0, 1), (0, 1)]  # no transform, no colour cache, one group of codes
    codes = [pair for symbol in (90, 30, 200, 255, 0) for pair in ((1, 1), (0, 1), (1, 1), (symbol, 8))]
    bits = place = 0
    for value, length in [*header, *nothing, *codes]:
        bits |= value << place
        place += length
    data = b"\x2f" + bits.to_bytes(-(-place // 8), "little")
    data += bytes(len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(data) + 12) + b"WEBPVP8L" + struct.pack("<I", len(data)) + data


@pytest.mark.fault(9, "a WebP, or a GIF that clears its frame, whose canvas is huge", "failed before memory is taken")
@pytest.mark.parametrize("kind", ["WebP", "animated WebP", "GIF"])
def test_a_canvas_bomb(kind, tmp_path, observed):
    """65535 x 65535 pixels in an animated WebP, 16000 x 16000 in a lossless one, 13000 x 13000 in a GIF."""
    if kind == "WebP":
        data = _webp_of_one_colour(16_000, 16_000)
    elif kind == "GIF":
        whole = bytearray(image_bytes(Image.new("P", (4, 4)), "GIF", disposal=2, duration=10))
        for place in (6, whole.index(b",") + 5):
            whole[place : place + 4] = struct.pack("<HH", 13_000, 13_000)
        data = bytes(whole)
    else:
        frames = [Image.fromarray(synthetic_photo(20, 30, seed=seed)) for seed in range(2)]
        whole = bytearray(image_bytes(frames[0], "WEBP", save_all=True, append_images=frames[1:]))
        whole[24:30] = b"\xfe\xff\0\xfe\xff\0"
        data = bytes(whole)
    assert _in_small_memory(tmp_path, data, 150, "max_pixels=10**8") == "too_large"
    observed("failed: too_large")


@pytest.mark.fault(12, "a progressive JPEG of more than 100 scans", "failed in less than a tenth of a second")
def test_a_scan_bomb(fails):
    """50,000 scans of 2000 x 2000 pixels, which take a decoder minutes."""
    data = image_bytes(Image.new("L", (2000, 2000)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    bomb = data[:-2] + data[last:-2] * 50_000 + data[-2:]
    start = time.thread_time()
    assert count_scans(bomb) == MAX_SCANS + 1
    assert time.thread_time() - start < 0.1
    assert fails("a.jpg", bomb) == "too_large"


@pytest.mark.fault(13, "a TIFF whose directories form a loop", "done: its first page is good")
def test_a_loop_of_directories(compress, observed):
    """The next directory is the first one again."""
    data = bytearray(image_bytes(synthetic_photo(), "TIFF"))
    (first,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + 12 * entries, first)
    result = compress("a.tif", bytes(data))
    assert (result.status, result.frames) == ("compressed", 1)
    observed("compressed, 1 frame")


@pytest.mark.fault(13, "a TIFF of a million directories", "failed within a second")
def test_many_directories(fails):
    """A good page and then a chain of empty directories in 6 MB."""
    data = bytearray(image_bytes(synthetic_photo(), "TIFF"))
    (first,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, first)
    data += bytes(len(data) % 2)
    struct.pack_into("<I", data, first + 2 + 12 * entries, len(data))
    start = len(data)
    data += b"".join(struct.pack("<HI", 0, start + 6 * i + 6) for i in range(10**6))
    before = time.process_time()
    assert fails("a.tif", bytes(data)) == "too_large"
    assert time.process_time() - before < 1


@pytest.mark.fault(14, "a TIFF of floats, of 32 bits, of 5 channels", "failed: no rule maps them to 8 bits")
@pytest.mark.parametrize("kind", ["float", "32 bits", "5 channels"])
def test_pixels_without_a_range(kind, fails):
    """Written by Pillow, the one of 5 channels by tifffile."""
    if kind == "5 channels":
        import tifffile  # noqa: PLC0415 - only this case needs it

        file = io.BytesIO()
        tifffile.imwrite(file, np.zeros((9, 9, 5), np.uint8), photometric="minisblack", planarconfig="contig")
        assert fails("a.tif", file.getvalue()) in {"broken", "unsupported"}
    else:
        image = Image.new("F", (9, 9), 0.5) if kind == "float" else Image.new("I", (9, 9), 70_000)
        assert fails("a.tif", image_bytes(image, "TIFF")) == "unsupported"


@pytest.mark.fault(6, "damage in a TIFF that a decoder passes over with a sentence on the terminal", "failed by name")
@pytest.mark.skipif(sys.platform == "win32", reason="Pillow's libtiff is out of reach there")
def test_a_damaged_fax(compress, fails, observed, capfd):
    """32 bits of a Group 4 picture inverted, which libtiff prints a line about and Pillow accepts."""
    picture = Image.fromarray(synthetic_photo(64, 90, channels=1)).convert("1")
    data = bytearray(image_bytes(picture, "TIFF", compression="group4"))
    data[200:204] = bytes(byte ^ 0xFF for byte in data[200:204])
    assert fails("a.tif", bytes(data)) == "corrupt"
    assert "Fax4Decode" in compress("a.tif", bytes(data), FULL.replace(on_corrupt="keep")).warning
    assert capfd.readouterr().err == ""
    observed("kept with a warning if asked for; nothing is printed")


@pytest.mark.fault(15, "CMYK photos, inverted as Adobe writes them", "the right colours")
@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_cmyk(name, compress, tmp_path, observed):
    """Four bars of one ink each: cyan, magenta, yellow, black."""
    ink = np.zeros((16, 64, 4), np.uint8)
    for i in range(4):
        ink[:, 16 * i : 16 * (i + 1), i] = 255
    result = compress(f"a.{name.lower()}", image_bytes(Image.fromarray(ink, "CMYK"), name, quality=100))
    bars = shown(tmp_path, result)[8, 8::16]
    assert np.abs(bars - [[0, 255, 255], [255, 0, 255], [255, 255, 0], [0, 0, 0]]).max() <= 4
    observed("cyan, magenta, yellow and black")


@pytest.mark.fault(16, "16 bits a channel", "scaled, not cut off")
@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_16_bits(name, compress, tmp_path, observed):
    """A grey ramp over all 65,536 levels."""
    ramp = np.linspace(0, 65_535, 256).astype(np.uint16)
    result = compress(f"a.{name.lower()}", image_bytes(Image.fromarray(np.tile(ramp, (4, 1))), name))
    assert np.abs(shown(tmp_path, result)[0, :, 0] - np.arange(256)).max() <= 1
    observed("0 to 255, evenly")


@pytest.mark.fault(17, "transparency: RGBA, LA, a palette with it, a transparent colour", "laid over --background")
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB"])
def test_transparency(mode, compress, tmp_path, observed):
    """Left half transparent, right half black."""
    alpha = Image.new("L", (8, 4), 255)
    alpha.paste(0, (0, 0, 4, 4))
    image = Image.new("RGB", (8, 4))
    if mode in {"P", "RGB"}:
        image.paste((9, 8, 7), (0, 0, 4, 4))
        image = image.convert(mode, palette=Image.Palette.ADAPTIVE)
        transparent = image.getpixel((0, 0))
        data = image_bytes(image, transparency=transparent)
    else:
        image = image.convert(mode)
        image.putalpha(alpha)
        data = image_bytes(image)
    pixels = shown(tmp_path, compress("a.png", data, FULL.replace(background="#102030")))
    assert pixels[0].tolist() == [[0x10, 0x20, 0x30]] * 4 + [[0, 0, 0]] * 4
    observed("the background on the left, black on the right")


@pytest.mark.fault(18, "EXIF orientation 1 to 8, and EXIF data that are damaged", "applied once; damaged is upright")
def test_orientation(tmp_path, observed):
    """A photo in all orientations, and one with noise for EXIF data."""
    pixels = synthetic_photo(40, 60)
    files = {}
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        files[f"{orientation}.png"] = image_bytes(pixels, exif=exif)
    files["damaged.png"] = image_bytes(pixels, exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(40))
    results, _ = compress_files(tmp_path, files, FULL)
    turns = [
        pixels,
        pixels[:, ::-1],
        pixels[::-1, ::-1],
        pixels[::-1],
        pixels.transpose(1, 0, 2),
        np.rot90(pixels, -1),
        pixels[::-1, ::-1].transpose(1, 0, 2),
        np.rot90(pixels),
    ]
    for orientation, turned in enumerate(turns, 1):
        np.testing.assert_array_equal(shown(tmp_path, results[f"{orientation}.png"]), turned)
    np.testing.assert_array_equal(shown(tmp_path, results["damaged.png"]), pixels)
    observed("all upright")


@pytest.mark.fault(19, "animations: APNG, GIF, WebP, AVIF, MPO, TIFF pages", "the first frame; the number is recorded")
@pytest.mark.parametrize("name", ["PNG", "GIF", "WEBP", "AVIF", "MPO", "TIFF"])
def test_animations(name, compress, tmp_path, observed):
    """Three frames of one colour each."""
    frames = [Image.new("RGB", (16, 12), color) for color in ("red", "lime", "blue")]
    result = compress(f"a.{name.lower()}", image_bytes(frames[0], name, save_all=True, append_images=frames[1:]))
    assert result.frames == 3
    assert np.abs(shown(tmp_path, result) - [255, 0, 0]).max() <= 8
    observed("the first of 3 frames")


@pytest.mark.fault(20, "HEIC: damaged, too large, or without the package that reads it", "failed, with a hint")
def test_heic(fails, compress, monkeypatch):
    """A good file, its first half, a limit below its size, and no package pi_heif."""
    assert compress("good.heic", TURNED_HEIC).status == "compressed"
    assert fails("cut.heic", TURNED_HEIC[: len(TURNED_HEIC) // 2]) == "broken"
    assert fails("large.heic", TURNED_HEIC, FULL.replace(max_pixels=96 * 64 - 1)) == "too_large"
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    failed = compress("missing.heic", TURNED_HEIC)
    assert failed.code == "missing_extra"
    assert "pip install 'icsys[heif]'" in failed.message


@pytest.mark.fault(11, "a file of more bytes than --max-bytes", "failed before it is read")
def test_a_very_long_file(tmp_path, observed):
    """A good PNG that goes on for 50 GB, all of them a hole."""
    results, summary = compress_files(tmp_path, {"a.png": GOOD, "good.png": GOOD}, dry_run=True)
    assert summary.compressed == 2
    with (tmp_path / "in" / "a.png").open("r+b") as file:
        file.truncate(50 * 10**9)
    results, _ = compress_into(tmp_path / "in", tmp_path / "out")
    assert results["good.png"].status == "compressed"
    assert results["a.png"].code == "too_large"
    observed("failed: too_large")


@pytest.mark.fault(39, "archives with `../x`, absolute paths, links, bombs", "not read at all: an archive is no image")
def test_archives(tmp_path, observed):
    """A zip and a tar whose one member is `../../escaped.png`, by their own names and named as images."""
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("../../escaped.png", GOOD)
    with tarfile.open(fileobj=tarred, mode="w") as archive:
        member = tarfile.TarInfo("../../escaped.png")
        member.size = len(GOOD)
        archive.addfile(member, io.BytesIO(GOOD))
    files = {"a.zip": zipped, "a.tar": tarred, "zip.png": zipped, "tar.jpg": tarred}
    files = {name: file.getvalue() for name, file in files.items()}
    results, summary = compress_files(tmp_path / "deep" / "deeper", files | {"good.png": GOOD})
    assert (summary.compressed, summary.ignored) == (1, 2)
    assert results["zip.png"].code == results["tar.jpg"].code == "unidentified"
    assert not list(tmp_path.rglob("escaped*"))
    observed("2 left alone, 2 failed: unidentified; nothing unpacked")
