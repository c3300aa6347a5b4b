"""Codecs at the bytes of a preview: the lowest quality decides whether any fits."""

import numpy as np
import pytest

from helpers import image_bytes, synthetic_photo
from icsys.image.decode import decode_photo
from icsys.image.encode import encode_lossy
from icsys.image.read_output import flat_pixels
from icsys.options import Options
from icsys.studio.images.photo_cache import DecodedPhoto, as_decoded
from icsys.studio.previews.preview import LOSSY, lossy_preview

OPTIONS = Options(step=2)


@pytest.fixture(scope="module")
def photo():
    data = image_bytes(synthetic_photo(48, 64, seed=1))
    return DecodedPhoto(decode_photo(data, as_decoded(OPTIONS)), data)


@pytest.mark.parametrize("codec", LOSSY)
def test_a_codec_that_takes_more_at_every_quality_does_not_fit(photo, codec):
    pixels = flat_pixels(photo.photo.pixels, OPTIONS.background)
    lowest, highest = (len(encode_lossy(LOSSY[codec], pixels, quality)) for quality in (1, 100))
    assert lowest < highest
    for most in (1, lowest - 1, lowest, (lowest + highest) // 2, highest):
        figures = lossy_preview(photo, OPTIONS, codec, most).figures
        assert figures["fits"] == (most >= lowest) == (figures["bytes"] <= most)
        assert figures["fits"] or (figures["setting"], figures["bytes"]) == (1, lowest)
        assert np.isfinite(figures["quality"]["ssim"])
