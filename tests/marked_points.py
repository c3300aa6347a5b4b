"""Pictures with points marked in them: one spot of light for each channel, found again as its centre of gravity."""

import io

import numpy as np
from PIL import ExifTags, Image

# How Pillow stores an upright picture so that this EXIF orientation turns it back; the inverse of the turn itself.
STORE = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
SAVE = {
    "JPEG": {"quality": 97, "subsampling": 0},
    "PNG": {"compress_level": 1},
    "WEBP": {"lossless": True, "method": 0},
    "TIFF": {},
}
_NOISE = 24  # levels


def spots(size, points, radius):
    """Return a black picture, (H, W, 3), with a soft spot around each of three points, in one channel each."""
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    planes = [np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * radius**2)) for px, py in points]
    return np.rint(255 * np.stack(planes, axis=-1)).astype(np.uint8)


def centres(pixels):
    """Return the centre of gravity of each channel, shape (3, 2), x and y."""
    light = np.where(pixels > _NOISE, pixels, 0).astype(float)
    y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]] + 0.5
    total = light.sum((0, 1))
    return np.stack([(light * x[..., None]).sum((0, 1)), (light * y[..., None]).sum((0, 1))], axis=-1) / total[:, None]


def turned_file(pixels, orientation, name, *, as_stored=False):
    """Return a file of pixels that are upright, or as stored, with an EXIF orientation."""
    image, facts = Image.fromarray(pixels), Image.Exif()
    if STORE[orientation] is not None and not as_stored:
        image = image.transpose(STORE[orientation])
    facts[ExifTags.Base.Orientation] = orientation
    file = io.BytesIO()
    image.save(file, name, exif=facts, **SAVE[name])
    return file.getvalue()
