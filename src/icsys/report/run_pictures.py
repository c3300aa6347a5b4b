"""The pictures on the page of a run: outputs beside their sources, the worst first."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.choices import WHITE
from icsys.color.image_quality import measure
from icsys.errors import ICSError
from icsys.image.read_output import read_pixels
from icsys.packs.read_file_or_pack import OutputPlace, read_output
from icsys.ratio_words import times_text
from icsys.report.comparison_page import quality_words
from icsys.report.example_images import detail, spread
from icsys.report.html import Pair, choice
from icsys.report.humanize import bytes_text, images_text, printable
from icsys.report.page_pictures import data_uri, palette_of, resized
from icsys.report.source_images import SourceImages

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from icsys.files.rooted_path import RootedPath
    from icsys.options import Options
    from icsys.report.run_record import RunImage, RunRecord


def picture_pairs(record: RunRecord, destination: RootedPath, source: str | None, number: int) -> Iterator[Pair]:
    """Yield the pictures of the images with the largest error, or the smallest factor if no colours were reduced."""
    ordered = sorted(record.images, key=lambda image: (-(image.mse or 0.0), image.factor, image.output))
    ranks = spread(len(ordered), number)
    originals = SourceImages(source, Path(str(destination)), {ordered[rank].source for rank in ranks})
    for rank in ranks:
        image = ordered[rank]
        what = "smallest factor" if image.mse is None else "largest error"
        note = f"Number {rank + 1} of {images_text(len(ordered))}, the {what} first."
        try:
            background = record.options.background if record.options else WHITE
            place = OutputPlace(image.output, image.shard, image.bytes_out)
            after = read_pixels(read_output(destination, place), background)
        except (OSError, ICSError) as error:
            reason = (isinstance(error, OSError) and error.strerror) or error
            yield Pair(printable(image.output), f"{note} It cannot be shown: {reason}.", 1, 1, "", ())
        else:
            yield _pair(image, note, after, _before(image, record.options, originals, after))


def _before(
    image: RunImage, options: Options | None, originals: SourceImages, after: NDArray[np.uint8]
) -> NDArray[np.uint8] | None:
    """Return the resized source of an image whose colours were reduced; None if it is missing or has changed."""
    if options is None or image.mse is None or options.digest(image.palette) != image.options_hash:
        return None
    try:
        data = originals.read(image.source, options)
        if hashlib.sha256(data).hexdigest() != image.source_sha256:
            return None
        before = resized(data, options)
    except (OSError, ICSError):
        return None
    return before if before.shape == after.shape else None


def _pair(image: RunImage, note: str, after: NDArray[np.uint8], before: NDArray[np.uint8] | None) -> Pair:
    part = detail(after if before is None else before, after)
    height, width = after.shape[:2]
    if part:
        note += f" A detail out of {width} x {height} pixels."
    name = f"{image.colors} colours" if image.colors is not None else "after"
    words = [f"{times_text(image.bytes_in, image.bytes_out)}, {bytes_text(image.bytes_out)}"]
    if before is not None:
        words.append(quality_words(measure(before, after)) + ", over the whole image")
    shown = after[part] if part else after
    after_choice = choice(name, shown, palette_of(after), "; ".join(words) + ".")
    uri = "" if before is None else data_uri(before[part] if part else before)
    return Pair(printable(image.source), note, shown.shape[1], shown.shape[0], uri, [after_choice])
