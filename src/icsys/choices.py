"""The names that options choose from, as types for editors and as tuples for programs."""

from typing import Literal, get_args

StrategyName = Literal["SO", "MKM", "FKM", "MBKM"]
FitName = Literal["contain", "cover", "stretch", "pad"]
ResampleName = Literal["box", "lanczos", "skip"]
EncodingName = Literal["png", "webp", "jpeg", "npz"]
ImagePackingName = Literal["webdataset", "parquet"]
PackingName = Literal["webdataset", "parquet", "arrays"]
EffortName = Literal["fast", "balanced", "best"]
SpaceName = Literal["srgb", "oklab"]
DitherName = Literal["none", "floyd-steinberg"]
AlphaName = Literal["flatten", "keep"]
PngName = Literal["indexed", "truecolor"]
PngEffortName = Literal["fast", "default", "max"]
OnCorruptName = Literal["fail", "keep"]
PerName = Literal["image", "dataset"]
SharedName = Literal["class", "dataset"]
MeasureName = Literal["psnr", "ssim", "delta_e"]

STRATEGIES: tuple[StrategyName, ...] = get_args(StrategyName)
FITS: tuple[FitName, ...] = get_args(FitName)
RESAMPLES: tuple[ResampleName, ...] = get_args(ResampleName)
ENCODINGS: tuple[EncodingName, ...] = get_args(EncodingName)
"""Formats with one file for each image."""

IMAGE_PACKINGS: tuple[ImagePackingName, ...] = get_args(ImagePackingName)
"""Formats with packs of image files: each holds many images, as PNG."""

PACKINGS: tuple[PackingName, ...] = get_args(PackingName)
"""Formats with packs, arrays among them: each file holds many images."""

ARRAYS: PackingName = "arrays"
"""NumPy arrays of many images of one size."""

FORMATS: tuple[EncodingName | PackingName, ...] = ENCODINGS + PACKINGS
EFFORTS: tuple[EffortName, ...] = get_args(EffortName)
SPACES: tuple[SpaceName, ...] = get_args(SpaceName)
DITHERS: tuple[DitherName, ...] = get_args(DitherName)
ALPHAS: tuple[AlphaName, ...] = get_args(AlphaName)
PNGS: tuple[PngName, ...] = get_args(PngName)
"""What a PNG of up to 256 colours stores: indices and a palette, or pixels."""

PNG_EFFORTS: tuple[PngEffortName, ...] = get_args(PngEffortName)
ON_CORRUPT: tuple[OnCorruptName, ...] = get_args(OnCorruptName)
PERS: tuple[PerName, ...] = get_args(PerName)
SHARED: tuple[SharedName, ...] = get_args(SharedName)
"""Which images share a palette that a first pass over them finds."""

MEASURES: tuple[MeasureName, ...] = get_args(MeasureName)

AUTO = "auto"
"""In place of a number of colours: the fewest that reach a quality."""

ALL = "all"
"""In place of a folder: all images give the shared palette."""

MAX_COLORS = 65_536
MAX_INDEXED_COLORS = 256
"""The most colours that an image file with a palette can have."""

WHITE = "#ffffff"
