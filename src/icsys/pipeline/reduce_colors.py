"""Reduce pixels to indices and a palette: K colours, as few as a target of quality allows, or a given palette."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from icsys.choices import MAX_INDEXED_COLORS
from icsys.color.kmeans_strategies import STRATEGY_TABLE
from icsys.color.one_call import EFFORT, is_one_call, map_in_one_call, reduce_in_one_call
from icsys.color.palette_rounding import check_palette, tidy
from icsys.color.pooled_colors import as_rgb
from icsys.color.strategy_steps import distinct_of, map_to, reduce_to
from icsys.errors import ImageError, UsageError
from icsys.image.decode import to_array
from icsys.image.encode import indexed_image
from icsys.options import Options
from icsys.results import Measured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray
    from PIL.Image import Image

    from icsys.choices import AlphaName, DitherName, EffortName, SpaceName, StrategyName
    from icsys.color.kmeans_strategies import Fit
    from icsys.color.strategy_steps import Distinct
    from icsys.options import Target

# On photos, errors fall roughly as the number of colours to the power of minus this.
_STEEPNESS = {"psnr": 0.8, "ssim": 0.75, "delta_e": 0.4}
RGB_NDIM = 3  # a grey image has no channel axis
GREY_ALPHA = 2  # channels


@dataclass(frozen=True, slots=True)
class QuantizedImage:
    """An image of few colours.

    Attributes
    ----------
    indices
        Shape (H, W), uint8, or uint16 if there are more than 256 colours.
    palette
        Shape (n, 3), uint8, distinct rows, all of them used; (n, 4) where alpha was kept, translucent ones first.
        A given palette is unchanged.
    mse
        Mean over pixels of the squared error summed over R, G and B; with alpha, the mean of the errors over a black
        and a white background.
    measured
        The quality that decided the number of colours; None if the number was given.
    """

    indices: NDArray[np.integer]
    palette: NDArray[np.uint8]
    mse: float
    measured: Measured | None = None

    def to_array(self) -> NDArray[np.uint8]:
        """Return the pixels, shape (H, W, 3), or (H, W, 4) with alpha, uint8."""
        return self.palette[self.indices]

    def to_image(self) -> Image:
        """Return a PIL image of mode "P", or "RGB" or "RGBA" above the 256 colours that mode "P" can hold."""
        return indexed_image(self.indices, self.palette)

    def _repr_png_(self) -> bytes:
        """Return the picture for a notebook."""
        file = io.BytesIO()
        self.to_image().save(file, "PNG")
        return file.getvalue()


def quantize(
    image: Any,  # noqa: ANN401 - arrays and PIL images
    colors: int | Literal["auto"] = 32,
    *,
    strategy: StrategyName = "MKM",
    seed: int = 0,
    effort: EffortName = "fast",
    space: SpaceName = "srgb",
    dither: DitherName = "none",
    alpha: AlphaName = "flatten",
    min_psnr: float | None = None,
    min_ssim: float | None = None,
    max_delta_e: float | None = None,
    keep_colors: str | Sequence[str] | None = None,
    count_power: float | None = None,
    palette: ArrayLike | None = None,
) -> QuantizedImage:
    """Reduce the colours of one image.

    Parameters
    ----------
    image
        Shape (H, W, 3), (H, W) or, with alpha, (H, W, 4), uint8, or a PIL image.
    colors
        Number of colours K, 1 to 65536, or "auto": as few, up to 256, as a target of quality allows. An image of no
        more than K distinct colours keeps them exactly.
    strategy
        "MKM", "FKM" or "MBKM".
    seed
        Seed of everything random; the same seed gives the same result.
    effort
        How long MKM searches for a better palette: "fast", "balanced" or "best".
    space
        Colour space of distances: "srgb", or "oklab", close to human vision.
    dither
        "none", or "floyd-steinberg" for pictures that people look at.
    alpha
        "flatten" lays transparent pixels over white; "keep" clusters colours with their alpha.
    min_psnr, min_ssim, max_delta_e
        The target of "auto": PSNR in decibels, SSIM, or mean CIEDE2000; one of them, or an SSIM of 0.95 if left out.
    keep_colors
        Colours such as "#ffffff" that stand in the palette exactly if a pixel is nearest to them; ``colors`` counts
        them.
    count_power
        Above 0, at most 1: n pixels of similar colours weigh n to this power, so that less than 1 gives rare colours
        more of the palette.
    palette
        Shape (k, 3), whole numbers from 0 to 255, k from 1 to 65536: map the image to it, also a grey one, instead
        of finding one; ``colors``, ``strategy``, ``effort`` and ``seed`` then have no effect.

    Returns
    -------
    QuantizedImage
        With at most ``colors`` colours, ordered from dark to light, or with the given palette. The palette has a
        fourth column if alpha was kept and a pixel is not opaque.

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
    options = Options(
        strategy=strategy,
        colors=colors,
        seed=seed,
        effort=effort,
        space=space,
        dither=dither,
        alpha=alpha,
        min_psnr=min_psnr,
        min_ssim=min_ssim,
        max_delta_e=max_delta_e,
        keep_colors=cast("tuple[str, ...] | None", keep_colors),
        count_power=count_power,
    )
    shared = None if palette is None else check_shared_palette(options, palette)
    return quantize_pixels(to_array(image, alpha=options.alpha), options, shared)


