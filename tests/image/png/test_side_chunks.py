"""What lies beside the pixels of a PNG fails no image: pixels stay those of the plain file, and a warning names it."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from helpers import image_bytes, synthetic_photo
from icsys import ImageError, Options, compress_image
from icsys.image.png.chunks import chunks_of
from icsys.image.png.side_chunks import mend_side_chunks

WHOLE = Options(step=1, strategy="SO", alpha="keep", never_larger=False)
PIXELS = synthetic_photo(9, 13)
PLAIN = image_bytes(PIXELS)
HEAD, TAIL = 33, -12  # bytes of the signature and the header, and of the end


def chunk(kind, content, sound=True):
    checksum = zlib.crc32(kind + content) ^ (not sound)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def with_chunks(*chunks, data=PLAIN, behind=False):
    """Insert chunks behind the header or behind the pixels."""
    at = TAIL if behind else HEAD
    return data[:at] + b"".join(chunks) + data[at:]


def packed(size):
    return zlib.compress(bytes(size))


EXIF = {
    orientation: b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0" + bytes([orientation, 0, 0, 0, 0, 0, 0, 0])
    for orientation in (3, 6)
}
SIDE_CHUNKS = {
    "tEXt": b"Software\0x", "zTXt": b"Comment\0\0" + packed(9), "iTXt": b"XML:com.adobe.xmp\0\1\0\0\0" + packed(9),
    "iCCP": b"x\0\0" + packed(9), "gAMA": b"\0\0\xb1\x8f", "cHRM": bytes(32), "sRGB": b"\0", "pHYs": bytes(9),
    "cICP": b"\1\x0d\0\1", "tIME": bytes(7), "eXIf": b"II*\0", "sBIT": b"\5\5\5",
    "prVt": b"anything", "fcTL": bytes(26),
}  # fmt: skip


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("kind", SIDE_CHUNKS)
def test_a_damaged_side_chunk_is_left_out_with_a_warning(kind, behind):
    data = with_chunks(chunk(kind.encode(), SIDE_CHUNKS[kind], sound=False), behind=behind)
    compressed = compress_image(data, WHOLE)
    assert compressed.data == compress_image(PLAIN, WHOLE).data
    assert f"{kind} (" in compressed.warning
    assert not compressed.damaged


CHUNKS = st.lists(
    st.tuples(
        st.sampled_from([kind for kind in SIDE_CHUNKS if kind not in {"iCCP", "gAMA", "cHRM", "cICP", "eXIf"}]),
        st.one_of(st.none(), st.binary(max_size=40)),
        st.booleans(),
        st.booleans(),
    ),
    max_size=6,
)


@settings(max_examples=80, deadline=None)
@given(CHUNKS, st.sampled_from(["RGB", "P", "L"]))
def test_no_side_chunk_changes_a_pixel(chunks, mode):
    plain = image_bytes(Image.fromarray(PIXELS).convert(mode))
    data = plain
    for kind, content, sound, behind in chunks:
        data = with_chunks(
            chunk(kind.encode(), SIDE_CHUNKS[kind] if content is None else content, sound), data=data, behind=behind
        )
    compressed = compress_image(data, WHOLE)
    assert compressed.data == compress_image(plain, WHOLE).data
    if not all(sound for _, _, sound, _ in chunks):
        assert "were left out" in compressed.warning


@given(st.lists(st.sampled_from([kind for kind in SIDE_CHUNKS if kind != "fcTL"]), unique=True))
def test_a_good_file_is_returned_as_it_is(kinds):
    data = with_chunks(*(chunk(kind.encode(), SIDE_CHUNKS[kind]) for kind in kinds))
    mended, note = mend_side_chunks(data)
    assert mended is data
    assert note is None


@pytest.fixture(scope="module")
def with_palette():
    """A file with a palette, of which one colour is transparent."""
    return image_bytes(Image.fromarray(PIXELS).quantize(16), transparency=3)


@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE", b"tRNS", b"IDAT"])
@pytest.mark.parametrize("bit", range(32))
def test_a_chunk_of_the_picture_whose_kind_is_damaged_is_no_side_chunk(with_palette, kind, bit):
    data = bytearray(with_palette)
    data[data.index(kind) + bit // 8] ^= 1 << bit % 8
    with pytest.raises(ImageError):
        compress_image(bytes(data), WHOLE)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (b"zTXt", b"Comment\0\0" + packed(1_200_000)),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + packed(1_200_000)),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0en\0word\0" + packed(1_200_000)),
    ],
)
@pytest.mark.parametrize("behind", [False, True])
def test_a_text_that_unpacks_to_more_than_a_limit_is_left_out(kind, content, behind):
    compressed = compress_image(with_chunks(chunk(kind, content), behind=behind), WHOLE)
    assert compressed.data == compress_image(PLAIN, WHOLE).data
    assert f"{kind.decode()} (more than 1 MiB of text)" in compressed.warning


def test_many_texts_take_no_more_than_a_limit_together():
    data = with_chunks(*[chunk(b"zTXt", b"Comment\0\0" + packed(1_000_000))] * 200)
    mended, note = mend_side_chunks(data)
    kept = sum(one.kind == b"zTXt" for one in chunks_of(mended))
    assert kept == 67
    assert "and 130 more" in note


def test_a_large_profile_counts_as_a_small_one():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    small, large = (
        with_chunks(chunk(b"iCCP", b"x\0\0" + zlib.compress(profile + bytes(more)))) for more in (0, 1_200_000)
    )
    assert compress_image(large, WHOLE).data == compress_image(small, WHOLE).data
    huge = with_chunks(chunk(b"iCCP", b"x\0\0" + zlib.compress(profile + bytes(9_000_000))))
    with pytest.raises(ImageError) as caught:
        compress_image(huge, WHOLE)
    assert caught.value.code == "too_large"


def test_a_large_text_that_is_not_compressed_is_no_fault():
    data = with_chunks(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + bytes(1_200_000)))
    assert mend_side_chunks(data)[0] is data


INDEXED = image_bytes(Image.fromarray(PIXELS).quantize(16))
BEFORE_PIXELS = INDEXED.index(b"IDAT") - 4
CLEAR = chunk(b"tRNS", b"\0\x50")


@pytest.mark.parametrize(
    ("data", "like"),
    [
        (with_chunks(CLEAR, data=INDEXED), INDEXED),
        (with_chunks(CLEAR, data=INDEXED, behind=True), INDEXED),
        (
            INDEXED[:BEFORE_PIXELS] + CLEAR + chunk(b"tRNS", b"\0\0\0") + INDEXED[BEFORE_PIXELS:],
            INDEXED[:BEFORE_PIXELS] + CLEAR + INDEXED[BEFORE_PIXELS:],
        ),
        (with_chunks(chunk(b"tRNS", b"\0\0")), PLAIN),
        (with_chunks(chunk(b"eXIf", EXIF[6]), chunk(b"eXIf", EXIF[3])), with_chunks(chunk(b"eXIf", EXIF[6]))),
    ],
    ids=["before the palette", "behind the pixels", "repeated", "too short", "EXIF repeated"],
)
def test_a_chunk_in_the_wrong_place_is_passed_over_as_in_chromium(data, like):
    compressed = compress_image(data, WHOLE)
    assert compressed.data == compress_image(like, WHOLE).data
    assert "left out" in compressed.warning


@pytest.mark.parametrize(
    "keyword", [b"transparency", b"icc_profile", b"interlace", b"bbox", b"gamma", b"loop", b"srgb"]
)
@pytest.mark.parametrize("behind", [False, True])
def test_a_text_cannot_pose_as_a_fact_about_the_picture(keyword, behind):
    compressed = compress_image(with_chunks(chunk(b"tEXt", keyword + b"\x001"), behind=behind), WHOLE)
    assert compressed.data == compress_image(PLAIN, WHOLE).data
    assert compressed.warning is None


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_file_that_ends_in_a_side_chunk_behind_its_pixels_is_whole(cut):
    data = with_chunks(chunk(b"tEXt", b"Comment\0something"), behind=True)[:TAIL]
    compressed = compress_image(data[:-cut], WHOLE)
    assert compressed.data == compress_image(PLAIN, WHOLE).data
    assert (compressed.warning is not None) == (cut <= 21)


def animation(**changes):
    """Write an animation of two frames, and change its chunks: a function of the content by kind and number."""
    frames = [Image.fromarray(PIXELS), Image.fromarray(255 - PIXELS)]
    data = image_bytes(frames[0], save_all=True, append_images=frames[1:])
    seen, parts = {}, [data[:8]]
    for one in chunks_of(data):
        kind = one.kind.decode()
        seen[kind] = seen.get(kind, -1) + 1
        change = changes.get(f"{kind}{seen[kind]}")
        content = one.content if change is None else change(one.content)
        parts.append(b"" if content is None else chunk(one.kind, content))
    return b"".join(parts)


@pytest.mark.parametrize(
    "changes",
    [
        {"acTL0": lambda _: None}, {"acTL0": lambda _: bytes(8)}, {"acTL0": lambda content: content[:5]},
        {"acTL0": lambda _: b"\xff" * 8}, {"fcTL0": lambda content: content[:20]},
        {"fcTL0": lambda content: b"\0\0\0\3" + content[4:]},
        {"fcTL0": lambda content: content[:4] + b"\0\0\0\2" * 4 + content[20:]},
    ],
)  # fmt: skip
def test_a_damaged_animation_gives_its_picture(changes):
    compressed = compress_image(animation(**changes), WHOLE)
    assert compressed.data == compress_image(PLAIN, WHOLE).data
    assert "damaged animation" in compressed.warning
    assert compressed.source.frames == 1


@pytest.mark.parametrize("changes", [{}, {"fdAT0": lambda content: content[:9]}, {"fcTL0": lambda _: None}])
def test_a_good_animation_is_no_fault(changes):
    if "fcTL0" in changes:  # the picture is no frame of it; the numbers begin with the first frame
        changes |= {
            "fcTL1": lambda content: b"\0\0\0\0" + content[4:],
            "fdAT0": lambda content: b"\0\0\0\1" + content[4:],
        }
    compressed = compress_image(animation(**changes), WHOLE)
    assert compressed.data == compress_image(PLAIN, WHOLE).data
    assert compressed.warning is None
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(compressed.data))), PIXELS)


def test_a_file_with_a_warning_is_not_copied():
    picture = Image.fromarray(np.kron(PIXELS, np.ones((8, 8, 1), np.uint8))).quantize(16)
    source = image_bytes(picture, optimize=True)
    options = Options(step=1, png_effort="fast")
    for sound in (True, False):
        data = with_chunks(chunk(b"tEXt", b"a\0b", sound), data=source)
        assert compress_image(data, options).kept_source == sound


INDEXED = image_bytes(Image.fromarray(PIXELS).quantize(4))
PALETTE = next(found.whole for found in chunks_of(INDEXED) if found.kind == b"PLTE")


@pytest.mark.parametrize(
    ("data", "code"),
    [(with_chunks(chunk(b"ABCD", b"anything")), "unsupported"), (INDEXED.replace(PALETTE, PALETTE * 2), "broken"),
     (INDEXED.replace(PALETTE, b""), "broken")],
    ids=["unknown", "two palettes", "no palette"],
)  # fmt: skip
def test_a_picture_whose_colors_are_not_certain_is_refused(data, code):
    """libpng refuses these, too."""
    for settings_ in (WHOLE, WHOLE.replace(on_corrupt="keep")):
        with pytest.raises(ImageError) as caught:
            compress_image(data, settings_)
        assert caught.value.code == code
