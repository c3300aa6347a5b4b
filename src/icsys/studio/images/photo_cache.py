"""Decoded photos that were shown last, so that another number of colours needs no decoding."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from icsys.image.decode import decode_photo

if TYPE_CHECKING:
    from icsys.image.decode import Photo
    from icsys.options import Options
    from icsys.studio.images.image_list import ImageList

_DECIDING = ("step", "scale", "size", "fit", "enlarge", "resample", "background", "alpha", "on_corrupt")
_OVERHEAD = 1000  # bytes of what stands beside pixels, about


def decoding_of(options: Options) -> tuple[object, ...]:
    """Return the options that decide how a photo is decoded and resized."""
    values = options.to_dict()
    return tuple(values.get(name) for name in _DECIDING)


class DecodedPhoto(NamedTuple):
    """A photo, decoded and resized, with the bytes of its file."""

    photo: Photo
    data: bytes


class PhotoCache:
    """Decodes photos, and keeps the last ones within a number of bytes.

    Parameters
    ----------
    images
        The images to read.
    most_bytes
        Bytes of decoded pixels and files that are kept; a single larger photo is not kept.
    """

    def __init__(self, images: ImageList, most_bytes: int) -> None:
        self._images, self._most = images, most_bytes
        self._photos: OrderedDict[tuple[object, ...], DecodedPhoto] = OrderedDict()
        self._files: OrderedDict[int, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def photo(self, number: int, options: Options) -> DecodedPhoto:
        """Return a photo, decoded and resized as the options say.

        It is decoded as for strategies that reduce colours, so it serves all of them.

        Raises
        ------
        UsageError
            If there is no image of this number.
        ImageError, OSError
            If it cannot be read or decoded.
        """
        key = (number, *decoding_of(options))
        with self._lock:
            if found := self._photos.get(key):
                self._photos.move_to_end(key)
                return found
        data = self.file(number, options)
        decoded = DecodedPhoto(decode_photo(data, options), data)
        with self._lock:
            if key not in self._photos:
                self._photos[key] = decoded
                self._bytes += _bytes_of(decoded)
            self._shrink()
        return decoded

    def file(self, number: int, options: Options) -> bytes:
        """Return the bytes of the file of a photo; errors as for :meth:`photo`."""
        with self._lock:
            if number in self._files:
                self._files.move_to_end(number)
                return self._files[number]
        data = self._images.read(number, options)
        with self._lock:
            if number not in self._files:
                self._files[number] = data
                self._bytes += len(data) + _OVERHEAD
            self._shrink()
        return data

    @property
    def bytes(self) -> int:
        """Bytes that are kept."""
        return self._bytes

    def _shrink(self) -> None:
        """Forget photos, then files, the oldest first."""
        while self._bytes > self._most and self._photos:
            self._bytes -= _bytes_of(self._photos.popitem(last=False)[1])
        while self._bytes > self._most and self._files:
            self._bytes -= len(self._files.popitem(last=False)[1]) + _OVERHEAD


def _bytes_of(decoded: DecodedPhoto) -> int:
    """Return the bytes of the pixels; the file is counted where it is kept."""
    return decoded.photo.pixels.nbytes + _OVERHEAD
