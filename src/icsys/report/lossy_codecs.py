"""JPEG and lossy WebP, which a comparison sets beside the strategies, at a usual quality and at equal bytes."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from icsys.errors import code_of
from icsys.image.decode import decode_photo
from icsys.image.encode import encode_lossy
from icsys.image.read_output import flat_pixels
from icsys.outputs.base import NewOutput
from icsys.results import Failed
from icsys.run.worker import Outcome
from icsys.sources.base import read_loaded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from icsys.engine.executor import Limits
    from icsys.results import Compressed
    from icsys.run.worker import WorkerContext
    from icsys.sources.base import Loaded

CODECS = ("JPEG", "WebP")
USUAL_QUALITY = 75
"""The default of the programs ``cjpeg`` and ``cwebp``."""

LOWEST, HIGHEST = 1, 100


def compress_lossy(
    loaded: Loaded,
    context: WorkerContext,
    limits: Limits,
    *,
    codec: str,
    quality: int,
    resized: Mapping[str, Compressed],
) -> Outcome:
    """Compress one image as a run with SO does, but with a lossy codec.

    Parameters
    ----------
    codec, quality
        As for :func:`~icsys.image.encode.encode_lossy`.
    resized
        The results of SO, by source: these images have the same pixels.
    """
    task, _ = loaded
    start = time.perf_counter()
    try:
        data, _ = read_loaded(context.source, loaded, context.options)
        with limits.slots:
            pixels = flat_pixels(decode_photo(data, context.options, limits.admit).pixels, context.options.background)
            encoded = encode_lossy(codec, pixels, quality)
        sha256 = hashlib.sha256(encoded).hexdigest()
        (fault,) = context.outputs.write_all([NewOutput(task.output, encoded, sha256)])
        if fault is not None:
            raise fault  # noqa: TRY301 - it becomes a result below
    except Exception as error:  # noqa: BLE001 - an image that a codec cannot hold leaves the codec out
        code = code_of(error) if isinstance(error, OSError) else "internal"
        return Outcome(task, Failed(source=task.source, code=code, message=str(error) or type(error).__name__))
    seconds = time.perf_counter() - start
    like = resized[task.source]
    result = replace(like, bytes_out=len(encoded), sha256=sha256, seconds=seconds, kept_source=False)
    return Outcome(task, result)


def highest_quality(size_at: Callable[[int], int], limit: int) -> int:
    """Return the highest quality whose size is at most the limit, by bisection; the lowest quality if none is.

    Sizes are taken to grow with the quality, as those of JPEG and WebP do but for a few bytes.
    """
    low, high = LOWEST, HIGHEST + 1  # the size at `low` fits, or it is the lowest; that at `high` does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size_at(middle) <= limit else (low, middle)
    return low


def highest_quality_near(size_at: Callable[[int], int], limit: int, start: int) -> int:
    """Return the highest quality whose size is at most the limit, searched step by step from a quality near it."""
    quality = start
    while quality > LOWEST and size_at(quality) > limit:
        quality -= 1
    while quality < HIGHEST and size_at(quality + 1) <= limit:
        quality += 1
    return quality


def even_sample(pixels: Sequence[int], most_images: int, most_pixels: int) -> list[int]:
    """Return places spread evenly over images, as many as two limits allow, at least one.

    Examples
    --------
    >>> even_sample([100] * 10, 3, 1000)
    [0, 3, 6]
    >>> even_sample([100] * 10, 5, 250)
    [0, 5]
    """
    mean = sum(pixels) / len(pixels)
    number = max(1, min(len(pixels), most_images, int(most_pixels / mean)))
    return [place * len(pixels) // number for place in range(number)]
