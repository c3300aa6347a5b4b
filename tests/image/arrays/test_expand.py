"""Batches of pixels from packed indices: against a twin that takes one pixel after another with NumPy."""

import threading
import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from icsys.errors import UsageError
from icsys.image.arrays import expand
from icsys.image.arrays.expand import expand_batch, unpack_batch
from icsys.image.arrays.packing import bits_for, index_dtype, pack_rows
from icsys.native.library import LIBRARY, Kernels, levels
from moved_images import naive_indices

# Around the widths of vectors and of the lines that are looked up at a time.
WIDTHS = st.one_of(st.integers(1, 80), st.sampled_from([127, 128, 129, 223, 224, 225, 2047, 2048, 2049, 4100]))

# Each level without the shuffles that only some of its processors have, and with them where this one has them.
INSTRUCTION_SETS = [(level, long) for level in levels() for long in range(LIBRARY.has_long_shuffles() + 1)]


# All finite numbers of bfloat16 from the least on, without -0, and their bits.
BFLOAT16_BITS = np.concatenate([np.arange(0xFF7F, 0x8000, -1), np.arange(0x7F80)]).astype(np.uint32)
BFLOAT16 = (BFLOAT16_BITS << 16).view(np.float32).astype(np.float64)


def bfloat16_bits(values):
    """Bits of the nearest numbers of bfloat16, found among all of them; of two, those that end with 0."""
    above = np.searchsorted(BFLOAT16, values).clip(1, len(BFLOAT16) - 1)
    down, up = values - BFLOAT16[above - 1], BFLOAT16[above] - values
    takes_upper = (up < down) | ((up == down) & (BFLOAT16_BITS[above] % 2 == 0))
    return np.where(takes_upper, BFLOAT16_BITS[above], BFLOAT16_BITS[above - 1]).astype(np.uint16)


def naive(indices, palettes, rows, *, layout="CHW", dtype="uint8", mean=None, std=None, own_palettes=None, **changes):
    """The pixels of unpacked indices (N, H, W), an image after another."""
    images, own = [], own_palettes
    colors = (palettes if own is None else own).shape[-2]
    moved = naive_indices(indices, rows, colors, **changes)
    height, width = moved.shape[1:]
    for k, row in enumerate(rows):
        palette = own[k] if own is not None else palettes if palettes.ndim == 2 else palettes[row]
        image = palette[moved[k]]
        if dtype != "uint8":
            image = (image / 255 - (0 if mean is None else mean)) / (1 if std is None else std)
            image = bfloat16_bits(image) if dtype == "bfloat16" else image.astype(dtype)
        images.append(image.transpose(2, 0, 1) if layout == "CHW" else image)
    shape = (3, height, width) if layout == "CHW" else (height, width, 3)
    return np.array(images, "uint16" if dtype == "bfloat16" else dtype).reshape(len(rows), *shape)


@st.composite
def datasets(draw):
    """Indices (N, H, W), palettes and bits; some indices lie past the palette, as in a damaged file."""
    colors = draw(st.one_of(st.integers(1, 40), st.sampled_from([64, 100, 128, 129, 255, 256, 257, 1000])))
    bits = draw(st.sampled_from([bits for bits in (1, 2, 4, 8, 16) if bits >= bits_for(colors)]))
    width = draw(WIDTHS)
    shape = draw(st.integers(1, 3)), draw(st.integers(0 if width < 100 else 1, 5)), width
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    largest = (1 << bits if draw(st.booleans()) else colors) - 1
    indices = random.integers(0, largest, shape, endpoint=True).astype(index_dtype(bits))
    palettes = random.integers(0, 256, (colors, 3) if draw(st.booleans()) else (shape[0], colors, 3), np.uint8)
    return indices, palettes, bits


def shifts(n, full):
    """How far n images are moved along an axis: a little, to the last pixel, and past the whole image."""
    one = st.one_of(st.integers(-3, 3), st.integers(-full - 2, full + 2), st.sampled_from([-(2**63), 2**63 - 1]))
    return st.one_of(one, st.lists(one, min_size=n, max_size=n).map(lambda given: np.array(given, np.int64)))


