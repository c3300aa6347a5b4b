"""Lock on an output folder or on the state folder of a shard: one run at a time."""

from __future__ import annotations

import errno
import os
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from icsys.errors import InUseError, UsageError
from icsys.files.links import LinkError
from icsys.layout import LOCK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from icsys.files.rooted_path import RootedPath

_POLL_SECONDS = 0.05  # seconds
_HELD = {errno.EAGAIN, errno.EACCES, errno.EDEADLK}


@contextmanager
def locked(folder: RootedPath, *, what: str = "", timeout: float = 0.0) -> Iterator[None]:
    """Lock a folder for one run; create the folder if needed.

    The system releases the lock when the process ends, however it ends. The file ``.ics-lock`` stays; only the lock on
    it counts.

    Parameters
    ----------
    what
        Name of the folder for an error. Default: the destination.
    timeout
        Seconds to wait for a lock that another run has.

    Raises
    ------
    InUseError
        If another run has the lock.
    UsageError
        If the folder cannot be written.
    """
    what = what or f"destination {str(folder)!r}"
    end = time.monotonic() + timeout
    try:
        while (descriptor := _try(folder)) is None:
            if time.monotonic() >= end:
                raise InUseError(
                    f"{what} is in use by another run of ics: wait until it ends, or name another destination"
                )
            time.sleep(_POLL_SECONDS)
    except LinkError as error:
        raise UsageError(f"{what}: {error.filename!r}: {error.strerror}") from None
    except OSError as error:
        raise UsageError(f"{what} cannot be written: {error.strerror or error}") from error
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def locked_for_reading(folder: RootedPath, *, what: str = "") -> Iterator[None]:
    """Lock a folder for reading: several readers at a time, but no run. Nothing is created.

    There is no lock if the folder was never locked before, or the file system has no locks.

    Parameters
    ----------
    what
        Name of the folder for an error. Default: the destination.

    Raises
    ------
    InUseError
        If a run has the lock.
    """
    descriptor = None
    with suppress(OSError):
        descriptor = (folder / LOCK).descriptor("rb")
    if descriptor is None:
        yield
        return
    try:
        _lock(descriptor, shared=True)
    except OSError as error:
        if error.errno in _HELD:
            os.close(descriptor)
            what = what or f"destination {str(folder)!r}"
            raise InUseError(f"{what} is in use by another run of ics: wait until it ends") from None
    try:
        yield
    finally:
        os.close(descriptor)


def _try(folder: RootedPath) -> int | None:
    """Return the descriptor of the locked file; None if another process has the lock."""
    folder.make_folders()
    path = folder / LOCK
    try:
        descriptor = path.descriptor("a+b")
    except FileNotFoundError:
        return None  # another run has just removed the folder
    try:
        _lock(descriptor)
        # Another run may have removed the folder: its file is then a new one, and this lock is worth nothing.
        found, own = path.status(), os.fstat(descriptor)
        if found is not None and os.path.samestat(found, own):
            return descriptor
    except OSError as error:
        os.close(descriptor)
        if error.errno in _HELD:
            return None
        raise
    os.close(descriptor)
    return None


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int, *, shared: bool = False) -> None:  # noqa: ARG001 - Windows has exclusive locks only
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int, *, shared: bool = False) -> None:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
