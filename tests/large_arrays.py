"""Arrays larger than memory, whose files have holes: they take no room on the disk either."""

import json
import zlib

import numpy as np
import psutil
import pytest

from array_folders import BLOCK

SIDE, COLORS = 64, 16
MANY = 5_000_000
MEGABYTE = 2**20


def _sparse(path, data, size):
    """Make a file that begins with data and ends in a hole; skip the test where files have none."""
    with path.open("wb") as file:
        file.write(data)
        file.truncate(len(data) + 2**24)
        if not hasattr(path.stat(), "st_blocks") or path.stat().st_blocks * 512 > 2**23:
            pytest.skip("the file system has no files with holes")
        file.truncate(size)


def _crc32_of(path, block):
    with path.open("rb") as file:
        return [zlib.crc32(data) for data in iter(lambda: file.read(block), b"")]


def large(folder, images, last, *, hashed=False):
    """Make arrays of so many images of which only the last are not zeros; their blocks are counted, or hashed."""
    shapes = {
        "indices.npy": ("uint8", (images, SIDE, SIDE // 2)),
        "palettes.npy": ("uint8", (images, COLORS, 3)),
        "labels.npy": ("int64", (images,)),
    }
    ends = {"indices.npy": last["indices"][..., ::2] * 16 + last["indices"][..., 1::2]}
    ends |= {"palettes.npy": last["palettes"], "labels.npy": last["labels"]}
    (folder / "all").mkdir(parents=True)
    files = {}
    for name, (dtype, shape) in shapes.items():
        path, end = folder / "all" / name, ends[name].astype(dtype).tobytes()
        header = f"{{'descr': '{np.dtype(dtype).str}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
        size = 128 + int(np.prod(shape)) * np.dtype(dtype).itemsize
        _sparse(path, b"\x93NUMPY\x01\x00v\x00" + header.encode(), size)
        with path.open("r+b") as file:
            file.seek(size - len(end))
            file.write(end)
        files[name] = {"dtype": dtype, "shape": list(shape), "bytes": size}
    (folder / "all" / "names.jsonl").write_bytes(b"")
    files["names.jsonl"] = {"bytes": 0}
    for name, file in files.items():
        crc32 = _crc32_of(folder / "all" / name, BLOCK) if hashed else [0] * -(-file["bytes"] // BLOCK)
        file["blocks"] = {"bytes": BLOCK, "crc32": crc32}
    record = {"format": "icsys arrays", "version": 1, "width": SIDE, "height": SIDE, "colors": COLORS, "bits": 4}
    record |= {"classes": ["a", "b", "c"], "splits": {"all": {"images": images, "files": files}}}
    (folder / "dataset.json").write_text(json.dumps(record), "utf-8")
    return folder


def own_memory():
    """Return the bytes of memory that are not those of files."""
    memory = psutil.Process().memory_info()
    return memory.rss - getattr(memory, "shared", memory.rss)  # known on Linux
