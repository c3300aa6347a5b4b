"""Files that are whole or absent, whatever happens while they are written."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from icsys.files.rooted_path import RootedPath
from icsys.layout import OWN_PREFIX

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from io import BufferedRandom

    from icsys.files.rooted_path import Held

_SUFFIX = ".tmp"
_TEMPORARY = re.compile(rf"{re.escape(OWN_PREFIX)}((?:\d+-of-\d+-)?)[0-9a-f]{{16}}{re.escape(_SUFFIX)}", re.ASCII)


def write_whole(path: RootedPath | Path, data: bytes | Iterable[bytes], *, mark: str = "") -> None:
    """Write ``data`` as :func:`whole_file` does."""
    if isinstance(data, bytes):  # as small images are: Python's file objects ask the system more than it takes to write
        with _new_file(path, mark) as descriptor:
            _write_all(descriptor, data)
    else:
        with whole_file(path, mark=mark) as file:
            file.writelines(data)


def _write_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data``, in one call where the system takes it; OSError if it cannot be written."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


@contextlib.contextmanager
def whole_file(path: RootedPath | Path, *, mark: str = "") -> Iterator[BinaryIO]:
    """Write a file whole or not at all, and onto the disk: a temporary file beside it takes its place once complete.

    The name itself is on the disk for certain after :meth:`RootedPath.sync` of its folder; until then a power cut may
    bring back what was there before, never a part of what was written. ``mark`` tells the temporary files of runs apart
    that fill one folder side by side.

    Raises
    ------
    OSError
        If it cannot be written, or a link has its place; nothing is left behind then, and an older ``path`` stays as it
        was.
    """
    with _new_file(path, mark) as descriptor, os.fdopen(descriptor, "wb", closefd=False) as file:
        yield file


@contextlib.contextmanager
def _new_file(path: RootedPath | Path, mark: str) -> Iterator[int]:
    """Give the descriptor of a temporary file that takes the place of ``path`` in the end."""
    if isinstance(path, Path):
        path = RootedPath(path.parent) / path.name
    # Short and random: it fits beside a name of any length, and no two runs meet in it.
    temporary = f"{OWN_PREFIX}{mark}{next(_numbers(os.getpid())) % 2**64:016x}{_SUFFIX}"
    with _held(path.parent) as folder:
        try:
            descriptor = folder.descriptor(temporary, "xb")
            try:
                yield descriptor
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            folder.replace(temporary, path.name)
        except BaseException:
            with contextlib.suppress(OSError):
                folder.unlink(temporary)
            raise


@functools.cache
def _numbers(process: int) -> Iterator[int]:  # noqa: ARG001 - each has its own
    """Return the numbers of a process's temporary files: from a random one on, so that no two processes meet."""
    return itertools.count(int.from_bytes(os.urandom(8)))


@contextlib.contextmanager
def _held(folder: RootedPath) -> Iterator[Held]:
    """Hold a folder that is made first if need be."""
    with contextlib.ExitStack() as stack:
        try:
            held = stack.enter_context(folder.held())
        except FileNotFoundError:
            folder.make_folders()
            held = stack.enter_context(folder.held())
        yield held


def open_own(path: RootedPath, mode: str, *, buffering: int = -1) -> BufferedRandom:
    """Open a file of ours to change it in place; one that has other names (hard links) becomes a copy first.

    Such a name may lie outside: in a copy of the folder that is to stay, or planted there for us to write through.

    Parameters
    ----------
    mode
        ``ab`` or ``r+b``.

    Raises
    ------
    OSError
        As for :meth:`RootedPath.open`.
    """
    while True:
        file = path.open(mode, buffering=buffering)
        if os.fstat(file.fileno()).st_nlink <= 1:
            return file
        file.close()
        with path.open() as shared:
            write_whole(path, shared)


def write_json(path: RootedPath | Path, values: Mapping[str, object]) -> None:
    """Write a table as a JSON file that people can read too, as :func:`write_whole` does."""
    write_whole(path, json.dumps(values, indent=2).encode() + b"\n")


def is_temporary(name: str, mark: str = "") -> bool:
    """Tell whether a name is that of a temporary file, of any run or of those with a mark and those without one.

    A run without a mark fills its folder alone, so whoever has one looks at what such a run has left.

    Examples
    --------
    >>> is_temporary(".ics-1-of-2-0123456789abcdef.tmp", "1-of-2-"), is_temporary(".ics-notes.tmp")
    (True, False)
    """
    match = _TEMPORARY.fullmatch(name)
    return match is not None and (not mark or match[1] in {"", mark})


def sweep(folder: RootedPath, *, mark: str = "") -> None:
    """Remove the temporary files that killed runs have left in a folder; with a mark, none that have another one."""
    with contextlib.suppress(OSError):
        for entry in folder.entries():
            if entry.is_file and is_temporary(entry.name, mark):
                with contextlib.suppress(OSError):
                    (folder / entry.name).unlink()


def remove_tree(folder: RootedPath, is_ours: Callable[[str], bool], stop: threading.Event | None = None) -> None:
    """Remove from a folder what is ours, and it with the folders in it as far as they are empty then.

    Once ``stop`` is set, what is left stays.

    Parameters
    ----------
    is_ours
        Tells by its path below ``folder`` whether a file may be removed; temporary files are, links never.

    Raises
    ------
    LinkError
        If the folder is a link; nothing is removed then.
    """
    waiting, emptied = [""], []
    while waiting:
        below = waiting.pop()
        emptied.append(below)
        for entry in folder.at(below).entries():
            if stop is not None and stop.is_set():
                return
            name = f"{below}/{entry.name}" if below else entry.name
            if entry.is_folder:
                waiting.append(name)
            elif entry.is_file and (is_temporary(entry.name) or is_ours(name)):
                (folder / name).unlink(missing_ok=True)
    for below in reversed(emptied):  # a list instead of recursion: folders may be nested deeper than Python's calls
        with contextlib.suppress(OSError):
            folder.at(below).rmdir()
