"""One image from bytes to bytes: the function that every engine runs. No disk access, no output."""

from icsys.pipeline.compress import (
    CompressedImage,
    compress_image,
    compress_photo,
    load_packages,
    one_thread,
    prepare_process,
)
from icsys.pipeline.reduce_colors import QuantizedImage, quantize, quantize_pixels

__all__ = [
    "CompressedImage",
    "QuantizedImage",
    "compress_image",
    "compress_photo",
    "load_packages",
    "one_thread",
    "prepare_process",
    "quantize",
    "quantize_pixels",
]
