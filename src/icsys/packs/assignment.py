"""Assigns each image of a manifest to a pack."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from icsys.choices import ARRAYS
from icsys.layout import MANIFEST
from icsys.packs.formats import PACK_FORMATS, pack_name, split_in_packs
from icsys.records.classes import Classes, number_classes
from icsys.records.label import Label, from_columns
from icsys.records.manifest import from_line, is_done_image, read_lines
from icsys.records.row_columns import columns_from_line

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Sequence

    from icsys.files.rooted_path import RootedPath
    from icsys.packs.companions import Companions
    from icsys.records.pack_index import PackIndex


class Stopped(Exception):  # noqa: N818 - the user stopped the run, which is no error
    """The run was stopped."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Summary of the packs that the images of a manifest are assigned to.

    Attributes
    ----------
    classes
        The classes of the images and of the source, with their numbers.
    splits
        The names of the splits, sorted.
    counts
        Number of images by pack name.
    companions
        Number of companions by pack name.
    settled
        Whether every image and companion is in its pack already, by the manifest.
    """

    classes: Classes
    splits: list[str]
    counts: Counter[str]
    companions: Counter[str]
    settled: bool


def assign(
    destination: RootedPath,
    index: PackIndex,
    companions: Companions,
    class_names: Sequence[str],
    stop: threading.Event,
) -> Assignment:
    """Return the summary for all images, in one pass over the manifest; Stopped if ``stop`` is set before its end.

    Parameters
    ----------
    companions
        Those in the manifest; their packs are noted.
    index
        The format and the limits of the packs.
    class_names
        The names of the classes by number, where the source has them.
    """
    labels, splits, counts, settled = set[Label](), set[str](), Counter[str](), True
    assigner = PackAssigner(index, companions)
    for row in map(columns_from_line, read_lines(destination / MANIFEST)):
        name = None if row is None else assigner.next(row)
        if row is None or name is None:
            continue
        if stop.is_set():
            raise Stopped
        labels.add(from_columns(row))
        splits.add(split_in_packs(index, row["file_name"]))
        counts[name] += 1
        settled = settled and row.get("shard") == name
    of_images: Counter[str] = Counter()
    for row in companions.all():
        if stop.is_set():
            raise Stopped
        place = companions.place_of(row, PACK_FORMATS[index.format])
        settled = settled and (row.get("shard"), row.get("member")) == (place or (None, None))
        of_images.update([place[0]] if place else [])
    return Assignment(number_classes(labels, class_names), sorted(splits), counts, of_images, settled)


def assigned_rows(
    destination: RootedPath, index: PackIndex, companions: Companions, split: str | None = None
) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the manifest row and the pack name of each image of a split, in the order of the sources.

    Parameters
    ----------
    split
        The name of the split; None for the images of all splits.
    """
    assigner = PackAssigner(index, companions)
    for line in read_lines(destination / MANIFEST):
        if split is not None and _split_in(line, index) != split:  # each split fills packs of its own
            continue
        row = from_line(line)
        name = None if row is None else assigner.next(row)
        if row is not None and name is not None:
            yield row, name


def _split_in(line: bytes, index: PackIndex) -> str | None:
    """Return the split of the image of a manifest line; None for a line without an image."""
    columns = columns_from_line(line)
    return split_in_packs(index, columns["file_name"]) if columns is not None and is_done_image(columns) else None


class PackAssigner:
    """Assigns images to packs, in the order of the sources: each split fills one pack after the other.

    Images of one sample share a pack, and an image shares its pack with its companions, whose bytes count. All images
    of a split share one array.

    Parameters
    ----------
    index
        The format and the limits of the packs.
    companions
        Those in the manifest; their packs are noted.
    """

    def __init__(self, index: PackIndex, companions: Companions) -> None:
        self._index, self._companions = index, companions
        self._has_limits = index.format != ARRAYS
        self._at: dict[str, tuple[int, int, int]] = {}  # by split: number, images and bytes of the current pack
        self._sample: dict[str, tuple[str, str] | None] = {}

    def next(self, row: dict[str, Any]) -> str | None:
        """Return the pack of the next image, given its manifest row; None for any other row."""
        if not is_done_image(row):
            return None
        split = split_in_packs(self._index, row["file_name"])
        number, images, size = self._at.get(split, (0, 0, 0))
        sample = row.get("sample") and (row["file_name"].rpartition("/")[0], row["sample"])
        new = row["bytes"] + (self._companions.size_of(row) if self._companions else 0)
        is_next = not sample or sample != self._sample.get(split)
        self._sample[split] = sample
        is_full = images >= self._index.shard_images or size + new > self._index.shard_bytes
        if is_next and images and is_full and self._has_limits:
            number, images, size = number + 1, 0, 0
        self._at[split] = number, images + 1, size + new
        name = pack_name(self._index, split, number)
        if self._companions and self._has_limits:  # no companion is in arrays
            self._companions.note(row, name)
        return name
