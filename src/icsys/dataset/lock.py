"""One run at a time on one output folder."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from icsys.dataset.whole import OURS
from icsys.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def locked(destination: Path) -> Iterator[None]:
    """Hold an output folder, which is made if need be, for one run.

    The system holds the lock for the process and lets go of it when the process ends, however it ends; the file
    ``.ics-lock`` stays and means nothing by itself.

    Raises
    ------
    UsageError
        If another run holds it, or the folder cannot be written.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415 - a run needs it, the help does not

    try:
        destination.mkdir(parents=True, exist_ok=True)
        lock = FileLock(destination / f"{OURS}lock", blocking=False)
        lock.acquire()
    except Timeout:
        raise UsageError(
            f"destination {str(destination)!r} is in use by another run of ics: wait until it ends, "
            "or name another destination"
        ) from None
    except OSError as error:
        raise UsageError(f"destination {str(destination)!r} cannot be written: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()
