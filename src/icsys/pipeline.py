"""One image from bytes to bytes: what every engine runs. It touches no disk and prints nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from icsys.color.palette import check_palette, tidy
from icsys.color.pool import as_rgb
from icsys.color.reduce import distinct_of, map_to, reduce_to
from icsys.color.strategies import STRATEGIES
from icsys.errors import UsageError
from icsys.image.decode import ImageInfo, decode_photo, to_array, unlimited
from icsys.image.dither import floyd_steinberg
from icsys.image.encode import ENCODERS, indexed_image
from icsys.image.png import load_oxipng
from icsys.options import MAX_INDEXED_COLORS, Options

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from numpy.typing import ArrayLike, NDArray
    from PIL.Image import Image

    from icsys.image.decode import Admit

RGB_NDIM = 3  # a grey image has no channel axis


@dataclass(frozen=True, slots=True)
class QuantizedImage:
    """An image of few colours.

    Attributes
    ----------
    indices
        Shape (H, W), uint8, or uint16 where more than 256 colours were asked for and found.
    palette
        Shape (n, 3), uint8, distinct rows, every one of them used; one that was given stays as it is.
    mse
        Mean over pixels of the squared error summed over R, G and B.
    """

    indices: NDArray[np.integer]
    palette: NDArray[np.uint8]
    mse: float

    def to_array(self) -> NDArray[np.uint8]:
        """Return the pixels, shape (H, W, 3), uint8."""
        return self.palette[self.indices]

    def to_image(self) -> Image:
        """Return a PIL image of mode "P", or "RGB" above the 256 colours that mode "P" can hold."""
        return indexed_image(self.indices, self.palette)


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
        Numbers per pixel that a learner reads from it: 1 for grey, 3 for colour.
    colors
        Colours of the output; None where they were not reduced.
    mse
        Mean over pixels of the squared error, summed over R, G and B, that the colour reduction cost; None
        where colours were not reduced.
    kmeans_seconds
        Time that the colour reduction took.
    source
        What the source was.
    warning
        What is wrong with a damaged source that ``on_corrupt="keep"`` kept; None for all others.
    """

    data: bytes
    width: int
    height: int
    channels: int
    colors: int | None
    mse: float | None
    kmeans_seconds: float
    source: ImageInfo
    warning: str | None = None


def quantize(
    image: Any,  # noqa: ANN401 - arrays and PIL images
    colors: int = 32,
    *,
    strategy: str = "MKM",
    seed: int = 0,
    effort: str = "fast",
    space: str = "srgb",
    dither: str = "none",
    palette: ArrayLike | None = None,
) -> QuantizedImage:
    """Reduce the colours of one image.

    Parameters
    ----------
    image
        Shape (H, W, 3) or (H, W), uint8, or a PIL image.
    colors
        Number of colours K, 1 to 65536. An image of no more than K distinct colours keeps them exactly.
    strategy
        "MKM", "FKM" or "MBKM".
    seed
        Seed of everything random; the same seed gives the same result.
    effort
        How long MKM searches for a better palette: "fast", "balanced" or "best".
    space
        Where distances between colours are measured: "srgb", or "oklab", which follows the eye.
    dither
        "none", or "floyd-steinberg" for pictures meant for people.
    palette
        Shape (k, 3), whole numbers from 0 to 255, k from 1 to 65536: map the image to it, grey ones too, instead of
        finding one; ``colors``, ``strategy``, ``effort`` and ``seed`` do nothing then.

    Returns
    -------
    QuantizedImage
        With at most ``colors`` colours, ordered from dark to light; or with the palette that was given.

    Raises
    ------
    UsageError
        If the image or a parameter is not as above.

    Examples
    --------
    >>> import numpy as np
    >>> from icsys import quantize
    >>> ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    >>> few = quantize(ramp, colors=4)
    >>> len(few.palette), few.indices.shape, few.indices.dtype
    (4, (16, 16), dtype('uint8'))
    >>> few.to_image().mode
    'P'
    >>> quantize(ramp, palette=[[0, 0, 0], [255, 255, 255]]).indices[0, 0]
    np.uint8(0)
    """
    options = Options(strategy=strategy, colors=colors, seed=seed, effort=effort, space=space, dither=dither)
    return quantize_pixels(to_array(image), options, None if palette is None else check_palette(palette))


def quantize_pixels(
    pixels: NDArray[np.uint8], options: Options, palette: NDArray[np.uint8] | None = None
) -> QuantizedImage:
    """Reduce the colours of (H, W) or (H, W, 3) uint8 pixels with a clustering strategy of ``options``, or map them."""
    return _reduce(pixels, options) if palette is None else _map(pixels, options, palette)


def _map(pixels: NDArray[np.uint8], options: Options, palette: NDArray[np.uint8]) -> QuantizedImage:
    """Map pixels to a palette that they share with others, shape (k, 3)."""
    shape, pixels = pixels.shape[:2], as_rgb(pixels)
    if options.dither == "none":
        indices, sse = map_to(distinct_of(pixels.reshape(-1, RGB_NDIM)), palette, options.space)[1:]
    elif len(palette) > MAX_INDEXED_COLORS:
        raise UsageError(
            f"dither={options.dither!r} with a palette of {len(palette)} colours: expected at most {MAX_INDEXED_COLORS}"
        )
    else:
        indices = floyd_steinberg(pixels, palette)
        sse = _squared_error(pixels, palette[indices])
    return QuantizedImage(indices.reshape(shape), palette, sse / indices.size)


