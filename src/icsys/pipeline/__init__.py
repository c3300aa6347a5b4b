"""One image from bytes to bytes: the function that every engine runs. No disk access, no output."""

from icsys.pipeline.compress import CompressedImage, compress_image, load_packages, one_thread
from icsys.pipeline.reduce_colors import QuantizedImage, quantize, quantize_pixels

__all__ = [
    "CompressedImage",
    "QuantizedImage",
    "compress_image",
    "load_packages",
    "one_thread",
    "quantize",
    "quantize_pixels",
]
