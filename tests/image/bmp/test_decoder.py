import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from icsys.errors import ImageError
from icsys.image.decode import decode_photo
from icsys.options import Options

WHOLE = Options(strategy="SO", step=1, alpha="keep")
RUNS_OF_BYTES, RUNS_OF_HALVES, MASKS, ALPHA_MASKS = 1, 2, 3, 6


def bmp(size, bits, rows, *, compression=0, header=40, masks=(), palette=b"", colors=0):
    """A BMP of rows of bytes in the order of the file."""
    head = struct.pack("<IiiHHIIiiII", header, *size, 1, bits, compression, len(rows), 0, 0, colors, 0)
    named = struct.pack(f"<{len(masks)}I", *masks)
    head = (head + named).ljust(header, b"\0") if header > 40 else head + named
    start = 14 + len(head) + len(palette)
    return struct.pack("<2sIHHI", b"BM", start + len(rows), 0, 0, start) + head + palette + rows


def padded(row):
    return row + bytes(-len(row) % 4)


@st.composite
def masks_and_levels(draw):
    """Bits of a pixel, masks side by side in any order, and the levels of a picture of 5x3 pixels."""
    bits = draw(st.sampled_from([16, 32]))
    count = draw(st.sampled_from([3, 4]))
    cuts = sorted(draw(st.lists(st.integers(1, bits - 1), min_size=count - 1, max_size=count - 1, unique=True)))
    edges = list(zip([0, *cuts], [*cuts, bits], strict=True))
    edges = [edges[place] for place in draw(st.permutations(range(count)))]
    levels = [
        [draw(st.lists(st.integers(0, (1 << end - start) - 1), min_size=15, max_size=15))] for start, end in edges
    ]
    return bits, edges, np.array(levels, np.uint64).reshape(count, 3, 5)


@given(masks_and_levels(), st.booleans())
def test_pixels_lie_where_the_bit_masks_tell(given_masks, upwards):
    bits, edges, levels = given_masks
    masks = [(1 << end) - (1 << start) for start, end in edges]
    numbers = sum(level << np.uint64(start) for level, (start, _) in zip(levels, edges, strict=True))
    rows = numbers.astype("<u2" if bits == 16 else "<u4")[:: -1 if upwards else 1]
    stored = b"".join(padded(row.tobytes()) for row in rows)
    most = np.array([2.0 ** (end - start) - 1 for start, end in edges]).reshape(-1, 1, 1)
    want = np.moveaxis(255 * levels / most, 0, -1)
    for header, compression in ((56, MASKS), (124, MASKS), (40, ALPHA_MASKS if len(masks) == 4 else MASKS)):
        size = 5, 3 if upwards else -3
        data = bmp(size, bits, stored, compression=compression, header=header, masks=masks)
        picture = Image.fromarray(decode_photo(data, WHOLE).pixels).convert("RGBA")
        pixels = np.array(picture)[..., : len(masks)]
        seen = pixels[..., 3] > 0 if len(masks) == 4 else np.ones((3, 5), bool)
        assert np.abs(pixels - want)[seen].max(initial=0) <= 0.51
        assert (want[~seen][:, -1:] < 0.51).all()


def test_masks_that_cannot_be_are_refused():
    for masks, start in (((0b101, 2, 8), 66), ((0, 0, 0), 66), ((0xF800, 0x7E0, 0x1E), 54)):
        data = bytearray(bmp((2, 2), 16, bytes(8), compression=MASKS, masks=masks))
        data[10] = start
        with pytest.raises(ImageError, match="bit masks") as caught:
            decode_photo(bytes(data), WHOLE)
        assert caught.value.code == "broken"


PALETTE = np.random.default_rng(3).integers(0, 256, (16, 3)).astype(np.uint8)


def entries(colors):
    return b"".join(bytes([*color[::-1], 0]) for color in colors)


