"""One shard of a cluster run, as its worker does it: ``ShardJob`` in, ``ShardResult`` out."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from icsys.errors import ICSError, InUseError, UsageError
from icsys.files.rooted_path import RootedPath
from icsys.journal.fencing_token import TAKEN_OVER
from icsys.run.local import run_locally
from icsys.shards.state_folders import state_folder_of
from icsys.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from icsys.options import Options
    from icsys.results import Result
    from icsys.run.progress import Progress
    from icsys.run_settings import RunSettings
    from icsys.shard import Shard


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardJob:
    """A shard to do: plain data for a worker on another machine."""

    source: Path
    destination: Path
    options: Options
    settings: RunSettings
    version: str = __version__

    @property
    def shard(self) -> Shard:
        """The shard to do."""
        assert self.settings.shard is not None  # noqa: S101 - every job has one
        return self.settings.shard


@dataclass(frozen=True, slots=True)
class ShardResult:
    """Results of a shard; ``stopped`` is the reason if the shard ended early, else empty."""

    shard: Shard
    results: list[Result]
    ignored: int
    stopped: str


def run_shard_job(job: ShardJob, careful: bool) -> ShardResult:
    """Do a shard on this worker.

    Parameters
    ----------
    careful
        Use a process for every image, so that a crash costs one image and never the worker.

    Raises
    ------
    UsageError
        If this worker has another version of icsys, does not see both folders, or the run cannot start.
    InUseError
        If another run has taken over the shard, or its process ended; the shard can be tried again.
    """
    if job.version != __version__:
        raise UsageError(
            f"a worker has icsys {__version__}, and the run was started with {job.version}: expected the same"
        )
    state_folder = state_folder_of(RootedPath(job.destination), job.shard)
    for folder, what in ((job.source, "source"), (state_folder, "destination")):
        if not folder.is_dir():
            raise UsageError(
                f"a worker does not see the {what} {str(folder)!r}: expected both folders under one path everywhere"
            )
    try:
        if careful or job.settings.timeout is not None:
            return _run_apart(job)
        return _run(job, engine="threads")
    except InUseError:
        raise
    except UsageError as error:
        raise UsageError(f"error on a worker: {error}") from None


def _run(job: ShardJob, *, engine: str) -> ShardResult:
    """Do a shard, one image at a time: the cluster decides how many tasks run side by side on a machine."""
    results: list[Result] = []

    def collect(progress: Progress) -> None:
        if progress.result is not None:
            results.append(progress.result)

    settings = job.settings.replace(engine=engine, jobs=1)
    summary = run_locally(job.source, job.destination, job.options, settings, stop=threading.Event(), progress=collect)
    if TAKEN_OVER in summary.stopped:
        raise InUseError(summary.stopped)
    return ShardResult(job.shard, results, summary.ignored, summary.stopped)


def _run_apart(job: ShardJob) -> ShardResult:
    """Do a shard in a program of its own, which may start processes; a cluster's worker may not."""
    program = [sys.executable, "-c", "from icsys.run.shard_job import run_stdin_job; run_stdin_job()"]
    done = subprocess.run(program, input=pickle.dumps(job), capture_output=True, check=False)  # noqa: S603 - ourselves
    try:
        outcome = pickle.loads(done.stdout)  # noqa: S301 - from the process that was just started
    except (EOFError, pickle.UnpicklingError):
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise InUseError(f"the process of shard {job.shard} ended with {done.returncode}: {last}") from None
    if isinstance(outcome, ICSError):
        raise outcome
    assert isinstance(outcome, ShardResult)  # noqa: S101 - run_stdin_job writes nothing else
    return outcome


def run_stdin_job() -> None:
    """Read a job from standard input and write its result, or an ICSError, to standard output; both pickled."""
    job = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that has started this one
    out, sys.stdout = sys.stdout, sys.stderr
    try:
        outcome: ShardResult | ICSError = _run(job, engine="processes")
    except ICSError as error:
        outcome = error
    pickle.dump(outcome, out.buffer)
    out.flush()
