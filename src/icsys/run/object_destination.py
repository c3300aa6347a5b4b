"""An object store as a destination: outputs are objects; the run's records lie in a temporary folder meanwhile.

An object cannot be appended to. So the journal grows in the temporary folder, and its new rows are uploaded as objects
below ``.ics-books/``, together with the pending outputs: before each batch of outputs, and every few seconds. At the
end, the run sorts the journal as in any folder, and uploads ``manifest.jsonl``, ``failures.jsonl`` and ``run.json``.
The next run, on any machine, starts from these objects.

The name of a journal object holds the hash of the manifest that it continues. A new manifest makes the object void.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.errors import UsageError
from icsys.files.object_store import Objects
from icsys.files.parsing import from_json
from icsys.files.rooted_path import RootedPath
from icsys.journal.journal import repair_end
from icsys.layout import FAILURES, GIMP_PALETTE, MANIFEST, PACK_INDEX, PALETTE, PENDING, RUN, SPLITS, STATE_FOLDERS
from icsys.outputs.lease import RENEW_SECONDS, Lease
from icsys.outputs.objects import ObjectOutputs
from icsys.packs.object_packs import RemotePacks
from icsys.records.manifest import to_line
from icsys.records.pending_outputs import load_pending, write_pending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from icsys.files.url import Url
    from icsys.records.dataset_json import ArrayFacts

_PALETTES = PALETTE, GIMP_PALETTE
_UPLOAD_SECONDS = 5.0  # the longest time whose rows a crash may cost
_NEW = "new"  # stands for the hash of a missing file
_PARALLEL = 16  # journal objects that are downloaded in parallel


class ObjectDestination:
    """A destination below a URL.

    Attributes
    ----------
    folder, state_folder
        Temporary folder with the records of the run.
    outputs
        Where outputs are written.

    Parameters
    ----------
    packed
        Whether images are packed at the end.
    """

    def __init__(self, url: Url, *, packed: bool = False) -> None:
        self._objects = Objects(url)
        self.name = self._objects.name
        self.folder = Path(tempfile.gettempdir(), f"ics-{os.urandom(8).hex()}")
        self.state_folder = RootedPath(self.folder)
        self._packs = RemotePacks(self._objects, self.folder, self._commit) if packed else None
        self.outputs = self._packs.outputs if self._packs else ObjectOutputs(self._objects, self._commit)
        self._lease: Lease | None = None
        self._upload_lock = threading.Lock()
        self._lost_lease = ""
        self._manifest_hash = self._failures_hash = _NEW
        self._palettes: dict[str, str] = {}
        self._uploaded_bytes = 0
        self._number = 0
        self._parts: list[str] = []
        self._pending: dict[str, str] = {}
        self._closing = False

    @contextmanager
    def open(self, *, dry_run: bool, stop: threading.Event, on_wait: Callable[[str], object]) -> Iterator[None]:
        """Lock the destination for one run and download its records; remove the temporary folder afterwards.

        Raises
        ------
        UsageError
            If another run uses the destination, or it cannot be read or written.
        """
        self.folder.mkdir(mode=0o700)
        run_ended = threading.Event()
        renewal = threading.Thread(target=self._renew, args=(run_ended,), daemon=True)
        try:
            try:
                if not dry_run:
                    self._lease = Lease(self._objects, f"{STATE_FOLDERS}/lock.json")
                    self._lease.acquire(stop, on_wait)
                self._download()
            except OSError as error:
                raise UsageError(f"destination {self.name!r} cannot be used: {error.strerror or error}") from None
            if not dry_run:
                renewal.start()
            yield
        finally:
            run_ended.set()
            if renewal.is_alive():
                renewal.join()
            if self._lease is not None:
                self._lease.release()
            shutil.rmtree(self.folder, ignore_errors=True)

    def fetch_for_packing(
        self,
        *,
        shard_images: int,
        shard_bytes: int,
        arrays: ArrayFacts | None = None,
        table: Sequence[str],
        stop: threading.Event,
    ) -> None:
        """Download what packing reads; see :meth:`icsys.packs.object_packs.RemotePacks.bring`."""
        if self._packs is not None:
            limits = {"shard_images": shard_images, "shard_bytes": shard_bytes}
            self._packs.bring(**limits, arrays=arrays, class_names=table, stop=stop)

    def send_record(self, name: str) -> None:
        """Upload a record before the run goes on; OSError if that fails, or another run has the destination now."""
        self._check()
        if (self.folder / name).exists():
            self._objects.send(self.folder / name, name)

    def publish(self) -> None:
        """Upload the records of the run, in an order that keeps them correct after a crash at any point.

        Raises
        ------
        OSError
            If an upload fails, or another run has taken over the destination.
        """
        self._check()
        if self._packs is not None:
            self._packs.send()
        failures, manifest = self.folder / FAILURES, self.folder / MANIFEST
        if not failures.exists():
            self._objects.remove([FAILURES] if self._failures_hash != _NEW else [])
        elif _digest(failures) != self._failures_hash:
            self._objects.send(failures, FAILURES)
        manifest_hash = _digest(manifest)
        pending, kept = load_pending(self.state_folder), ""
        if pending:
            self._number += 1
            kept = _part(manifest_hash, self._number)
            self._objects.write(kept, to_line(dict(sorted(pending.items()))))
        if manifest_hash != self._manifest_hash:
            self._objects.send(manifest, MANIFEST)
        if self._packs is not None:
            self._packs.settle()
        if (self.folder / RUN).exists():
            self._objects.send(self.folder / RUN, RUN)
        self._upload_palettes()
        self._objects.remove(part for part in self._parts if part != kept)

    def _upload_palettes(self) -> None:
        """Upload new palette files; remove the ones that this run no longer has."""
        for name, before in self._palettes.items():
            now = _digest(self.folder / name)
            if now == _NEW != before:
                self._objects.remove([name])
            elif now != before:
                self._objects.send(self.folder / name, name)

    def _download(self) -> None:
        """Download the records of earlier runs, and join them as a run in a folder leaves them."""
        there, records = self._objects.listing(), self._objects.listing(STATE_FOLDERS)
        if any(size is None for size in records.values()):
            raise UsageError(
                f"destination {self.name!r} holds unmerged shards: copy it into a folder and merge them there"
            )
        for name in {MANIFEST, FAILURES, PENDING, PACK_INDEX, SPLITS, *_PALETTES} & there.keys():
            self._objects.fetch(name, self.folder / name)
        self._palettes = {name: _digest(self.folder / name) for name in _PALETTES}
        if self._packs is not None:
            self._packs.stand_in()
        manifest = self.folder / MANIFEST
        self._manifest_hash, self._failures_hash = _digest(manifest), _digest(self.folder / FAILURES)
        self._parts = sorted(f"{STATE_FOLDERS}/{name}" for name in records if name.endswith(".jsonl"))
        ours = [part for part in self._parts if part.startswith(_part(self._manifest_hash))]
        if ours:
            if manifest.exists():
                with manifest.open("r+b") as file:
                    repair_end(file)
            pending = b""
            with manifest.open("ab") as rows, ThreadPoolExecutor(_PARALLEL) as readers:
                for first in range(0, len(ours), _PARALLEL):
                    for data in readers.map(self._objects.read, ours[first : first + _PARALLEL]):
                        pending, _, lines = data.partition(b"\n")
                        rows.write(lines)
            write_pending(self.state_folder, _parse_pending(pending))
            self._number = int(ours[-1].rpartition("-")[2].partition(".")[0])
        if PENDING in there:
            # A folder was copied into the store. This run keeps pending outputs in journal objects.
            self._parts.append(PENDING)
        self._pending = load_pending(self.state_folder)
        self._uploaded_bytes = manifest.stat().st_size if manifest.exists() else 0

    def _commit(self, *, closing: bool = False) -> None:
        """Upload the pending outputs and the new rows of the journal."""
        self._check()
        if self._packs is not None:
            self._packs.announce()
        pending = load_pending(self.state_folder)
        with self._upload_lock:
            changed, self._pending = self._pending != pending, pending
            self._closing = closing
            self._upload(pending_changed=changed and not closing)

    def _upload(self, *, pending_changed: bool) -> None:
        """Upload the whole rows that the journal has gained, if any, with the pending outputs."""
        lines = b""
        if (self.folder / MANIFEST).exists():
            with (self.folder / MANIFEST).open("rb") as file:
                file.seek(self._uploaded_bytes)
                lines = file.read()
        lines = lines[: lines.rfind(b"\n") + 1]
        if not lines and not pending_changed:
            return
        part = _part(self._manifest_hash, self._number + 1)
        self._objects.write(part, to_line(dict(sorted(self._pending.items()))) + lines)
        self._number += 1
        self._parts.append(part)
        self._uploaded_bytes += len(lines)

    def _check(self) -> None:
        if self._lost_lease:
            raise OSError(self._lost_lease)

    def _renew(self, run_ended: threading.Event) -> None:
        """Renew the lease and upload new rows of the journal, until the run has ended."""
        waited = 0.0
        while not run_ended.wait(_UPLOAD_SECONDS):
            waited += _UPLOAD_SECONDS
            try:
                if waited >= RENEW_SECONDS and self._lease is not None:
                    waited = 0.0
                    self._lease.renew()
                with self._upload_lock:
                    if not self._closing:
                        self._upload(pending_changed=False)
            except FileExistsError as error:
                self._lost_lease = str(error.strerror)
                return
            except OSError:
                continue  # the run meets the same error


def _part(manifest_hash: str, number: int | None = None) -> str:
    """Return the name of a journal object; without a number, the prefix of all that continue a manifest."""
    return f"{STATE_FOLDERS}/{manifest_hash}-" + ("" if number is None else f"{number:08}.jsonl")


def _digest(path: Path) -> str:
    """Return a short hash of a file's content."""
    if not path.exists():
        return _NEW
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _parse_pending(line: bytes) -> dict[str, str]:
    """Return the pending outputs in the first line of a journal object; older versions wrote names alone."""
    pending = from_json(line)
    return dict.fromkeys(pending, "") if isinstance(pending, list) else pending
