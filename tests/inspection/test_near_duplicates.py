"""Copies that the test has made are found, all of them, and nothing else is."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps

from helpers import synthetic_photo
from icsys import inspect_folder
from icsys.inspection.compare_pictures import show_the_same
from icsys.inspection.near_duplicates import _chunks


def saved(image, **settings):
    file = io.BytesIO()
    image.save(file, **settings)
    return file.getvalue()


def resized(image):
    return saved(image.resize((image.width // 2, image.height // 2)), format="JPEG", quality=90)


def encoded_again(image):
    return saved(image, format="JPEG", quality=60)


def cropped(image):
    width, height = image.size
    box = (round(0.02 * width), 0, width - round(0.015 * width), height - round(0.02 * height))
    return saved(image.crop(box), format="JPEG", quality=85)


def all_at_once(image):
    width, height = image.size
    part = image.crop((round(0.01 * width), round(0.02 * height), width - round(0.02 * width), height))
    return saved(part.resize((width * 2 // 3, height * 2 // 3)), format="JPEG", quality=60)


def stretched(image):
    return saved(image.resize((112, 112)), format="PNG")


def grey(image):
    return saved(image.convert("L"), format="JPEG", quality=75)


def brighter(image):
    return saved(image.point(lambda value: round(value * 1.05)), format="JPEG", quality=85)


def pairs_in(groups):
    return {frozenset(pair) for group in groups for pair in itertools.combinations(group, 2)}


def test_planted_copies_are_found_and_nothing_else(tmp_path):
    copies = (resized, encoded_again, cropped, all_at_once, stretched, grey, brighter)
    planted = set()
    for seed in range(30):
        image = Image.fromarray(synthetic_photo(150, 200, seed=seed))
        path = tmp_path / f"{seed:02}.png"
        image.save(path)
        copy = tmp_path / f"{seed:02}-copy.jpg"
        copy.write_bytes(copies[seed % len(copies)](image))
        planted.add(frozenset({path.name, copy.name}))
    found = inspect_folder(tmp_path, jobs=1)
    assert pairs_in(found.near_duplicates) == planted
    assert found.duplicates == []


def test_all_copies_of_one_picture_are_one_group(tmp_path):
    image = Image.fromarray(synthetic_photo(150, 200, seed=1))
    image.save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes())
    for copy in (resized, encoded_again, cropped, all_at_once):
        (tmp_path / f"{copy.__name__}.jpg").write_bytes(copy(image))
    found = inspect_folder(tmp_path, jobs=1)
    assert found.near_duplicates == [sorted(path.name for path in tmp_path.iterdir())]
    assert found.duplicates == [["a.png", "b.png"]]
    assert inspect_folder(tmp_path, jobs=1, near=False).near_duplicates == []


@pytest.mark.parametrize("change", [ImageOps.mirror, ImageOps.flip, lambda image: image.rotate(180), ImageOps.invert])
def test_a_mirrored_turned_or_recoloured_picture_is_another_one(tmp_path, change):
    image = Image.fromarray(synthetic_photo(96, 128, seed=2))
    image.save(tmp_path / "a.png")
    change(image).save(tmp_path / "b.png")
    assert inspect_folder(tmp_path, jobs=1).near_duplicates == []


def test_the_same_drawing_in_other_colours_is_another_picture():
    first, second = Image.new("RGB", (96, 96), "white"), Image.new("RGB", (96, 96), "white")
    ImageDraw.Draw(first).ellipse((20, 30, 70, 80), fill=(200, 60, 60))
    ImageDraw.Draw(second).ellipse((20, 30, 70, 80), fill=(60, 130, 60))  # about as light
    pictures = [np.asarray(one) for one in (first, second)]
    assert show_the_same([(pictures[0], pictures[1]), (pictures[0], pictures[0])]) == [False, True]


def test_a_change_in_one_place_makes_another_picture():
    pixels = synthetic_photo(96, 128, seed=3)
    other = pixels.copy()
    other[30:50, 60:84] = 255 - other[30:50, 60:84]
    assert show_the_same([(pixels, other)]) == [False]


def numbered(digit):
    """A drawing with a small digit in it."""
    image = Image.new("RGB", (480, 360), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((30, 40, 300, 220), fill=(90, 200, 170), outline="black", width=4)
    draw.ellipse((200, 120, 440, 330), fill=(150, 60, 120), outline="black", width=3)
    draw.line((10, 340, 470, 20), fill=(40, 40, 40), width=3)
    draw.text((380, 20), digit, font=ImageFont.load_default(44), fill="black")
    return image


def test_a_drawing_with_another_small_digit_is_another_picture_and_its_copies_are_not(tmp_path):
    digits = "0689"
    for digit in digits:
        numbered(digit).save(tmp_path / f"{digit}.png")
        for copy in (resized, encoded_again, cropped, all_at_once):
            (tmp_path / f"{digit}-{copy.__name__}.jpg").write_bytes(copy(numbered(digit)))
    groups = inspect_folder(tmp_path, jobs=1).near_duplicates
    assert groups == [sorted(path.name for path in tmp_path.glob(f"{digit}*")) for digit in digits]


@pytest.mark.parametrize("is_round", [True, False])
def test_copies_of_a_smooth_gradient_are_found(tmp_path, is_round):
    columns, rows = np.meshgrid(np.linspace(0, 1, 320), np.linspace(0, 1, 240))
    light = (np.hypot(columns - 0.3, rows - 0.4) if is_round else columns)[..., None]
    image = Image.fromarray((np.array([220, 180, 90]) * (1 - light * 0.7)).astype(np.uint8))
    image.save(tmp_path / "a.png")
    for copy in (resized, encoded_again, cropped):
        (tmp_path / f"{copy.__name__}.jpg").write_bytes(copy(image))
    assert [len(group) for group in inspect_folder(tmp_path, jobs=1).near_duplicates] == [4]


def test_flat_and_simple_pictures_are_in_no_group(tmp_path):
    random = np.random.default_rng(5)
    for number in range(12):
        width, height = random.integers(40, 200, 2).tolist()
        Image.new("RGB", (width, height)).save(tmp_path / f"black-{number}.jpg")
        noise = random.integers(0, 6, (90, 120, 3)).astype(np.uint8)
        Image.fromarray(noise).save(tmp_path / f"dark-{number}.jpg")
        drawing = Image.new("RGB", (120, 90), "white")
        left, top = random.integers(0, 60, 2).tolist()
        ImageDraw.Draw(drawing).rectangle((left, top, left + 25 + 3 * number, top + 28), fill=(20 * number, 90, 60))
        drawing.save(tmp_path / f"drawing-{number}.png")
        Image.fromarray(random.integers(0, 256, (8, 8), dtype=np.uint8)).resize((15, 15)).save(
            tmp_path / f"tiny-{number}.png"
        )
    assert inspect_folder(tmp_path, jobs=1).near_duplicates == []


def test_a_chain_of_small_changes_is_not_one_group(tmp_path):
    whole = Image.fromarray(synthetic_photo(300, 400, seed=6))
    for number in range(9):
        cut = 0.035 * number  # of the width, at the left
        whole.crop((round(cut * 400), 0, 400, 300)).save(tmp_path / f"{number}.png")
    groups = inspect_folder(tmp_path, jobs=1).near_duplicates
    assert all(int(group[-1][0]) - int(group[0][0]) <= 2 for group in groups)


class Joined:
    """Clusters that are given: each picture with the first of its cluster."""

    def __init__(self, **firsts):
        self.firsts = firsts

    def first(self, place):
        return self.firsts.get(f"p{place}", place)


def test_pictures_of_pairs_that_were_joined_meanwhile_are_not_read(monkeypatch):
    monkeypatch.setattr("icsys.inspection.near_duplicates._MOST_PICTURES", 3)
    clusters = Joined()
    chunks = _chunks([(0, 1), (2, 3), (4, 5)], clusters)
    assert next(chunks) == ({0, 1}, [(0, 1)])
    clusters.firsts = {"p5": 4}
    assert list(chunks) == [({2, 3}, [(2, 3)])]


def test_chunks_hold_each_pair_once_and_few_pictures(monkeypatch):
    monkeypatch.setattr("icsys.inspection.near_duplicates._MOST_PICTURES", 4)
    pairs = [(1, 2), (0, 5), (3, 4), (0, 1), (2, 6), (0, 2)]
    chunks = list(_chunks(pairs, Joined()))
    assert sorted(pair for _, chunk in chunks for pair in chunk) == sorted(pairs)
    assert all(names == {one for pair in chunk for one in pair} and len(names) <= 4 for names, chunk in chunks)
