"""Every kind of TIFF against the samples that were written: bits, planes, tiles, orders, colours, alpha, resizes."""

import contextlib
import io
import itertools
import struct

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from icc_profiles import linear_profile
from icsys.errors import ImageError
from icsys.image.decode import decode_photo
from icsys.image.open_image import open_image
from icsys.image.tiff import decoder
from icsys.options import Options
from tiff_files import compressed, file_of, tiff_of

WIDTH, HEIGHT = 50, 37  # sides that end within a tile, a strip and a byte
WHITE_IS_ZERO, GREY, RGB, PALETTE, CMYK, YCBCR, CIELAB, ICCLAB = 0, 1, 2, 3, 5, 6, 8, 9
DEPTHS = {WHITE_IS_ZERO: 1, GREY: 1, RGB: 3, PALETTE: 1, CMYK: 4}
NO_ALPHA, ASSOCIATED, UNASSOCIATED = None, 1, 2
KEEP = Options(step=1, alpha="keep")
# How pixels are stored: (planar, tile, rows of a strip, byte order, compression, predictor, bit order, BigTIFF).
LAYOUTS = [
    (False, None, 10, "<", None, 1, 1, False),
    (False, None, 10, ">", "tiff_lzw", 1, 1, False),
    (False, (32, 16), None, "<", "tiff_adobe_deflate", 2, 1, False),
    (False, (32, 16), None, ">", None, 1, 1, True),
    (False, None, None, "<", "packbits", 1, 2, False),
    (False, None, 10, ">", None, 1, 2, False),
    (True, None, 10, ">", None, 1, 1, False),
    (True, None, None, "<", None, 1, 2, True),
    (True, (16, 32), None, "<", None, 1, 1, False),
    (True, (32, 16), None, ">", "tiff_lzw", 2, 1, False),
    (True, None, 7, "<", "packbits", 1, 1, True),
]


