"""PNG encoding: other decoders and a reader written from the specification get back what went in."""

import functools
import io
import shutil
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import deflate
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, PngImagePlugin
from sklearn.datasets import load_sample_images

from helpers import image_bytes, synthetic_photo
from icsys.choices import PNG_EFFORTS
from icsys.errors import MissingExtraError
from icsys.image import png_encoder
from icsys.image.png_encoder import _filter, _pack, encode_indexed, encode_truecolor, is_like
from icsys.native.library import LIBRARY, Kernels, levels

PNGCHECK = shutil.which("pngcheck")
SAMPLES_PER_PIXEL = {0: 1, 2: 3, 3: 1}  # by colour type


@dataclass
class Parsed:
    """A PNG file as a reader written from the specification sees it."""

    size: tuple[int, int]  # width, height
    depth: int
    color_type: int
    chunks: list[str]
    palette: np.ndarray
    alpha: bytes
    filters: list[int]  # one per row
    pixels: np.ndarray  # indices, grey levels or colours


def parse(data):
    """Read a PNG file slowly and strictly: signature, lengths, CRCs, filters and bit order by the specification."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = [], 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        body = data[at + 4 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length) == (zlib.crc32(body),)
        chunks.append((body[:4].decode(), body[4:]))
        at += 12 + length
    assert at == len(data)
    parts = dict(chunks)
    assert len(parts) == len(chunks)
    width, height, depth, color_type, *rest = struct.unpack(">IIBBBBB", parts["IHDR"])
    assert rest == [0, 0, 0]
    samples = SAMPLES_PER_PIXEL[color_type]
    stride = -(-width * samples * depth // 8)
    lines = np.frombuffer(zlib.decompress(parts["IDAT"]), np.uint8).reshape(height, 1 + stride)
    rows = unfilter(lines, max(1, samples * depth // 8))
    bits = np.unpackbits(rows, axis=1)[:, : width * samples * depth].reshape(height, -1, depth)
    values = (bits * (1 << np.arange(depth)[::-1])).sum(axis=2).astype(np.uint8)
    return Parsed(
        size=(width, height),
        depth=depth,
        color_type=color_type,
        chunks=[kind for kind, _ in chunks],
        palette=np.frombuffer(parts.get("PLTE", b""), np.uint8).reshape(-1, 3),
        alpha=parts.get("tRNS", b""),
        filters=lines[:, 0].tolist(),
        pixels=values.reshape(height, width, samples) if samples > 1 else values,
    )


def unfilter(lines, pixel_bytes):
    """Undo the filters byte by byte, as the specification's section 9 words it."""
    height, width = len(lines), lines.shape[1] - 1
    rows = [[0] * width for _ in range(height)]
    for y, (kind, *line) in enumerate(lines.tolist()):
        above = rows[y - 1] if y else [0] * width
        for x, value in enumerate(line):
            a = rows[y][x - pixel_bytes] if x >= pixel_bytes else 0
            b = above[x]
            c = above[x - pixel_bytes] if x >= pixel_bytes else 0
            prediction = (0, a, b, (a + b) // 2, paeth(a, b, c))[kind]
            rows[y][x] = (value + prediction) % 256
    return np.array(rows, np.uint8).reshape(height, width)


def paeth(a, b, c):
    """The specification's own words: min picks the first of those equally near, in the order a, b, c."""
    return min((a, b, c), key=lambda value: abs(a + b - c - value))


def pillow_pixels(data):
    """The pixels that Pillow shows: (H, W, 4), or (H, W) for grey."""
    image = Image.open(io.BytesIO(data))
    return np.asarray(image if image.mode == "L" else image.convert("RGBA"))


def opencv_pixels(data):
    """The pixels that OpenCV shows, in the shape of `pillow_pixels`."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image.ndim == 2:
        return image
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGBA if image.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)


def bytes_of(shape):
    """Arrays of uint8, random or constant or in between."""
    return hnp.arrays(np.uint8, shape, elements=st.integers(0, 255), fill=st.integers(0, 255))


@st.composite
def indexed_images(draw):
    """Indices, palette and alpha or None; widths that fill no byte, heights beyond one band."""
    colors = draw(st.sampled_from([1, 2, 3, 4, 5, 15, 16, 17, 64, 255, 256]) | st.integers(1, 256))
    shape = draw(st.tuples(st.integers(1, 20), st.integers(1, 20)) | st.sampled_from([(1, 1), (131, 3), (64, 2)]))
    seed = draw(st.integers(0, 2**32 - 1))
    indices = np.random.default_rng(seed).integers(0, colors, shape).astype(np.uint8)
    if draw(st.booleans()):
        indices.sort(axis=0)
    palette = draw(bytes_of((colors, 3)))
    return indices, palette, draw(st.none() | bytes_of((colors,)))


@functools.cache
def quantized_photo(colors):
    """A crop of a real photo in a palette from dark to light that Pillow chose."""
    photo = Image.fromarray(load_sample_images().images[0][100:356, 200:456]).quantize(colors)
    palette = np.array(photo.getpalette()[: 3 * colors], np.uint8).reshape(-1, 3)
    order = np.argsort(palette @ [299, 587, 114])
    return np.argsort(order).astype(np.uint8)[np.asarray(photo)], palette[order]


def saved_by_pillow(pixels, palette=None):
    image = Image.fromarray(pixels)
    if palette is not None:
        image.putpalette(palette.tobytes())
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@settings(deadline=None)
@given(indexed_images(), st.sampled_from(["fast", "default"]))
def test_indexed_image_comes_back_exactly(image, effort):
    indices, palette, alpha = image
    data = encode_indexed(indices, palette, alpha=alpha, effort=effort)
    parsed = parse(data)
    np.testing.assert_array_equal(parsed.pixels, indices)
    np.testing.assert_array_equal(parsed.palette, palette)
    opacity = np.full(len(palette), 255, np.uint8) if alpha is None else alpha
    assert parsed.alpha == opacity.tobytes().rstrip(b"\xff")
    shown = np.column_stack([palette, opacity])[indices]
    np.testing.assert_array_equal(pillow_pixels(data), shown)
    np.testing.assert_array_equal(opencv_pixels(data), shown)


@settings(deadline=None)
@given(
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=20).flatmap(lambda s: bytes_of(s) | bytes_of((*s, 3))),
    st.sampled_from(["fast", "default"]),
)
def test_truecolor_and_grey_come_back_exactly(pixels, effort):
    data = encode_truecolor(pixels, effort=effort)
    parsed = parse(data)
    assert (parsed.depth, parsed.color_type) == (8, 0 if pixels.ndim == 2 else 2)
    np.testing.assert_array_equal(parsed.pixels, pixels)
    shown = pixels if pixels.ndim == 2 else np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
    np.testing.assert_array_equal(pillow_pixels(data), shown)
    np.testing.assert_array_equal(opencv_pixels(data), shown)


@pytest.mark.parametrize("photo", load_sample_images().images, ids=["china", "flower"])
def test_photo_comes_back_exactly(photo):
    data = encode_truecolor(photo)
    np.testing.assert_array_equal(pillow_pixels(data)[..., :3], photo)
    np.testing.assert_array_equal(opencv_pixels(data)[..., :3], photo)


@settings(deadline=None)
@given(
    st.integers(0, 4),
    st.sampled_from([1, 3]),
    st.sampled_from([1, 2, 63, 64, 65, 128, 130]),
    st.integers(1, 5),
    st.integers(0, 2**32 - 1),
)
def test_every_filter_can_be_undone(kind, pixel_bytes, height, width, seed):
    rows = np.random.default_rng(seed).integers(0, 256, (height, width * pixel_bytes)).astype(np.uint8)
    lines = _filter(rows, pixel_bytes, kind)
    assert (lines[:, 0] == kind).all()
    np.testing.assert_array_equal(unfilter(lines, pixel_bytes), rows)


def packed(indices, depth):
    """The bits of indices in bytes, the slow way."""
    bits = np.unpackbits(indices[..., None], axis=2)[..., 8 - depth :]
    return np.packbits(bits.reshape(len(indices), -1), axis=1)


@pytest.mark.parametrize("level", levels())
@given(st.sampled_from([1, 2, 4, 8]), st.integers(1, 5), st.integers(1, 100), st.integers(0, 2**32 - 1))
def test_indices_are_packed_and_filtered_at_once(level, depth, height, width, seed):
    indices = np.random.default_rng(seed).integers(0, 1 << depth, (height, width)).astype(np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(png_encoder, "KERNELS", Kernels(LIBRARY, level))
        plain, filtered = _pack(indices, depth)
    for lines, kind in ((plain, 0), (filtered, 4 if depth == 8 else 2)):
        assert (lines[:, 0] == kind).all()
        np.testing.assert_array_equal(unfilter(lines, 1), packed(indices, depth))


@pytest.mark.parametrize(("colors", "depth", "kind"), [(4, 2, 2), (16, 4, 2), (100, 8, 4)])
def test_the_filter_of_many_rows_is_the_better_one_on_four_bands(colors, depth, kind):
    indices, palette = quantized_photo(colors)
    height, half = len(indices), 8
    rows = packed(indices, depth)
    lines = {one: _filter(rows, 1, one) for one in (0, kind)}
    middles = [height * eighth // 8 for eighth in (1, 3, 5, 7)]
    bands = {one: b"".join(lines[one][m - half : m + half].tobytes() for m in middles) for one in lines}
    best = min(bands, key=lambda one: len(deflate.zlib_compress(bands[one], 4)))
    assert height > 16 * half
    assert deflate.zlib_compress(lines[best], 5) in encode_indexed(indices, palette)


@pytest.mark.parametrize(
    ("colors", "depth", "kinds"), [(3, 2, (0, 2)), (9, 4, (0, 2)), (40, 8, (0, 4)), (200, 8, (0, 4))]
)
def test_an_image_of_few_rows_is_as_small_as_the_better_of_two_filters_makes_it(colors, depth, kinds):
    photo, palette = quantized_photo(colors)
    for first in range(0, 256, 64):
        indices = photo[first : first + 64]
        data = encode_indexed(indices, palette)
        (length,) = struct.unpack_from(">I", data, data.index(b"IDAT") - 4)
        rows = packed(indices, depth)
        assert length == min(len(deflate.zlib_compress(_filter(rows, 1, kind), 5)) for kind in kinds)


def test_filter_per_row_is_the_one_with_the_smallest_sum_of_absolute_residuals():
    photo = load_sample_images().images[1][:64, :200]
    rows = np.ascontiguousarray(photo).reshape(len(photo), -1)
    costs = [np.abs(_filter(rows, 3, kind)[:, 1:].view(np.int8).astype(int)).sum(axis=1) for kind in range(5)]
    chosen = np.argmin(costs, axis=0)
    assert len(set(chosen)) > 2
    assert parse(encode_truecolor(photo)).filters == chosen.tolist()


@pytest.mark.parametrize(
    ("colors", "depth"),
    [(1, 1), (2, 1), (3, 2), (4, 2), (5, 4), (16, 4), (17, 8), (32, 8), (256, 8)],
)
def test_bit_depth_is_the_smallest_that_holds_the_palette(colors, depth):
    indices = (np.arange(35) % colors).astype(np.uint8).reshape(5, 7)
    parsed = parse(encode_indexed(indices, np.zeros((colors, 3), np.uint8)))
    assert (parsed.size, parsed.depth, parsed.color_type) == ((7, 5), depth, 3)
    assert len(parsed.palette) == colors


@pytest.mark.parametrize(
    ("alpha", "stored"),
    [
        (None, None),
        ([255, 255, 255], None),
        ([0, 255, 255], b"\0"),
        ([255, 9, 255], b"\xff\x09"),
        ([1, 2, 3], b"\1\2\3"),
    ],
)
def test_trailing_opaque_entries_are_not_stored(alpha, stored):
    alpha = None if alpha is None else np.array(alpha, np.uint8)
    parsed = parse(encode_indexed(np.zeros((2, 2), np.uint8), np.zeros((3, 3), np.uint8), alpha=alpha))
    expected = ["IHDR", "PLTE", "IDAT", "IEND"] if stored is None else ["IHDR", "PLTE", "tRNS", "IDAT", "IEND"]
    assert parsed.chunks == expected
    assert parsed.alpha == (stored or b"")


@pytest.mark.parametrize(("colors", "kind"), [(16, 2), (128, 4)], ids=["Up for packed pixels", "Paeth for whole bytes"])
def test_smooth_image_is_filtered(colors, kind):
    y, x = np.mgrid[:200, :256]
    smooth = ((y * 2 + x) * colors // 656).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 2, smooth.shape, np.uint8)
    indices = smooth if colors == 16 else np.minimum(smooth + noise, colors - 1)
    palette = np.repeat(np.arange(colors, dtype=np.uint8)[:, np.newaxis], 3, axis=1)
    assert set(parse(encode_indexed(indices, palette)).filters) == {kind}


@pytest.mark.parametrize("colors", [16, 128])
def test_image_of_repeated_pieces_is_not_filtered(colors):
    rng = np.random.default_rng(0)
    pieces = rng.integers(0, colors, (8, 32)).astype(np.uint8)
    indices = pieces[rng.integers(0, len(pieces), (96, 8))].reshape(96, 256)
    assert set(parse(encode_indexed(indices, np.zeros((colors, 3), np.uint8))).filters) == {0}


@pytest.mark.parametrize("colors", [2, 8, 16, 32, 256])
def test_more_effort_makes_an_indexed_photo_smaller_and_the_default_beats_pillow(colors):
    indices, palette = quantized_photo(colors)
    sizes = {effort: len(encode_indexed(indices, palette, effort=effort)) for effort in PNG_EFFORTS}
    assert sizes["max"] < sizes["default"] < sizes["fast"]
    assert sizes["default"] < len(saved_by_pillow(indices, palette))


def test_max_effort_makes_a_truecolor_photo_smaller_than_pillow_does():
    photo = load_sample_images().images[0][:200, :200]
    smallest = len(encode_truecolor(photo, effort="max"))
    assert smallest < len(encode_truecolor(photo))
    assert smallest < len(saved_by_pillow(photo))


@pytest.mark.parametrize("colors", [1, 2, 5, 16, 40])
def test_max_effort_keeps_depth_palette_and_indices(colors):
    """A grey palette with an entry that repeats and one that no pixel uses would tempt an optimiser."""
    palette = np.repeat(np.arange(colors, dtype=np.uint8)[::-1, np.newaxis] // 2, 3, axis=1)
    indices = np.random.default_rng(0).integers(0, max(1, colors - 1), (30, 41)).astype(np.uint8)
    alpha = np.arange(200, 200 + colors, dtype=np.uint8)
    parsed = parse(encode_indexed(indices, palette, alpha=alpha, effort="max"))
    assert (parsed.color_type, parsed.depth) == (3, parse(encode_indexed(indices, palette)).depth)
    np.testing.assert_array_equal(parsed.pixels, indices)
    np.testing.assert_array_equal(parsed.palette, palette)
    assert parsed.alpha == alpha.tobytes()


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3)], ids=["grey", "colour"])
def test_max_effort_keeps_truecolor_truecolor_and_grey_grey(shape):
    pixels = np.full(shape, 77, np.uint8)
    parsed = parse(encode_truecolor(pixels, effort="max"))
    assert (parsed.color_type, parsed.depth) == (0 if len(shape) == 2 else 2, 8)
    np.testing.assert_array_equal(parsed.pixels, pixels)


def test_views_and_read_only_arrays_are_accepted_and_left_alone():
    base = np.random.default_rng(0).integers(0, 20, (40, 60, 3)).astype(np.uint8)
    base.flags.writeable = False
    copy, view = base.copy(), base[::-2, 1::3, ::-1]
    np.testing.assert_array_equal(parse(encode_truecolor(view)).pixels, view)
    palette = base[:20, 0, ::-1]
    alpha = base[::-2, 0, 0]
    parsed = parse(encode_indexed(view[..., 0], palette, alpha=alpha))
    np.testing.assert_array_equal(parsed.pixels, view[..., 0])
    np.testing.assert_array_equal(parsed.palette, palette)
    np.testing.assert_array_equal(base, copy)


def test_equal_input_gives_equal_bytes_on_every_call_and_in_every_thread():
    indices, palette = quantized_photo(32)
    photo = load_sample_images().images[1]

    def both(_):
        return encode_indexed(indices, palette), encode_truecolor(photo)

    with ThreadPoolExecutor(4) as pool:
        assert {both(None), *pool.map(both, range(8))} == {both(None)}


def test_max_effort_gives_equal_bytes_on_every_call():
    indices, palette = quantized_photo(16)
    assert len({encode_indexed(indices[:64], palette, effort="max") for _ in range(3)}) == 1


@pytest.mark.parametrize(
    "checker", [pytest.param(PNGCHECK, id="pngcheck" if PNGCHECK else "own reader alone: pngcheck is not installed")]
)
@pytest.mark.parametrize("effort", PNG_EFFORTS)
@pytest.mark.parametrize("colors", [2, 4, 16, 32, 256, None])
def test_files_are_valid_to_strict_readers(checker, effort, colors, tmp_path):
    if colors is None:
        data = encode_truecolor(load_sample_images().images[0][:50, :51], effort=effort)
    else:
        indices, palette = quantized_photo(colors)
        alpha = np.linspace(0, 255, colors).astype(np.uint8)
        data = encode_indexed(indices[:50, :51], palette, alpha=alpha, effort=effort)
    assert parse(data).size == (51, 50)
    if checker:
        file = tmp_path / "a.png"
        file.write_bytes(data)
        verdict = subprocess.run([checker, "-v", file], capture_output=True, text=True, check=False)
        assert verdict.returncode == 0, verdict.stdout
        assert "No errors detected" in verdict.stdout


def test_max_effort_without_oxipng_names_the_package_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "oxipng", None)
    pixels = np.zeros((1, 1), np.uint8)
    with pytest.raises(MissingExtraError, match=r"pip install 'icsys\[oxipng\]'"):
        encode_truecolor(pixels, effort="max")
    with pytest.raises(MissingExtraError, match=r"pip install 'icsys\[oxipng\]'"):
        encode_indexed(pixels, np.zeros((1, 3), np.uint8), effort="max")


def test_a_file_is_like_another_of_its_colour_type_and_depth():
    rgb, grey = synthetic_photo(9, 9), synthetic_photo(9, 9, channels=1)
    ours = {name: encode_truecolor(pixels) for name, pixels in (("RGB", rgb), ("L", grey))}
    for mode, png in ours.items():
        assert is_like(image_bytes(Image.fromarray(rgb).convert(mode)), png, 256)
        for other in {"RGB", "L", "RGBA", "LA", "1", "P"} - {mode}:
            assert not is_like(image_bytes(Image.fromarray(rgb).convert(other)), png, 256)
    assert not is_like(image_bytes(Image.fromarray(grey.astype(np.uint16) * 257)), ours["L"], 256)


@pytest.mark.parametrize(("entries", "most", "like"), [(3, 3, True), (3, 4, True), (4, 3, False), (200, 3, False)])
def test_an_indexed_file_is_like_another_if_its_palette_is_within_the_limit(entries, most, like):
    """Pixels may use few of many entries: a reader counts on indices below the number of colours."""
    ours = encode_indexed(np.zeros((2, 2), np.uint8), np.zeros((1, 3), np.uint8))
    image = Image.new("P", (5, 5))
    image.putpalette(bytes(range(entries)) * 3)
    with_text = PngImagePlugin.PngInfo()
    with_text.add_text("Comment", "before the palette")
    for png in (image_bytes(image), image_bytes(image, pnginfo=with_text)):
        assert is_like(png, ours, most) == like
    assert not is_like(encode_truecolor(synthetic_photo(5, 5)), ours, most)
