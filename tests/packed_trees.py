"""Folders as a run leaves them right before it packs: images and companions as single files, with their rows."""

import hashlib
import json
import threading
from typing import NamedTuple

from helpers import manifest_row
from icsys.files.atomic import write_whole
from icsys.files.rooted_path import RootedPath
from icsys.files.url import Url
from icsys.layout import MANIFEST
from icsys.outputs.base import NewOutput
from icsys.packs.local_packs import open_packs, pack_images
from icsys.packs.unpacked_folder import UnpackedFolder
from icsys.records.manifest import read_rows, to_line
from icsys.run.object_destination import ObjectDestination


class Beside(NamedTuple):
    """A companion: its kind and form, the source of its image, or an empty text, and its bytes."""

    kind: str
    form: str
    picture: str
    data: bytes


def image_row(source, data, **changes):
    """Return the row of an image, as the run that wrote it."""
    return manifest_row(source, f"{source.rpartition('.')[0]}.png", kind="image", **_hashed(data), **changes)


def companion_row(output, one):
    """Return the row of a companion."""
    return {
        "file_name": output,
        "kind": one.kind,
        "form": one.form,
        "picture": one.picture,
        "source_path": output,
        "source_bytes": len(one.data),
        "source_sha256": "0" * 64,
        "source_mtime_ns": 5,
        "labels": 0,
        "dropped": 0,
        **_hashed(one.data),
        "warning": "",
        "options_hash": "o",
        "status": "compressed",
    }


def _hashed(data):
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def pack_tree(out, images, companions, packing="webdataset", *, shard_images=100, shard_bytes=10**9, samples=None):
    """Do what a run does: write what is new or has changed, keep the rows, and pack; return the rows.

    Parameters
    ----------
    images
        Bytes by source.
    companions
        By output.
    samples
        Names of samples by source.
    """
    out.mkdir(exist_ok=True)
    outputs = UnpackedFolder(RootedPath(out))
    limits = {"shard_images": shard_images, "shard_bytes": shard_bytes}
    _pack(RootedPath(out), outputs, _rows(images, companions, samples or {}), packing, **limits)
    return rows_of(out)


def pack_in_store(url, images, companions, packing="webdataset", *, shard_images=100):
    """Do the same in an object store."""
    place = ObjectDestination(Url(url), packed=True)
    limits = {"shard_images": shard_images, "shard_bytes": 10**9}
    stop = threading.Event()

    def bring():
        place.fetch_for_packing(**limits, table=(), stop=stop)

    with place.open(dry_run=False, stop=stop, on_wait=lambda _: None):
        _pack(place.state_folder, place.outputs, _rows(images, companions, {}), packing, bring=bring, **limits)
        place.publish()


def _rows(images, companions, samples):
    """Return rows with their bytes."""
    rows = []
    for source, data in images.items():
        sample = samples.get(source)
        rows.append((image_row(source, data, **({"sample": sample} if sample else {})), data))
    return rows + [(companion_row(output, one), one.data) for output, one in companions.items()]


def _pack(root, outputs, rows, packing, *, bring=None, **limits):
    """Write what is new, keep the rows of what is there, and pack."""
    names = open_packs(root, packing, read_only=False)
    before = {row["file_name"]: row for _, row in read_rows(root / MANIFEST)}
    kept = []
    for row, data in rows:
        old = before.get(row["file_name"], {})
        same = all(old.get(name) == row.get(name) for name in ("sha256", "picture", "kind", "form"))
        found = outputs.stat(row["file_name"]).size is not None or old.get("shard") in names
        if not (same and found):
            assert outputs.write_all([NewOutput(row["file_name"], data, row["sha256"])]) == [None]
        kept.append(old if same and found else row)
    gone = [row for name, row in before.items() if name not in {row["file_name"] for row, _ in rows}]
    kept += [row | {"status": "stale"} for row in gone if outputs.exists(row["file_name"])]
    kept.sort(key=lambda row: (row["source_path"], row["file_name"]))
    write_whole(root / MANIFEST, map(to_line, kept))
    if bring is not None:
        bring()
    pack_images(root, **limits, replace=False, stop=threading.Event(), on_pack=lambda: None)


def rows_of(out):
    """Return the rows of the manifest."""
    path = out / MANIFEST
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
