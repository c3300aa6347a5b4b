"""What packs and arrays take with all that is written beside the images: by the same writers, into nothing."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from dataclasses import replace
from functools import partial
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

import numpy as np

from icsys.layout import IMAGE_NAMES
from icsys.packs.arrays_format import ArraysFormat, folder_of_split
from icsys.packs.assignment import PackAssigner
from icsys.packs.formats import FILE_FORMATS, PACK_FORMATS, split_in_packs
from icsys.packs.packed_image import PackedImage
from icsys.packs.webdataset import WebDatasetFormat
from icsys.packs.write_arrays import NPY_HEADER, array_shapes, described_array
from icsys.records.classes import number_classes
from icsys.records.dataset_json import BYTES_OF_BLOCK, dataset_values
from icsys.records.label import UNLABELLED, Label, label_at
from icsys.records.manifest import DONE
from icsys.records.pack_index import PackIndex
from icsys.results import IMAGE
from icsys.studio.cost.intervals import NORMAL_QUANTILE, TotalInterval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from icsys.options import Options
    from icsys.packs.companions import Companions
    from icsys.records.classes import Classes
    from icsys.records.dataset_json import ArrayFacts
    from icsys.sources.base import Task
    from icsys.studio.cost.sampled_photos import MeasuredPhoto

_MOST_DATA = 2**16  # bytes of an image that is written for its size; of a larger one, the rest is added
_RECORD = 10240  # bytes; tar files are filled up to whole ones, so only whole ones may be left out
_GROUP = 100  # rows of a Parquet file that are written together
_LARGEST_CRC32 = 2**32 - 1


class PackPlan(NamedTuple):
    """Which images lie in packs, in their order, and under which names.

    Attributes
    ----------
    options
        Of the run, with a number of colours that is shared.
    arrays
        What arrays hold; None for other formats.
    class_names
        The names of the classes by number, where the source has them.
    tasks
        The images of the run with their outputs, each with its number in the list.
    """

    options: Options
    arrays: ArrayFacts | None
    class_names: Sequence[str]
    tasks: Sequence[tuple[int, Task]]


class PackSizes(NamedTuple):
    """The number of files, and the bytes of all of them."""

    files: TotalInterval
    bytes: TotalInterval


def pack_sizes(
    measured: Mapping[int, MeasuredPhoto], plan: PackPlan, outputs: TotalInterval, made: TotalInterval
) -> PackSizes:
    """Return what all images take in packs; exact where all were measured, but for digits of checksums.

    Parameters
    ----------
    measured
        The photos of a sample by their numbers.
    outputs, made
        How many images have an output, and the bytes of all outputs.
    """
    kept = [(task, measured.get(number)) for number, task in plan.tasks]
    is_all = all(one is not None for _, one in kept)
    if is_all:
        kept = [(task, one) for task, one in kept if one is not None and not (one.failed or one.left_out)]
    if not kept or round(outputs.total) == 0:
        return PackSizes(_exactly(0), _exactly(0))
    labels = {_label(task) for task, _ in kept}
    classes = number_classes(labels, plan.class_names)
    tasks = [task for task, _ in kept]
    if plan.arrays is not None:
        return _between(partial(_array_sizes, plan.arrays, classes, tasks), [end / len(tasks) for end in outputs])
    rows = [_packed(task, one, plan.options.format, classes) for task, one in kept if one and one.facts is not None]
    if is_all:
        return _exact(plan.options, classes, tasks, rows)
    files = TotalInterval(*(_files_of(plan.options, tasks, *ends) for ends in zip(outputs, made, strict=True)))
    return PackSizes(files, _estimated(plan.options, classes, tasks, rows, outputs=outputs, made=made))


def _exactly(number: float) -> TotalInterval:
    return TotalInterval(number, number, number)


def _between(sizes: Callable[[float], tuple[int, int]], ends: Sequence[float]) -> PackSizes:
    """Return the sizes, which grow with a number of images, at an estimate and its two ends."""
    found = [sizes(end) for end in ends]
    return PackSizes(TotalInterval(*(files for files, _ in found)), TotalInterval(*(size for _, size in found)))


def _label(task: Task) -> Label:
    label = label_at(task.output, task.label)
    return UNLABELLED if label.name is None else label


def _packed(task: Task, one: MeasuredPhoto, pack_format: str, classes: Classes) -> tuple[PackedImage, int]:
    """Return an image as it is packed, with so many zeros for its bytes, and the bytes that these stand for."""
    label, number = _label(task)
    number = classes.numbering()[label] if number is None and label is not None else number
    short = one.bytes_out
    if short > _MOST_DATA:
        short = _MOST_DATA + (short - _MOST_DATA) % _RECORD
    member = PACK_FORMATS[pack_format].member(task.output, task.sample or "")
    return PackedImage(member, bytes(short), label, one.facts or {}, number), one.bytes_out


class _Counter:
    """A file that counts its bytes."""

    def __init__(self) -> None:
        self.size = 0
        self.closed = False

    def write(self, data: Any) -> int:  # noqa: ANN401 - bytes, or a buffer of pyarrow
        """Count bytes."""
        self.size += (count := memoryview(data).nbytes)
        return count

    def writelines(self, parts: Iterable[bytes]) -> None:
        """Count bytes."""
        for part in parts:
            self.write(part)

    def tell(self) -> int:
        """Return how many there are."""
        return self.size

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def _written(pack_format: str, classes: Classes, rows: Sequence[tuple[PackedImage, int]]) -> int:
    """Return the bytes of a pack of these images."""
    file = _Counter()
    FILE_FORMATS[pack_format].write(cast("BinaryIO", file), (image for image, _ in rows), classes, {})
    return file.size + sum(size - len(image.data) for image, size in rows)


def _exact(
    options: Options, classes: Classes, tasks: Sequence[Task], rows: Sequence[tuple[PackedImage, int]]
) -> PackSizes:
    """Return the sizes of the packs that a run makes of these images."""
    assigner = PackAssigner(_index(options), cast("Companions", ()))
    packs: defaultdict[str | None, list[tuple[PackedImage, int]]] = defaultdict(list)
    for task, row in zip(tasks, rows, strict=True):
        values = {"file_name": task.output, "bytes": row[1], "kind": IMAGE, "status": DONE, "sample": task.sample or ""}
        packs[assigner.next(values)].append(row)
    return PackSizes(
        _exactly(len(packs)), _exactly(sum(_written(options.format, classes, one) for one in packs.values()))
    )


def _estimated(
    options: Options,
    classes: Classes,
    tasks: Sequence[Task],
    rows: Sequence[tuple[PackedImage, int]],
    *,
    outputs: TotalInterval,
    made: TotalInterval,
) -> TotalInterval:
    """Return the bytes of packs from a sample: what lies beside its images stands for all."""

    def size(images: float, made: float) -> tuple[float, int]:
        if math.isinf(made):
            return made, 1
        most, beside, packs = _images_of_a_pack(options, images, made), 0.0, 0
        for count in _images_of_splits(options, tasks, images):
            whole = max(1, math.ceil(count / most - 1e-9)) - 1
            beside += whole * _beside(options.format, classes, rows, most)
            beside += _beside(options.format, classes, rows, count - whole * most)
            packs += whole + 1
        return made + beside, packs

    (total, packs), (low, _), (high, _) = (size(*ends) for ends in zip(outputs, made, strict=True))
    # What lies beside an image does not go by its bytes, so its chance adds to theirs as that of another thing.
    chance = _chance_beside(options.format, rows, outputs.total, packs)
    least = sum(row[1] for row in rows)
    return TotalInterval(
        total, max(least, total - math.hypot(total - low, chance)), total + math.hypot(high - total, chance)
    )


def _chance_beside(pack_format: str, rows: Sequence[tuple[PackedImage, int]], images: float, packs: int) -> float:
    """Return half of a 95 % interval of the bytes beside images that a tar fills up; rows of Parquet differ little."""
    tar = FILE_FORMATS[pack_format]
    if not isinstance(tar, WebDatasetFormat) or len(rows) <= 1:
        return 0.0
    spread = float(np.std(_beside_each(tar, rows), ddof=1)) * images / math.sqrt(len(rows))
    return NORMAL_QUANTILE * math.hypot(spread, _RECORD * math.sqrt(packs / 12))


def _beside_each(tar: WebDatasetFormat, rows: Sequence[tuple[PackedImage, int]]) -> list[int]:
    """Return the bytes beside those of each image in a tar."""
    return [sum(map(len, tar.files_of(image))) - len(image.data) for image, _ in rows]


def _files_of(options: Options, tasks: Sequence[Task], outputs: float, made: float) -> float:
    """Return the number of packs of so many images with so many bytes together; infinite as the bytes are."""
    if round(outputs) == 0 or math.isinf(made):
        return made if math.isinf(made) else 0
    most = _images_of_a_pack(options, outputs, made)
    return sum(max(1, math.ceil(images / most - 1e-9)) for images in _images_of_splits(options, tasks, outputs))


def _images_of_a_pack(options: Options, outputs: float, made: float) -> int:
    """Return how many images of the mean size fill a pack."""
    return max(1, min(options.shard_images, int(options.shard_bytes * outputs / max(made, 1.0))))


def _images_of_splits(options: Options, tasks: Sequence[Task], outputs: float) -> list[float]:
    """Return how many of so many outputs lie in each split, as all images do."""
    index = _index(options)
    counts = Counter(split_in_packs(index, task.output) for task in tasks)
    return [count / len(tasks) * outputs for count in counts.values()]


def _index(options: Options) -> PackIndex:
    return PackIndex(format=options.format, shard_images=options.shard_images, shard_bytes=options.shard_bytes)


def _beside(pack_format: str, classes: Classes, rows: Sequence[tuple[PackedImage, int]], images: float) -> float:
    """Return the bytes beside those of images in a pack of so many, if they are as those of a sample."""
    if not rows:
        return 0.0
    if isinstance(tar := FILE_FORMATS[pack_format], WebDatasetFormat):
        return images * float(np.mean(_beside_each(tar, rows))) + 2 * 512 + _RECORD / 2
    count = max(1, round(images))
    few = count if count <= 2 * _GROUP else _GROUP + count % _GROUP

    def written(number: int) -> int:
        some = list(islice(cycle(rows), number))
        return _written(pack_format, classes, some) - sum(size for _, size in some)

    if few == count:
        return float(written(count))
    first, second = written(few), written(few + _GROUP)
    return first + (count - few) / _GROUP * (second - first)


def _array_sizes(facts: ArrayFacts, classes: Classes, tasks: Sequence[Task], share: float) -> tuple[int, int]:
    """Return the number of files of arrays and their bytes, which are known but for the names of images that fail."""
    splits: defaultdict[str, list[int]] = defaultdict(list)
    for task in tasks:
        name = json.dumps(ArraysFormat().member(task.output))
        splits[folder_of_split(task.output)].append(len(name) + 1)
    described: dict[str, dict[str, Any]] = {}
    total = 0
    for split, names in sorted(splits.items()):
        images = round(len(names) * share)
        shapes = array_shapes(facts, images)
        files = {}
        for name in dict.fromkeys((*facts.files, *shapes)):
            size = round(sum(names) * share) if name == IMAGE_NAMES else _array_bytes(*shapes[name])
            total += size
            files[name] = described_array(shapes.get(name)) | _hashed(size)
        described[split] = {"images": images, "files": files}
    values = dataset_values(facts, classes, described, {})
    record = len(json.dumps(values, indent=1)) + 1
    return sum(len(one["files"]) for one in described.values()) + 1, total + record


def _array_bytes(descr: str, shape: tuple[int, ...]) -> int:
    return NPY_HEADER + math.prod(shape) * np.dtype(descr).itemsize


def _hashed(size: int) -> dict[str, Any]:
    """Return a description of a file of a size, with hashes that have the digits of most."""
    blocks = {"bytes": BYTES_OF_BLOCK, "crc32": [_LARGEST_CRC32] * math.ceil(size / BYTES_OF_BLOCK)}
    return {"bytes": size, "sha256": "0" * 64, "blocks": blocks}


def shared_palette_facts(facts: ArrayFacts | None, *, one_palette: bool) -> ArrayFacts | None:
    """Return facts of arrays whose images share one palette, or do not."""
    return None if facts is None else replace(facts, one_palette=one_palette)
