"""Generated photos, and the photos of a folder."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photos import find_photos, gather, generate_photo, images, load_rgb, write_photos


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32))
def test_the_same_arguments_give_the_same_pixels(width, height, seed):
    photo = generate_photo(width, height, seed)
    assert photo.shape == (height, width, 3)
    assert photo.dtype == np.uint8
    np.testing.assert_array_equal(photo, generate_photo(width, height, seed))


@pytest.mark.parametrize("seed", range(4))
def test_a_photo_is_smooth_but_full_of_colours(seed):
    photo = generate_photo(160, 120, seed).astype(float)
    beside = np.corrcoef(photo[:, 1:].ravel(), photo[:, :-1].ravel())[0, 1]
    assert beside > 0.9
    assert len(np.unique(photo.reshape(-1, 3), axis=0)) > photo.shape[0] * photo.shape[1] / 10


def test_another_seed_gives_another_photo():
    assert (generate_photo(40, 30, 0) != generate_photo(40, 30, 1)).mean() > 0.5


def test_large_photos_are_drawn_small_and_enlarged_with_noise_of_their_own(monkeypatch):
    monkeypatch.setattr("photos._DRAWN_PIXELS", 20_000)
    photo = generate_photo(320, 240, 0).astype(float)
    assert photo.shape == (240, 320, 3)
    assert np.abs(np.diff(photo[:8, :8], axis=1)).max() > 0


def test_photos_are_written_as_files_that_read_back(tmp_path):
    paths = write_photos(tmp_path / "new", 2, 40, 30, suffix=".png")
    np.testing.assert_array_equal(load_rgb(paths[1]), generate_photo(40, 30, 1))


def test_photos_of_a_folder_are_found_in_order_up_to_the_number_given(tmp_path):
    written = write_photos(tmp_path / "b", 2, 8, 8) + write_photos(tmp_path / "a", 1, 8, 8, suffix=".PNG")
    (tmp_path / "notes.txt").write_text("no photo", encoding="utf-8")
    assert find_photos(tmp_path) == [written[2], *written[:2]]
    assert find_photos(tmp_path, 1) == [written[2]]
    assert [name for name, _ in images(tmp_path, 2)] == ["generated-000.PNG", "generated-000.jpg"]


def test_a_folder_without_photos_ends_the_program_with_a_reason(tmp_path):
    with pytest.raises(SystemExit, match="no JPEG"):
        find_photos(tmp_path)


def test_generated_images_are_named_by_their_seed(monkeypatch):
    monkeypatch.setattr("photos._GENERATED_SIZE", (40, 30))
    assert [name for name, _ in images(None, 2)] == ["generated 0", "generated 1"]


def test_gathered_photos_are_plain_files_numbered_in_turn(tmp_path):
    photos = write_photos(tmp_path / "some", 2, 8, 8)
    gathered = gather(photos, tmp_path / "all", 3)
    assert [path.name for path in gathered] == [
        "00000-generated-000.jpg",
        "00001-generated-001.jpg",
        "00002-generated-000.jpg",
    ]
    assert [path.read_bytes() for path in gathered] == [photos[index].read_bytes() for index in (0, 1, 0)]
    assert not any(path.is_symlink() for path in gathered)
