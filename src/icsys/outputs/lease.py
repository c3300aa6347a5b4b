"""One run at a time on one object store, as far as that can be had: a lock object that its holder keeps renewing.

Whoever finds it watches it. If it changes, its holder is alive; if it does not for a minute, its holder is not, and the
lock is taken over. No clock of another machine is believed. Where a store writes on condition that there is no such
object, only one of two that come at once succeeds; elsewhere both look once more who came last, which leaves a gap.
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

_LEASE = 60.0  # seconds without one, after which the holder is taken for dead
_POLL_SECONDS = 2.0


class Lease:
    """A lock object.

    Parameters
    ----------
    name
        Of the object.
    """

    def __init__(self, objects: Objects, name: str) -> None:
        self._objects, self._name = objects, name
        self._run, self._beats = os.urandom(8).hex(), 0
        self._held = False

    def acquire(self, stop: threading.Event, on_wait: Callable[[str], object]) -> None:
        """Take the lock, and watch first whether one that is there is renewed.

        Parameters
        ----------
        stop
            Ends the waiting.
        tell
            Told in words what is waited for.

        Raises
        ------
        UsageError
            If another run holds it.
        OSError
            If it cannot be read or written.
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
            # An answer may have been lost on its way: then it is ours.
            if self._read() is None:
                raise
        holder = self._read()
        if holder != self.text():
            raise self._in_use(holder or b"{}")
        self._held = True

    def renew(self) -> None:
        """Renew it.

        Raises
        ------
        FileExistsError
            If it is not ours any more.
        OSError
            If the store does not answer.
        """
        if self._read() != self.text():
            self._held = False
            raise FileExistsError(errno.EEXIST, "another run has taken over the destination")
        self._beats += 1
        self._objects.write(self._name, self.text())

    def release(self) -> None:
        """Give it back, if it is ours."""
        try:
            if self._held and self._read() == self.text():
                self._objects.remove([self._name])
        except OSError:
            return  # it ends by itself

    def _read(self) -> bytes | None:
        try:
            return self._objects.read(self._name)
        except FileNotFoundError:
            return None

    def text(self) -> bytes:
        """Return what the lock object says while it is ours."""
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
