"""One run at a time on one output folder, or on one shard of it."""

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
    """Keep runs off a folder while it is only read; many may read it side by side, and nothing is made in it.

    Where nobody has ever locked it, or the system has no locks, there is nobody to keep off.

    Parameters
    ----------
    what
        What to call it in an error; the destination if left out.

    Raises
    ------
    InUseError
        If a run holds it.
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
    """Return the descriptor of the file once it is locked; None if another process has locked it."""
    folder.make_folders()
    path = folder / LOCK
    try:
        descriptor = path.descriptor("a+b")
    except FileNotFoundError:
        return None  # another one has removed the folder since
    try:
        _lock(descriptor)
        # Another one may have removed the folder since: what it holds now is another file.
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

    def _lock(descriptor: int, *, shared: bool = False) -> None:  # noqa: ARG001 - all locks exclude one another there
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int, *, shared: bool = False) -> None:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
