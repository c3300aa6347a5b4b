"""One set of photos in every form that the benchmark of loading reads: files, packs and arrays with the same pixels."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

import icsys
from icsys import Options, compress_folder
from photos import find_photos, write_photos

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

QUALITY = 75
"""Of JPEG and WebP: the default of Pillow and of most tools."""

ORIGINALS, JPEG, WEBP, PNG, TARS, TABLE = "originals", "jpeg", "webp", "png", "tars", "table"
FULL, FEW, MANY = "full", "k16", "k256"
RAW, RAW_LABELS = "raw.npy", "raw-labels.npy"
BETON_JPEG, BETON_RAW = "jpeg.beton", "raw.beton"
HAS_FFCV = find_spec("ffcv") is not None
"""Whether FFCV can be measured: it is no part of an extra, since its build needs the C++ headers of OpenCV."""

_DONE = "sets.json"
_DRAWN, _DRAWN_SIZE, _DRAWN_CLASSES = 64, (400, 533), 8
_TARS = 8  # packs that workers and a shuffle divide among them


class Sets(NamedTuple):
    """What was written: number of images, their height and width in pixels, and the number of photos that differ."""

    images: int
    side: int
    photos: int


def make(photos: Path | None, work: Path, count: int, side: int) -> Sets:
    """Write ``count`` photos, or as many as there are, in all forms below ``work``; what is there already is taken.

    Parameters
    ----------
    photos
        A folder, whose sub-folders are classes; by code if left out.
    side
        Height and width of the images, which the photos cover.
    """
    done, asked = work / _DONE, [str(photos), count, side, HAS_FFCV]
    if done.exists():
        stored = json.loads(done.read_text(encoding="utf-8"))
        if stored["asked"] == asked:
            return Sets(*stored["sets"])
    for entry in work.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    differ = _write_originals(photos, work, count)
    data = _compress(work, FULL, side, strategy="SO", format="arrays")
    _keep_whole(work / ORIGINALS, data.names)
    _write_files(data, work)
    _write_raw(data, work)
    if HAS_FFCV:
        _write_betons(data, work)
    _compress(work, PNG, side, colors=16)
    _compress(work, FEW, side, colors=16, format="arrays")
    _compress(work, MANY, side, colors=256, format="arrays")
    _compress(work, TARS, side, colors=16, format="webdataset", shard_images=-(-len(data) // _TARS))
    _compress(work, TABLE, side, colors=16, format="parquet")
    sets = Sets(len(data), side, min(differ, len(data)))
    done.write_text(json.dumps({"asked": asked, "sets": sets}), encoding="utf-8")
    return sets


def _write_originals(photos: Path | None, work: Path, count: int) -> int:
    """Write the photos into folders of classes, evenly from all of them; return how many of them differ."""
    if photos is None:
        drawn = write_photos(work / "drawn", min(count, _DRAWN), *_DRAWN_SIZE)
        given = [(drawn[number % len(drawn)], str(number % _DRAWN_CLASSES)) for number in range(count)]
        differ = len(drawn)
    else:
        found = find_photos(photos)
        differ = min(count, len(found))
        places = np.linspace(0, len(found) - 1, differ).astype(int)
        given = [(found[place], str(found[place].parent)) for place in places.tolist()]
    # Numbers instead of names: no two photos share one, and no class has the name of a split.
    classes = {name: f"class{number:04d}" for number, name in enumerate(sorted({name for _, name in given}))}
    for number, (path, name) in enumerate(given):
        copy = work / ORIGINALS / classes[name] / f"{number:06d}{path.suffix.lower()}"
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)  # a link would share the page cache with other photos
    return differ


def _compress(work: Path, name: str, side: int, **options: Any) -> icsys.Dataset:  # noqa: ANN401 - options of ics
    """Compress the originals into a folder and open it."""
    compress_folder(work / ORIGINALS, work / name, Options(size=(side, side), fit="cover", **options))
    return icsys.load(work / name)


def _keep_whole(originals: Path, names: list[str]) -> None:
    """Remove photos that cannot be decoded: every contender would stop at them, or leave them out."""
    whole = {name.rpartition(".")[0] for name in names}
    for path in list(originals.rglob("*.*")):
        if path.relative_to(originals).with_suffix("").as_posix() not in whole:
            path.unlink()


def _write_files(data: icsys.Dataset, work: Path) -> None:
    """Write the pixels of all colours as JPEG and WebP, in folders of classes."""

    def write(row: int) -> None:
        pixels, _ = data[row]
        image = Image.fromarray(pixels)
        for folder, suffix in ((JPEG, ".jpg"), (WEBP, ".webp")):
            path = (work / folder / names[row]).with_suffix(suffix)
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(path, quality=QUALITY)

    names = data.names
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow releases Python's lock as it encodes
        list(pool.map(write, range(len(data))))


def _write_raw(data: icsys.Dataset, work: Path) -> None:
    """Write all pixels as one array (N, 3, H, W), as a model takes them, and the labels."""
    height, width = data.size or (0, 0)
    raw: NDArray[np.uint8] = np.lib.format.open_memmap(
        work / RAW, mode="w+", dtype=np.uint8, shape=(len(data), 3, height, width)
    )
    for row in range(len(data)):
        raw[row] = data.pixels(row)
    raw.flush()
    np.save(work / RAW_LABELS, data.labels)


def _write_betons(data: icsys.Dataset, work: Path) -> None:
    """Write the pixels of all colours as files of FFCV, as JPEG and raw."""
    from ffcv.fields import IntField, RGBImageField  # noqa: PLC0415 - few machines have it
    from ffcv.writer import DatasetWriter  # noqa: PLC0415

    for name, mode in ((BETON_JPEG, "jpg"), (BETON_RAW, "raw")):
        fields = {"image": RGBImageField(write_mode=mode, jpeg_quality=QUALITY), "label": IntField()}
        DatasetWriter(str(work / name), fields, num_workers=1).from_indexed_dataset(data)
