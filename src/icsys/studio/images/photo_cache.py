"""Decoded photos that were shown last, so that another number of colours needs no decoding."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from icsys.engine.memory_budget import return_freed
from icsys.image.decode import decode_photo
from icsys.options import Options
from icsys.studio.images.kept_bytes import KeptWithinBytes
from icsys.studio.images.shared_work import SharedWork

if TYPE_CHECKING:
    from icsys.image.decode import Admit, Photo
    from icsys.studio.images.image_list import ImageList

# What decides the decoded pixels, and whether a file is refused.
_DECIDING = ("step", "scale", "size", "fit", "enlarge", "resample", "background", "alpha", "on_corrupt")
_LIMITS = ("max_pixels", "max_bytes", "max_frames")
_LARGE = 4_000_000  # pixels of a photo after which freed memory is returned: each thread would keep it otherwise
_SHARE_OF_FILES = 4  # files get one part of so many


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
    admit
        Bounds the memory of what is decoded at the same time, as for :func:`~icsys.image.decode.decode_photo`.
    """

    def __init__(self, images: ImageList, most_bytes: int, admit: Admit) -> None:
        self._images, self._admit = images, admit
        for_files = most_bytes // _SHARE_OF_FILES
        self._photos = KeptWithinBytes[DecodedPhoto](most_bytes - for_files, _bytes_of)
        self._files = KeptWithinBytes[bytes](for_files, len)
        self._decoding, self._reading = SharedWork[DecodedPhoto](), SharedWork[bytes]()

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
        options = as_decoded(options)
        key = number, options

        def make() -> DecodedPhoto:
            data = self.file(number, options)
            decoded = DecodedPhoto(decode_photo(data, options, self._admit), data)
            self._photos.put(key, decoded)
            if decoded.photo.info.width * decoded.photo.info.height >= _LARGE:
                return_freed()
            return decoded

        return self._photos.get(key) or self._decoding.do(key, make)

    def file(self, number: int, options: Options) -> bytes:
        """Return the bytes of the file of a photo; errors as for :meth:`photo`."""

        def make() -> bytes:
            data = self._images.read(number, options)
            self._files.put(number, data)
            return data

        # What is kept may be longer than these options allow: decoding refuses it then.
        return self._files.get(number) or self._reading.do((number, options.max_bytes), make)

    @property
    def bytes(self) -> int:
        """Bytes that are kept."""
        return self._photos.bytes + self._files.bytes


def as_decoded(options: Options) -> Options:
    """Return options that are equal for all that decode a photo to the same pixels."""
    values = options.to_dict()
    chosen = {name: values[name] for name in (*_DECIDING, *_LIMITS) if values.get(name) is not None}
    return Options.from_dict(chosen)


def _bytes_of(decoded: DecodedPhoto) -> int:
    """Return the bytes of the pixels, and of the file, which may be kept for no other photo."""
    return decoded.photo.pixels.nbytes + len(decoded.data)
