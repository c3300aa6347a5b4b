"""Image Compression System: photos made small in pixels and colours, for training on images."""

from typing import TYPE_CHECKING, Any

from icsys.errors import ICSError, ImageError, MissingExtraError, UsageError
from icsys.image.resize import resize
from icsys.options import Options
from icsys.pipeline import CompressedImage, QuantizedImage, compress_image, quantize
from icsys.results import Compressed, Failed, RunSummary, Skipped
from icsys.run import Progress, compress_folder

if TYPE_CHECKING:
    from icsys.color.estimator import ColorKMeans

__version__ = "0.1.0"

__all__ = [
    "ColorKMeans",
    "Compressed",
    "CompressedImage",
    "Failed",
    "ICSError",
    "ImageError",
    "MissingExtraError",
    "Options",
    "Progress",
    "QuantizedImage",
    "RunSummary",
    "Skipped",
    "UsageError",
    "compress_folder",
    "compress_image",
    "quantize",
    "resize",
]


def __dir__() -> list[str]:
    """List the public names, those that are loaded later included."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute can be anything
    """Import the estimator when it is asked for: it is a scikit-learn class, which is slow to import."""
    if name == "ColorKMeans":
        from icsys.color.estimator import ColorKMeans  # noqa: PLC0415

        return ColorKMeans
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
