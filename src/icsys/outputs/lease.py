"""A lock on an object store: an object that its holder renews every ten seconds.

A run that finds the object watches it. If the object changes, its holder is alive. If it does not change for a minute,
the holder is dead, and the run takes the lock over. Clocks of other machines do not matter. If the store can create an
object only if it does not exist, one of two simultaneous runs succeeds. Other stores leave a gap: both runs read the
object after writing it, and the last writer holds the lock.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import time
from typing import TYPE_CHECKING

from icsys.errors import UsageError
from icsys.files.parsing import from_json

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from icsys.files.object_store import Objects

RENEW_SECONDS = 10.0
"""Seconds from one renewal to the next."""

_LEASE = 60.0  # seconds without renewal, after which the holder counts as dead
_POLL_SECONDS = 2.0


class Lease:
    """A lock object.

    Parameters
    ----------
    name
        Name of the object.
    """

    def __init__(self, objects: Objects, name: str) -> None:
        self._objects, self._name = objects, name
        self._run, self._beats = os.urandom(8).hex(), 0
        self._held = False

    def acquire(self, stop: threading.Event, on_wait: Callable[[str], object]) -> None:
        """Take the lock; if it exists, watch first whether it is renewed.

        Parameters
        ----------
        stop
            Ends the waiting.
        on_wait
            Called with a text while waiting.

        Raises
        ------
        UsageError
            If another run holds the lock.
        OSError
            If the lock cannot be read or written.
        """
        watched, deadline = self._read(), time.monotonic() + _LEASE
        while watched is not None:
            on_wait("Waiting for a sign of life from the run that holds the lock")
            stopped = stop.wait(_POLL_SECONDS)
            found = self._read()
            if found is None:
                break
            if stopped or found != watched:
                raise self._in_use(found)
            if time.monotonic() > deadline:
                self._objects.remove([self._name])
                break
        try:
            self._objects.create(self._name, self.text())
        except OSError:
            # The object may exist although the reply was lost: the check below decides.
            if self._read() is None:
                raise
        holder = self._read()
        if holder != self.text():
            raise self._in_use(holder or b"{}")
        self._held = True

    def renew(self) -> None:
        """Renew the lock.

        Raises
        ------
        FileExistsError
            If another run has taken it over.
        OSError
            If the store does not answer.
        """
        if self._read() != self.text():
            self._held = False
            raise FileExistsError(errno.EEXIST, "another run has taken over the destination")
        self._beats += 1
        self._objects.write(self._name, self.text())

    def release(self) -> None:
        """Remove the lock if this run holds it."""
        try:
            if self._held and self._read() == self.text():
                self._objects.remove([self._name])
        except OSError:
            return  # the lock expires

    def _read(self) -> bytes | None:
        try:
            return self._objects.read(self._name)
        except FileNotFoundError:
            return None

    def text(self) -> bytes:
        """Return the content of the lock object while this run holds it."""
        return json.dumps({"run": self._run, "host": platform.node(), "beat": self._beats}).encode()

    def _in_use(self, holder: bytes) -> UsageError:
        try:
            host = f" on {from_json(holder)['host']!r}"
        except (ValueError, KeyError, TypeError):
            host = ""
        return UsageError(
            f"destination {self._objects.name!r} is in use by another run of ics{host}: wait until it ends, or name "
            "another destination"
        )
