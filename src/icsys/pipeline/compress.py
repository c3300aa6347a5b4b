"""Compress one image: from the bytes of a file to the bytes of a smaller one."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from icsys.color.kmeans_strategies import STRATEGY_TABLE
from icsys.errors import UsageError
from icsys.image.decode import ImageInfo, decode_photo, unlimited
from icsys.image.encode import encoder_of, is_same_kind
from icsys.image.png_encoder import load_oxipng
from icsys.image.stored_values import values_to_keep
from icsys.options import Options, check_options
from icsys.pipeline.reduce_colors import GREY_ALPHA, RGB_NDIM, check_shared_palette, quantize_pixels

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from icsys.image.decode import Admit, Photo
    from icsys.image.stored_values import StoredValues
    from icsys.results import Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressedImage:
    """One compressed image.

    Attributes
    ----------
    data
        The file's bytes.
    width, height
        Pixels of the output.
    channels
        Numbers per pixel that a model reads from it: 1 for grey, 3 for colour, one more with alpha.
    colors
        Colours of the output; None if they were not reduced.
    mse
        Mean over pixels of the squared error, summed over R, G and B, caused by the colour reduction; None
        if colours were not reduced.
    kmeans_seconds
        Time that the colour reduction took.
    source
        Facts about the source.
    measured
        The quality that decided the number of colours; None if the number was given.
    warning
        What is wrong with the source; None for a good one.
    damaged
        Whether pixels are missing or wrong because of it, which ``on_corrupt="keep"`` allows.
    kept_source
        Whether ``data`` are the source's own bytes, because an encoded file with the same pixels would be larger.
    """

    data: bytes
    width: int
    height: int
    channels: int
    colors: int | None
    mse: float | None
    kmeans_seconds: float
    source: ImageInfo
    measured: Measured | None = None
    warning: str | None = None
    damaged: bool = False
    kept_source: bool = False

    def __repr__(self) -> str:
        """Return all fields, and the number of bytes for ``data``."""
        others = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in fields(self)[1:])
        return f"{type(self).__name__}(data=<{len(self.data):,} bytes>, {others})"


def load_packages(options: Options) -> None:
    """Load the packages that images will need, and report missing ones before the first image.

    Raises
    ------
    MissingExtraError
        If the options need a package that is not installed.
    """
    if options.png_effort == "max":
        load_oxipng()
    if options.palette == "image":  # a shared palette was found before
        STRATEGY_TABLE[options.strategy].prepare()


def prepare_process(options: Options) -> None:
    """Load the packages that images will need in a process that does nothing else, with one thread for each image."""
    load_packages(options)
    one_thread(options).__enter__()


def one_thread(options: Options) -> AbstractContextManager[object]:
    """Return a context for working on images in parallel: libraries use one thread for each image."""
    return STRATEGY_TABLE[options.strategy].one_thread()


def compress_image(
    data: bytes, options: Options | None = None, *, palette: ArrayLike | None = None, admit: Admit = unlimited
) -> CompressedImage:
    """Compress one image: reduce its pixels and colours.

    Parameters
    ----------
    data
        The bytes of an image file; its format is found from its content.
    options
        Options; the defaults of :class:`~icsys.options.Options` if left out.
    palette
        Map the image to this palette, shape (k, 3), whole numbers from 0 to 255, instead of finding one. If k
        exceeds ``options.colors``, k decides the kind of file.
    admit
        As for :func:`~icsys.image.decode.decode_photo`: lets a caller bound the memory of many images.

    Returns
    -------
    CompressedImage
        The bytes of the new file, with facts about both files.

    Raises
    ------
    ImageError
        If the bytes are not an image that can be processed; ``code`` is the reason in a stable word.

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> from icsys import Options, compress_image
    >>> file = io.BytesIO()
    >>> Image.linear_gradient("L").save(file, "PNG")
    >>> small = compress_image(file.getvalue(), Options(colors=4, step=8))
    >>> small.width, small.height, small.colors
    (32, 32, 4)
    """
    options = check_options(options)
    if not isinstance(data, bytes | bytearray | memoryview):
        raise _no_bytes(data)
    options, shared = _with_palette(options, palette)
    data = bytes(data)
    return compress_photo(decode_photo(data, options, admit), data, options, shared)


def compress_photo(
    photo: Photo, data: bytes, options: Options, shared: NDArray[np.uint8] | None = None
) -> CompressedImage:
    """Reduce the colours of a decoded image and encode it: what :func:`compress_image` does after decoding.

    Several options of one geometry share a photo. It may be decoded with the options of any strategy that reduces
    colours; with those of SO, positions in the palette of the file are missing.

    Parameters
    ----------
    photo
        The decoded and resized image.
    data
        The bytes of its file.
    shared
        Map the image to this palette, shape (k, 3), uint8.
    """
    pixels = photo.pixels
    start = time.perf_counter()
    encoder = encoder_of(options)
    if STRATEGY_TABLE[options.strategy].fit is None:
        colors, mse, measured, seconds, encoded = None, None, None, 0.0, encoder.truecolor(pixels, options)
    else:
        quantized = quantize_pixels(pixels, options, shared)
        mse, measured, seconds = quantized.mse, quantized.measured, time.perf_counter() - start
        # The requested number decides, not the number found, so that a dataset has one kind of file.
        if encoder.indexed is None or options.most_colors > encoder.most_colors:
            few = quantized.to_array()
            encoded = encoder.truecolor(few if shared is not None else _with_channels_of(pixels, few), options)
        else:
            kept = None if mse or shared is not None else _values_to_keep(photo, options)
            indices, entries = kept or (quantized.indices, quantized.palette)
            encoded = encoder.indexed(indices, entries, options)
        colors = len(quantized.palette)
    kept_source = shared is None and not mse and _can_keep_source(photo, data, encoded, options)
    height, width, *channels = pixels.shape
    if shared is not None and not (shared == shared[:, :1]).all():
        channels = [RGB_NDIM]
    return CompressedImage(
        data=data if kept_source else encoded,
        width=width,
        height=height,
        channels=channels[0] if channels else 1,
        colors=colors,
        mse=mse,
        kmeans_seconds=seconds,
        source=photo.info,
        measured=measured,
        warning=photo.warning,
        damaged=photo.damaged,
        kept_source=kept_source,
    )


def _no_bytes(data: object) -> UsageError:
    expected = "expected the bytes of an image file"
    if isinstance(data, str | os.PathLike):
        path = os.fspath(data)
        return UsageError(
            f"data={path!r} of type {type(data).__name__}: {expected}, pathlib.Path({path!r}).read_bytes()"
        )
    way = "data.read()" if hasattr(data, "read") else "for an array or a PIL image, icsys.quantize"
    return UsageError(f"data of type {type(data).__name__}: {expected}; {way}")


def _values_to_keep(photo: Photo, options: Options) -> StoredValues | None:
    """Return the values that the file stores for its pixels, if they can be those of the output."""
    grey = photo.as_stored and photo.info.mode == "L"
    return values_to_keep(photo.pixels, photo.positions, options.most_colors, grey=grey)


def _can_keep_source(photo: Photo, data: bytes, encoded: bytes, options: Options) -> bool:
    """Return whether the source's bytes can be the output: they are fewer, and decode to the same picture."""
    return (
        options.never_larger
        and len(encoded) > len(data)
        and photo.as_stored
        and photo.info.frames == 1
        and photo.warning is None
        and is_same_kind(data, photo.info.format, encoded, options)
    )


def _with_channels_of(pixels: NDArray[np.uint8], few: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return colours, shape (H, W, 3) or (H, W, 4), as grey if the pixels that they replace are grey."""
    if pixels.ndim != RGB_NDIM:
        return few[..., 0]
    return few[..., [0, -1]] if pixels.shape[2] == GREY_ALPHA else few


def _with_palette(options: Options, palette: ArrayLike | None) -> tuple[Options, NDArray[np.uint8] | None]:
    """Check the given palette, and raise ``options.colors`` to its size if it is larger."""
    if palette is None:
        if options.palette != "image":
            raise UsageError(
                f"palette={options.palette!r} in the options of one image: expected the palette itself, "
                "compress_image(data, options, palette=array)"
            )
        return options, None
    if options.strategy == "SO":
        raise UsageError("a palette with strategy='SO', which reduces no colours: expected MKM, FKM or MBKM")
    shared = check_shared_palette(options, palette)
    return (options.replace(colors=len(shared)) if len(shared) > options.most_colors else options), shared
