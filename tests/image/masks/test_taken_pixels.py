"""How a mask lies on its picture: turned, in another size, or on none."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from helpers import image_bytes
from icsys.errors import ImageError
from icsys.image.mask import reduce_mask
from icsys.image.view import View
from icsys.options import Options
from marked_points import STORE
from mask_files import (
    WHOLE,
    classes,
    reduced,
    turned,
    twin,
)


@pytest.mark.parametrize("name", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_mask_that_states_an_orientation_is_turned_by_it(orientation, name):
    """ImageOps turns the twin; the picture is upright, or turned in another way."""
    ids = Image.fromarray(classes()).convert("RGB")
    data, _ = turned(ids, orientation, name, **({"lossless": True} if name == "WEBP" else {}))
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    for view in (View.of((67, 41), 1, WHOLE), View.of((67, 41), 3, WHOLE), View.of((41, 67), 6, WHOLE)):
        assert np.array_equal(np.asarray(reduced(data, view, labels_on="upright")), expected)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_the_size_tells_whether_a_mask_is_turned(orientation):
    ids = Image.fromarray(classes())
    stored = ids.transpose(STORE[orientation])
    view = View.of(stored.size, orientation, WHOLE)
    for one in (ids, stored):
        assert np.array_equal(np.asarray(reduced(image_bytes(one), view)), np.asarray(ids))
    with pytest.raises(ImageError, match="67x41"):
        reduced(image_bytes(stored), view, labels_on="upright")
    with pytest.raises(ImageError, match="41x67"):
        reduced(image_bytes(ids), view, labels_on="stored")


@pytest.mark.parametrize("orientation", [2, 3, 4])
def test_where_sizes_do_not_tell_a_mask_is_upright_unless_stated(orientation):
    ids = Image.fromarray(classes())
    view = View.of(ids.size, orientation, WHOLE)
    assert np.array_equal(np.asarray(reduced(image_bytes(ids), view)), np.asarray(ids))
    stored = ids.transpose(STORE[orientation])
    assert np.array_equal(np.asarray(reduced(image_bytes(stored), view, labels_on="stored")), np.asarray(ids))


@pytest.mark.parametrize("size", [(66, 41), (67, 42), (68, 42), (33, 20), (34, 21), (134, 82), (200, 123)])
@pytest.mark.parametrize(
    "options", [Options(step=4), Options(size="30x30", fit="cover"), Options(size="9x9", fit="pad")]
)
def test_a_mask_of_nearly_the_size_or_in_proportion_is_scaled_with_a_warning(size, options):
    ids = classes(size[1], size[0])
    view = View.of((67, 41), 1, options)
    made = reduce_mask(image_bytes(ids), view, options, labels_on="auto", pad=9)
    assert f"{size[0]}x{size[1]}" in made.warning
    assert "67x41" in made.warning
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(made.data))), twin(ids, view, 9))


@pytest.mark.parametrize("size", [(67, 67), (41, 67), (67, 30), (10, 10), (2, 2), (1, 41)])
def test_a_mask_of_another_aspect_is_an_error_that_names_both_sizes(size):
    with pytest.raises(ImageError, match="67x41") as caught:
        reduced(image_bytes(classes(size[1], size[0])), View.of((67, 41), 1, WHOLE))
    assert caught.value.code == "label_size"
    assert f"{size[0]}x{size[1]}" in str(caught.value)


def test_a_mask_of_the_same_size_has_no_warning():
    assert (
        reduce_mask(image_bytes(classes()), View.of((67, 41), 1, WHOLE), WHOLE, labels_on="auto", pad=0).warning is None
    )


def test_the_error_names_the_turn_of_a_mask_that_does_not_fit_with_it():
    """A mask that is upright, with EXIF data that were copied from its photo."""
    data, _ = turned(Image.fromarray(classes()), 6)
    with pytest.raises(
        ImageError, match="67x41 pixels, which its own EXIF orientation 6 turns, for a picture of 41x67"
    ):
        reduced(
            image_bytes(Image.fromarray(classes()), exif=Image.open(io.BytesIO(data)).getexif()),
            View.of((41, 67), 6, WHOLE),
        )
