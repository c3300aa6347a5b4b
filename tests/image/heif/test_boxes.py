"""Properties of AVIF and HEIC files against what the files were made with, and crops against a naive twin."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from damaged_images import TURNED_HEIC
from heif_files import clap, nclx, with_properties
from helpers import image_bytes, synthetic_photo
from icc_profiles import linear_profile
from icsys.errors import ImageError
from icsys.image.decode import decode_photo
from icsys.image.described.description import described_by_codes
from icsys.image.described.light import to_srgb_levels
from icsys.image.heif.boxes import crop_box, picture_properties
from icsys.options import Options

FULL = Options(step=1, strategy="SO")
APERTURE = (30, 1, 24, 1, -5, 1, 3, 1)  # of 64x40: from 12, 11 to 42, 35
INVALID = [
    (31, 1, 24, 1, 0, 1, 0, 1),  # begins between pixels
    (30, 1, 24, 1, 1, 3, 0, 1),
    (61, 2, 24, 1, 0, 1, 0, 1),
    (66, 1, 24, 1, 0, 1, 0, 1),
    (30, 1, 24, 1, 18, 1, 0, 1),
    (30, 1, 24, 1, 0, 1, -9, 1),
    (0, 1, 24, 1, 0, 1, 0, 1),
    (30, 0, 24, 1, 0, 1, 0, 1),
    (30, 1, 24, 1, 0, -1, 0, 1),
    (-30, -1, 24, 1, 0, 1, 0, 1),
]
TURNS = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: np.swapaxes(a, 0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2),
    8: np.rot90,
}


def avif(orientation=1, **settings):
    """Encode a picture of 64x40 pixels; Pillow stores the orientation as irot and imir."""
    exif = Image.Exif()
    exif[274] = orientation
    turned = {"exif": exif.tobytes()} if orientation > 1 else {}
    return image_bytes(synthetic_photo(40, 64), "AVIF", quality=90, speed=10, **turned, **settings)


def decoded(data, **options):
    return decode_photo(data, FULL.replace(**options)).pixels


@pytest.mark.parametrize("orientation", TURNS)
def test_avif_is_cropped_before_it_is_turned(orientation):
    whole, turned = decoded(avif()), avif(orientation)
    assert np.array_equal(decoded(turned), TURNS[orientation](whole))
    photo = decode_photo(with_properties(turned, clap(*APERTURE)), FULL)
    assert np.array_equal(photo.pixels, TURNS[orientation](whole[11:35, 12:42]))
    assert (photo.info.height, photo.info.width) == photo.pixels.shape[:2]


@pytest.mark.parametrize("numbers", INVALID)
def test_a_clean_aperture_that_is_not_valid_is_ignored(numbers):
    data = with_properties(avif(), clap(*numbers))
    assert picture_properties(data).clean_aperture == numbers
    assert np.array_equal(decoded(data), decoded(avif()))


def test_heic_is_cropped_and_turned_once():
    coded = np.rot90(decoded(TURNED_HEIC), -1)
    data = with_properties(TURNED_HEIC, clap(40, 1, 32, 1, -6, 1, 4, 1))
    left, top, right, bottom = crop_box((96, 64), (40, 1, 32, 1, -6, 1, 4, 1))
    assert np.abs(decoded(data).astype(int) - np.rot90(coded[top:bottom, left:right])).max() <= 1


def test_heic_that_is_turned_before_it_is_cropped_is_cropped_upright():
    numbers = (40, 1, 60, 1, -6, 1, 4, 1)
    left, top, right, bottom = crop_box((64, 96), numbers)
    data = with_properties(TURNED_HEIC, clap(*numbers), last=True)
    expected = decoded(TURNED_HEIC)[top:bottom, left:right]
    assert np.abs(decoded(data).astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    "numbers",
    [
        *(
            (98, 1, 24, 1, 0, 1, 0, 1),
            (30, 1, 24, 1, 40, 1, 0, 1),
            (30, 1, 24, 1, 0, 1, -37, 1),
            (0, 1, 24, 1, 0, 1, 0, 1),
        ),
        *((30, 0, 24, 1, 0, 1, 0, 1), (30, 1, 24, 1, 0, -1, 0, 1), (-30, -1, 24, 1, 0, 1, 0, 1)),
    ],
)
@pytest.mark.parametrize("last", [False, True])
def test_heic_with_an_impossible_clean_aperture_is_shown_whole(numbers, last):
    data = with_properties(TURNED_HEIC, clap(*numbers), last=last)
    assert np.array_equal(decoded(data), decoded(TURNED_HEIC))


def test_the_size_before_the_crop_is_held_against_the_limit():
    for data in (with_properties(avif(), clap(*APERTURE)), with_properties(TURNED_HEIC, clap(2, 1, 2, 1, 0, 1, 0, 1))):
        with pytest.raises(ImageError, match="max-pixels") as caught:
            decoded(data, max_pixels=1000)
        assert caught.value.code == "too_large"


@pytest.mark.parametrize("codes", [(12, 13), (9, 1), (1, 4), (9, 16), (9, 18), (1, 1), (1, 13), (2, 2), (12, 2)])
def test_colours_of_avif_and_heic_become_srgb(codes):
    usual = tuple(usual if code == 2 else code for code, usual in zip(codes, (1, 13), strict=True))
    description = described_by_codes(*usual, camera_is_srgb=True)
    for data, kind in ((avif(), b"colr"), (TURNED_HEIC, b"colr")):
        plain = decoded(with_properties(data, nclx(1, 13), without={kind}))
        photo = decode_photo(with_properties(data, nclx(*codes), without={kind}), FULL)
        expected = to_srgb_levels(plain, description) if description else plain
        assert np.array_equal(photo.pixels, expected)
        assert (photo.warning is not None) == (codes[1] in {16, 18})


def test_an_icc_profile_counts_more_than_codes():
    with_profile = avif(icc_profile=linear_profile(b"RGB "))
    codes = with_profile.index(b"colrnclx") + 8
    both = with_profile[:codes] + b"\0\x09\0\x10" + with_profile[codes + 4 :]
    assert picture_properties(both).codes == (9, 16)
    assert np.array_equal(decoded(both), decoded(with_profile))
    assert not np.array_equal(decoded(with_profile), decoded(avif()))


def test_the_first_frame_of_an_animation_has_the_properties_of_its_track():
    frames = [Image.fromarray(synthetic_photo(40, 64, seed=seed)) for seed in range(3)]
    plain = image_bytes(frames[0], "AVIF", save_all=True, append_images=frames[1:], quality=90, speed=10)
    assert plain[8:12] == b"avis"
    codes = plain.rindex(b"colrnclx") + 8  # of the track, which lies behind the items
    data = plain[:codes] + b"\0\x0c\0\x0d" + plain[codes + 4 :]
    assert picture_properties(data).codes == (12, 13)
    assert np.array_equal(decoded(data), to_srgb_levels(decoded(plain), described_by_codes(12, 13)))


@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(*[st.integers(-2, 12), st.integers(-1, 3)] * 4),
)
def test_a_crop_is_the_pixels_whose_centres_lie_in_the_aperture(size, numbers):
    """A naive twin of ISO/IEC 14496-12, 12.1.4: the aperture is centred on the centre of the picture, moved."""
    sides = []
    for length, (n, d), (o, u) in zip(size, (numbers[:2], numbers[2:4]), (numbers[4:6], numbers[6:]), strict=True):
        if d <= 0 or u <= 0:
            assert crop_box(size, numbers) is None
            return
        centre, half = Fraction(o, u) + Fraction(length - 1, 2), (Fraction(n, d) - 1) / 2
        sides.append([i for i in range(-40, 60) if abs(i - centre) <= half])
        fits = sides[-1] and (sides[-1][0], sides[-1][-1]) == (centre - half, centre + half)
        if not fits or sides[-1][0] < 0 or sides[-1][-1] >= length:
            assert crop_box(size, numbers) is None
            return
    (left, *_), (top, *_) = sides
    assert crop_box(size, numbers) == (left, top, left + len(sides[0]), top + len(sides[1]))


@given(st.data())
def test_damaged_boxes_have_properties_or_none(data):
    good = bytearray(with_properties(avif(), clap(*APERTURE))[:700])
    for _ in range(data.draw(st.integers(0, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    picture_properties(bytes(good[: data.draw(st.integers(0, len(good)))]))
