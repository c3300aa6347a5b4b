"""Fencing token: the run that started last owns the shard; earlier runs stop.

A lock keeps two runs apart where the lock works. A worker that a coordinator has given up may wake up on another
machine, where the lock was released or never held. Every run of a shard therefore writes a token of its own when it
starts, and compares it before each write.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from icsys.files.atomic import write_whole
from icsys.layout import FENCING_TOKEN

if TYPE_CHECKING:
    from icsys.files.rooted_path import RootedPath

TAKEN_OVER = "another run has taken over this shard"


class FencingToken:
    """The token of one run; creating it takes the shard over.

    Parameters
    ----------
    state_folder
        State folder of the shard.
    """

    def __init__(self, state_folder: RootedPath) -> None:
        self._path = state_folder / FENCING_TOKEN
        self._token = os.urandom(16).hex().encode()
        write_whole(self._path, self._token)

    def check(self) -> None:
        """Check that no other run has started since.

        Raises
        ------
        OSError
            With code ESTALE, if another run has started, or has merged the shard and removed its state folder.
        """
        try:
            token = self._path.read_bytes(len(self._token) + 1)
        except FileNotFoundError:
            token = b""
        if token != self._token:
            raise OSError(errno.ESTALE, TAKEN_OVER)
