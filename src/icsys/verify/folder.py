"""Verifies an output folder: every file is compared with its row in the manifest."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.engine import available_cores
from icsys.errors import UsageError
from icsys.files.locations import disk_path
from icsys.files.reserved_names import check_names, check_state_folders, refusing_links
from icsys.files.rooted_path import RootedPath
from icsys.journal.lock import locked_for_reading
from icsys.layout import CLUSTER_FOLDER, FAILURES, MANIFEST, PENDING, RUN, UNPACKED
from icsys.records.output_folders import missing_manifest
from icsys.records.run_json import read_run
from icsys.setting_fields import whole_number
from icsys.shards.state_folders import shards_in, state_folder_of
from icsys.verify.fault import Fault, Finding
from icsys.verify.foreign_files import foreign_files
from icsys.verify.image_files import file_faults
from icsys.verify.journal_table import JournalTable
from icsys.verify.packs import Packs
from icsys.verify.palettes import palette_faults

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

_MOST_JOBS = 4096
_AHEAD = 4  # batches of some hundred rows, or packs, per thread


class Checked(NamedTuple):
    """Progress of a verification: the number of outputs checked, and of all outputs."""

    done: int
    total: int


@dataclass(slots=True)
class Verification:
    """Result of :func:`verify_folder`: names of missing, changed and foreign files.

    Attributes
    ----------
    checked
        Number of images in the manifest.
    missing
        Missing files by their names below the folder, sorted: outputs, packs, palettes, and the records of them.
    changed
        Files that differ from what was written, likewise.
    foreign
        Files that ICS did not write, links included, likewise.
    companions
        Number of masks, annotations and sidecars in the manifest, which are checked like images.
    """

    checked: int = 0
    missing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    companions: int = 0

    @property
    def is_intact(self) -> bool:
        """Whether the folder holds exactly what ICS wrote."""
        return not (self.missing or self.changed or self.foreign)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain values; ``companions`` only if there are some."""
        return {name: value for name, value in asdict(self).items() if name != "companions" or value}


@refusing_links()
def verify_folder(
    destination: str | os.PathLike[str],
    *,
    jobs: int | None = None,
    progress: Callable[[Checked], object] | None = None,
) -> Verification:
    """Compare an output folder with its manifest: every byte of every output is read, and nothing is written.

    Runs cannot use the folder during the verification.

    Parameters
    ----------
    destination
        A folder that :func:`compress_folder` has filled, in one run or in shards, merged or not.
    jobs
        Number of files to read at the same time; by default the number of cores.
    progress
        Called from time to time, in the calling thread.

    Returns
    -------
    Verification
        The names of missing, changed and foreign files; a damaged file never raises an error.

    Raises
    ------
    UsageError
        If there is no such folder, it has no manifest, a link has a name that ICS uses, or a run uses it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from icsys import compress_folder, verify_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     photos, small = Path(folder, "Uncompressed"), Path(folder, "Compressed")
    ...     photos.mkdir()
    ...     for name in "abc":
    ...         Image.linear_gradient("L").save(photos / f"{name}.png")
    ...     summary = compress_folder(photos, small)
    ...     (small / "b.png").unlink()
    ...     verify_folder(small).to_dict()
    {'checked': 3, 'missing': ['b.png'], 'changed': [], 'foreign': []}
    """
    if jobs is not None:
        whole_number("jobs", jobs, 1, _MOST_JOBS)
    root = _opened(destination)
    with _locked(root):
        packs = Packs(root)
        try:
            table = JournalTable(root, packs.pack_of)
        except OSError as error:
            raise UsageError(
                f"the manifest in {str(root)!r} cannot be read: {error.strerror or error}; check its permissions"
            ) from None
        packs.compare(table)
        faults = {*packs.faults, *(Fault(Finding.CHANGED, name) for name in table.damaged)}
        report = progress or (lambda _: None)
        report(Checked(0, len(table)))
        for done, found in _output_faults(root, table, packs, jobs or available_cores()):
            faults.update(found)
            report(Checked(done, len(table)))
        faults.update(_record_faults(root, table))
        faults.update(foreign_files(root, table, packs.kept, packs.single_files))
    names = {kind: sorted(fault.name for fault in faults if fault.finding is kind) for kind in Finding}
    return Verification(
        checked=table.images,
        missing=names[Finding.MISSING],
        changed=names[Finding.CHANGED],
        foreign=names[Finding.FOREIGN],
        companions=len(table) - table.images,
    )


def _opened(destination: str | os.PathLike[str]) -> RootedPath:
    """Return the folder to verify; UsageError if it is not an output folder of ICS."""
    path = disk_path(destination, "destination")
    shown = str(path)
    if not path.is_dir():
        raise UsageError(f"destination {shown!r} is not a folder: expected the output folder of ics compress")
    root = RootedPath(path)
    check_names(root)
    check_state_folders(root, [shard.name for shard in shards_in(root)])
    if not (any((root / name).exists() for name in (MANIFEST, FAILURES, PENDING)) or shards_in(root)):
        raise missing_manifest(path)
    return root


@contextmanager
def _locked(destination: RootedPath) -> Iterator[None]:
    """Keep runs, shards and clusters out of a folder."""
    with ExitStack() as held:
        held.enter_context(locked_for_reading(destination / CLUSTER_FOLDER, what=f"destination {str(destination)!r}"))
        held.enter_context(locked_for_reading(destination))
        for shard in shards_in(destination):  # no shard can start now; one lock at a time keeps few files open
            with locked_for_reading(state_folder_of(destination, shard), what=f"shard {shard} of {str(destination)!r}"):
                pass
        yield


def _record_faults(destination: RootedPath, table: JournalTable) -> Iterator[Fault]:
    """Yield the faults of ``run.json`` and of shared palettes."""
    run = read_run(destination)
    if not run and (destination / RUN).exists():
        yield Fault(Finding.CHANGED, RUN)
    yield from palette_faults(destination, run, table.palettes, was_killed=bool(table.pending))


def _output_faults(
    destination: RootedPath, table: JournalTable, packs: Packs, jobs: int
) -> Iterator[tuple[int, list[Fault]]]:
    """Check outputs in threads; yield the number of outputs done, with new faults."""
    folder = destination if packs.names is None else destination / UNPACKED
    work = chain(
        ((len(rows), partial(file_faults, folder, rows, table.written)) for rows in table.files()),
        ((len(rows), partial(packs.single_file_faults, rows, table)) for rows in packs.single_file_rows(table)),
        ((table.count(name), partial(packs.faults_of, name, table)) for name in packs.names or ()),
    )
    done = 0
    with ThreadPoolExecutor(jobs) as readers:
        waiting: deque[tuple[int, Future[list[Fault]]]] = deque()
        try:
            while True:
                waiting.extend(
                    (images, readers.submit(check)) for images, check in islice(work, _AHEAD * jobs - len(waiting))
                )
                if not waiting:
                    return
                images, checked = waiting.popleft()
                done += images
                yield done, checked.result()
        finally:
            readers.shutdown(wait=True, cancel_futures=True)
