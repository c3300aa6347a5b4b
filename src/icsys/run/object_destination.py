"""An object store as a destination: outputs are its objects, and the books of a run lie in a folder while it lasts.

Objects cannot be added to. So the journal grows in a temporary folder, and what is new of it goes up as an object of
its own below ``.ics-books/``, with the claims: before the outputs of every batch, and every few seconds. At the end all
of it is put in order in that folder, as in any other, and goes up as ``manifest.jsonl``, ``failures.jsonl`` and
``run.json``. The next run begins with what it finds there, on whatever machine.

The names of those objects hold the hash of the manifest that they continue: once another one is there, they are void.
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
from icsys.layout import FAILURES, GIMP_PALETTE, MANIFEST, PACK_INDEX, PALETTE, PENDING, RUN, STATE_FOLDERS
from icsys.outputs.lease import RENEW_SECONDS, Lease
from icsys.outputs.objects import ObjectOutputs
from icsys.packs.object_packs import RemotePacks
from icsys.records.manifest import to_line
from icsys.records.pending_outputs import load_pending, write_pending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from icsys.files.url import Url

_PALETTES = PALETTE, GIMP_PALETTE
_SEND_EVERY = 5.0  # seconds; what a crash may cost besides the images under way
_NEW = "new"  # in place of the hash of a file that is not there
_AT_ONCE = 16  # objects of the journal that are read side by side


class Remote:
    """A destination below a URL.

    Attributes
    ----------
    folder, books
        Where the books lie while a run lasts.
    outputs
        Where outputs lie.

    Parameters
    ----------
    packed
        Whether images are packed into shards at the end.
    """

    def __init__(self, url: Url, *, packed: bool = False) -> None:
        self._objects = Objects(url)
        self.name = self._objects.name
        self.folder = Path(tempfile.gettempdir(), f"ics-{os.urandom(8).hex()}")
        self.books = RootedPath(self.folder)
        self._shards = RemotePacks(self._objects, self.folder, self._commit) if packed else None
        self.outputs = self._shards.outputs if self._shards else ObjectOutputs(self._objects, self._commit)
        self._lease: Lease | None = None
        self._sending = threading.Lock()
        self._trouble = ""
        self._base = self._failures = _NEW
        self._palettes: dict[str, str] = {}
        self._sent = 0
        self._number = 0
        self._parts: list[str] = []
        self._claims: dict[str, str] = {}
        self._closing = False

    @contextmanager
    def open(self, *, dry_run: bool, stop: threading.Event, tell: Callable[[str], object]) -> Iterator[None]:
        """Hold the destination for one run, and bring its books here; they are gone from here afterwards.

        Raises
        ------
        UsageError
            If another run holds it, or it cannot be read or written.
        """
        self.folder.mkdir(mode=0o700)
        over = threading.Event()
        beats = threading.Thread(target=self._beat, args=(over,), daemon=True)
        try:
            try:
                if not dry_run:
                    self._lease = Lease(self._objects, f"{STATE_FOLDERS}/lock.json")
                    self._lease.acquire(stop, tell)
                self._bring()
            except OSError as error:
                raise UsageError(f"destination {self.name!r} cannot be used: {error.strerror or error}") from None
            if not dry_run:
                beats.start()
            yield
        finally:
            over.set()
            if beats.is_alive():
                beats.join()
            if self._lease is not None:
                self._lease.release()
            shutil.rmtree(self.folder, ignore_errors=True)

    def bring_for_packing(
        self, *, shard_images: int, shard_bytes: int, table: Sequence[str], stop: threading.Event
    ) -> None:
        """See :meth:`icsys.packs.object_packs.RemotePacks.bring`."""
        if self._shards is not None:
            self._shards.bring(shard_images=shard_images, shard_bytes=shard_bytes, class_names=table, stop=stop)

    def publish(self) -> None:
        """Bring the books to where the run's outputs are, in such an order that a crash leaves books that are right.

        Raises
        ------
        OSError
            If they cannot be written, or another run has taken over.
        """
        self._check()
        if self._shards is not None:
            self._shards.send()
        failures, manifest = self.folder / FAILURES, self.folder / MANIFEST
        if not failures.exists():
            self._objects.remove([FAILURES] if self._failures != _NEW else [])
        elif _digest(failures) != self._failures:
            self._objects.send(failures, FAILURES)
        base = _digest(manifest)
        claims, kept = load_pending(self.books), ""
        if claims:
            self._number += 1
            kept = _part(base, self._number)
            self._objects.write(kept, to_line(dict(sorted(claims.items()))))
        if base != self._base:
            self._objects.send(manifest, MANIFEST)
        if self._shards is not None:
            self._shards.settle()
        if (self.folder / RUN).exists():
            self._objects.send(self.folder / RUN, RUN)
        self._send_palettes()
        self._objects.remove(part for part in self._parts if part != kept)

    def _send_palettes(self) -> None:
        """Bring the palettes that images share to them, or away if they share none any more."""
        for name, before in self._palettes.items():
            now = _digest(self.folder / name)
            if now == _NEW != before:
                self._objects.remove([name])
            elif now != before:
                self._objects.send(self.folder / name, name)

    def _bring(self) -> None:
        """Bring the books of earlier runs here, put together as a run on a disk would have left them."""
        there, books = self._objects.listing(), self._objects.listing(STATE_FOLDERS)
        if any(size is None for size in books.values()):
            raise UsageError(
                f"destination {self.name!r} holds the books of shards: copy it into a folder and merge them there"
            )
        for name in {MANIFEST, FAILURES, PENDING, PACK_INDEX, *_PALETTES} & there.keys():
            self._objects.fetch(name, self.folder / name)
        self._palettes = {name: _digest(self.folder / name) for name in _PALETTES}
        if self._shards is not None:
            self._shards.stand_in()
        manifest = self.folder / MANIFEST
        self._base, self._failures = _digest(manifest), _digest(self.folder / FAILURES)
        self._parts = sorted(f"{STATE_FOLDERS}/{name}" for name in books if name.endswith(".jsonl"))
        ours = [part for part in self._parts if part.startswith(_part(self._base))]
        if ours:
            if manifest.exists():
                with manifest.open("r+b") as torn:
                    repair_end(torn)
            claims = b""
            with manifest.open("ab") as file, ThreadPoolExecutor(_AT_ONCE) as readers:
                for first in range(0, len(ours), _AT_ONCE):
                    for data in readers.map(self._objects.read, ours[first : first + _AT_ONCE]):
                        claims, _, lines = data.partition(b"\n")
                        file.write(lines)
            write_pending(self.books, _read_claims(claims))
            self._number = int(ours[-1].rpartition("-")[2].partition(".")[0])
        if PENDING in there:  # of a folder that was copied here; from now on its claims are in the objects below
            self._parts.append(PENDING)
        self._claims = load_pending(self.books)
        self._sent = manifest.stat().st_size if manifest.exists() else 0

    def _commit(self, *, closing: bool = False) -> None:
        """Send what is new of the journal, and the claims."""
        self._check()
        if self._shards is not None:
            self._shards.announce()
        claims = load_pending(self.books)
        with self._sending:
            claimed, self._claims = self._claims != claims, claims
            self._closing = closing
            self._send(claimed=claimed and not closing)

    def _send(self, *, claimed: bool) -> None:
        lines = b""
        if (self.folder / MANIFEST).exists():
            with (self.folder / MANIFEST).open("rb") as file:
                file.seek(self._sent)
                lines = file.read()
        lines = lines[: lines.rfind(b"\n") + 1]
        if not lines and not claimed:
            return
        part = _part(self._base, self._number + 1)
        self._objects.write(part, to_line(dict(sorted(self._claims.items()))) + lines)
        self._number += 1
        self._parts.append(part)
        self._sent += len(lines)

    def _check(self) -> None:
        if self._trouble:
            raise OSError(self._trouble)

    def _beat(self, over: threading.Event) -> None:
        """Hold the lock, and send what is new of the journal now and then."""
        waited = 0.0
        while not over.wait(_SEND_EVERY):
            waited += _SEND_EVERY
            try:
                if waited >= RENEW_SECONDS and self._lease is not None:
                    waited = 0.0
                    self._lease.renew()
                with self._sending:
                    if not self._closing:
                        self._send(claimed=False)
            except FileExistsError as error:
                self._trouble = str(error.strerror)
                return
            except OSError:
                continue  # the run will find out for itself


def _part(base: str, number: int | None = None) -> str:
    """Return the name of an object of the journal, or how those begin that continue a manifest."""
    return f"{STATE_FOLDERS}/{base}-" + ("" if number is None else f"{number:08}.jsonl")


def _digest(path: Path) -> str:
    """Return what tells the content of a file from others, in short."""
    if not path.exists():
        return _NEW
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _read_claims(line: bytes) -> dict[str, str]:
    """Return the claims with which an object of the journal begins; older versions have written names alone."""
    claims = from_json(line)
    return dict.fromkeys(claims, "") if isinstance(claims, list) else claims
