"""An error about an image has its type, shape and values, and the conversion that it names gives the image."""

import io
import re
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import icsys
from helpers import image_bytes, synthetic_photo
from icsys import UsageError, quantize, resize

SHAPES = {
    "as expected": lambda pixels: pixels,
    "channels first": lambda pixels: np.moveaxis(pixels, -1, 0) if pixels.ndim == 3 else pixels[None],
    "a channel axis": lambda pixels: pixels if pixels.ndim == 3 else pixels[..., None],
}
TYPES = {
    "uint8": lambda pixels: pixels,
    "float32 from 0 to 1": lambda pixels: pixels.astype(np.float32) / 255,
    "float64 from 0 to 1": lambda pixels: pixels / 255,
    "float64 from 0 to 255": lambda pixels: np.where(pixels.max() > 1, pixels, 2).astype(float),
    "int32": lambda pixels: pixels.astype(np.int32),
    "uint16": lambda pixels: np.where(pixels.max() > 1, pixels, 2).astype(np.uint16) * 257,
}
sides = st.integers(6, 9)  # more than channels


def error_of(image, do=quantize):
    with pytest.raises(UsageError, match="expected") as caught:
        do(image)
    return str(caught.value)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=20)
@given(
    pixels=hnp.arrays(np.uint8, st.one_of(st.tuples(sides, sides), st.tuples(sides, sides, st.sampled_from([3, 4]))))
)
def test_the_conversion_of_an_array_gives_the_pixels(shape, kind, pixels):
    image = SHAPES[shape](TYPES[kind](pixels))
    if image.dtype == np.uint8 and (image.ndim == 2 or image.shape[2] in {3, 4}):
        return
    text = error_of(image)
    assert f"array of shape {image.shape} and type {image.dtype}" in text
    made = eval(text.rpartition("convert it: ")[2], {"numpy": np, "image": image})
    expected = pixels if "to 255" not in kind and kind != "uint16" else np.where(pixels.max() > 1, pixels, 2)
    np.testing.assert_array_equal(made, expected)
    assert made.dtype == np.uint8


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (np.full((8, 8, 3), -0.5), "values -0.5 to -0.5"),
        (np.full((8, 8, 3), 300, np.int32), "values 300 to 300"),
        (np.full((8, 8, 3), np.nan), "type float64"),
        (np.zeros((8, 8, 5), np.uint8), "(8, 8, 5)"),
        (np.full((8, 8), "a"), "<U1"),
        (np.zeros(8, np.uint8), "(8,)"),
        (np.zeros((2, 2, 2, 2, 2)), "(2, 2, 2, 2, 2)"),
        (np.zeros((0, 8, 3)), "at least one pixel"),
    ],
)
def test_values_without_a_clear_meaning_are_named_and_not_converted(image, expected):
    text = error_of(image)
    assert expected in text
    assert "convert it" not in text


@pytest.mark.parametrize(
    "images", [np.zeros((5, 8, 9, 3), np.uint8), np.zeros((5, 3, 8, 9)), [synthetic_photo(8, 9)] * 5, ["a.jpg"] * 5]
)
def test_several_images_are_to_be_given_one_by_one(images):
    text = error_of(images, resize)
    assert text.endswith("; one call for each image")
    assert text == error_of(images, quantize)


@pytest.mark.parametrize("do", [quantize, resize])
@pytest.mark.parametrize("kind", [str, Path])
def test_the_calls_for_a_path_read_the_file(kind, do, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("it's a photo.png").write_bytes(image_bytes(synthetic_photo()))
    text = error_of(kind("it's a photo.png"), do)
    compressing, opening = re.fullmatch(r".*for a file, (icsys.*) or (PIL.*)", text).groups()
    names = {"icsys": icsys, "PIL": PIL, "pathlib": __import__("pathlib")}
    assert eval(compressing, names).width == 16
    assert do(eval(opening, names))


def test_the_calls_for_bytes_read_them():
    image = image_bytes(synthetic_photo())
    compressing, opening = re.fullmatch(r".*of a file, (icsys.*) or (PIL.*)", error_of(image)).groups()
    names = {"icsys": icsys, "PIL": PIL, "io": io, "image": image}
    assert (eval(compressing, names).width, eval(opening, names).width) == (16, 80)


def test_a_nested_list_is_to_be_made_an_array():
    image = synthetic_photo(6, 7).tolist()
    made = eval(error_of(image).rpartition("convert it: ")[2], {"numpy": np, "image": image})
    np.testing.assert_array_equal(made, synthetic_photo(6, 7))


@pytest.mark.parametrize("image", [None, 5, {}, object, set(), (), []])
def test_anything_else_is_named_by_its_type(image):
    assert f"image of type {type(image).__name__}" in error_of(image)


@pytest.mark.parametrize("kind", ["uint8", "float32", "int64"])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_conversion_of_a_tensor_gives_the_pixels(kind, channels):
    torch = pytest.importorskip("torch", reason="needs PyTorch: make test-extras")
    pixels = synthetic_photo(8, 9, channels=channels)
    planes = torch.from_numpy(pixels if channels == 3 else pixels[..., None]).permute(2, 0, 1)
    image = (planes / 255 if kind == "float32" else planes).to(getattr(torch, kind))
    text = error_of(image)
    assert f"torch.Tensor, shape ({channels}, 8, 9) and type torch.{kind}" in text
    np.testing.assert_array_equal(eval(text.rpartition("convert it: ")[2], {"numpy": np, "image": image}), pixels)
    assert "one call for each image" in error_of(image[None])


def test_the_second_argument_of_resize_is_the_size():
    photo = synthetic_photo(60, 80)
    for size in ((24, 18), "24x18"):
        assert resize(photo, size) == resize(photo, size=size)
        assert resize(photo, size).size == (24, 18)
    with pytest.raises(UsageError, match="step and size were given together"):
        resize(photo, (24, 18), step=2)
