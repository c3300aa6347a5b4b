"""Shards in an object store: packed in the folder where the books lie while a run lasts, and sent from there.

While images are made, each goes up as an object below ``.ics-parts/``, where it would lie as a file in a folder, and a
copy of it stays here for the packing. For the shards of earlier runs empty files of their size stand here, until they
are read.

Objects cannot be renamed into their places. So ``shards.json`` says first that no shard counts; a crash before it says
otherwise costs the images that lay in shards alone, which are made again.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from icsys.errors import UsageError
from icsys.files.object_store import Objects
from icsys.files.rooted_path import RootedPath
from icsys.layout import INDEX, MANIFEST, PACKS, PARTS, is_pack_name
from icsys.outputs.folder import FolderOutputs
from icsys.outputs.objects import ObjectOutputs
from icsys.packs.pack import is_packed
from icsys.packs.placing import Stopped
from icsys.records.manifest import DONE, read_rows
from icsys.records.pack_index import PackIndex, load_pack_index

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence
    from pathlib import Path

    from icsys.outputs.objects import Commit


class PartOutputs(ObjectOutputs):
    """Objects, with a copy of each in a folder."""

    def __init__(self, objects: Objects, folder: Path, commit: Commit | None = None) -> None:
        super().__init__(objects, commit)
        self._parts, self._folder = objects, folder

    def __reduce__(self) -> tuple[type[PartOutputs], tuple[Any, ...]]:
        return PartOutputs, (self._parts, self._folder)

    def write(self, output: str, data: bytes, sha256: str) -> None:
        """See Outputs; nothing lies in the folder that is no object."""
        super().write(output, data, sha256)
        FolderOutputs(RootedPath(self._folder)).write(output, data, sha256)


class RemoteShards:
    """The shards of a destination below a URL, as ``folder`` is to have them."""

    def __init__(self, objects: Objects, folder: Path, commit: Commit) -> None:
        self._objects, self._folder, self._books = objects, folder, RootedPath(folder)
        self._parts = Objects(f"{objects.url}/{PARTS}")
        self.outputs = PartOutputs(self._parts, folder / PARTS, commit)
        self._before = PackIndex(format="")
        self._index = b""
        self._standing: dict[str, int] = {}

    def stand_in(self) -> None:
        """Put empty files of their size into the places of all shards."""
        index = load_pack_index(self._books)
        if index is not None:
            self._before, self._index = index, (self._folder / INDEX).read_bytes()
            if index.state == "written":
                raise UsageError(
                    f"destination {self._objects.name!r} is a copy of a folder whose packing was not at its end: "
                    "run once into the folder, and copy it again"
                )
        for name, size in self._objects.listing(PACKS).items():
            if size is not None and is_pack_name(f"{PACKS}/{name}"):
                path = self._folder / PACKS / name
                path.parent.mkdir(exist_ok=True)
                with path.open("wb") as file:
                    file.truncate(size)
                os.utime(path, ns=(0, 0))  # older than the index, so that nobody asks for what it holds
                self._standing[f"{PACKS}/{name}"] = path.stat().st_ino

    def announce(self) -> None:
        """Say in the store of which kind it is, before the first image says so."""
        if not self._index and (self._folder / INDEX).exists():
            self._objects.send(self._folder / INDEX, INDEX)
            self._index = (self._folder / INDEX).read_bytes()

    def bring(self, *, shard_images: int, shard_bytes: int, table: Sequence[str], stop: threading.Event) -> None:
        """Bring here what packing will read: images of earlier runs, and shards, unless they stay as they are.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        for _, row in read_rows(self._books / MANIFEST):
            if stop.is_set():
                return
            name = row.get("file_name", "")
            if row.get("status") == DONE and not (self._folder / PARTS / name).exists() and self.outputs.exists(name):
                (self._folder / PARTS / name).parent.mkdir(parents=True, exist_ok=True)
                self._parts.fetch(name, self._folder / PARTS / name)
        try:
            limits = {"shard_images": shard_images, "shard_bytes": shard_bytes}
            settled = is_packed(self._books, **limits, table=table, stop=stop)
        except Stopped:
            return
        for shard in [] if settled else self._before.shards:
            if shard.name in self._standing:
                self._objects.fetch(shard.name, self._folder / shard.name)

    def send(self) -> None:
        """Send the shards that are new; none counts until :meth:`settle`."""
        index = load_pack_index(self._books)
        new = [shard.name for shard in index.shards if self._is_new(shard.name)] if index else []
        if index and new:
            old = {*self._before.old, *(shard.name for shard in [*self._before.shards, *index.shards])}
            self._say(PackIndex(format=index.format, old=sorted(old)))
            for name in new:
                self._objects.send(self._folder / name, name)

    def settle(self) -> None:
        """Say that the shards count, and remove what they replace; called once the manifest is there."""
        index = load_pack_index(self._books)
        if index is None or index.state != "complete":
            return
        names = {shard.name for shard in index.shards}
        index.old = sorted({*self._before.old, *(shard.name for shard in self._before.shards)} - names)
        self._say(index)
        self._objects.remove(index.old)
        index.old = []
        self._say(index)
        rows = (row for _, row in read_rows(self._books / MANIFEST) if row.get("status") == DONE)
        if all(row.get("shard") in names for row in rows):
            self._objects.remove(f"{PARTS}/{name}" for name in self._parts.all())

    def _is_new(self, name: str) -> bool:
        return os.stat(self._folder / name).st_ino != self._standing.get(name)  # noqa: PTH116

    def _say(self, index: PackIndex) -> None:
        text = json.dumps(asdict(index), indent=2).encode() + b"\n"
        if text != self._index:
            self._objects.write(INDEX, text)
            self._index = text
