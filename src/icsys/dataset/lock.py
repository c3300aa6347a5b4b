"""One run at a time on one output folder, or on one shard of it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from icsys.dataset.whole import OURS
from icsys.errors import InUseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def locked(folder: Path, *, what: str = "", patience: float = 0.0) -> Iterator[None]:
    """Hold a folder, which is made if need be, for one run.

    The system holds the lock for the process and lets go of it when the process ends, however it ends; the file
    ``.ics-lock`` stays and means nothing by itself.

    Parameters
    ----------
    what
        What to call it in an error; the destination if left out.
    patience
        Seconds to wait for another one that holds it.

    Raises
    ------
    InUseError
        If another run holds it.
    UsageError
        If the folder cannot be written.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415 - a run needs it, the help does not

    what = what or f"destination {str(folder)!r}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{OURS}lock", timeout=patience)
        lock.acquire()
    except Timeout:
        raise InUseError(
            f"{what} is in use by another run of ics: wait until it ends, or name another destination"
        ) from None
    except OSError as error:
        raise UsageError(f"{what} cannot be written: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()
