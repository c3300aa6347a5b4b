"""What the images of a run take together, from what was measured of a sample of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.choices import SHARED
from icsys.engine import available_cores
from icsys.studio.cost.drawn_sample import with_unseen
from icsys.studio.cost.intervals import TotalInterval
from icsys.studio.cost.pack_sizes import pack_sizes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from icsys.options import Options
    from icsys.run_settings import RunSettings
    from icsys.studio.cost.drawn_sample import DrawnSample
    from icsys.studio.cost.pack_sizes import PackPlan
    from icsys.studio.cost.sampled_photos import MeasuredPhoto

_SECONDS_BESIDE = 0.0005  # of a core for each image, beside decoding and compressing: records, hashes, files


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
        Bytes of packs or arrays, with all that is written beside the outputs in them; None for other formats.
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
    packed: TotalInterval | None
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
    packs
        Which images lie in which packs; None for other formats.
    """

    options: Options
    settings: RunSettings
    packs: PackPlan | None


def whole_cost(photos: Mapping[int, MeasuredPhoto], sample: DrawnSample, plan: RunPlan) -> WholeCost:
    """Return what all images take, estimated from the first ones of a sample, by their numbers in its order.

    Photos without an output count with 0 bytes, so their share of the sample stands for their share of the set.
    """
    images, measured = sample.population, list(photos.values())
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
    files, packed = outputs, None
    if plan.packs is not None:
        files, packed = pack_sizes(photos, plan.packs, outputs, made)
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
