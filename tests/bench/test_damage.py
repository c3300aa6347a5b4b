"""The measured damage is real, and lies in the place that its name gives."""

import random

import pytest

from damage import DAMAGES, cut, found_by_ics, found_by_pillow
from helpers import image_bytes, synthetic_photo

PHOTO = image_bytes(synthetic_photo(300, 400), "JPEG", quality=95)


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_among_the_pixels(name):
    damage, size = DAMAGES[name]
    damaged = damage(PHOTO, random.Random(1), size)  # noqa: S311 - a place
    start = PHOTO.rindex(b"\xff\xda") + 16
    assert damaged != PHOTO
    assert damaged[:start] == PHOTO[:start]
    assert damage is cut or len(damaged) == len(PHOTO)


def test_a_good_photo_passes_both_checks_and_a_cut_one_fails_both():
    assert not found_by_pillow(PHOTO)
    assert not found_by_ics(PHOTO)
    assert found_by_pillow(PHOTO[:-900])
    assert found_by_ics(PHOTO[:-900])