def quantize_pixels(
    pixels: NDArray[np.uint8], options: Options, palette: NDArray[np.uint8] | None = None
) -> QuantizedImage:
    """Reduce the colours of uint8 pixels with a clustering strategy of ``options``, or map them to a palette.

    Parameters
    ----------
    pixels
        Shape (H, W) or (H, W, 3); with alpha (H, W, 2) or (H, W, 4).
    palette
        Shape (k, 3), uint8, for pixels without alpha.

    Raises
    ------
    ImageError
        If 256 colours miss the target of ``colors="auto"`` and ``strict_quality`` is set.
    """
    if palette is not None:
        return _map(pixels, options, palette)
    if STRATEGY_TABLE[options.strategy].fit is None:
        names = ", ".join(name for name, known in STRATEGY_TABLE.items() if known.fit)
        raise UsageError(f"strategy={options.strategy!r} reduces no colours: expected one of {names}")
    if _takes_one_call(pixels, options):
        palette, indices, sse = reduce_in_one_call(pixels.reshape(-1, RGB_NDIM), options.most_colors)
        return QuantizedImage(indices.reshape(pixels.shape[:2]), palette, sse / indices.size)
    if pixels.shape[2:] == (GREY_ALPHA,):
        options = _keeping_greys(options)
        pixels = pixels[..., [0, 0, 0, 1]]
    distinct = distinct_of(pixels.reshape(pixels.shape[0] * pixels.shape[1], -1))
    if options.target is None:
        return _in_colors(pixels, distinct, options.most_colors, options)
    return _in_fewest(pixels, distinct, options.target, options)


def _takes_one_call(pixels: NDArray[np.uint8], options: Options) -> bool:
    """Return whether one native call does all that the options ask for."""
    chosen = options.strategy, options.effort, options.space, options.dither
    others = options.target, options.keep_colors, options.count_power
    plain = chosen == ("MKM", EFFORT, "srgb", "none") and others == (None, None, None)
    return plain and is_one_call(pixels, options.most_colors)


def _keeping_greys(options: Options) -> Options:
    """Return options that keep only the greys among the colours to keep, for a grey image with alpha."""
    kept = options.keep_colors or ()
    return options.replace(keep_colors=[color for color in kept if color[1:3] == color[3:5] == color[5:]])


def _map(pixels: NDArray[np.uint8], options: Options, palette: NDArray[np.uint8]) -> QuantizedImage:
    """Map pixels to a given palette, shape (k, 3)."""
    shape, pixels = pixels.shape[:2], as_rgb(pixels)
    if options.dither == "none":
        rows = pixels.reshape(-1, RGB_NDIM)
        if options.space == "srgb" and is_one_call(pixels, len(palette)):
            indices, sse = map_in_one_call(rows, palette)[1:]
        else:
            indices, sse = map_to(distinct_of(rows), palette, options.space)[1:]
    elif len(palette) > MAX_INDEXED_COLORS:
        raise UsageError(
            f"dither={options.dither!r} with a palette of {len(palette)} colours: expected at most {MAX_INDEXED_COLORS}"
        )
    else:
        indices = _dither(pixels, palette)
        sse = _squared_error(pixels, palette[indices])
    return QuantizedImage(indices.reshape(shape), palette, sse / indices.size)


