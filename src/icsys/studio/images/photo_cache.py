"""Decoded photos that were shown last, so that another number of colours needs no decoding."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from icsys.engine.memory_budget import return_freed
from icsys.errors import ImageError
from icsys.image.decode import decode_photo
from icsys.options import Options
from icsys.studio.images.file_versions import ReadFile
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
    """A photo, decoded and resized, with the bytes of its file, and their version."""

    photo: Photo
    data: bytes
    version: str = ""


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
        self._files = KeptWithinBytes[ReadFile](for_files, lambda file: len(file.data))
        self._decoding, self._reading = SharedWork[DecodedPhoto](), SharedWork[ReadFile]()

    def version(self, number: int) -> str:
        """Return the version of the file of a photo; errors as of :meth:`ImageList.version`."""
        return self._images.version(number)

    def photo(self, number: int, options: Options, version: str | None = None) -> DecodedPhoto:
        """Return a photo, decoded and resized as the options say.

        It is decoded as for strategies that reduce colours, so it serves all of them.

        Parameters
        ----------
        version
            The version of its file that is wanted; None for what the file holds now.

        Raises
        ------
        UsageError
            If there is no image of this number.
        ImageError, OSError
            If it cannot be read or decoded; ``changed`` if the wanted version is not to be had any more.
        """
        options = as_decoded(options)
        key = number, version or self.version(number), options

        def make() -> DecodedPhoto:
            data, read = self.file(number, options, version)
            decoded = DecodedPhoto(decode_photo(data, options, self._admit), data, read)
            self._photos.put((number, read, options), decoded)
            if decoded.photo.info.width * decoded.photo.info.height >= _LARGE:
                return_freed()
            return decoded

        return self._photos.get(key) or self._decoding.do(key, make)

    def file(self, number: int, options: Options, version: str | None = None) -> ReadFile:
        """Return the bytes of the file of a photo; parameters and errors as for :meth:`photo`."""
        key = number, version or self.version(number)

        def make() -> ReadFile:
            read = self._images.file(number, options)
            self._files.put((number, read.version), read)
            return read

        # What is kept may be longer than these options allow: decoding refuses it then.
        found = self._files.get(key) or self._reading.do((*key, options.max_bytes), make)
        if version is not None and found.version != version:
            raise ImageError("changed", "the photo has changed since this preview was made: ask for another one")
        return found

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