@st.composite
def cases(draw):
    """The arguments of the twin, and the bits."""
    indices, palettes, bits = draw(datasets())
    images, height, width = indices.shape
    rows = draw(st.lists(st.integers(0, images - 1), max_size=5))
    form = {"layout": draw(st.sampled_from(["CHW", "HWC"]))}
    form["dtype"] = draw(st.sampled_from(["uint8", "float32", "float16", "bfloat16"]))
    if form["dtype"] != "uint8" and draw(st.booleans()):
        form |= {"mean": np.array([0.485, 0.456, 0.406]), "std": draw(st.sampled_from([0.25, (0.229, 0.224, 0.225)]))}
    if draw(st.booleans()):
        form["flip"] = np.array(draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))), bool)
    if height and draw(st.booleans()):
        size = draw(st.integers(1, height)), draw(st.integers(1, width))
        tops = draw(st.lists(st.integers(0, height - size[0]), min_size=len(rows), max_size=len(rows)))
        form["crop"] = np.array(tops, np.int64), draw(st.integers(0, width - size[1])), *size
    if draw(st.booleans()):
        form["shift"] = tuple(draw(shifts(len(rows), full)) for full in (height, width))
    if draw(st.booleans()):
        colors = draw(st.integers(1, min(1 << bits, 300)))
        random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        form["own_palettes"] = random.integers(0, 256, (len(rows), colors, 3), np.uint8)
    return (indices, palettes, rows), form, bits


@settings(max_examples=2 * settings.default.max_examples)
@given(cases())
def test_every_instruction_set_gives_the_pixels_of_the_twin(case):
    (indices, palettes, rows), form, bits = case
    expected = naive(indices, palettes, rows, **form)
    packed = pack_rows(indices, bits)
    with pytest.MonkeyPatch.context() as patch:
        for level, long_shuffles in INSTRUCTION_SETS:
            patch.setattr(expand, "KERNELS", Kernels(LIBRARY, level))
            patch.setattr(expand, "_LONG_SHUFFLES", long_shuffles)
            # A frame around the result shows what is written beside it.
            frame = np.full(expected.size + 128, 77, expected.dtype)
            out = frame[64:-64].reshape(expected.shape)
            found = expand_batch(packed, palettes, rows, bits=bits, width=indices.shape[2], out=out, **form)
            assert found is out
            np.testing.assert_array_equal(out, expected)
            assert (frame[:64] == 77).all()
            assert (frame[-64:] == 77).all()


@given(cases(), st.booleans(), st.integers(1, 3))
def test_every_instruction_set_gives_the_indices_of_the_twin(case, wide, threads):
    """Also as int32 where they have 16 bits, and with several threads."""
    (indices, palettes, rows), form, bits = case
    changes = {name: form[name] for name in ("flip", "crop", "shift") if name in form}
    expected = naive_indices(indices, rows, palettes.shape[-2], **changes)
    expected = expected.astype(np.int32) if wide and bits == 16 else expected
    sizes = {"bits": bits, "width": indices.shape[2], "colors": palettes.shape[-2], "threads": threads}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expand, "_BYTES_OF_A_THREAD", 1)
        for level in levels():
            patch.setattr(expand, "KERNELS", Kernels(LIBRARY, level))
            frame = np.full(expected.size + 128, 77, expected.dtype)
            out = frame[64:-64].reshape(expected.shape)
            assert unpack_batch(pack_rows(indices, bits), rows, **sizes, out=out, **changes) is out
            np.testing.assert_array_equal(out, expected)
            assert (frame[:64] == 77).all()
            assert (frame[-64:] == 77).all()


def test_indices_are_refused_as_pixels_are():
    packed, sizes = np.zeros((2, 3, 2), np.uint8), {"bits": 4, "width": 4, "colors": 10}
    assert unpack_batch(packed, [1], **sizes).shape == (1, 3, 4)
    for wrong, message in (
        ({"colors": 17}, "colors=17: expected a whole number from 1 to 16"),
        ({"width": 5}, "indices .* 5 pixels of 4 bits"),
        ({"threads": 0}, "threads=0: expected"),
        ({"out": np.zeros((1, 3, 4), np.int32)}, "out .* of int32"),
        ({"out": packed[:1].view(np.uint8)[..., [0, 0, 0, 0]][..., ::-1]}, "C-contiguous"),
        ({"crop": (0, 0, 9, 9)}, "crop of 9x9"),
    ):
        with pytest.raises(UsageError, match=message):
            unpack_batch(packed, [1], **sizes | wrong)
    whole = np.zeros((2, 3, 4), np.uint8)
    with pytest.raises(UsageError, match="shares memory"):
        unpack_batch(whole, [1], bits=8, width=4, colors=10, out=whole[:1])


@settings(deadline=None, max_examples=30)
@given(cases(), st.integers(1, 5))
def test_threads_share_the_work_and_give_the_same_pixels(case, threads):
    (indices, palettes, rows), form, bits = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expand, "_BYTES_OF_A_THREAD", 1)
        found = expand_batch(
            pack_rows(indices, bits), palettes, rows, bits=bits, width=indices.shape[2], threads=threads, **form
        )
    np.testing.assert_array_equal(found, naive(indices, palettes, rows, **form))


