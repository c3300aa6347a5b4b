"""Runs of a few photos into an object store in memory and into a folder, and what both then hold."""

import json

from helpers import compress_into, image_bytes, synthetic_photo

URL = "memory://bucket/small"
NAMES = ("cat/a.png", "cat/b.png", "dog/a.png", "test/cat/x.png", "c.png")


def put(path, seed):
    """Write a photo."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image_bytes(synthetic_photo(24, 32, seed=seed)))


def run(source, destination, options, **settings):
    """Run once; return the summary."""
    return compress_into(source, destination, options, jobs=1, **settings)[1]


def small(store):
    """Return all objects below ``URL``, as :func:`steady` has them."""
    return steady(store.objects("bucket/small"))


def local(folder):
    """Return all files of a folder, as :func:`steady` has them."""
    return steady(
        {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    )


def steady(files):
    """Return files without the times of sources and the facts of a run, and without the copy of a palette."""
    files = {name: data for name, data in files.items() if name not in {"run.json", ".ics-lock", "palette.gpl"}}
    lines = [json.loads(line) | {"source_mtime_ns": 0} for line in files.get("manifest.jsonl", b"").splitlines()]
    return files | {"manifest.jsonl": lines}
