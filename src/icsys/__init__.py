"""Image Compression System: photos made small in pixels and colours, for training on images.

Every public name is loaded from its module when it is first used, so a short run starts fast. Type checkers and editors
read the same names in ``__init__.pyi``.
"""

from importlib import import_module

from icsys.version import __version__ as __version__

_MODULE_OF = {
    "ArmResult": "learning.learned",
    "BytesChosen": "bytes_chosen",
    "Candidate": "report.comparison",
    "ColorKMeans": "color.estimator",
    "ColorsChosen": "summary",
    "ColorsFound": "summary",
    "Comparison": "report.comparison",
    "ComparisonExample": "report.comparison",
    "ComparisonProgress": "report.comparison",
    "ComparisonRow": "report.comparison",
    "Compressed": "results",
    "CompressedImage": "pipeline",
    "Confusion": "learning.learned",
    "CountedPalette": "report.page_pictures",
    "Dataset": "loading.dataset",
    "EngineError": "errors",
    "EqualBytes": "learning.learned",
    "Failed": "results",
    "ICSError": "errors",
    "ImageError": "errors",
    "ImageInfo": "image.decode",
    "ImageScore": "report.comparison",
    "InUseError": "errors",
    "InspectedImage": "inspection.inspection",
    "Inspection": "inspection.inspection",
    "InspectionProgress": "inspection.progress",
    "LearnProgress": "learning.learn_progress",
    "LearnSettings": "learning.learn_settings",
    "Learned": "learning.learned",
    "LostImage": "learning.learned",
    "Measured": "results",
    "MissingExtraError": "errors",
    "NetworkCheck": "learning.learned",
    "Options": "options",
    "Progress": "run.progress",
    "Quality": "color.image_quality",
    "QuantizedImage": "pipeline",
    "RunSummary": "summary",
    "ShownPicture": "report.comparison",
    "Skipped": "results",
    "Target": "options",
    "UsageError": "errors",
    "Verification": "verify.folder",
    "compare_folder": "report.compare",
    "compress_folder": "run.compress",
    "compress_image": "pipeline",
    "inspect_folder": "inspection.inspect_folder",
    "learn": "learning.learn",
    "load": "loading.load",
    "merge_shards": "run.merge",
    "progress_bar": "run.progress_bar",
    "quantize": "pipeline",
    "read_palette": "records.palette_files",
    "report_folder": "report.run_page",
    "resize": "image.resize",
    "verify_folder": "verify.folder",
    "write_comparison": "report.comparison_page",
    "write_learned": "report.learned.page",
    "write_palette": "records.palette_files",
}

__all__ = list(_MODULE_OF)


def __dir__() -> list[str]:
    """List the public names."""
    return [*__all__, "__version__"]


def __getattr__(name: str) -> object:
    """Load a public name from its module."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    return value
