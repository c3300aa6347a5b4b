"""Thumbnails: decoded once for many requests, within the limits of pixels."""

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from icsys.errors import ImageError, UsageError
from icsys.image.decode import unlimited
from icsys.options import Options
from icsys.studio.images import thumbnails
from icsys.studio.images.thumbnails import Thumbnails


def test_fifty_requests_for_one_thumbnail_decode_it_once(workspace, monkeypatch):
    calls, decode = [], thumbnails.decode_photo
    monkeypatch.setattr(thumbnails, "decode_photo", lambda *given: calls.append(1) or decode(*given))
    with ThreadPoolExecutor(50) as threads:
        found = set(threads.map(lambda _: workspace.thumbnails.jpeg(0), range(50)))
    assert len(found) == len(calls) == 1
    with Image.open(io.BytesIO(found.pop().data)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (120, 90))


def test_a_photo_with_more_pixels_than_allowed_has_no_thumbnail(workspace):
    limited = Thumbnails(workspace.images, Options(max_pixels=1000), unlimited)
    with pytest.raises(ImageError, match="max-pixels"):
        limited.jpeg(0)
    with pytest.raises(ImageError, match="max-pixels"):
        limited.large_jpeg(0)
    with pytest.raises(UsageError, match="image 99"):
        limited.jpeg(99)
