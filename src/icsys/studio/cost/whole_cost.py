"""What the images of a run take together, from what was measured of a sample of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.choices import ARRAYS, IMAGE_PACKINGS, SHARED
from icsys.engine import available_cores
from icsys.studio.cost.drawn_sample import with_unseen
from icsys.studio.cost.intervals import TotalInterval

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from icsys.options import Options
    from icsys.run_settings import RunSettings
    from icsys.studio.cost.drawn_sample import DrawnSample
    from icsys.studio.cost.sampled_photos import MeasuredPhoto

_SECONDS_BESIDE = 0.0005  # of a core for each image, beside decoding and compressing: records, hashes, files
_BLOCK = 512  # bytes of a tar file; what is in it fills whole blocks, behind one that names it
_RECORD = 10240  # bytes; a tar file is filled up to whole ones
_FACTS = 2 * _BLOCK  # bytes of a small file in a tar file


class WholeCost(NamedTuple):
    """What the whole set takes.

    Attributes
    ----------
    images, sampled, failed, left_out
        Images of the run; photos that were measured, and how many of these fail or are left out.
    bytes_in, bytes, seconds
        Of all images: their files, their outputs, and a run with ``jobs`` at the same time.
    outputs, files
        How many images have an output, and the number of files that hold these: fewer where they are packed.
    packed
        Bytes of tar files that hold the outputs with what is written beside each; None for other formats.
    """

    images: int
    sampled: int
    failed: int
    left_out: int
    bytes_in: TotalInterval
    bytes: TotalInterval
    seconds: TotalInterval
    outputs: TotalInterval
    files: TotalInterval
    packed: float | None
    jobs: int

    def plain(self) -> dict[str, Any]:
        """Return all as plain JSON values; intervals as a value and its two ends, None for one that has no bound."""
        values: dict[str, Any] = {}
        for name, value in self._asdict().items():
            if isinstance(value, TotalInterval):
                values |= value.plain(name)
            else:
                values[name] = value
        return values


class RunPlan(NamedTuple):
    """How a run works, as far as it decides what the run takes.

    Attributes
    ----------
    splits
        How many images lie in each part that has packs of its own, of all images.
    has_classes
        Whether images have classes, whose numbers are files in a tar file.
    """

    options: Options
    settings: RunSettings
    splits: Counter[str]
    has_classes: bool


def whole_cost(measured: Sequence[MeasuredPhoto], sample: DrawnSample, plan: RunPlan) -> WholeCost:
    """Return what all images take, estimated from the first ones of a sample.

    Photos without an output count with 0 bytes, so their share of the sample stands for their share of the set.
    """
    images = sample.population
    has_output = [not (one.failed or one.left_out) for one in measured]
    outputs = sample.count(has_output)
    made = sample.total([one.bytes_out for one in measured])
    read = sample.total([one.bytes_in for one in measured])
    if all(has_output):
        made, read = (with_unseen(total, outputs, images) for total in (made, read))
    jobs = max(1, min(plan.settings.jobs or available_cores(), images))
    # The first pass, which finds palettes that images share, decodes each of them, too.
    passes = 1 if plan.options.palette in SHARED else 0
    seconds = sample.total([one.seconds + passes * one.decoding + _SECONDS_BESIDE for one in measured])
    files = TotalInterval(*(_files_of(plan, *ends) for ends in zip(outputs, made, strict=True)))
    packed = None
    if plan.options.format == "webdataset":
        packed = sample.total([_tar_bytes(one, plan) for one in measured]).total + files.total * _RECORD / 2
    return WholeCost(
        images=images,
        sampled=len(measured),
        failed=sum(one.failed for one in measured),
        left_out=sum(one.left_out for one in measured),
        bytes_in=read,
        bytes=made,
        seconds=seconds.times(1 / jobs),
        outputs=outputs,
        files=files,
        packed=packed,
        jobs=jobs,
    )


def _files_of(plan: RunPlan, outputs: float, total: float) -> float:
    """Return the number of files that hold so many outputs with so many bytes together; infinite as the bytes are."""
    options, images = plan.options, plan.splits.total()
    if not images or round(outputs) == 0:
        return 0
    if options.format == ARRAYS:
        # Of each split pixels or indices, labels and names, and palettes of indices; one file tells what they are.
        return len(plan.splits) * (3 if options.strategy == "SO" else 4) + 1
    if options.format not in IMAGE_PACKINGS:
        return round(outputs)
    if math.isinf(total):
        return math.inf
    shares = [count / images for count in plan.splits.values()]
    return sum(
        max(math.ceil(share * outputs / options.shard_images - 1e-9), math.ceil(share * total / options.shard_bytes), 1)
        for share in shares
    )


def _tar_bytes(one: MeasuredPhoto, plan: RunPlan) -> int:
    """Return what an output takes in a tar file, with its facts, and the number of its class."""
    if one.failed or one.left_out:
        return 0
    return _BLOCK + math.ceil(one.bytes_out / _BLOCK) * _BLOCK + _FACTS * (1 + plan.has_classes)
