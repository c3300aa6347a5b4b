"""Whose turn it is to write the books of a shard: whoever began last has it, and all others stop.

A lock keeps two runs apart where it holds. But a worker that was taken for dead may wake up on another machine, where
the lock has been given away or never held; before it writes, it looks here.
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
    """The turn of one run, taken from whoever had it.

    Parameters
    ----------
    books
        The folder of a shard's books.
    """

    def __init__(self, state_folder: RootedPath) -> None:
        self._path = state_folder / FENCING_TOKEN
        self._token = os.urandom(16).hex().encode()
        write_whole(self._path, self._token)

    def check(self) -> None:
        """Make sure that nobody has begun since.

        Raises
        ------
        OSError
            If somebody has, or the books are gone, merged by another; with the code ESTALE.
        """
        try:
            token = self._path.read_bytes(len(self._token) + 1)
        except FileNotFoundError:
            token = b""
        if token != self._token:
            raise OSError(errno.ESTALE, TAKEN_OVER)
