"""What the user can choose, validated where it enters, and its way through JSON and TOML."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
from dataclasses import dataclass, field, fields
from functools import cache
from numbers import Real
from typing import TYPE_CHECKING, Any

from icsys.errors import UsageError
from icsys.files.url import is_mangled, is_url, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

STRATEGIES = ("SO", "MKM", "FKM", "MBKM")
FITS = ("contain", "cover", "stretch", "pad")
RESAMPLES = ("box", "lanczos", "skip")
ENCODINGS = ("png", "webp", "jpeg", "npz")  # a file for every image
PACKINGS = ("webdataset", "parquet")  # files of many images, each of them a PNG
FORMATS = ENCODINGS + PACKINGS
EFFORTS = ("fast", "balanced", "best")
SPACES = ("srgb", "oklab")
DITHERS = ("none", "floyd-steinberg")
ALPHAS = ("flatten", "keep")
PNG_EFFORTS = ("fast", "default", "max")
SHARED = ("class", "dataset")  # palettes that a first pass over the images finds
PALETTE_SUFFIXES = (".json", ".gpl")
OVERWRITES = ("never", "always")
CLUSTERS = ("dask", "ray")
ENGINES = ("threads", "processes", *CLUSTERS)
ON_CORRUPT = ("fail", "keep")

MAX_COLORS = 65_536
WHITE = "#ffffff"
MAX_INDEXED_COLORS = 256
AUTO = "auto"
PERS = ("image", "dataset")
DEFAULT_STEP = 5
_MAX_SIDE = 65_535
_MAX_SEED = 2**32 - 1
_MOST_PIXELS = 2**31 - 1
_MOST_BYTES = 2**40
_MOST_FRAMES = 10**9
_MOST_SHARD_IMAGES = 10**9
_LIMITS = {"max_pixels", "max_bytes", "max_frames"}  # they let an image in or not, and change no byte
_GEOMETRY = ("step", "scale", "size")
MEASURES = ("psnr", "ssim", "delta_e")
_TARGETS = ("min_psnr", "min_ssim", "max_delta_e")  # of each measure
_ONLY_FOR_AUTO = (*_TARGETS, "per", "quality_share", "strict_quality")
_DEFAULT_SSIM, _DEFAULT_SHARE = 0.95, 0.95
_MOST_PSNR, _MOST_DELTA_E = 100.0, 100.0
_SHARDS = {"shard_bytes", "shard_images"}  # they change where an image lies, and none of its bytes
# They came later: at their defaults, folders that are done stay done.
_LATER = {"alpha", "never_larger", "palette", "strict_quality"}
_FOUND_BY = {"strategy", "colors", "effort", "seed", "palette"}
_ONLY_FOR = {"png_effort": ("png", *PACKINGS), "jpeg_quality": ("jpeg",), **dict.fromkeys(sorted(_SHARDS), PACKINGS)}
_SIZE = re.compile(r"(\d{1,6})\s*[xX\u00d7]\s*(\d{1,6})")
_HEX_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


def _option(default: object, doc: str) -> Any:  # noqa: ANN401 - dataclasses.field is typed the same way
    """Declare a field together with the sentence that help, docs and reports show for it."""
    return field(default=default, metadata={"doc": doc})


@dataclass(frozen=True, slots=True)
class Target:
    """The quality that ``colors="auto"`` is to reach.

    Attributes
    ----------
    measure
        "psnr" (decibels), "ssim" or "delta_e" (CIEDE2000).
    value
        The least of it that is good enough; of "delta_e" the most.

    Examples
    --------
    >>> Target("ssim", 0.95).met_by(0.96), str(Target("delta_e", 2.0))
    (True, 'CIEDE2000 2')
    """

    measure: str
    value: float

    def met_by(self, value: float) -> bool:
        """Tell whether a value of the measure is good enough."""
        return value <= self.value if self.measure == "delta_e" else value >= self.value

    def __str__(self) -> str:
        words = {"psnr": "PSNR {:g} dB", "ssim": "SSIM {:g}", "delta_e": "CIEDE2000 {:g}"}
        return words[self.measure].format(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything that decides what an image becomes.

    Two runs with equal options give the same bytes, whatever the number of jobs. Give at most one of
    ``step``, ``scale`` and ``size``; with none of them, ``step`` is 5. With ``colors="auto"`` give at most one of
    ``min_psnr``, ``min_ssim`` and ``max_delta_e``; with none of them, ``min_ssim`` is 0.95.

    Raises
    ------
    UsageError
        If a value is outside what its field accepts; the text names the field, the value and the range.

    Examples
    --------
    >>> Options(strategy="mkm", colors=16).strategy
    'MKM'
    >>> Options(size="224x224", fit="cover").size
    (224, 224)
    >>> Options.from_dict(Options(scale=0.5).to_dict()) == Options(scale=0.5)
    True
    """

    strategy: str = _option("MKM", "How colours are reduced: SO, MKM, FKM or MBKM.")
    colors: int | str = _option(
        32,
        "Number of colours K of every image of the dataset, 1 to 65536, or auto: as few as a target of quality allows.",
    )
    min_psnr: float | None = _option(None, "Target of --colors auto: a PSNR of at least so many decibels.")
    min_ssim: float | None = _option(
        None, "Target of --colors auto: an SSIM of at least this; 0.95 if no target is given."
    )
    max_delta_e: float | None = _option(None, "Target of --colors auto: a mean CIEDE2000 of at most this.")
    per: str | None = _option(None, "What --colors auto finds a number for: each image, as by default, or the dataset.")
    quality_share: float | None = _option(
        None, "Share of the images that is to reach the target with --per dataset; 0.95 if not given."
    )
    strict_quality: bool = _option(False, "Fail images that miss the target of --colors auto even with 256 colours.")
    effort: str = _option("fast", "How long MKM searches for a better palette: fast, balanced or best.")
    space: str = _option("srgb", "Where distances between colours are measured: srgb, or oklab as the eye does.")
    dither: str = _option("none", "Dithering: none, or floyd-steinberg for pictures meant for people.")
    palette: str = _option(
        "image",
        "Whose colours a palette has: those of one image, of a class (the images in folders of one name), of the whole "
        "dataset, or of a file palette.json or .gpl.",
    )
    step: int | None = _option(None, "One pixel for every NxN block of pixels.")
    scale: float | None = _option(None, "Multiply width and height by this factor (above 0, at most 1).")
    size: tuple[int, int] | None = _option(None, "Final size WIDTHxHEIGHT of every image.")
    fit: str = _option(
        "contain",
        "How an image meets --size: contain (inside it, as it is), cover (cut off), stretch or pad (filled up).",
    )
    resample: str = _option("box", "How pixels are made fewer: box (their mean), lanczos, or skip (one of them).")
    background: str = _option(WHITE, "Colour #RRGGBB behind transparent and padded areas.")
    alpha: str = _option("flatten", "Transparency: flatten lays it over the background, keep stores it.")
    format: str = _option(
        "png",
        "What is written: png, webp (lossless), jpeg (for SO) or npz (NumPy) for every image, or files of many images: "
        "webdataset (tar) or parquet.",
    )
    png_effort: str = _option("default", "How hard PNG files are compressed: fast, default or max (needs oxipng).")
    jpeg_quality: int = _option(90, "Quality of JPEG files, 1 to 100.")
    shard_images: int = _option(10_000, "Most images in one file of webdataset or parquet.")
    shard_bytes: int = _option(256_000_000, "Most bytes of images in one file of webdataset or parquet.")
    never_larger: bool = _option(
        True, "Keep a source as it is where its output would have more bytes and be the same picture."
    )
    seed: int = _option(0, "Seed of everything random; the same seed gives the same bytes.")
    on_corrupt: str = _option(
        "fail", "What becomes of a damaged picture: fail, or keep what can be decoded, with a warning."
    )
    max_pixels: int = _option(200_000_000, "Refuse images of more pixels, before they take memory.")
    max_bytes: int = _option(1_000_000_000, "Refuse files of more bytes, before they are read.")
    max_frames: int = _option(100_000, "Refuse files of more frames or pages.")

    def __post_init__(self) -> None:
        """Normalise the accepted spellings, then refuse what is out of range."""
        put = object.__setattr__
        put(self, "strategy", _choice("strategy", self.strategy, STRATEGIES))
        self._check_colors(put)
        put(self, "seed", whole_number("seed", self.seed, 0, _MAX_SEED))
        put(self, "fit", _choice("fit", self.fit, FITS))
        put(self, "resample", _choice("resample", self.resample, RESAMPLES))
        put(self, "effort", _choice("effort", self.effort, EFFORTS))
        put(self, "space", _choice("space", self.space, SPACES))
        put(self, "dither", _choice("dither", self.dither, DITHERS))
        if self.dither != "none" and self.most_colors > MAX_INDEXED_COLORS:
            raise UsageError(
                f"dither={self.dither!r} with colors={self.colors}: expected at most {MAX_INDEXED_COLORS} colors"
            )
        put(self, "palette", _palette(self.palette))
        self._check_palette()
        put(self, "format", _choice("format", self.format, FORMATS))
        put(self, "png_effort", _choice("png_effort", self.png_effort, PNG_EFFORTS))
        put(self, "jpeg_quality", whole_number("jpeg_quality", self.jpeg_quality, 1, 100))
        put(self, "shard_images", whole_number("shard_images", self.shard_images, 1, _MOST_SHARD_IMAGES))
        put(self, "shard_bytes", whole_number("shard_bytes", self.shard_bytes, 1, _MOST_BYTES))
        self._check_format()
        put(self, "background", _background(self.background))
        put(self, "alpha", _choice("alpha", self.alpha, ALPHAS))
        self._check_alpha()
        put(self, "never_larger", _switch("never_larger", self.never_larger))
        put(self, "on_corrupt", _choice("on_corrupt", self.on_corrupt, ON_CORRUPT))
        put(self, "max_pixels", whole_number("max_pixels", self.max_pixels, 1, _MOST_PIXELS))
        put(self, "max_bytes", whole_number("max_bytes", self.max_bytes, 1, _MOST_BYTES))
        put(self, "max_frames", whole_number("max_frames", self.max_frames, 1, _MOST_FRAMES))
        given = [name for name in _GEOMETRY if getattr(self, name) is not None]
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} were given together: choose one of step, scale and size")
        if not given:
            put(self, "step", DEFAULT_STEP)
        if self.step is not None:
            put(self, "step", whole_number("step", self.step, 1, _MAX_SIDE))
        if self.scale is not None:
            put(self, "scale", _scale(self.scale))
        if self.size is not None:
            put(self, "size", parse_size(self.size))

    def _check_colors(self, put: Callable[[Options, str, Any], None]) -> None:
        """Take up a number of colours, or what decides it; refuse what would do nothing."""
        if not isinstance(self.colors, str):
            put(self, "colors", whole_number("colors", self.colors, 1, MAX_COLORS))
        elif self.colors.strip().casefold() == AUTO:
            put(self, "colors", AUTO)
        else:
            raise UsageError(f"colors={self.colors!r}: expected a whole number from 1 to {MAX_COLORS}, or {AUTO}")
        if not isinstance(self.strict_quality, bool):
            raise UsageError(f"strict_quality={self.strict_quality!r}: expected True or False")
        if self.colors != AUTO:
            for name in _ONLY_FOR_AUTO:
                value = getattr(self, name)
                if value is not None and value is not False:
                    raise UsageError(
                        f"{name}={value!r} does nothing for colors={self.colors!r}: expected colors={AUTO!r}"
                    )
            return
        if self.strategy == "SO":
            raise UsageError(f"colors={AUTO!r} with strategy='SO', which keeps all colours: expected another strategy")
        self._check_target(put)
        put(self, "per", PERS[0] if self.per is None else _choice("per", self.per, PERS))
        self._check_dataset(put)

    def _check_palette(self) -> None:
        """Refuse what cannot be done with a palette that images share."""
        if self.palette == "image":
            return
        if self.strategy == "SO":
            raise UsageError(
                f"palette={self.palette!r} with strategy='SO', which reduces no colours: expected MKM, FKM or MBKM"
            )
        if self.colors == AUTO:
            raise UsageError(
                f"palette={self.palette!r} with colors={AUTO!r}, which are found for one image: expected a number of "
                "colors, or palette='image'"
            )

    def _check_target(self, put: Callable[[Options, str, Any], None]) -> None:
        """Take up the one target that is given, or the default."""
        given = [name for name in _TARGETS if getattr(self, name) is not None]
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} were given together: choose one of {', '.join(_TARGETS)}")
        if not given:
            put(self, "min_ssim", _DEFAULT_SSIM)
        if self.min_psnr is not None:
            put(self, "min_psnr", positive_number("min_psnr", self.min_psnr, _MOST_PSNR))
        if self.max_delta_e is not None:
            put(self, "max_delta_e", positive_number("max_delta_e", self.max_delta_e, _MOST_DELTA_E))
        if self.min_ssim is not None:
            put(self, "min_ssim", _min_ssim(self.min_ssim))

    def _check_dataset(self, put: Callable[[Options, str, Any], None]) -> None:
        """Take up what belongs to one number of colours for the whole dataset."""
        if self.per != "dataset":
            if self.quality_share is not None:
                raise UsageError(
                    f"quality_share={self.quality_share!r} does nothing for per={self.per!r}: expected per='dataset'"
                )
        elif self.strict_quality:
            raise UsageError(
                "strict_quality=True with per='dataset', where some images may miss the target: expected per='image'"
            )
        else:
            share = _DEFAULT_SHARE if self.quality_share is None else self.quality_share
            put(self, "quality_share", positive_number("quality_share", share, 1))

    def _check_format(self) -> None:
        """Refuse what a format cannot do, and options that would do nothing for it."""
        if self.format == "jpeg" and self.strategy != "SO":
            raise UsageError(
                f"format='jpeg' with strategy={self.strategy!r}: JPEG would bring back the colours that clustering "
                "took away, so expected strategy SO, or one of the formats png, webp, npz"
            )
        for option in fields(self):
            formats = _ONLY_FOR.get(option.name, FORMATS)
            value = getattr(self, option.name)
            if self.format not in formats and value != option.default:
                raise UsageError(
                    f"{option.name}={value!r} does nothing for format={self.format!r}: "
                    f"expected one of the formats {', '.join(formats)}"
                )

    def _check_alpha(self) -> None:
        """Refuse what cannot be done with colours that are seen through."""
        if self.alpha == "flatten":
            return
        if self.format == "jpeg":
            problem = "format='jpeg': JPEG stores no transparency, so expected one of the formats png, webp, npz"
        elif self.space != "srgb":
            problem = (
                f"space={self.space!r}: what shows of a translucent colour depends on what lies behind it, and is "
                "measured in sRGB, over black and over white; expected space='srgb'"
            )
        elif self.dither != "none":
            problem = f"dither={self.dither!r}: it is made for opaque colours, so expected dither='none'"
        elif self.palette != "image":
            problem = f"palette={self.palette!r}: a palette that images share is opaque, so expected palette='image'"
        else:
            return
        raise UsageError(f"alpha='keep' with {problem}, or alpha='flatten'")

    @property
    def target(self) -> Target | None:
        """The quality that ``colors="auto"`` is to reach; None where the number of colours is given."""
        for measure, name in zip(MEASURES, _TARGETS, strict=True):
            value = getattr(self, name)
            if value is not None:
                return Target(measure, value)
        return None

    @property
    def most_colors(self) -> int:
        """The most colours that an image may come to have."""
        return self.colors if isinstance(self.colors, int) else MAX_INDEXED_COLORS

    @property
    def suffix(self) -> str:
        """How the names of images end, with the dot."""
        return ".jpg" if self.encoding == "jpeg" else f".{self.encoding}"

    @property
    def encoding(self) -> str:
        """What each image is encoded as: its file's format, or that of the images in a packed file."""
        return "png" if self.format in PACKINGS else self.format

    def to_dict(self) -> dict[str, Any]:
        """Return the options as plain JSON and TOML values, without those that are not set."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        if self.size is not None:
            values["size"] = "{}x{}".format(*self.size)
        return {name: value for name, value in values.items() if value is not None}

    def digest(self, palette: str = "") -> str:
        """Return a short hash of the options that decide bytes: equal ones have the same, on every machine.

        Parameters
        ----------
        palette
            The hash of the palette that an image shares: it stands in for all that such a palette is found by.
        """
        elsewhere = {name for name, formats in _ONLY_FOR.items() if self.format not in formats}
        without = _LIMITS | _SHARDS | elsewhere | (_FOUND_BY if palette else set())
        usual = {f.name: f.default for f in fields(self) if f.name in _LATER}
        values = {
            name: value
            for name, value in self.to_dict().items()
            if name not in without and not (name in usual and value == usual[name])
        }
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
        known = [f.name for f in fields(cls)]
        for name in values:
            if name not in known:
                raise UsageError(f"unknown option {name!r}: expected one of {', '.join(known)}")
        return cls(**values)

    def replace(self, **changes: Any) -> Options:  # noqa: ANN401 - one type per field
        """Return a copy with some fields changed.

        A new ``step``, ``scale`` or ``size`` replaces the old, so does a new target, and a number of ``colors``
        replaces all that belongs to "auto".
        """
        if changes.keys() & set(_GEOMETRY):
            changes = dict.fromkeys(_GEOMETRY) | changes
        if changes.keys() & set(_TARGETS):
            changes = dict.fromkeys(_TARGETS) | changes
        if changes.get("per") == "image":
            changes = {"quality_share": None, **changes}
        if not isinstance(changes.get("colors", ""), str):
            changes = dict.fromkeys(_ONLY_FOR_AUTO) | {"strict_quality": False} | changes
        return dataclasses.replace(self, **changes)


def option_doc(name: str) -> str:
    """Return the sentence that describes the option ``name``."""
    return _docs()[name]


@cache
def _docs() -> dict[str, str]:
    return {f.name: f.metadata["doc"] for f in fields(Options)}


def parse_size(value: object) -> tuple[int, int]:
    """Read ``"224x224"`` or a pair of integers as (width, height).

    Raises
    ------
    UsageError
        If it is neither, or a side is not between 1 and 65535.
    """
    message = f"size={value!r}: expected WIDTHxHEIGHT such as 224x224, each side from 1 to {_MAX_SIDE}"
    if isinstance(value, str):
        match = _SIZE.fullmatch(value.strip())
        if match is None:
            raise UsageError(message)
        value = (int(match[1]), int(match[2]))
    if not isinstance(value, tuple | list) or len(value) != 2:  # noqa: PLR2004 - width and height
        raise UsageError(message)
    width, height = value
    try:
        return whole_number("width", width, 1, _MAX_SIDE), whole_number("height", height, 1, _MAX_SIDE)
    except UsageError:
        raise UsageError(message) from None


def _choice(name: str, value: object, choices: tuple[str, ...]) -> str:
    """Match ``value`` with one of ``choices`` in any letter case."""
    if isinstance(value, str):
        for choice in choices:
            if value.strip().casefold() == choice.casefold():
                return choice
    raise UsageError(f"{name}={value!r}: expected one of {', '.join(choices)}")


def _palette(value: object) -> str:
    """Accept ``image``, ``class``, ``dataset``, or the name of a palette file."""
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else value
    if isinstance(text, str):
        for choice in ("image", *SHARED):
            if text.strip().casefold() == choice:
                return choice
        if text.lower().endswith(PALETTE_SUFFIXES) and not is_url(text) and not is_mangled(text):
            return text
        value = shown(text)
    raise UsageError(
        f"palette={value!r}: expected one of image, {', '.join(SHARED)}, or a file whose name ends in "
        f"{' or '.join(PALETTE_SUFFIXES)}"
    )


def whole_number(name: str, value: object, low: int, high: int) -> int:
    """Accept an integer, NumPy's included, from ``low`` to ``high``."""
    # NumPy's integers have __index__ too; bool has it, but is an answer to another question.
    if hasattr(value, "__index__") and not isinstance(value, bool):
        number = int(value.__index__())
        if low <= number <= high:
            return number
    raise UsageError(f"{name}={value!r}: expected a whole number from {low} to {high}")


