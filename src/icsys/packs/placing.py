"""Which shard each image of a manifest belongs into."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from icsys.layout import MANIFEST, PACKS
from icsys.packs.formats import packing_of
from icsys.records.classes import Classes, number_classes
from icsys.records.labels import Label, from_columns
from icsys.records.manifest import DONE, read_rows

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Sequence

    from icsys.files.rooted_path import RootedPath
    from icsys.records.pack_index import PackIndex

# The words by which Hugging Face's loaders know a split, and its name.
_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}


class Stopped(Exception):  # noqa: N818 - no error, but an end
    """The run is to end."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What the images of a manifest come to.

    Attributes
    ----------
    classes
        Those of the images and of the source, with their numbers.
    splits
        Their names, in order.
    counts
        Images by the shard that they belong into.
    settled
        Whether the manifest tells of each that it lies in that shard.
    """

    classes: Classes
    splits: list[str]
    counts: Counter[str]
    settled: bool


def survey(destination: RootedPath, index: PackIndex, table: Sequence[str], stop: threading.Event) -> Survey:
    """Go once over all images, of a source with a table of classes; Stopped if ``stop`` is set before the end."""
    labels, splits, counts, settled = set[Label](), set[str](), Counter[str](), True
    for row, name in placed(destination, index):
        if stop.is_set():
            raise Stopped
        labels.add(from_columns(row))
        splits.add(split_of(row["file_name"]))
        counts[name] += 1
        settled = settled and row.get("shard") == name
    return Survey(number_classes(labels, table), sorted(splits), counts, settled)


def placed(destination: RootedPath, index: PackIndex) -> Iterator[tuple[dict[str, Any], str]]:
    """Return the line of every image that belongs into a shard with that shard, in the order of the sources."""
    places = Places(index)
    for _, row in read_rows(destination / MANIFEST):
        name = places.next(row)
        if name is not None:
            yield row, name


class Places:
    """Gives images, in the order of the sources, their shards: those of a split are filled one after the other.

    Images of one sample stay together.

    Parameters
    ----------
    index
        What one of them holds at most.
    """

    def __init__(self, index: PackIndex) -> None:
        self._index = index
        self._suffix = packing_of(index.format).SUFFIX
        self._at: dict[str, tuple[int, int, int]] = {}
        self._sample: dict[str, tuple[str, str] | None] = {}

    def next(self, row: dict[str, Any]) -> str | None:
        """Return the shard of the next image, given by its line; None for what belongs into none."""
        if row.get("status") != DONE:
            return None
        split = split_of(row["file_name"])
        number, images, size = self._at.get(split, (0, 0, 0))
        sample = row.get("sample") and (row["file_name"].rpartition("/")[0], row["sample"])
        is_next = not sample or sample != self._sample.get(split)
        self._sample[split] = sample
        if is_next and images and (images >= self._index.shard_images or size + row["bytes"] > self._index.shard_bytes):
            number, images, size = number + 1, 0, 0
        self._at[split] = number, images + 1, size + row["bytes"]
        return f"{PACKS}/{split}-{number:05}{self._suffix}"


def split_of(file_name: str) -> str:
    """Return the split of an image: what its folder at the top says, if that is a word for one, else train."""
    top, slash, _ = file_name.partition("/")
    return _SPLITS.get(top.casefold(), "train") if slash else "train"
