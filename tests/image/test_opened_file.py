"""Every format gives its picture, the turn that makes it upright, and what is wrong, by one class."""

import io

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from helpers import image_bytes, synthetic_photo
from icsys.image.open_image import open_image
from icsys.image.opened_file import exif_orientation, opened_file
from icsys.options import Options

PIXELS = synthetic_photo(20, 33)
FORMATS = {
    "JPEG": {"quality": 95}, "PNG": {}, "WEBP": {"lossless": True}, "TIFF": {}, "AVIF": {"quality": 90}
}  # fmt: skip


def written(name, orientation, mode="RGB", **settings):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return image_bytes(Image.fromarray(PIXELS).convert(mode), name, exif=exif, **settings)


@pytest.mark.parametrize("orientation", [1, 2, 6])
@pytest.mark.parametrize("name", FORMATS)
def test_the_turn_makes_the_decoded_picture_upright(name, orientation):
    data = written(name, orientation, **FORMATS[name])
    decoded = opened_file(*open_image(data), data).decoded(1, keep=False)
    bare = Image.fromarray(np.asarray(decoded.picture))
    bare.getexif()[ExifTags.Base.Orientation] = decoded.turn
    with Image.open(io.BytesIO(data)) as oracle:
        assert np.array_equal(ImageOps.exif_transpose(bare), ImageOps.exif_transpose(oracle))
    assert decoded.orientation == orientation or name == "AVIF"  # Pillow stores it as a property of the picture
    assert decoded.damage is None


@pytest.mark.parametrize(("step", "shrink"), [(1, 1), (4, 2), (16, 8)])
def test_a_cmyk_jpeg_is_scaled_down_as_far_as_the_resize_allows(step, shrink):
    data = image_bytes(Image.fromarray(synthetic_photo(320, 480)).convert("CMYK"), "JPEG")
    file = opened_file(*open_image(data), data)
    assert file.shrink(Options(step=step)) == shrink
    assert file.decoded(shrink, keep=False).picture.size == (480 // shrink, 320 // shrink)


@pytest.mark.parametrize(
    "content", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\x7f", b"", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_damaged_exif_data_count_as_upright(content):
    image = Image.fromarray(PIXELS)
    image.info["exif"] = content
    assert exif_orientation(image) == 1


def test_an_orientation_in_xmp_alone_does_not_count():
    image = Image.fromarray(PIXELS)
    image.info["xmp"] = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    assert exif_orientation(image) == 1