def test_a_thread_that_cannot_start_leaves_none_behind_that_writes(monkeypatch):
    started, start = [], threading.Thread.start

    def fail_on_second(thread):
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(expand, "_BYTES_OF_A_THREAD", 1)
    monkeypatch.setattr(expand, "_expand", lambda *_: time.sleep(0.1))
    monkeypatch.setattr(threading.Thread, "start", fail_on_second)
    with pytest.raises(RuntimeError, match="can't start"):
        expand_batch(np.zeros((3, 1, 1), np.uint8), np.zeros((2, 3), np.uint8), [0, 1, 2], bits=1, width=8, threads=3)
    assert [thread.is_alive() for thread in started] == [False]


@pytest.mark.parametrize("bits", [4, 8, 16])
def test_arrays_whose_images_do_not_lie_in_one_piece_give_the_same_pixels(bits, tmp_path):
    random = np.random.default_rng(0)
    indices = random.integers(0, 16, (6, 5, 22)).astype(index_dtype(bits))
    palettes = random.integers(0, 256, (6, 16, 3), np.uint8)
    packed, rows = pack_rows(indices, bits), [3, 0, 3, 5]
    expected = naive(indices, palettes, rows)
    np.save(tmp_path / "indices.npy", packed)
    np.save(tmp_path / "palettes.npy", palettes)
    unaligned = np.zeros(packed.nbytes + 1, np.uint8)[1:].view(packed.dtype).reshape(packed.shape)
    unaligned[:] = packed
    doubled = np.repeat(packed, 2, axis=0)[::2], np.repeat(palettes, 2, axis=0)[::2]
    pairs = (
        [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("indices", "palettes")],
        doubled,
        (packed[::-1].copy()[::-1], palettes[::-1].copy()[::-1]),
        (np.asfortranarray(packed), palettes),
        (packed, np.asfortranarray(palettes)),
        (np.repeat(packed, 2, axis=2)[..., ::2], palettes),
        (unaligned, palettes),
    )
    for own_indices, own_palettes in pairs:
        found = expand_batch(own_indices, own_palettes, rows, bits=bits, width=22)
        np.testing.assert_array_equal(found, expected)


def test_one_palette_that_is_spread_over_all_images_is_read_as_it_lies():
    indices = np.random.default_rng(0).integers(0, 4, (3, 2, 9), np.uint8)
    palette = np.random.default_rng(1).integers(0, 256, (4, 3), np.uint8)
    spread = np.broadcast_to(palette, (3, 4, 3))
    found = expand_batch(pack_rows(indices, 2), spread, [2, 1], bits=2, width=9)
    np.testing.assert_array_equal(found, palette[indices[[2, 1]]].transpose(0, 3, 1, 2))


def test_an_index_past_the_palette_shows_the_last_colour():
    indices = np.array([[[0, 2, 3, 9, 15]]], np.uint8)
    palette = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.uint8)
    found = expand_batch(pack_rows(indices, 4), palette, [0], bits=4, width=5, layout="HWC")
    assert found[0, 0].tolist() == [[1, 2, 3], *([[7, 8, 9]] * 4)]


def test_floats_are_levels_as_shares_of_255_if_nothing_is_said():
    palette = np.array([[0, 51, 255]], np.uint8)
    found = expand_batch(np.zeros((1, 1, 1), np.uint8), palette, [0], bits=1, width=1, dtype="float32")
    assert found.reshape(3).tolist() == [0, np.float32(0.2), 1]


@settings(deadline=None)
@example(2.3e-309, 9e14)
@given(st.floats(-1e3, 1e3), st.floats(3e-36, 1e45, allow_subnormal=False))
def test_bfloat16_is_rounded_once_to_the_nearest_halves_to_even(mean, std):
    """Also where numbers are so small that they have fewer digits."""
    levels = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    indices = np.arange(256, dtype=np.uint8).reshape(1, 1, 256)
    form = {"mean": mean, "std": std, "dtype": "bfloat16"}
    found = expand_batch(indices, levels, [0], bits=8, width=256, **form)
    expected = bfloat16_bits((levels / 255 - mean) / std)
    np.testing.assert_array_equal(found[0, :, 0] & 0x7FFF, expected.T & 0x7FFF)
    is_negative = np.signbit((levels[:, 0] / 255 - mean) / std)  # also of 0
    np.testing.assert_array_equal(found[0, 0, 0] >> 15, is_negative)


