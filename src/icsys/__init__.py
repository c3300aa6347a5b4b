"""Image Compression System: photos made small in pixels and colours, for training on images."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from icsys.version import __version__ as __version__

if TYPE_CHECKING:
    from icsys.color.estimator import ColorKMeans
    from icsys.errors import ICSError, ImageError, MissingExtraError, UsageError
    from icsys.image.resize import resize
    from icsys.options import Options
    from icsys.pipeline import CompressedImage, QuantizedImage, compress_image, quantize
    from icsys.records.palette_files import read_palette, write_palette
    from icsys.report.compare import compare_folder
    from icsys.report.comparison import Comparison
    from icsys.report.comparison_page import write_comparison
    from icsys.report.run_page import report_folder
    from icsys.results import Compressed, Failed, RunSummary, Skipped
    from icsys.run.compress import compress_folder
    from icsys.run.merge import merge_shards
    from icsys.run.progress import Progress
    from icsys.run.progress_bar import progress_bar
    from icsys.verify.folder import Verification, verify_folder

__all__ = [
    "ColorKMeans",
    "Comparison",
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
    "Verification",
    "compare_folder",
    "compress_folder",
    "compress_image",
    "merge_shards",
    "progress_bar",
    "quantize",
    "read_palette",
    "report_folder",
    "resize",
    "verify_folder",
    "write_comparison",
    "write_palette",
]

_HOMES = {
    "color.estimator": ["ColorKMeans"],
    "records.palette_files": ["read_palette", "write_palette"],
    "errors": ["ICSError", "ImageError", "MissingExtraError", "UsageError"],
    "image.resize": ["resize"],
    "run.merge": ["merge_shards"],
    "options": ["Options"],
    "pipeline": ["CompressedImage", "QuantizedImage", "compress_image", "quantize"],
    "run.progress_bar": ["progress_bar"],
    "report.compare": ["compare_folder"],
    "report.comparison": ["Comparison"],
    "report.comparison_page": ["write_comparison"],
    "report.run_page": ["report_folder"],
    "results": ["Compressed", "Failed", "RunSummary", "Skipped"],
    "run.compress": ["compress_folder"],
    "run.progress": ["Progress"],
    "verify.folder": ["Verification", "verify_folder"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __dir__() -> list[str]:
    """List the public names, those that are loaded later included."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute can be anything
    """Import what is asked for when it is first asked for, and nothing else: a short run ends before all is loaded."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    return value
