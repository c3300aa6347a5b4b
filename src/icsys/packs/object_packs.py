"""Packs in an object store: built in a local folder at the end of a run, and uploaded from there.

During a run each image is uploaded as an object below ``.ics-parts/``, and a local copy is kept for packing. An empty
local file of the same size stands for each pack of an earlier run, until the pack is needed and downloaded.

Object stores cannot rename. So ``shards.json`` first records that no pack counts; the packs are uploaded; then it
records that they count. After a crash in between, only images that were in packs alone are made again. Arrays have no
``dataset.json`` meanwhile: it comes last.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, BinaryIO

from icsys.errors import UsageError
from icsys.files.object_store import Objects
from icsys.files.rooted_path import RootedPath
from icsys.layout import DATASET, MANIFEST, PACK_INDEX, PACKS, RESERVED, UNPACKED, is_array_name, is_pack_name
from icsys.outputs.base import OutputStat
from icsys.outputs.folder import FolderOutputs
from icsys.outputs.objects import ObjectOutputs
from icsys.packs.assignment import Stopped
from icsys.packs.local_packs import is_packed
from icsys.records.manifest import DONE, read_rows
from icsys.records.pack_index import PackIndex, load_pack_index

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence
    from pathlib import Path

    from icsys.outputs.base import NewOutput
    from icsys.outputs.objects import Commit
    from icsys.records.dataset_json import ArrayFacts


class UnpackedOutputs(ObjectOutputs):
    """Outputs as objects, with a local copy of each."""

    def __init__(
        self, objects: Objects, folder: Path, commit: Commit | None = None, beside: ObjectOutputs | None = None
    ) -> None:
        super().__init__(objects, commit)
        self._unpacked, self._folder, self._beside = objects, folder, beside
        self.single_files: frozenset[str] = frozenset()
        """Outputs of earlier runs that are single objects beside the packs."""

    def __reduce__(self) -> tuple[type[UnpackedOutputs], tuple[Any, ...]]:
        return UnpackedOutputs, (self._unpacked, self._folder)

    def stat(self, output: str) -> OutputStat:
        """See Outputs; an object beside the packs counts if there is no new one."""
        if output.casefold() in RESERVED:
            return OutputStat(obstacle=f"the file {output!r} has the name of a file of ics")
        found = super().stat(output)
        beside = self._beside if output in self.single_files and found.size is None else None
        return found if beside is None else beside.stat(output)

    def read(self, output: str) -> bytes:
        """See Outputs."""
        is_beside = output in self.single_files and not self.is_unpacked(output)
        return self._beside.read(output) if self._beside and is_beside else super().read(output)

    def is_unpacked(self, output: str) -> bool:
        """Return whether an output is an object that is not packed yet, or not in its place beside the packs."""
        return super().stat(output).size is not None

    def write_all(self, files: Sequence[NewOutput]) -> list[OSError | None]:
        """See Outputs; the objects are written first, so every local copy has its object."""
        errors = super().write_all(files)
        written = [number for number, error in enumerate(errors) if error is None]
        copied = FolderOutputs(RootedPath(self._folder)).write_all([files[number] for number in written])
        for number, error in zip(written, copied, strict=True):
            errors[number] = error
        return errors

    def write_file(self, output: str, file: BinaryIO, sha256: str) -> None:
        """See Outputs; the object is written first, likewise."""
        start = file.tell()
        super().write_file(output, file, sha256)
        file.seek(start)
        FolderOutputs(RootedPath(self._folder)).write_file(output, file, sha256)


class RemotePacks:
    """The packs of a destination in an object store, and their local twins in ``folder``."""

    def __init__(self, objects: Objects, folder: Path, commit: Commit) -> None:
        self._objects, self._folder, self._root = objects, folder, RootedPath(folder)
        self._unpacked = Objects(f"{objects.url}/{UNPACKED}")
        self.outputs = UnpackedOutputs(self._unpacked, folder / UNPACKED, commit, ObjectOutputs(objects))
        self._before = PackIndex(format="")
        self._index = b""
        self._inodes: dict[str, int] = {}  # of the empty local files, by pack name

    def stand_in(self) -> None:
        """Create an empty local file of the right size for each pack in the store; ``dataset.json`` is fetched."""
        index = load_pack_index(self._root)
        if index is not None:
            self._before, self._index = index, (self._folder / PACK_INDEX).read_bytes()
            self.outputs.single_files = frozenset(index.files)
            if index.state == "written":
                raise UsageError(
                    f"destination {self._objects.name!r} is a copy of a folder in which packing was interrupted: "
                    "run once into the folder, and copy it again"
                )
        arrays = {pack.name.rpartition("/")[0] for pack in self._before.packs if is_array_name(pack.name)}
        for folder in sorted({PACKS, *arrays}):
            above = f"{folder}/" if folder else ""
            for name, size in self._objects.listing(folder).items():
                if size is not None and is_pack_name(above + name):
                    self._stand_for(above + name, size)

    def _stand_for(self, name: str, size: int) -> None:
        path = self._folder / name
        path.parent.mkdir(exist_ok=True)
        if name == DATASET:
            self._objects.fetch(name, path)
        else:
            with path.open("wb") as file:
                file.truncate(size)
        os.utime(path, ns=(0, 0))  # older than the index, so its content is not read
        self._inodes[name] = path.stat().st_ino

    def announce(self) -> None:
        """Upload the index of a new destination before its first image, to fix the format."""
        if not self._index and (self._folder / PACK_INDEX).exists():
            self._objects.send(self._folder / PACK_INDEX, PACK_INDEX)
            self._index = (self._folder / PACK_INDEX).read_bytes()

    def bring(
        self,
        *,
        shard_images: int,
        shard_bytes: int,
        class_names: Sequence[str],
        arrays: ArrayFacts | None = None,
        stop: threading.Event,
    ) -> None:
        """Download what packing reads: images of earlier runs, and packs unless all stay as they are.

        Raises
        ------
        OSError
            If one of them cannot be read.
        """
        self._fetch_singles(stop, beside=False, with_images=arrays is None)
        try:
            limits = {"shard_images": shard_images, "shard_bytes": shard_bytes}
            settled = is_packed(self._root, **limits, class_names=class_names, arrays=arrays, stop=stop)
        except Stopped:
            return
        if arrays is not None and not settled:  # masks and boxes come from files beside the arrays
            self._fetch_singles(stop, beside=True, with_images=True)
        for pack in [] if settled else self._before.packs:
            if pack.name in self._inodes:
                self._objects.fetch(pack.name, self._folder / pack.name)

    def _fetch_singles(self, stop: threading.Event, *, beside: bool, with_images: bool) -> None:
        """Download files of earlier runs that are in no pack.

        Parameters
        ----------
        beside
            Whether those about many images are among them, which stay where they are.
        with_images
            Whether those beside the packs that go with one image are.
        """
        for _, row in read_rows(self._root / MANIFEST):
            if stop.is_set():
                return
            name = row.get("file_name", "")
            copy = self._folder / UNPACKED / name
            if row.get("status") != DONE or copy.exists() or not self.outputs.exists(name):
                continue
            is_new = self.outputs.is_unpacked(name)
            if not is_new and not (with_images if row.get("picture") else beside):
                continue
            copy = copy if is_new else self._folder / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            (self._unpacked if is_new else self._objects).fetch(name, copy)
            if not is_new:
                self._inodes[name] = copy.stat().st_ino

    def send(self) -> None:
        """Upload the new packs; none of them counts until :meth:`settle`."""
        index = load_pack_index(self._root)
        new = [pack.name for pack in index.packs if self._is_new(pack.name)] if index else []
        files = [name for name in index.files if self._is_new(name)] if index else []
        if index and (new or files):
            old = {*self._before.old, *(pack.name for pack in [*self._before.packs, *index.packs])}
            singles = sorted({*self._before.files, *index.files})
            changed = PackIndex(format=index.format, old=sorted(old), files=singles) if new else self._before
            changed.files = singles
            self._write_index(changed)
            if any(map(is_array_name, new)):  # no reader may find new arrays under the old record, which comes last
                self._objects.remove([DATASET])
            for name in (*new, *files):
                self._objects.send(self._folder / name, name)

    def settle(self) -> None:
        """Record that the packs count, and remove what they replace; called once the manifest is in the store."""
        index = load_pack_index(self._root)
        if index is None or index.state != "complete":
            return
        names = {pack.name for pack in index.packs}
        index.old = sorted({*self._before.old, *(pack.name for pack in self._before.packs)} - names)
        self._write_index(index)
        self._objects.remove([*index.old, *sorted({*self._before.files} - {*index.files})])
        index.old = []
        self._write_index(index)
        rows = (row for _, row in read_rows(self._root / MANIFEST) if row.get("status") == DONE)
        if all(row.get("shard") in names or row["file_name"] in index.files for row in rows):
            self._objects.remove(f"{UNPACKED}/{name}" for name in self._unpacked.all())

    def _is_new(self, name: str) -> bool:
        path = self._folder / name
        return path.exists() and path.stat().st_ino != self._inodes.get(name)

    def _write_index(self, index: PackIndex) -> None:
        text = json.dumps(index.to_dict(), indent=2).encode() + b"\n"
        if text != self._index:
            self._objects.write(PACK_INDEX, text)
            self._index = text
