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
    from collections.abc import Mapping

    from icsys.engine.executor import Limits
    from icsys.results import Compressed
    from icsys.run.worker import WorkerContext
    from icsys.sources.base import Loaded

CODECS = ("JPEG", "WebP")
USUAL_QUALITY = 75
"""The default of the programs ``cjpeg`` and ``cwebp``."""


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
