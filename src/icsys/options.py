"""``Options``: all choices that decide the bytes of an output, as one checked table."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, cast

from icsys.choices import (
    ALPHAS,
    ARRAYS,
    AUTO,
    DITHERS,
    EFFORTS,
    FITS,
    FORMATS,
    IMAGE_PACKINGS,
    MAX_INDEXED_COLORS,
    MEASURES,
    ON_CORRUPT,
    PERS,
    PNG_EFFORTS,
    PNGS,
    RESAMPLES,
    SHARED,
    SPACES,
    STRATEGIES,
    WHITE,
)
from icsys.color_and_size_checks import (
    MAX_SIDE,
    ColorCount,
    CountPower,
    HexColor,
    HexColors,
    PaletteChoice,
    PaletteFolders,
    Size,
    check_arrays,
)
from icsys.errors import UsageError
from icsys.setting_fields import (
    Choice,
    Needs,
    Number,
    Switch,
    WholeNumber,
    check_fields,
    setting,
    unknown_names_refused,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from icsys.choices import (
        AlphaName,
        DitherName,
        EffortName,
        EncodingName,
        FitName,
        MeasureName,
        OnCorruptName,
        PackingName,
        PerName,
        PngEffortName,
        PngName,
        ResampleName,
        SpaceName,
        StrategyName,
    )

DEFAULT_STEP = 5
_DEFAULT_SSIM = _DEFAULT_SHARE = 0.95
_REDUCING = tuple(name for name in STRATEGIES if name != "SO")  # the strategies that reduce colours
_PNG_FORMATS = ("png", *IMAGE_PACKINGS)

# How a field counts in the hash of the options; without one of these it always does.
_NEVER = "never"  # It changes no byte of an image.
_IF_CHANGED = "if changed"  # It is newer than some output folders, which stay up to date at its default.


@dataclass(frozen=True, slots=True)
class Target:
    """The quality that ``colors="auto"`` must reach.

    Attributes
    ----------
    measure
        "psnr" (decibels), "ssim" or "delta_e" (CIEDE2000).
    value
        The lowest value that is good enough; of "delta_e" the highest.

    Examples
    --------
    >>> Target("ssim", 0.95).met_by(0.96), str(Target("delta_e", 2.0))
    (True, 'CIEDE2000 2')
    """

    measure: MeasureName
    value: float

    def met_by(self, value: float) -> bool:
        """Return whether a value of the measure is good enough."""
        return value <= self.value if self.measure == "delta_e" else value >= self.value

    def __str__(self) -> str:
        words = {"psnr": "PSNR {:g} dB", "ssim": "SSIM {:g}", "delta_e": "CIEDE2000 {:g}"}
        return words[self.measure].format(self.value)


@unknown_names_refused
@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything that decides what an image becomes.

    Two runs with equal options give the same bytes, for any number of jobs. Give at most one of ``step``, ``scale`` and
    ``size``; with none of them, ``step`` is 5. With ``colors="auto"`` give at most one of ``min_psnr``, ``min_ssim``
    and ``max_delta_e``; with none of them, ``min_ssim`` is 0.95.

    The metadata of each field hold its check, its help text and its group in the help. Further keys: ``common``
    (``--help`` shows it), ``one_of`` (at most one field of this name is given), ``auto`` (only for ``colors="auto"``),
    ``formats`` (only for these), ``needs`` (it has an effect only then), ``compared`` (``ics compare`` has it),
    ``hashed`` (how it counts in the hash) and ``finds_palette`` (it decides a shared palette, whose hash then stands
    for it).

    Raises
    ------
    UsageError
        If a field does not accept its value; the text has the field, the value and what is expected.

    Examples
    --------
    >>> Options(strategy="mkm", colors=16).strategy
    'MKM'
    >>> Options(size="224x224", fit="cover").size
    (224, 224)
    >>> Options.from_dict(Options(scale=0.5).to_dict()) == Options(scale=0.5)
    True
    """

    strategy: StrategyName = setting(
        "MKM",
        Choice(STRATEGIES),
        group="colours",
        help="How to reduce colours: MKM (our K-means), FKM (scikit-learn's KMeans), MBKM (its MiniBatchKMeans), or SO "
        "(size only: keep all colours).",
        common=True,
        finds_palette=True,
    )
    colors: int | Literal["auto"] = setting(
        32,
        ColorCount(),
        group="colours",
        help="Number of colours of each image, 1 to 65536; or auto: the fewest that reach a target quality.",
        common=True,
        finds_palette=True,
        needs=Needs("strategy", _REDUCING),
    )
    min_psnr: float | None = setting(
        None,
        Number(100.0, "DB"),
        group="colours",
        help="Target of --colors auto: a PSNR of at least this many decibels.",
        one_of="target",
        auto=True,
    )
    min_ssim: float | None = setting(
        None,
        Number(1, "SSIM", below=True, example=_DEFAULT_SSIM),
        group="colours",
        help=f"Target of --colors auto: an SSIM of at least this. Without any target: {_DEFAULT_SSIM}.",
        one_of="target",
        auto=True,
    )
    max_delta_e: float | None = setting(
        None,
        Number(100.0, "DIFFERENCE"),
        group="colours",
        help="Target of --colors auto: a mean colour difference (CIEDE2000) of at most this.",
        one_of="target",
        auto=True,
    )
    per: PerName | None = setting(
        None,
        Choice(PERS),
        group="colours",
        help="Scope of --colors auto: one number of colours per image (default), or one per dataset, for all images.",
        auto=True,
    )
    quality_share: float | None = setting(
        None,
        Number(1, "SHARE"),
        group="colours",
        help=f"Share of the images that must reach the target with --per dataset. Default: {_DEFAULT_SHARE}.",
        auto=True,
    )
    strict_quality: bool = setting(
        False,
        Switch(),
        group="colours",
        help="Fail images that miss the target of --colors auto even with 256 colours. Default: keep them.",
        auto=True,
        hashed=_IF_CHANGED,
    )
    effort: EffortName = setting(
        "fast",
        Choice(EFFORTS),
        group="colours",
        help="How long MKM searches for a palette with less error: fast, balanced or best.",
        compared=True,
        finds_palette=True,
        needs=Needs("strategy", ("MKM",)),
    )
    space: SpaceName = setting(
        "srgb",
        Choice(SPACES),
        group="colours",
        help="Colour space for distances between colours: srgb, or oklab (closer to what people see).",
        compared=True,
        needs=Needs("strategy", _REDUCING),
    )
    dither: DitherName = setting(
        "none",
        Choice(DITHERS),
        group="colours",
        help="Dithering: none, or floyd-steinberg (for images that people look at).",
        compared=True,
        needs=Needs("strategy", _REDUCING),
    )
    palette: str = setting(
        "image",
        PaletteChoice(),
        group="colours",
        help="Images that share a palette: image (each has its own), class (all images in folders of the same name), "
        "dataset (all images); or a palette file (.json or .gpl).",
        hashed=_IF_CHANGED,
        finds_palette=True,
    )
    palette_from: str | None = setting(
        None,
        PaletteFolders(),
        group="colours",
        help="Images that a shared palette is made from: those below a folder such as train, or a pattern such as "
        "'*/train'; all; or auto (default): for --palette dataset those of the training split if there is one, else "
        "all.",
        finds_palette=True,
    )
    keep_colors: str | tuple[str, ...] | None = setting(
        None,
        HexColors(),
        group="colours",
        help="Colours that stand in the palette exactly, such as '#ffffff,#000000'. --colors counts them; the others "
        "are found for the pixels that are nearest to none of them.",
        compared=True,
        finds_palette=True,
    )
    count_power: float | None = setting(
        None,
        CountPower(),
        group="colours",
        help="Weight of common colours, above 0 and at most 1: n pixels of similar colours weigh n to this power. "
        "Less gives rare colours more of the palette. Default: 1, all pixels weigh the same.",
        compared=True,
        finds_palette=True,
    )
    step: int | None = setting(
        None,
        WholeNumber(1, MAX_SIDE),
        group="size",
        help="Make one pixel of every NxN block of pixels.",
        common=True,
        one_of="geometry",
        compared=True,
    )
    scale: float | None = setting(
        None,
        Number(1, "FACTOR", example=0.2),
        group="size",
        help="Multiply width and height by this factor, above 0 and at most 1.",
        one_of="geometry",
        compared=True,
    )
    size: str | int | tuple[int, int] | None = setting(
        None,
        Size(),
        group="size",
        help="Final size of every image, such as 224x224, or 224 for the same.",
        common=True,
        one_of="geometry",
        compared=True,
    )
    fit: FitName = setting(
        "contain",
        Choice(FITS),
        group="size",
        help="How to fit --size: contain (no crop, no padding), cover (crop), stretch, pad.",
        compared=True,
        needs=Needs("size"),
    )
    enlarge: bool = setting(
        False,
        Switch(),
        group="size",
        help="Enlarge images that are smaller than --size. Default: contain keeps them, cover and pad put background "
        "around them; stretch enlarges anyway.",
        hashed=_IF_CHANGED,
        compared=True,
        needs=Needs("size"),
    )
    resample: ResampleName = setting(
        "box",
        Choice(RESAMPLES),
        group="size",
        help="Downsampling filter: box (mean), lanczos, skip (nearest pixel).",
        compared=True,
    )
    background: str = setting(
        WHITE,
        HexColor(),
        group="size",
        help="Colour behind transparent and padded areas.",
        compared=True,
    )
    alpha: AlphaName = setting(
        "flatten",
        Choice(ALPHAS),
        group="size",
        help="Transparency: flatten (blend with the background) or keep.",
        hashed=_IF_CHANGED,
        compared=True,
    )
    format: EncodingName | PackingName = setting(
        "png",
        Choice(FORMATS),
        group="output",
        help="Output format. One file per image: png, webp (lossless), jpeg (only with --strategy SO), npz (NumPy "
        "arrays). Many images per file: webdataset (tar), parquet, arrays (NumPy arrays of all images; needs --size).",
        common=True,
    )
    png: PngName = setting(
        "indexed",
        Choice(PNGS),
        group="output",
        help="What a PNG stores: indexed (a palette and one index per pixel), or truecolor (8 bits per channel, for "
        "programs that do not look up palettes; larger).",
        formats=_PNG_FORMATS,
        hashed=_IF_CHANGED,
        needs=Needs("strategy", _REDUCING),
    )
    png_effort: PngEffortName = setting(
        "default",
        Choice(PNG_EFFORTS),
        group="output",
        help="Compression effort for PNG: fast, default or max (needs the package oxipng).",
        formats=_PNG_FORMATS,
        compared=True,
    )
    jpeg_quality: int = setting(
        90,
        WholeNumber(1, 100),
        group="output",
        help="Quality of JPEG files, 1 to 100.",
        formats=("jpeg",),
    )
    shard_images: int = setting(
        10_000,
        WholeNumber(1, 10**9),
        group="output",
        help="Most images in one pack, which is one WebDataset or Parquet file.",
        formats=IMAGE_PACKINGS,
        hashed=_NEVER,
    )
    shard_bytes: int = setting(
        256_000_000,
        WholeNumber(1, 2**40),
        group="output",
        help="Most bytes of images in one pack.",
        formats=IMAGE_PACKINGS,
        hashed=_NEVER,
    )
    never_larger: bool = setting(
        True,
        Switch(),
        group="output",
        help="Copy an image unchanged if it is not resized and its output would be the same picture in a larger file.",
        hashed=_IF_CHANGED,
        compared=True,
    )
    seed: int = setting(
        0,
        WholeNumber(0, 2**32 - 1),
        group="colours",
        help="Seed of all random choices. The same seed gives the same bytes.",
        compared=True,
        finds_palette=True,
        needs=Needs("strategy", _REDUCING, unless="split"),
    )
    on_corrupt: OnCorruptName = setting(
        "fail",
        Choice(ON_CORRUPT),
        group="input",
        help="Damaged images: fail, or keep (compress what can be decoded, with a warning).",
        compared=True,
    )
    max_pixels: int = setting(
        200_000_000,
        WholeNumber(1, 2**31 - 1),
        group="input",
        help="Refuse images with more pixels, before they take memory.",
        hashed=_NEVER,
        compared=True,
    )
    max_bytes: int = setting(
        1_000_000_000,
        WholeNumber(1, 2**40),
        group="input",
        help="Refuse files with more bytes, before they are read.",
        hashed=_NEVER,
        compared=True,
    )
    max_frames: int = setting(
        100_000,
        WholeNumber(1, 10**9),
        group="input",
        help="Refuse files with more frames or pages.",
        hashed=_NEVER,
        compared=True,
    )

    def __post_init__(self) -> None:
        """Check every field, then the rules between them."""
        check_fields(self)
        if not self._given("geometry"):
            self._put("step", DEFAULT_STEP)
        self._check_auto()
        self._check_dither()
        self._check_palette()
        self._check_rare()
        self._check_format()
        self._check_alpha()

    def _put(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _given(self, one_of: str) -> list[str]:
        """Return the names of the fields of a set that are given: one, or none."""
        names = _names(one_of=one_of)
        given = [name for name in names if getattr(self, name) is not None]
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} were given together: choose one of {', '.join(names)}")
        return given

    def _check_auto(self) -> None:
        """Fill in the target of ``colors="auto"``; refuse one for a given number of colours."""
        if self.colors != AUTO:
            for name in _names(auto=True):
                value = getattr(self, name)
                if value is not None and value is not False:
                    raise UsageError(
                        f"{name}={value!r} does nothing for colors={self.colors!r}: expected colors={AUTO!r}"
                    )
            return
        if self.strategy == "SO":
            raise UsageError(f"colors={AUTO!r} with strategy='SO', which keeps all colours: expected another strategy")
        if not self._given("target"):
            self._put("min_ssim", _DEFAULT_SSIM)
        if self.per is None:
            self._put("per", PERS[0])
        self._check_scope()

    def _check_scope(self) -> None:
        """Fill in the share of the images for ``per="dataset"``; refuse one for ``per="image"``."""
        if self.per == "dataset":
            if self.strict_quality:
                raise UsageError(
                    "strict_quality=True with per='dataset', where some images may miss the target: expected "
                    "per='image'"
                )
            if self.quality_share is None:
                self._put("quality_share", _DEFAULT_SHARE)
        elif self.quality_share is not None:
            raise UsageError(
                f"quality_share={self.quality_share!r} does nothing for per={self.per!r}: expected per='dataset'"
            )

    def _check_dither(self) -> None:
        """Refuse dithering with more colours than it can use."""
        if self.dither != "none" and self.most_colors > MAX_INDEXED_COLORS:
            raise UsageError(
                f"dither={self.dither!r} with colors={self.colors}: expected at most {MAX_INDEXED_COLORS} colors"
            )

    def _check_palette(self) -> None:
        """Refuse a shared palette where none can be used, and ``palette_from`` where none is made."""
        if self.palette_from is not None and self.palette not in SHARED:
            raise UsageError(
                f"palette_from={self.palette_from!r} does nothing for palette={self.palette!r}: expected palette "
                f"{' or '.join(SHARED)}"
            )
        if self.palette == "image":
            return
        if self.strategy == "SO":
            raise UsageError(
                f"palette={self.palette!r} with strategy='SO', which reduces no colours: expected MKM, FKM or MBKM"
            )
        if self.colors == AUTO:
            raise UsageError(
                f"palette={self.palette!r} with colors={AUTO!r}, which finds a number for each image: expected a "
                "number of colors, or palette='image'"
            )

    def _check_rare(self) -> None:
        """Refuse colours to keep, and weights, where no palette is found; refuse too many colours to keep."""
        for name in ("keep_colors", "count_power"):
            value = getattr(self, name)
            if value is not None and self.strategy == "SO":
                raise UsageError(f"{name}={value!r} does nothing for strategy='SO': expected MKM, FKM or MBKM")
            if value is not None and self.palette not in {"image", *SHARED}:
                raise UsageError(
                    f"{name}={value!r} does nothing for palette={self.palette!r}, which holds its colours: expected "
                    f"palette image, {' or '.join(SHARED)}"
                )
        if self.keep_colors is not None and len(self.keep_colors) > self.most_colors:
            raise UsageError(
                f"keep_colors with {len(self.keep_colors)} colours and colors={self.colors!r}: expected fewer "
                f"colours to keep, or colors of at least {len(self.keep_colors)}"
            )

    def _check_format(self) -> None:
        """Refuse what a format cannot store, and options that do nothing for it."""
        if self.format == "jpeg" and self.strategy != "SO":
            raise UsageError(
                f"format='jpeg' with strategy={self.strategy!r}: JPEG would bring back the colours that the strategy "
                "removes, so expected strategy SO, or one of the formats png, webp, npz"
            )
        if self.format == ARRAYS:
            check_arrays(self.size, self.fit, self.alpha)
        for field in fields(self):
            formats = field.metadata.get("formats", FORMATS)
            value = getattr(self, field.name)
            if self.format not in formats and value != field.default:
                raise UsageError(
                    f"{field.name}={value!r} does nothing for format={self.format!r}: "
                    f"expected {'format' if len(formats) == 1 else 'one of the formats'} {', '.join(formats)}"
                )

    def _check_alpha(self) -> None:
        """Refuse transparency where it cannot be kept."""
        if self.alpha == "flatten":
            return
        if self.format == "jpeg":
            problem = "format='jpeg': JPEG stores no transparency, so expected one of the formats png, webp, npz"
        elif self.space != "srgb":
            problem = (
                f"space={self.space!r}: distances between translucent colours are measured in sRGB, over black and "
                "over white; expected space='srgb'"
            )
        elif self.dither != "none":
            problem = f"dither={self.dither!r}: it works on opaque colours only, so expected dither='none'"
        elif self.palette != "image":
            problem = f"palette={self.palette!r}: a shared palette is opaque, so expected palette='image'"
        else:
            return
        raise UsageError(f"alpha='keep' with {problem}, or alpha='flatten'")

    @property
    def target(self) -> Target | None:
        """The quality that ``colors="auto"`` must reach; None for a given number of colours."""
        for measure, name in zip(MEASURES, _names(one_of="target"), strict=True):
            value = getattr(self, name)
            if value is not None:
                return Target(measure, value)
        return None

    @property
    def most_colors(self) -> int:
        """The most colours that an image can get."""
        return self.colors if isinstance(self.colors, int) else MAX_INDEXED_COLORS

    @property
    def final_size(self) -> tuple[int, int] | None:
        """``size`` as (width, height), in pixels."""
        return cast("tuple[int, int] | None", self.size)

    @property
    def has_palettes(self) -> bool:
        """Whether each image is an indexed PNG."""
        few = self.strategy != "SO" and self.most_colors <= MAX_INDEXED_COLORS
        return few and self.encoding == "png" and self.png == "indexed"

    @property
    def suffix(self) -> str:
        """The end of the names of output images, with the dot; in arrays they are named like PNG files."""
        return {"jpeg": ".jpg", ARRAYS: ".png"}.get(self.encoding, f".{self.encoding}")

    @property
    def encoding(self) -> str:
        """The format of each image: of its own file, or within a pack."""
        return "png" if self.format in IMAGE_PACKINGS else self.format

    def to_dict(self) -> dict[str, Any]:
        """Return the options as plain JSON and TOML values that are set."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        if self.final_size is not None:
            values["size"] = "{}x{}".format(*self.final_size)
        if self.keep_colors is not None:  # as text, like a size
            values["keep_colors"] = ",".join(self.keep_colors)
        return {name: value for name, value in values.items() if value is not None}

    def digest(self, palette: str = "") -> str:
        """Return a short hash of the options that decide bytes. Equal options have equal hashes, on every machine.

        Parameters
        ----------
        palette
            The hash of the palette that an image shares. It stands for all options that find such a palette.
        """
        values = self.to_dict()
        for f in fields(self):
            hashed = f.metadata.get("hashed")
            if (
                hashed == _NEVER
                or (hashed == _IF_CHANGED and values.get(f.name) == f.default)
                or (palette and f.metadata.get("finds_palette"))
                or self.format not in f.metadata.get("formats", FORMATS)
            ):
                values.pop(f.name, None)
        values |= {"palette": palette} if palette else {}
        text = json.dumps(values, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Options:
        """Build options from plain values, as :meth:`to_dict` returns them.

        Raises
        ------
        UsageError
            If a name is unknown or a value is not accepted.
        """
        return cls(**values)

    def replace(self, /, **changes: Any) -> Options:  # noqa: ANN401 - one type per field
        """Return a copy with some fields changed.

        A new ``step``, ``scale`` or ``size`` replaces the old one. So does a new target. A number of ``colors`` removes
        all that belongs to "auto", and a ``palette`` that is not made from the images removes ``palette_from``. The
        strategy "SO" removes ``keep_colors`` and ``count_power``.
        """
        for one_of in ("geometry", "target"):
            names = _names(one_of=one_of)
            if changes.keys() & set(names):
                changes = dict.fromkeys(names) | changes
        if changes.get("per") == "image":
            changes = {"quality_share": None, **changes}
        if changes.get("palette", SHARED[0]) not in SHARED:
            changes = {"palette_from": None, **changes}
        if changes.get("strategy") == "SO":
            changes = {"keep_colors": None, "count_power": None, **changes}
        if not isinstance(changes.get("colors", ""), str):
            changes = dict.fromkeys(_names(auto=True)) | {"strict_quality": False} | changes
        return dataclasses.replace(self, **changes)


@cache
def _names(**metadata: object) -> tuple[str, ...]:
    """Return the names of the fields that have these metadata."""
    return tuple(f.name for f in fields(Options) if metadata.items() <= f.metadata.items())


def check_options(options: Options | None) -> Options:
    """Return options, the defaults for None.

    Raises
    ------
    UsageError
        If they are something else.
    """
    if options is None:
        return Options()
    given: object = options
    if not isinstance(given, Options):
        raise UsageError(f"options={given!r}: expected icsys.Options(...)")
    return given