def _dither(pixels: NDArray[np.uint8], palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    from icsys.image.dither import floyd_steinberg  # noqa: PLC0415 - few runs need it

    return floyd_steinberg(pixels, palette)


def _in_colors(pixels: NDArray[np.uint8], distinct: Distinct, n_colors: int, options: Options) -> QuantizedImage:
    """Reduce pixels with the given distinct colours to at most ``n_colors`` colours."""
    fit = STRATEGY_TABLE[options.strategy].fit
    assert fit is not None  # noqa: S101 - quantize_pixels checks
    n_colors = max(n_colors, len(options.keep_colors or ()))  # for a trial of fewer
    palette, indices, sse = reduce_to(
        distinct, n_colors, lambda distinct: _fit(fit, distinct, n_colors, options), options.space
    )
    grey = pixels.ndim != RGB_NDIM
    if grey:
        # A grey level stands for R, G and B.
        palette, sse = np.repeat(palette, 3, axis=1), 3 * sse
    if options.dither != "none":
        palette, indices = tidy(palette, _dither(pixels, palette).reshape(-1))
        sse = _squared_error(pixels.reshape(indices.size, -1), palette[indices])
    return QuantizedImage(indices.reshape(pixels.shape[:2]), palette, sse / indices.size)


def _fit(fit: Fit, distinct: Distinct, n_colors: int, options: Options) -> NDArray[np.uint8]:
    """Find a palette, with the options for rare colours."""
    if options.keep_colors is None and options.count_power is None:
        return fit(distinct, n_colors, options)
    from icsys.color.rare_colors import fit_for_rare_colors  # noqa: PLC0415 - few runs need it

    return fit_for_rare_colors(fit, distinct, n_colors, options)


def _in_fewest(pixels: NDArray[np.uint8], distinct: Distinct, target: Target, options: Options) -> QuantizedImage:
    """Reduce pixels to the fewest colours that reach a target of quality, or to 256 if none do."""
    from icsys.color.fewest_colors import START, Trial, fewest_colors  # noqa: PLC0415 - few runs need them
    from icsys.color.palette_quality import palette_measure  # noqa: PLC0415

    measure = palette_measure(target.measure, distinct, pixels.shape[:2])

    def attempt(n_colors: int, options: Options) -> Trial[QuantizedImage]:
        image = _in_colors(pixels, distinct, n_colors, options)
        measured = Measured(target, measure(image.palette, image.indices, image.mse))
        return Trial(replace(image, measured=measured), measured.met, _excess(measured))

    most = min(MAX_INDEXED_COLORS, len(distinct))
    steepness = _STEEPNESS[target.measure]
    start = START
    quick = options.replace(strategy="MKM", effort="fast")
    if quick != options:
        # The palettes of all strategies are about equally good, and MKM's fast ones give a good first number.
        found = fewest_colors(lambda n_colors: attempt(n_colors, quick), most, start, steepness)
        start = len(found.made.palette)
    best = fewest_colors(lambda n_colors: attempt(n_colors, options), most, start, steepness)
    if options.strict_quality and not best.met:
        value = best.made.measured and best.made.measured.value
        raise ImageError("quality", f"{most} colours do not reach {target}: they reach {value:g}")
    return best.made


def _excess(measured: Measured) -> float:
    """Return the logarithm of an error divided by the largest error that reaches the target."""
    value, target = measured.value, measured.target
    if value is None:
        return -math.inf
    if target.measure == "psnr":
        return (target.value - value) * math.log(10) / 10
    error, most = (1 - value, 1 - target.value) if target.measure == "ssim" else (value, target.value)
    return math.log(error / most) if error else -math.inf


def _squared_error(pixels: NDArray[np.uint8], shown: NDArray[np.uint8]) -> int:
    """Return the squared error summed over pixels, (..., 3) or (..., 1), and over R, G and B."""
    return int(np.square(pixels.astype(np.int32) - shown).sum(dtype=np.int64))


def check_shared_palette(options: Options, palette: ArrayLike) -> NDArray[np.uint8]:
    """Check a palette given for an image, and that the options flatten alpha and find no palette of their own."""
    for name in ("keep_colors", "count_power"):
        if options.palette == "image" and getattr(options, name) is not None:
            raise UsageError(f"{name}={getattr(options, name)!r} does nothing with a palette: leave one of them out")
    if options.alpha == "keep":
        raise UsageError("alpha='keep' with a palette, which is opaque: expected alpha='flatten'")
    return check_palette(palette)