@st.composite
def runs(draw):
    """Runs of a picture of 6x4 pixels, and the positions that they stand for; -1 where they leave a pixel out."""
    halves = draw(st.booleans())
    positions, stored, row, column = np.full((4, 6), -1), b"", 0, 0
    while row < 4:
        kind = draw(st.sampled_from(["run", "absolute", "move", "end of row"]))
        if kind == "run" and column < 6:
            count, first, second = draw(st.integers(1, 6 - column)), draw(st.integers(0, 15)), draw(st.integers(0, 15))
            stored += bytes([count, first << 4 | second if halves else first])
            values = [second if halves and index % 2 else first for index in range(count)]
        elif kind == "absolute" and column <= 3:
            values = draw(st.lists(st.integers(0, 15), min_size=3, max_size=6 - column))
            packed = [a << 4 | b for a, b in zip(values[::2], [*values[1::2], 0], strict=False)] if halves else values
            stored += bytes([0, len(values), *packed]) + bytes(len(packed) % 2)
        elif kind == "move":
            across, up = draw(st.integers(0, 6 - column)), draw(st.integers(0, 3 - row))
            stored += bytes([0, 2, across, up])
            row, column, values = row + up, column + across, []
        else:
            stored += b"\0\0"
            row, column, values = row + 1, 0, []
        positions[row : row + 1, column : column + len(values)] = values
        column += len(values)
    return halves, stored + b"\0\1", positions


@given(runs())
def test_runs_may_leave_pixels_out_which_have_the_first_color(given_runs):
    halves, stored, positions = given_runs
    compression = RUNS_OF_HALVES if halves else RUNS_OF_BYTES
    data = bmp((6, 4), 4 if halves else 8, stored, compression=compression, palette=entries(PALETTE), colors=16)
    pixels = decode_photo(data, WHOLE).pixels
    np.testing.assert_array_equal(pixels, PALETTE[positions.clip(0)][::-1])


@pytest.mark.parametrize("bits", [1, 4, 8])
@pytest.mark.parametrize("colors", [[(0,) * 3, (255,) * 3], [(n,) * 3 for n in range(16)], [*PALETTE] * 20])
def test_a_palette_of_any_colors_and_any_bits_is_read(bits, colors):
    """Two colours may have 8 bits a pixel, and 16 greys 4; more colours than positions are no fault."""
    positions = np.random.default_rng(1).integers(0, min(len(colors), 1 << bits), (5, 11)).astype(np.uint8)
    digits = np.unpackbits(positions[..., np.newaxis], axis=-1)[..., -bits:].reshape(5, -1)
    rows = b"".join(padded(np.packbits(row).tobytes()) for row in digits[::-1])
    data = bmp((11, 5), bits, rows, palette=entries(colors), colors=len(colors))
    pixels = decode_photo(data, WHOLE).pixels
    np.testing.assert_array_equal(
        pixels if pixels.ndim == 3 else pixels[..., None].repeat(3, 2), np.array(colors)[positions]
    )


@pytest.mark.parametrize(
    "data",
    [bmp((8, 8), 16, bytes(100), compression=MASKS, masks=(7, 56, 64)),
     bmp((8, 8), 8, b"\x08\x01\0\0" * 5, compression=RUNS_OF_BYTES, palette=entries(PALETTE), colors=16)],
)  # fmt: skip
def test_a_cut_is_found_and_what_lies_before_it_is_kept(data):
    with pytest.raises(ImageError, match="truncated") as caught:
        decode_photo(data, WHOLE)
    assert caught.value.code == "corrupt"
    photo = decode_photo(data, WHOLE.replace(on_corrupt="keep"))
    assert photo.damaged
    assert photo.pixels.shape[:2] == (8, 8)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_usual_files_are_those_of_pillow(mode):
    picture = Image.linear_gradient("L").resize((19, 13)).convert("RGBA").convert(mode)
    file = io.BytesIO()
    picture.save(file, "BMP")
    photo = decode_photo(file.getvalue(), WHOLE)
    want = np.array(Image.open(file).convert("RGBA"))
    np.testing.assert_array_equal(np.array(Image.fromarray(photo.pixels).convert("RGBA")), want)