def _reduce(pixels: NDArray[np.uint8], options: Options) -> QuantizedImage:
    """Find a palette for pixels, and map them to it."""
    fit = STRATEGIES[options.strategy].fit
    if fit is None:
        names = ", ".join(name for name, known in STRATEGIES.items() if known.fit)
        raise UsageError(f"strategy={options.strategy!r} reduces no colours: expected one of {names}")
    shape, channels = pixels.shape[:2], pixels.shape[2] if pixels.ndim == RGB_NDIM else 1
    palette, indices, sse = reduce_to(
        distinct_of(pixels.reshape(-1, channels)),
        options.colors,
        lambda distinct: fit(distinct, options.colors, options),
        options.space,
    )
    if channels == 1:
        # A grey level counts in R, G and B alike.
        palette, sse = np.repeat(palette, 3, axis=1), 3 * sse
    if options.dither != "none":
        palette, indices = tidy(palette, floyd_steinberg(pixels, palette).reshape(-1))
        sse = _squared_error(pixels.reshape(-1, channels), palette[indices])
    return QuantizedImage(indices.reshape(shape), palette, sse / indices.size)


def _squared_error(pixels: NDArray[np.uint8], shown: NDArray[np.uint8]) -> int:
    """Return the squared error summed over pixels, (..., 3) or (..., 1), and over R, G and B."""
    return int(np.square(pixels.astype(np.int32) - shown).sum(dtype=np.int64))


def prepare(options: Options) -> None:
    """Load what images will need, so that the first does not pay for it and what is missing is told before any.

    Raises
    ------
    MissingExtraError
        If the options need a package that is not installed.
    """
    if options.png_effort == "max":
        load_oxipng()
    if options.palette == "image":  # a palette that images share is found by then
        STRATEGIES[options.strategy].prepare()


def alone(options: Options) -> AbstractContextManager[object]:
    """Return what to hold while prepared images are worked on side by side."""
    return STRATEGIES[options.strategy].alone()


def compress_image(
    data: bytes, options: Options | None = None, *, palette: ArrayLike | None = None, admit: Admit = unlimited
) -> CompressedImage:
    """Make one image smaller in pixels and colours.

    Parameters
    ----------
    data
        The bytes of an image file; its format is told by its content.
    options
        What to make of it; the defaults of :class:`~icsys.options.Options` if left out.
    palette
        Map the image to this palette, shape (k, 3), whole numbers from 0 to 255, instead of finding one. Where k is
        larger than ``options.colors`` it decides what kind of file the image becomes.
    admit
        As for :func:`~icsys.image.decode.decode_photo`: lets a caller bound the memory of many images.

    Returns
    -------
    CompressedImage
        The bytes of the new file, and what became of the image.

    Raises
    ------
    ImageError
        If the bytes are no image that can be processed; ``code`` tells why in a stable word.

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
    options = options or Options()
    if not isinstance(options, Options):
        raise UsageError(f"options={options!r}: expected icsys.Options(...)")
    if not isinstance(data, bytes | bytearray | memoryview):
        raise UsageError(f"data of type {type(data).__name__}: expected the bytes of an image file")
    options, shared = _with_palette(options, palette)
    photo = decode_photo(bytes(data), options, admit)
    pixels = photo.pixels
    start = time.perf_counter()
    encoder = ENCODERS[options.encoding]
    if STRATEGIES[options.strategy].fit is None:
        colors, mse, seconds, encoded = None, None, 0.0, encoder.truecolor(pixels, options)
    else:
        quantized = quantize_pixels(pixels, options, shared)
        mse, seconds = quantized.mse, time.perf_counter() - start
        # The number asked for decides, not the number found: one dataset, one kind of file.
        if encoder.indexed is None or options.colors > encoder.most_colors:
            few = quantized.to_array()
            encoded = encoder.truecolor(few if shared is not None or pixels.ndim == RGB_NDIM else few[..., 0], options)
        else:
            encoded = encoder.indexed(quantized.indices, quantized.palette, options)
        colors = len(quantized.palette)
    height, width = pixels.shape[:2]
    grey = pixels.ndim < RGB_NDIM and (shared is None or bool((shared == shared[:, :1]).all()))
    return CompressedImage(
        data=encoded,
        width=width,
        height=height,
        channels=1 if grey else RGB_NDIM,
        colors=colors,
        mse=mse,
        kmeans_seconds=seconds,
        source=photo.info,
        warning=photo.warning,
    )


def _with_palette(options: Options, palette: ArrayLike | None) -> tuple[Options, NDArray[np.uint8] | None]:
    """Check the palette that an image is to share, and let options ask for as many colours as it has."""
    if palette is None:
        if options.palette != "image":
            raise UsageError(
                f"palette={options.palette!r} in the options of one image: expected the palette itself, "
                "compress_image(data, options, palette=array)"
            )
        return options, None
    if options.strategy == "SO":
        raise UsageError("a palette with strategy='SO', which reduces no colours: expected MKM, FKM or MBKM")
    shared = check_palette(palette)
    return (options.replace(colors=len(shared)) if len(shared) > options.colors else options), shared