def test_halves_between_two_numbers_of_bfloat16_go_to_the_even_one():
    """Level 255 less a mean of -k / 256 lies half-way, as numbers from 1 on are 1 / 128 apart."""
    white = np.full((1, 3), 255, np.uint8)
    form = {"bits": 1, "width": 1, "dtype": "bfloat16", "mean": (-1 / 256, -3 / 256, -3 / 256 - 1e-12)}
    found = expand_batch(np.zeros((1, 1, 1), np.uint8), white, [0], **form)
    assert [hex(bits) for bits in found.ravel().tolist()] == ["0x3f80", "0x3f82", "0x3f82"]
    form["mean"] = (-1 / 256 - 1e-12, -3 / 256 + 1e-12, 0)
    found = expand_batch(np.zeros((1, 1, 1), np.uint8), white, [0], **form)
    assert [hex(bits) for bits in found.ravel().tolist()] == ["0x3f81", "0x3f81", "0x3f80"]


def call(**changed):
    given = {
        "indices": np.zeros((4, 3, 5), np.uint8),
        "palettes": np.zeros((4, 16, 3), np.uint8),
        "rows": [0, 3],
        "bits": 4,
        "width": 10,
    }
    return expand_batch(**(given | changed))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"indices": np.zeros((4, 3, 6), np.uint8)}, r"indices \(4, 3, 6\) of uint8.*expected \(N, H, 5\) of uint8"),
        ({"indices": np.zeros((4, 3, 5), np.int8)}, "indices .* of int8"),
        ({"indices": np.zeros((4, 5), np.uint8)}, r"indices \(4, 5\)"),
        ({"bits": 3}, "3 bits a pixel: expected 1, 2, 4, 8 or 16"),
        ({"bits": 16, "width": 5}, "indices .* of uint8.*of uint16"),
        ({"indices": np.zeros((4, 3, 0), np.uint8), "width": 0}, "a width of at least 1"),
        ({"palettes": np.zeros((3, 16, 3), np.uint8)}, r"palettes \(3, 16, 3\) of uint8: expected \(4, K, 3\)"),
        ({"palettes": np.zeros((17, 3), np.uint8)}, "K from 1 to 16, as 4 bits number"),
        ({"palettes": np.zeros((4, 0, 3), np.uint8)}, "K from 1 to 16"),
        ({"palettes": np.zeros((4, 16, 4), np.uint8)}, r"palettes \(4, 16, 4\)"),
        ({"palettes": np.zeros(3, np.uint8)}, r"palettes \(3,\)"),
        ({"palettes": np.zeros((16, 3), np.float32)}, "palettes .* of float32"),
        ({"rows": [0, 4]}, "rows from 0 to 4: expected 0 to 3"),
        ({"rows": [-1]}, "rows from -1 to -1"),
        ({"rows": [0.0]}, "expected .* of integers"),
        ({"rows": [True, False, True, True]}, "expected .* of integers"),
        ({"rows": 2}, r"rows \(\)"),
        ({"rows": np.array([2**63], np.uint64)}, "rows from 9223372036854775808"),
        ({"layout": "WHC"}, "layout='WHC': expected one of CHW, HWC"),
        ({"dtype": "float64"}, "dtype='float64': expected one of uint8, float32, float16, bfloat16"),
        ({"mean": 0.5}, "mean=0.5 with uint8: expected a dtype of float32, float16, bfloat16"),
        ({"std": 0.5}, "std=0.5 with uint8"),
        ({"dtype": "float32", "mean": (0, 1)}, r"mean=\(0, 1\): expected a finite number"),
        ({"dtype": "float32", "mean": np.nan}, "mean=nan: expected a finite number"),
        ({"dtype": "float32", "std": (1, 0, 1)}, r"std=\(1, 0, 1\): expected numbers above 0"),
        ({"dtype": "float16", "std": 1e-6}, "expected values that float16 holds"),
        ({"dtype": "bfloat16", "std": 2.9e-39}, "expected values that bfloat16 holds"),
        ({"flip": np.zeros(3, bool)}, r"flip \(3,\) of bool: expected True or False, or \(2,\) of bool"),
        ({"flip": np.zeros(2, np.uint8)}, "flip .* of uint8"),
        ({"crop": (0, 0, 4, 10)}, "crop of 4x10.*: expected 1x1 to 3x10"),
        ({"crop": (0, 0, 3, 0)}, "crop of 3x0"),
        ({"crop": (0, 6, 3, 5)}, "crop lefts from 6 to 6: expected 0 to 5"),
        ({"crop": ([0, -1], 0, 3, 5)}, "crop tops from -1 to 0"),
        ({"crop": ([0], 0, 3, 5)}, r"crop tops \(1,\)"),
        ({"crop": (0.0, 0, 3, 5)}, "crop tops .* of float64"),
        ({"crop": (0, 0, 3)}, r"crop=\(0, 0, 3\): expected \(tops, lefts, height, width\)"),
        ({"crop": (0, 0, 2.0, 3)}, "a whole height and width"),
        ({"shift": (1,)}, r"shift=\(1,\): expected \(downs, rights\)"),
        ({"shift": (1, [1, 2, 3])}, r"shift rights \(3,\) of int64: expected an integer, or \(2,\) of integers"),
        ({"shift": (0.5, 0)}, r"shift downs \(\) of float64"),
        ({"own_palettes": np.zeros((4, 16, 3), np.uint8)}, r"own palettes \(4, 16, 3\) of uint8: expected \(2, K, 3\)"),
        ({"own_palettes": np.zeros((2, 17, 3), np.uint8)}, "K from 1 to 16, as 4 bits number"),
        ({"own_palettes": np.zeros((2, 0, 3), np.uint8)}, "K from 1 to 16"),
        ({"own_palettes": np.zeros((2, 3), np.uint8)}, r"own palettes \(2, 3\)"),
        ({"own_palettes": np.zeros((2, 4, 3), np.int64)}, "own palettes .* of int64"),
        ({"threads": 1.5}, "threads=1.5: expected a whole number"),
        ({"threads": 0}, "threads=0: expected a whole number from 1 on"),
        ({"out": np.zeros((2, 3, 3, 9), np.uint8)}, r"expected \(2, 3, 3, 10\) of uint8"),
        ({"out": np.zeros((2, 3, 3, 10), np.float32)}, "out .* of float32"),
        ({"out": np.zeros((2, 3, 3, 20), np.uint8)[..., ::2]}, "C-contiguous"),
        ({"out": np.broadcast_to(np.uint8(0), (2, 3, 3, 10))}, "writeable"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_was_expected(changed, message):
    with pytest.raises(UsageError, match=message):
        call(**changed)


def test_a_wish_that_is_not_known_is_refused():
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        call(colour="grey")


def test_pixels_are_not_written_over_the_indices():
    memory = np.zeros(4 * 3 * 5 + 2 * 3 * 3 * 10, np.uint8)
    out = memory[40:220].reshape(2, 3, 3, 10)
    with pytest.raises(UsageError, match="out shares memory"):
        call(indices=memory[:60].reshape(4, 3, 5), out=out)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
def test_shifts_of_any_integers_mean_the_same(dtype):
    """Also where the type does not hold the size of an image."""
    indices = np.random.default_rng(0).integers(0, 16, (1, 2, 300), np.uint8)
    form = {"own_palettes": np.random.default_rng(1).integers(0, 256, (2, 16, 3), np.uint8), "flip": np.ones(2, bool)}
    rights = np.array([3, 127]).astype(dtype)
    found = expand_batch(
        pack_rows(indices, 4), np.zeros((1, 1, 3), np.uint8), [0, 0], bits=4, width=300, shift=(0, rights), **form
    )
    np.testing.assert_array_equal(found, naive(indices, None, [0, 0], shift=(0, [3, 127]), **form))


@pytest.mark.parametrize("changed", [lambda own: own[::-1], np.asfortranarray, lambda own: own[:1].repeat(4, 0)[::2]])
def test_own_palettes_may_lie_in_memory_as_they_wish(changed):
    own = np.random.default_rng(0).integers(0, 256, (2, 16, 3), np.uint8)
    indices = np.random.default_rng(1).integers(0, 16, (4, 3, 10), np.uint8)
    given = changed(own)
    found = call(indices=pack_rows(indices, 4), rows=[3, 1], own_palettes=given)
    np.testing.assert_array_equal(found, naive(indices, None, [3, 1], own_palettes=given.copy()))
    one = np.broadcast_to(own[:1], (2, 16, 3))
    found = call(indices=pack_rows(indices, 4), rows=[3, 1], own_palettes=one)
    np.testing.assert_array_equal(found, naive(indices, None, [3, 1], own_palettes=one))


def test_pixels_are_not_written_over_own_palettes():
    memory = np.zeros(2 * 3 * 3 * 10 + 10, np.uint8)
    with pytest.raises(UsageError, match="out shares memory"):
        call(own_palettes=memory[-96:].reshape(2, 16, 3), out=memory[:180].reshape(2, 3, 3, 10))