def positive_number(name: str, value: object, high: float) -> float:
    """Accept a number above 0 and at most ``high``."""
    if not isinstance(value, bool) and isinstance(value, Real) and 0 < float(value) <= high:
        return float(value)
    raise UsageError(f"{name}={value!r}: expected a number above 0 and at most {high}")


def _switch(name: str, value: object) -> bool:
    """Accept true or false."""
    if isinstance(value, bool):
        return value
    raise UsageError(f"{name}={value!r}: expected true or false")


def _scale(value: object) -> float:
    """Accept a number above 0 and at most 1."""
    if not isinstance(value, bool) and isinstance(value, Real) and 0 < float(value) <= 1:
        return float(value)
    raise UsageError(f"scale={value!r}: expected a number above 0 and at most 1, such as 0.2")


def rgb_of(background: str) -> tuple[int, int, int]:
    """Return the levels of a colour ``#RRGGBB``.

    Raises
    ------
    UsageError
        If it is written in another way.
    """
    red, green, blue = bytes.fromhex(_background(background)[1:])
    return red, green, blue


def _min_ssim(value: object) -> float:
    """Accept a number above 0 and below 1."""
    if not isinstance(value, bool) and isinstance(value, Real) and 0 < float(value) < 1:
        return float(value)
    raise UsageError(f"min_ssim={value!r}: expected a number above 0 and below 1, such as {_DEFAULT_SSIM}")


def _background(value: object) -> str:
    """Accept ``#RRGGBB``."""
    if isinstance(value, str) and _HEX_COLOR.fullmatch(value):
        return value.lower()
    raise UsageError(f"background={value!r}: expected a colour as #RRGGBB, such as #ffffff for white")
