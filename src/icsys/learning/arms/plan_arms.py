"""Plan the arms: which forms of a dataset are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.choices import AUTO, MAX_COLORS, PACKINGS
from icsys.color_and_size_checks import MAX_SIDE
from icsys.errors import UsageError
from icsys.learning.arm import COLORS, FULL, SIZES, Arm
from icsys.options import Options
from icsys.setting_fields import several, whole_number

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_WORKING = 96
"""Pixels of the longer side of the pictures that a model sees, at most."""

DEFAULT_SIZE = (64, 64)
"""Size of the reference where none is given."""

FEW = 16
"""Colours of the smaller sizes."""

_AIMS = (16, 4)  # colours whose bytes the lossy codecs keep to
_SMALLEST = 8  # pixels of a side
_PARTS = (2, 4)  # the reference is divided by these
_CODECS = ("WebP", "JPEG")


def plan_arms(
    options: Options,
    colors: Sequence[int] = (128, 64, 32, 16, 8, 4, 2),
    *,
    lossy: bool = True,
    given_geometry: bool,
) -> list[Arm]:
    """Return the arms, the reference first, then each chain from much to little.

    Parameters
    ----------
    options
        How the user compresses. The strategy, and all that decides pixels, is kept; ``colors`` is not used. Files are
        single ones, in PNG where the format is a pack or JPEG.
    colors
        Numbers of colours. A number below that of ``keep_colors`` is left out.
    lossy
        Whether WebP and JPEG at equal bytes are arms, too.
    given_geometry
        Whether the user gave ``step``, ``scale`` or ``size``; otherwise the reference has 64x64 pixels at most.

    Raises
    ------
    UsageError
        If images share a palette, the number of colours is "auto", or ``colors`` is no list of numbers.
    """
    _check(options, colors)
    options = _as_files(options if given_geometry else options.replace(size=DEFAULT_SIZE))
    numbers = sorted({number for number in colors if number >= len(options.keep_colors or ())}, reverse=True)
    full = _in_full(options)
    judged = _can_be_judged(options)
    arms = [Arm(FULL, full)]
    arms += [_in_colors(f"K{number}", options, number, COLORS)._replace(is_judged=judged) for number in numbers]
    for smaller, name in _smaller(options):
        is_judged = _can_be_judged(smaller)
        arms.append(Arm(name, _in_full(smaller), chain=SIZES, is_judged=is_judged))
        if len(options.keep_colors or ()) <= FEW:
            arms.append(_in_colors(f"{name} K{FEW}", smaller, FEW, SIZES)._replace(is_judged=is_judged))
    aims = [number for number in _AIMS if number in numbers] or numbers[len(numbers) // 2 :][:1]
    if lossy:
        arms += [
            Arm(f"{codec} = K{aim}", codec=codec, as_small_as=f"K{aim}", is_judged=judged)
            for aim in aims
            for codec in _CODECS
        ]
    return arms + [Arm(f"fewer = K{aim}", as_small_as=f"K{aim}") for aim in aims[:1]]


def working_size(arms: Sequence[Arm]) -> int:
    """Return the side of the pictures that a model sees: the longer side of the reference, at most 96 pixels.

    With ``step`` and ``scale`` the reference has the sizes of the photos: then it is 96.
    """
    reference = next(arm for arm in arms if arm.name == FULL)
    size = reference.options.final_size if reference.options else None
    return min(MOST_WORKING, max(size)) if size else MOST_WORKING


def _check(options: Options, colors: Sequence[int]) -> None:
    if options.colors == AUTO:
        raise UsageError("colors='auto': each setting has its own number of colours, so expected a number, or none")
    if options.palette != "image":
        raise UsageError(
            f"palette={options.palette!r}: only images with palettes of their own are judged, so expected "
            "palette='image'"
        )
    for number in several("colors", colors, "a list of numbers of colours, such as [64, 16, 4]"):
        whole_number("colors", number, 1, MAX_COLORS)
    if not any(number >= len(options.keep_colors or ()) for number in colors):
        few = f", of at least {len(options.keep_colors)} (keep_colors)" if options.keep_colors else ""
        raise UsageError(f"colors={list(colors)!r}: expected one or more numbers of colours{few}")


def _as_files(options: Options) -> Options:
    """Return options that write one lossless file for each image, with a strategy that reduces colours."""
    if options.format in PACKINGS:
        plain = Options()
        options = options.replace(format="png", shard_images=plain.shard_images, shard_bytes=plain.shard_bytes)
    elif options.format == "jpeg":
        options = options.replace(format="png", jpeg_quality=Options().jpeg_quality)
    return options.replace(strategy="MKM") if options.strategy == "SO" else options


def _in_full(options: Options) -> Options:
    """Return options that keep all colours, and hold nothing that is about few."""
    plain = Options()
    changes = {"colors": plain.colors, "effort": plain.effort, "space": plain.space, "dither": plain.dither}
    return options.replace(strategy="SO", png=plain.png, **changes)


def _in_colors(name: str, options: Options, number: int, chain: str) -> Arm:
    return Arm(name, options.replace(colors=number), chain=chain)


def _can_be_judged(options: Options) -> bool:
    """Return whether pictures are no larger than what a model sees; with ``step`` and ``scale`` that shows later."""
    return options.final_size is None or max(options.final_size) <= MOST_WORKING


def _smaller(options: Options) -> list[tuple[Options, str]]:
    """Return the options of smaller sizes with their names, the larger one first."""
    if options.step is not None:
        steps = [options.step * part for part in _PARTS]
        return [(options.replace(step=step), f"step {step}") for step in steps if step <= MAX_SIDE]
    if options.scale is not None:
        scales = [options.scale / part for part in _PARTS]
        return [(options.replace(scale=scale), f"scale {scale:g}") for scale in scales]
    assert options.final_size is not None  # noqa: S101 - one of the three is set
    width, height = options.final_size
    sizes = [(width // part, height // part) for part in _PARTS]
    return [(options.replace(size=size), f"{size[0]}x{size[1]}") for size in sizes if min(size) >= _SMALLEST]
