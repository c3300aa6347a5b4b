"""Folders of arrays as ``ics compress --format arrays`` writes them, made by a writer of the tests' own."""

import hashlib
import io
import json
import zlib

import numpy as np

BLOCK = 2**24


def pack(indices, bits):
    """Pack each row of indices into whole bytes, one pixel after the other, by texts of binary digits."""
    if bits >= 8:
        return indices.astype(np.uint16 if bits == 16 else np.uint8)
    count, height, width = indices.shape
    length = -(-width * bits // 8)
    rows = [
        int("".join(f"{value:0{bits}b}" for value in row).ljust(8 * length, "0"), 2).to_bytes(length, "big")
        for row in indices.reshape(-1, width).tolist()
    ]
    return np.frombuffer(b"".join(rows), np.uint8).reshape(count, height, length)


def npy_bytes(array):
    """Return an array as NumPy saves it."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def described(data, array=None, block=BLOCK):
    """Return what ``dataset.json`` says of a file."""
    crc32 = [zlib.crc32(data[begin : begin + block]) for begin in range(0, len(data), block)]
    kind = {} if array is None else {"dtype": array.dtype.name, "shape": list(array.shape)}
    return kind | {
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "blocks": {"bytes": block, "crc32": crc32},
    }


def write_arrays(folder, splits, *, colors, classes, block=BLOCK, **more):
    """Write splits of indices (N, H, W), palettes and labels, or of pixels (N, H, W, 3) and labels."""
    bits = next(bits for bits in (1, 2, 4, 8, 16) if colors <= 2**bits) if colors else 0
    record = {"format": "icsys arrays", "version": 1, "classes": classes, "splits": {}, "options": {}} | more
    for name, arrays in splits.items():
        first = arrays.get("indices", arrays.get("pixels"))
        record |= {"width": first.shape[2], "height": first.shape[1]}
        names = arrays.get("names") or [f"{name}/{number:03}.png" for number in range(len(first))]
        stored = {f"{key}.npy": value for key, value in arrays.items() if key != "names"}
        if bits:
            record |= {"colors": colors, "bits": bits, "packing": "…", "palette": "image"}
            stored["indices.npy"] = pack(stored["indices.npy"], bits)
        files = {key: (npy_bytes(value), value) for key, value in stored.items()}
        files["names.jsonl"] = "".join(json.dumps(one) + "\n" for one in names).encode(), None
        (folder / name).mkdir(parents=True)
        for key, (data, _) in files.items():
            (folder / name / key).write_bytes(data)
        facts = {key: described(data, array, block) for key, (data, array) in files.items()}
        record["splits"][name] = {"images": len(first), "files": facts}
    (folder / "dataset.json").write_text(json.dumps(record), "utf-8")
    return folder


def random_split(count, height, width, colors, *, seed=0, classes=3, shared=None):
    """Make a split: indices, palettes and labels, some images without a label."""
    random = np.random.default_rng(seed)
    palettes = random.integers(0, 256, (count, colors, 3), dtype=np.uint8) if shared is None else shared
    return {
        "indices": random.integers(0, colors, (count, height, width)),
        "palettes": palettes,
        "labels": random.integers(-1, classes, count),
    }


def pixels_of(split):
    """Return the pixels of a split, shape (N, H, W, 3), image by image."""
    palettes = split["palettes"]
    return np.array(
        [(palettes if palettes.ndim == 2 else palettes[one])[image] for one, image in enumerate(split["indices"])]
    )


def facts_of(data):
    """Return what another process sees of a dataset; it is here because such a process imports it by name."""
    return data.pixels().tolist(), data.labels.tolist(), data.names, repr(data)
