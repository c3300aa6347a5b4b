"""An output folder held against what its journal tells of it."""

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
from icsys.field_checks import whole_number
from icsys.files.locations import disk_path
from icsys.files.reserved_names import check_names, check_state_folders, refusing_links
from icsys.files.rooted_path import RootedPath
from icsys.journal.lock import locked_for_reading
from icsys.layout import CLUSTER_FOLDER, FAILURES, MANIFEST, PENDING, RUN, UNPACKED
from icsys.records.run_json import read_run
from icsys.shards.state import shards_in, state_folder_of
from icsys.verify.fault import Fault, Finding
from icsys.verify.image_files import faults_of_files
from icsys.verify.journal_table import Account
from icsys.verify.packs import Packs
from icsys.verify.palettes import faults_of_palettes
from icsys.verify.unknown_files import strangers

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

_MOST_JOBS = 4096
_AHEAD = 4  # batches of some hundred lines, or shards, for each thread


class Checked(NamedTuple):
    """How far a folder is verified: images that were looked at, and images there are."""

    done: int
    total: int


@dataclass(slots=True)
class Verification:
    """What was found in an output folder.

    Attributes
    ----------
    checked
        Number of images that the journals tell of.
    missing
        Names below the folder, sorted, of what is not there: images, shards, palettes, files that tell of them.
    changed
        Likewise of what is there and is not as it was written.
    foreign
        Likewise of files that ICS did not write, links included.
    """

    checked: int = 0
    missing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    @property
    def is_intact(self) -> bool:
        """Whether all is there as it was written, and nothing else."""
        return not (self.missing or self.changed or self.foreign)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


@refusing_links()
def verify_folder(
    destination: str | os.PathLike[str],
    *,
    jobs: int | None = None,
    progress: Callable[[Checked], object] | None = None,
) -> Verification:
    """Hold all that lies in an output folder against its journal: every byte of every output is read.

    Nothing is written. Runs are kept off the folder meanwhile.

    Parameters
    ----------
    destination
        A folder that :func:`compress_folder` has filled, in one run or in shards, merged or not.
    jobs
        Files read at once; as many as there are cores if left out.
    progress
        Called in the calling thread now and then.

    Returns
    -------
    Verification
        What is missing, changed or foreign; a bad file never raises an error.

    Raises
    ------
    UsageError
        If there is no such folder, it has no journal, a link has a name that ICS uses, or a run works on it.

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
    with _undisturbed(root):
        packs = Packs(root)
        try:
            account = Account(root, packs.place)
        except OSError as error:
            raise UsageError(f"the journal in {str(root)!r} cannot be read: {error.strerror or error}") from None
        packs.compare(account)
        faults = {*packs.faults, *(Fault(Finding.CHANGED, name) for name in account.damaged)}
        tell = progress or (lambda _: None)
        tell(Checked(0, len(account)))
        for done, found in _looks(root, account, packs, jobs or available_cores()):
            faults.update(found)
            tell(Checked(done, len(account)))
        faults.update(_faults_beside(root, account))
        faults.update(strangers(root, account, packs.kept))
    names = {kind: sorted(fault.name for fault in faults if fault.finding is kind) for kind in Finding}
    return Verification(len(account), names[Finding.MISSING], names[Finding.CHANGED], names[Finding.FOREIGN])


def _opened(destination: str | os.PathLike[str]) -> RootedPath:
    """Return a folder that can be verified."""
    path = disk_path(destination, "destination")
    shown = str(path)
    if not path.is_dir():
        raise UsageError(f"destination {shown!r} is no folder: expected one that ics compress has filled")
    root = RootedPath(path)
    check_names(root)
    check_state_folders(root, [shard.name for shard in shards_in(root)])
    if not (any((root / name).exists() for name in (MANIFEST, FAILURES, PENDING)) or shards_in(root)):
        raise UsageError(f"no {MANIFEST} in {shown!r}: expected the output folder of ics compress")
    return root


@contextmanager
def _undisturbed(destination: RootedPath) -> Iterator[None]:
    """Keep runs off a folder and its shards, and clusters."""
    with ExitStack() as held:
        held.enter_context(locked_for_reading(destination / CLUSTER_FOLDER, what=f"destination {str(destination)!r}"))
        held.enter_context(locked_for_reading(destination))
        for shard in shards_in(destination):  # none can begin now, and no more files are open at once than one
            with locked_for_reading(state_folder_of(destination, shard), what=f"shard {shard} of {str(destination)!r}"):
                pass
        yield


def _faults_beside(destination: RootedPath, account: Account) -> Iterator[Fault]:
    """Find what is wrong with what lies beside the journal."""
    run = read_run(destination)
    if not run and (destination / RUN).exists():
        yield Fault(Finding.CHANGED, RUN)
    yield from faults_of_palettes(destination, run, account.palettes, is_open=bool(account.claims))


def _looks(destination: RootedPath, account: Account, packs: Packs, jobs: int) -> Iterator[tuple[int, list[Fault]]]:
    """Hold outputs against their lines, in threads; tell how many are done."""
    folder = destination if packs.names is None else destination / UNPACKED
    work = chain(
        ((len(rows), partial(faults_of_files, folder, rows, account.written)) for rows in account.files()),
        ((account.count(name), partial(packs.look, name, account)) for name in packs.names or ()),
    )
    done = 0
    with ThreadPoolExecutor(jobs) as readers:
        waiting: deque[tuple[int, Future[list[Fault]]]] = deque()
        try:
            while True:
                waiting.extend(
                    (images, readers.submit(look)) for images, look in islice(work, _AHEAD * jobs - len(waiting))
                )
                if not waiting:
                    return
                images, looked = waiting.popleft()
                done += images
                yield done, looked.result()
        finally:
            readers.shutdown(wait=True, cancel_futures=True)