def samples_of(bits, depth, seed=0):
    """Blocks of random samples over all levels, so that compressions have something to do."""
    random = np.random.default_rng(seed)
    blocks = random.integers(0, 1 << bits, (-(-HEIGHT // 3), -(-WIDTH // 4), depth))
    return blocks.repeat(3, 0).repeat(4, 1)[:HEIGHT, :WIDTH]


def written(samples, bits, layout, **kind):
    planar, tile, rows, order, compression, predictor, fill_order, big = layout
    predictor = predictor if bits in {8, 16} else 1
    return tiff_of(
        samples, bits, planar=planar, tile=tile, rows_per_strip=rows, order=order, compression=compression,
        predictor=predictor, fill_order=fill_order, big=big, **kind,
    )  # fmt: skip


def rounded(samples, bits):
    return np.floor(samples * 255 / ((1 << bits) - 1) + 0.5)


def levels(samples, bits, photometric):
    """8 bits of each sample: rounded, but for 16 bits of RGB and CMYK, of which the high byte stays."""
    return samples >> 8 if bits == 16 and photometric in {RGB, CMYK} else rounded(samples, bits)


def expected(samples, bits, photometric, alpha, palette=None):
    """The picture as (H, W, channels) in grey or RGB, with alpha if there is one."""
    depth = DEPTHS[photometric]
    colors = levels(samples, bits, photometric)
    opacity = colors[..., depth : depth + 1]
    colors = colors[..., :depth]
    if palette is not None:
        colors = (palette.reshape(3, -1).T >> 8)[samples[..., 0]]
    if alpha == ASSOCIATED:
        with np.errstate(divide="ignore", invalid="ignore"):
            divided = np.minimum(np.floor(colors * 255 / opacity), 255)
        colors = np.where((opacity == 0) | (opacity == 255), colors, divided)
    if photometric == WHITE_IS_ZERO:
        colors = 255 - colors
    if photometric == CMYK:
        pixels = np.ascontiguousarray(colors.astype(np.uint8))
        colors = np.asarray(Image.frombytes("CMYK", (WIDTH, HEIGHT), pixels).convert("RGB"))
    if not alpha:
        return colors[..., 0] if colors.shape[2] == 1 else colors
    return np.concatenate([np.where(opacity == 0, 0, colors), opacity], axis=2)


KINDS = [
    (photometric, bits, alpha)
    for photometric, bits, alpha in itertools.product(DEPTHS, (1, 4, 8, 12, 16), (None, 1, 2))
    if not (alpha == ASSOCIATED and photometric == WHITE_IS_ZERO)
]


def test_another_reader_finds_the_samples_that_were_written():
    """The other one, tifffile, reads 8 and 16 bits without further packages."""
    for bits, layout in itertools.product((8, 16), LAYOUTS):
        if layout[4] in {None, "packbits", "tiff_adobe_deflate"} and layout[5:7] == (1, 1):
            samples = samples_of(bits, 4)
            pixels = tifffile.imread(io.BytesIO(written(samples, bits, layout, photometric=CMYK)))
            if layout[0]:
                pixels = np.moveaxis(pixels, 0, 2)
            np.testing.assert_array_equal(pixels, samples, err_msg=f"{layout}")


@pytest.mark.parametrize("photometric", DEPTHS)
def test_every_kind_has_the_pixels_that_were_written(photometric):
    for (_, bits, alpha), layout in itertools.product((kind for kind in KINDS if kind[0] == photometric), LAYOUTS):
        if photometric == PALETTE and bits > 12:
            continue  # a table of 16 bits is tried below
        samples = samples_of(bits, DEPTHS[photometric] + bool(alpha))
        tags = {338: (3, [alpha])} if alpha else {}
        palette = np.random.default_rng(1).integers(0, 1 << 16, 3 << bits) if photometric == PALETTE else None
        if palette is not None:
            tags[320] = (3, palette)
        photo = decode_photo(written(samples, bits, layout, photometric=photometric, tags=tags), KEEP)
        want = expected(samples, bits, photometric, alpha, palette)
        np.testing.assert_array_equal(photo.pixels, want, err_msg=f"{photometric, bits, alpha, layout}")


@pytest.mark.parametrize("resample", ["skip", "box", "lanczos"])
def test_a_resize_sees_the_same_pixels_as_in_a_plain_picture(resample):
    """The plain twin is a PNG of the expected pixels; colours without alpha, because alpha weights them."""
    options = Options(step=3, resample=resample)
    for (photometric, bits, alpha), layout in zip(
        itertools.cycle(kind for kind in KINDS if not kind[2] and kind[1] <= 12), LAYOUTS * 4, strict=False
    ):
        samples = samples_of(bits, DEPTHS[photometric], seed=bits)
        palette = np.random.default_rng(1).integers(0, 1 << 16, 3 << bits) if photometric == PALETTE else None
        tags = {} if palette is None else {320: (3, palette)}
        data = written(samples, bits, layout, photometric=photometric, tags=tags)
        want = expected(samples, bits, photometric, alpha, palette).astype(np.uint8)
        if photometric == CMYK and resample != "skip":
            continue  # inks are averaged before they become RGB
        twin = tiff_of(want.reshape(HEIGHT, WIDTH, -1), photometric=RGB if want.ndim == 3 else GREY)
        np.testing.assert_array_equal(decode_photo(data, options).pixels, decode_photo(twin, options).pixels)


@pytest.mark.parametrize("compression", ["lzma", "packbits", "tiff_adobe_deflate", "tiff_lzw", "zstd"])
@pytest.mark.parametrize("predictor", [1, 2])
@pytest.mark.parametrize("bits", [8, 16])
def test_every_compression_of_bytes_is_read(compression, predictor, bits):
    if predictor == 2 and compression == "packbits":
        pytest.skip("PackBits has no predictor")
    samples = samples_of(bits, 5)
    for photometric, planar in ((CMYK, False), (CMYK, True), (RGB, True)):
        extra = [2] if photometric == CMYK else [2, 0]
        data = tiff_of(
            samples, bits, photometric=photometric, planar=planar, compression=compression, predictor=predictor,
            tags={338: (3, extra)},
        )  # fmt: skip
        want = expected(samples, bits, photometric, UNASSOCIATED)
        np.testing.assert_array_equal(decode_photo(data, KEEP).pixels, want)


@given(
    st.integers(1, 16),
    st.integers(3, 5),
    st.fixed_dictionaries(
        {
            "planar": st.booleans(),
            "tile": st.sampled_from([None, (16, 16), (48, 32)]),
            "order": st.sampled_from("<>"),
            "big": st.booleans(),
        }
    ),
)
def test_any_number_of_bits_is_scaled_to_eight(bits, depth, layout):
    samples = samples_of(bits, depth)
    data = tiff_of(samples, bits, photometric=RGB, tags={338: (3, [0, 0])}, **layout)
    np.testing.assert_array_equal(decode_photo(data, KEEP).pixels, levels(samples, bits, RGB)[..., :3])


def test_a_palette_of_65536_colours_is_read():
    samples = samples_of(16, 1)
    palette = np.random.default_rng(1).integers(0, 1 << 16, 3 << 16)
    data = tiff_of(samples, 16, photometric=PALETTE, tags={320: (3, palette)})
    np.testing.assert_array_equal(decode_photo(data, KEEP).pixels, (palette.reshape(3, -1).T >> 8)[samples[..., 0]])


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_the_lower_bit_may_come_first(bits):
    samples = samples_of(bits, 1)
    for photometric, compression in itertools.product((WHITE_IS_ZERO, GREY, PALETTE), (None, "tiff_lzw")):
        palette = np.random.default_rng(1).integers(0, 1 << 16, 3 << bits)
        tags = {320: (3, palette)} if photometric == PALETTE else {}
        data = tiff_of(samples, bits, photometric=photometric, compression=compression, fill_order=2, tags=tags)
        want = expected(samples, bits, photometric, None, palette if tags else None)
        np.testing.assert_array_equal(decode_photo(data, KEEP).pixels, want)


def test_a_palette_of_eight_bits_is_recognised():
    samples = samples_of(8, 1)
    palette = np.random.default_rng(1).integers(0, 1 << 8, 3 << 8)
    data = tiff_of(samples, 8, photometric=PALETTE, tags={320: (3, palette)})
    np.testing.assert_array_equal(decode_photo(data, KEEP).pixels, palette.reshape(3, -1).T[samples[..., 0]])


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_subsampled_ycbcr_is_read(planar, compression):
    """The oracle is the formula of ITU-R BT.601 with each chroma sample repeated; libtiff reads the compressed one."""
    random = np.random.default_rng(0)
    across, down = (1, 1) if planar else (4, 2)
    luma = random.integers(60, 200, (16, 32))
    chroma = random.integers(100, 156, (16 // down, 32 // across, 2))
    if planar:
        data = tiff_of(np.dstack([luma, chroma]), photometric=YCBCR, planar=True, compression=compression,
                       tags={530: (3, [1, 1])})  # fmt: skip
    else:
        units = luma.reshape(8, 2, 8, 4).transpose(0, 2, 1, 3).reshape(8, 8, 8)
        rows = np.concatenate([units, chroma], axis=2).astype(np.uint8)
        part = compressed(rows.reshape(8, -1), compression)
        kind = {256: (3, [32]), 257: (3, [16]), 258: (3, [8] * 3), 259: (3, [5 if compression else 1]), 262: (3, [6])}
        data = file_of([(kind | {277: (3, [3]), 278: (3, [16]), 530: (3, [4, 2])}, [part], [])])
    cb, cr = (chroma[..., index].repeat(down, 0).repeat(across, 1) - 128 for index in range(2))
    want = np.dstack([luma + 1.402 * cr, luma - 0.344136 * cb - 0.714136 * cr, luma + 1.772 * cb]).clip(0, 255)
    assert np.abs(decode_photo(data, KEEP).pixels - want).max() <= 1.01


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("photometric", [YCBCR, CIELAB])
def test_alpha_of_ycbcr_and_lab_is_read(photometric, planar):
    samples = samples_of(8, 4)
    tags = {338: (3, [UNASSOCIATED])} | ({530: (3, [1, 1])} if photometric == YCBCR else {})
    clear = decode_photo(tiff_of(samples, photometric=photometric, planar=planar, tags=tags), KEEP).pixels
    opaque = tiff_of(samples[..., :3], photometric=photometric, planar=not planar, tags={530: (3, [1, 1])})
    shown = samples[..., 3] > 0
    np.testing.assert_array_equal(clear[..., 3], samples[..., 3])
    np.testing.assert_allclose(clear[shown][:, :3].astype(int), decode_photo(opaque, KEEP).pixels[shown], atol=1)


def test_ycbcr_of_video_range_is_stretched():
    samples = np.dstack([np.full((8, 8), level) for level in (235, 128, 128)])
    tags = {530: (3, [1, 1]), 532: (5, [16, 1, 235, 1, 128, 1, 240, 1, 128, 1, 240, 1])}
    assert decode_photo(tiff_of(samples, photometric=YCBCR, tags=tags), KEEP).pixels.min() == 255


@pytest.mark.parametrize("photometric", [CIELAB, ICCLAB])
@pytest.mark.parametrize("planar", [False, True])
def test_lab_of_8_and_16_bits_is_the_same_colour(photometric, planar):
    """The oracle is the formula of CIELab from sRGB, adapted to the white D50."""
    colors = np.array([[200, 40, 60], [40, 160, 70], [30, 60, 190], [119, 119, 119], [255, 255, 255]])
    linear = np.where(colors > 10, ((colors / 255 + 0.055) / 1.055) ** 2.4, colors / 255 / 12.92)
    to_d50 = [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
    x, y, z = np.cbrt(linear @ np.transpose(to_d50) / [0.9642, 1.0, 0.8251]).T
    lightness, a, b = 116 * y - 16, 500 * (x - y), 200 * (y - z)
    offset = 128 if photometric == ICCLAB else 0
    for bits, full, step in ((8, 255, 1), (16, 0xFF00 if offset else 0xFFFF, 256)):
        lab = np.stack([lightness * full / 100, (a + offset) * step, (b + offset) * step], axis=1)
        samples = np.rint(lab).astype(int)[np.newaxis] % (1 << bits)
        photo = decode_photo(tiff_of(samples, bits, photometric=photometric, planar=planar), KEEP)
        np.testing.assert_allclose(photo.pixels[0], colors, atol=4)


REFUSED = {
    "float samples of 32 bits": {"samples": np.zeros((4, 4, 1), np.float32), "bits": 32, "tags": {339: (3, [3])}},
    "signed samples of 8 bits": {"tags": {339: (3, [2])}},
    "signed samples of 16 bits": {"bits": 16, "tags": {339: (3, [2])}},
    "samples of 32 bits": {"samples": np.zeros((4, 4, 1), np.uint32), "bits": 32},
    "samples of 5, 6, 5 bits": {"samples": np.zeros((4, 4, 3), int), "photometric": RGB, "tags": {258: (3, [5, 6, 5])}},
    "channels that are no colours": {"samples": np.zeros((4, 4, 5), int)},
    "9 samples a pixel": {"samples": np.zeros((4, 4, 9), int), "photometric": RGB},
    "transparency mask": {"photometric": 4},
    "LogLuv": {"samples": np.zeros((4, 4, 3), int), "bits": 16, "photometric": 32845},
    "ITULab": {"samples": np.zeros((4, 4, 3), int), "photometric": 10},
    "photometric interpretation 77": {"photometric": 77},
    "JPEG 2000": {"tags": {259: (3, [34712])}},
    "inks other than CMYK": {"samples": np.zeros((4, 4, 4), int), "photometric": CMYK, "tags": {332: (3, [2])}},
    "YCbCr of 8 bits in separate planes": {
        "samples": np.zeros((4, 4, 3), int), "photometric": YCBCR, "planar": True, "tags": {530: (3, [2, 2])},
    },
    "compressed with method 77": {"tags": {259: (3, [77])}},
    "YCbCr of 16 bits": {"samples": np.zeros((4, 4, 3), int), "bits": 16, "photometric": YCBCR},
    "CIELab of 12 bits": {"samples": np.zeros((4, 4, 3), int), "bits": 12, "photometric": CIELAB},
    "grey with white as zero of 8 bits with associated alpha": {
        "samples": np.zeros((4, 4, 2), int), "photometric": WHITE_IS_ZERO, "tags": {338: (3, [1])},
    },
    "stored as differences": {
        "samples": np.zeros((4, 4, 3), int), "photometric": RGB, "bits": 12, "compression": "tiff_lzw",
        "tags": {317: (3, [2])},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_stays_unknown_is_refused_by_its_kind(name):
    kind = {"samples": np.zeros((4, 4, 1), int)} | REFUSED[name]
    with pytest.raises(ImageError, match=f"TIFF .*{name}.*: expected .* convert it to 8 or 16 bits") as caught:
        decode_photo(tiff_of(**kind), KEEP)
    assert caught.value.code == "unsupported"


def test_a_compression_that_libtiff_was_built_without_is_named(monkeypatch):
    """The sentence is libtiff's; that it comes is simulated, because builds differ."""
    data = tiff_of(np.zeros((8, 8, 3), int), photometric=RGB, compression="tiff_lzw", tags={259: (3, [50001])})

    def refuse(_):
        raise OSError("decoder error -2")

    @contextlib.contextmanager
    def collect():
        yield ["WEBP compression support is not configured"]

    monkeypatch.setattr(TiffImagePlugin.TiffImageFile, "load", refuse)
    monkeypatch.setattr(decoder, "collect_libtiff_errors", collect)
    with pytest.raises(ImageError, match="TIFF compressed with WebP: expected") as caught:
        decode_photo(data, KEEP)
    assert caught.value.code == "unsupported"


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate"])
def test_a_cut_is_found_and_what_lies_before_it_is_kept(planar, compression):
    samples = np.random.default_rng(0).integers(0, 1 << 12, (HEIGHT, WIDTH, 3))
    data = tiff_of(samples, 12, photometric=RGB, planar=planar, compression=compression, rows_per_strip=5)
    tags = open_image(data)[1].tag_v2
    offset, size = tags[273][-1], tags[279][-1]
    at = data.rindex(struct.pack("<I", offset))  # the last strip moves to the end of the file, where half of it is cut
    cut = data[:at] + struct.pack("<I", len(data)) + data[at + 4 :] + data[offset : offset + size // 2]
    with pytest.raises(ImageError, match="damaged TIFF: ") as caught:
        decode_photo(cut, KEEP)
    assert caught.value.code == "corrupt"
    photo = decode_photo(cut, KEEP.replace(on_corrupt="keep"))
    assert photo.warning == str(caught.value)
    np.testing.assert_array_equal(photo.pixels[:30], rounded(samples, 12)[:30])


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", [{"bits": 12, "photometric": RGB}, {"photometric": PALETTE, "fill_order": 2}])
def test_samples_are_turned_upright(turn, kind):
    """The oracle is the definition of the tag Orientation (TIFF 6.0): where row 0 and column 0 lie."""
    samples = samples_of(kind.get("bits", 8), 3 if kind["photometric"] == RGB else 1)
    tags = {274: (3, [turn])}
    if kind["photometric"] == PALETTE:
        palette = np.random.default_rng(1).integers(0, 1 << 16, 3 << 8)
        tags[320] = (3, palette)
    upright = samples if turn < 5 else samples.swapaxes(0, 1)
    upright = upright[::-1] if turn in {3, 4, 7, 8} else upright
    upright = upright[:, ::-1] if turn in {2, 3, 6, 7} else upright
    want = rounded(upright, 12) if kind["photometric"] == RGB else (palette.reshape(3, -1).T >> 8)[upright[..., 0]]
    photo = decode_photo(tiff_of(samples, tags=tags, **kind), KEEP)
    np.testing.assert_array_equal(photo.pixels, want)
    assert (photo.info.height, photo.info.width) == want.shape[:2]


def test_the_profile_of_converted_samples_is_applied():
    profile = linear_profile(b"RGB ")
    samples = samples_of(8, 3)
    tags = {34675: (7, list(profile))}
    plain = decode_photo(tiff_of(samples, photometric=RGB, tags=tags), KEEP).pixels
    assert not np.array_equal(plain, samples)
    for bits, planar in ((16, True), (8, True)):
        data = tiff_of(samples * (257 if bits == 16 else 1), bits, photometric=RGB, planar=planar, tags=tags)
        np.testing.assert_array_equal(decode_photo(data, KEEP).pixels, plain)


def jpeg_of(plane, mode, **settings):
    file = io.BytesIO()
    plane = 255 - plane if mode == "CMYK" else plane  # Pillow inverts inks in a JPEG, as Adobe does
    Image.fromarray(plane.squeeze().astype(np.uint8), mode=mode).save(file, "JPEG", quality=98, **settings)
    return file.getvalue()


@pytest.mark.parametrize("tile", [None, (48, 32)])
@pytest.mark.parametrize(
    ("photometric", "depth", "planar", "subsampling"),
    [(WHITE_IS_ZERO, 1, False, 1), (GREY, 1, False, 1), (GREY, 2, True, 1), (RGB, 3, False, 1), (RGB, 3, True, 1),
     (RGB, 4, True, 1), (CMYK, 4, False, 1), (CMYK, 4, True, 1), (CMYK, 5, True, 1), (YCBCR, 3, False, 1),
     (YCBCR, 3, False, 2)],
)  # fmt: skip
def test_strips_and_tiles_of_jpeg_are_read(photometric, depth, planar, subsampling, tile):
    """Smooth samples, which JPEG keeps within a few levels; of YCbCr, the RGB that it was made from is compared."""
    y, x = np.mgrid[0:64, 0:96]
    samples = np.dstack([x * 2 + 20, y * 3 + 30, 200 - x, 90 + y, 255 - 2 * x])[..., :depth]
    width, height = tile or (96, 16)
    planes = [samples[..., [index]] for index in range(depth)] if planar else [samples]
    of_colors = {"keep_rgb": True} if photometric == RGB else {"subsampling": 2 * subsampling - 2}  # 4:4:4 or 4:2:0
    settings = {} if planar or depth == 1 else of_colors
    mode = "L" if planar or depth == 1 else "CMYK" if depth == 4 else "RGB"
    parts = [
        jpeg_of(plane[top : top + height, left : left + width], mode, **settings)
        for plane in planes
        for top, left in itertools.product(range(0, 64, height), range(0, 96, width))
    ]
    base = 3 if photometric == YCBCR else DEPTHS[photometric]
    tags = {256: (4, [96]), 257: (4, [64]), 258: (3, [8] * depth), 259: (3, [7]), 262: (3, [photometric])}
    tags |= {277: (3, [depth]), 284: (3, [2 if planar else 1]), 530: (3, [subsampling] * 2)}
    tags |= {322: (4, [width]), 323: (4, [height])} if tile else {278: (4, [height])}
    tags |= {338: (3, [UNASSOCIATED])} if depth > base else {}
    want = samples[..., :base].astype(float)
    if photometric == CMYK:
        want = (255 - want[..., :3]) * (255 - want[..., 3:]) / 255
    want = 255 - want if photometric == WHITE_IS_ZERO else want
    pixels = decode_photo(file_of([(tags, parts, [])]), KEEP).pixels
    turned = decode_photo(file_of([(tags | {266: (3, [2])}, parts, [])]), KEEP).pixels  # no order of bits within JPEG
    np.testing.assert_array_equal(turned, pixels)
    if depth > base:
        assert np.abs(pixels[..., -1].astype(int) - samples[..., -1]).max() <= 6
        want, pixels = want[pixels[..., -1] > 0], pixels[pixels[..., -1] > 0][..., :-1]
    assert np.abs(pixels.reshape(want.shape) - want).mean() < 1.5


@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.sampled_from([None, (16, 16), (16, 48), (48, 16)]),
    st.sampled_from([1, 5, 8, 12, 16]),
    st.booleans(),
    st.sampled_from([None, "tiff_lzw"]),
)
def test_tiles_may_be_larger_than_the_picture(size, tile, bits, planar, compression):
    samples = np.random.default_rng(size).integers(0, 1 << bits, (*size, 3))
    data = tiff_of(samples, bits, photometric=RGB, planar=planar, tile=tile, compression=compression)
    pixels = decode_photo(data, KEEP).pixels
    np.testing.assert_array_equal(pixels, expected(samples, bits, RGB, NO_ALPHA))
