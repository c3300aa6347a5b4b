"""Arrays are written with one image in memory, however many there are."""

import threading
import tracemalloc

import numpy as np
import pytest

from icsys.files.atomic import write_whole
from icsys.files.rooted_path import RootedPath
from icsys.image.arrays.image_row import RowForm, encode_index_row, encode_pixel_row
from icsys.layout import MANIFEST, UNPACKED
from icsys.packs.local_packs import open_packs, pack_images
from icsys.records.dataset_json import ArrayFacts
from icsys.records.manifest import to_line
from packed_trees import image_row, rows_of

SIDE = 512
MEGABYTE = 2**20


def image(seed, colors):
    """Return the file of an image of some hundred kilobytes."""
    random = np.random.default_rng(seed)
    if not colors:
        return encode_pixel_row(random.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))
    indices = random.integers(0, colors, (SIDE, SIDE))
    return encode_index_row(indices, random.integers(0, 256, (colors, 3), dtype=np.uint8), colors)


def peak_of_packing(folder, images, colors):
    """Pack images as a run does at its end, those with rows from their earlier place; return the most memory taken."""
    root = RootedPath(folder)
    open_packs(root, "arrays", read_only=False)
    rows = {row["source_path"]: row for row in rows_of(folder)}
    for name, seed in images.items():
        data = image(seed, colors)
        rows[name] = image_row(name, data)
        (folder / UNPACKED).mkdir(parents=True, exist_ok=True)
        (folder / UNPACKED / rows[name]["file_name"]).write_bytes(data)
    write_whole(root / MANIFEST, (to_line(rows[name]) for name in sorted(rows)))
    facts = ArrayFacts(RowForm(SIDE, SIDE, colors), one_palette=False, options={})
    settings = {"shard_images": 1, "shard_bytes": 1, "arrays": facts, "replace": False}
    tracemalloc.start()
    try:
        pack_images(root, **settings, stop=threading.Event(), on_pack=lambda: None)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("colors", [0, 256])
def test_many_images_take_the_memory_of_few(colors, tmp_path):
    many = {f"{seed:03}.jpg": seed for seed in range(40)}
    size = RowForm(SIDE, SIDE, colors).file_bytes
    few = peak_of_packing(tmp_path / "few", dict(list(many.items())[:3]), colors)
    assert peak_of_packing(tmp_path / "many", many, colors) < few + size / 2
    again = peak_of_packing(tmp_path / "many", {"020.jpg": 99}, colors)  # all others out of the old arrays
    assert max(few, again) < 6 * size + MEGABYTE  # a few copies of one image
    stored = np.load(tmp_path / "many" / "all" / ("indices.npy" if colors else "pixels.npy"), mmap_mode="r")
    assert len(stored) == 40
    for row, seed in ((3, 3), (20, 99), (39, 39)):
        assert stored[row].tobytes() in image(seed, colors)
