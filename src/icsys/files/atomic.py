"""Atomic files: a file is written whole or not at all, even if the run is killed meanwhile."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import re
from typing import TYPE_CHECKING, BinaryIO

from icsys.files.rooted_path import RootedPath, rooted_file
from icsys.layout import OWN_PREFIX

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from io import BufferedRandom
    from pathlib import Path

    from icsys.files.held_folder import HeldFolder

_SUFFIX = ".tmp"
_TEMPORARY = re.compile(rf"{re.escape(OWN_PREFIX)}((?:\d+-of-\d+-)?)[0-9a-f]{{16}}{re.escape(_SUFFIX)}", re.ASCII)


def write_whole(path: RootedPath | Path, data: bytes | Iterable[bytes], *, mark: str = "") -> None:
    """Write data to a file, whole or not at all; see :func:`whole_file`."""
    if isinstance(data, bytes):  # one system call for a small image; Python's file objects make several
        with _new_file(path, mark) as descriptor:
            write_fully(descriptor, data)
    else:
        with whole_file(path, mark=mark) as file:
            file.writelines(data)


def write_fully(descriptor: int, data: bytes) -> None:
    """Write all bytes, in one call if the system accepts them; OSError if they cannot be written."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


@contextlib.contextmanager
def whole_file(path: RootedPath | Path, *, mark: str = "") -> Iterator[BinaryIO]:
    """Write a file whole or not at all: a temporary file beside it is written to disk, then renamed to ``path``.

    Until :meth:`RootedPath.sync` of its folder, a power cut may bring back the older file, but never a partial one.

    Parameters
    ----------
    mark
        Part of the name of the temporary file, to tell apart runs that fill one folder at the same time.

    Raises
    ------
    OSError
        If it cannot be written, or ``path`` is a link; an older file stays unchanged, and no temporary file is left.
    """
    with _new_file(path, mark) as descriptor, os.fdopen(descriptor, "wb", closefd=False) as file:
        yield file


@contextlib.contextmanager
def _new_file(path: RootedPath | Path, mark: str) -> Iterator[int]:
    """Yield the descriptor of a temporary file that is renamed to ``path`` at the end."""
    path = rooted_file(path)
    temporary = temporary_name(mark)
    with held_or_new(path.parent) as folder:
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


@contextlib.contextmanager
def scratch_file(path: RootedPath) -> Iterator[RootedPath]:
    """Yield the path of a temporary file beside ``path``; the file is removed at the end if it is still there."""
    temporary = path.parent / temporary_name("")
    try:
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def temporary_name(mark: str) -> str:
    """Return a short, random name: it is valid in any folder, and no two runs choose the same one."""
    return f"{OWN_PREFIX}{mark}{next(_numbers(os.getpid())) % 2**64:016x}{_SUFFIX}"


@functools.cache
def _numbers(process: int) -> Iterator[int]:  # noqa: ARG001 - the key of the cache
    """Return the numbers for temporary files of a process; the first is random, so processes do not collide."""
    return itertools.count(int.from_bytes(os.urandom(8)))


@contextlib.contextmanager
def held_or_new(folder: RootedPath) -> Iterator[HeldFolder]:
    """Hold a folder open, and create it first if it is missing."""
    with contextlib.ExitStack() as stack:
        try:
            held = stack.enter_context(folder.held())
        except FileNotFoundError:
            folder.make_folders()
            held = stack.enter_context(folder.held())
        yield held


def open_own(path: RootedPath, mode: str, *, buffering: int = -1) -> BufferedRandom:
    """Open a file of ICS to change it in place; if it has several names (hard links), it is replaced by a copy first.

    Another name may be outside the output folder: in a copy that must not change, or planted there to be overwritten.

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
    """Write values as indented JSON, whole or not at all."""
    write_whole(path, json.dumps(values, indent=2).encode() + b"\n")


def is_temporary(name: str, mark: str = "") -> bool:
    """Return whether a name is that of a temporary file of ICS.

    Parameters
    ----------
    mark
        Accept only this mark, and names without a mark: a run without a mark uses its folder alone, so its temporary
        files are left over from earlier. An empty text accepts every mark.

    Examples
    --------
    >>> is_temporary(".ics-1-of-2-0123456789abcdef.tmp", "1-of-2-"), is_temporary(".ics-notes.tmp")
    (True, False)
    """
    match = _TEMPORARY.fullmatch(name)
    return match is not None and (not mark or match[1] in {"", mark})


def sweep(folder: RootedPath, *, mark: str = "") -> None:
    """Remove the temporary files of killed runs from a folder; a mark protects files with another mark."""
    with contextlib.suppress(OSError):
        for entry in folder.entries(OWN_PREFIX):  # the folder may hold millions of images
            if entry.is_file and is_temporary(entry.name, mark):
                with contextlib.suppress(OSError):
                    (folder / entry.name).unlink()


def remove_tree(folder: RootedPath, is_ours: Callable[[str], bool], stop: threading.Event | None = None) -> None:
    """Remove the files of ICS from a folder, then the empty folders in it and the folder itself if it is empty.

    Parameters
    ----------
    is_ours
        Returns whether a file may be removed, given its path below ``folder``. Temporary files of ICS are always
        removed, links never.
    stop
        Once it is set, everything left stays.

    Raises
    ------
    LinkError
        If the folder is a link; nothing is removed.
    """
    waiting, emptied = [""], []
    while waiting:
        below = waiting.pop()
        emptied.append(below)
        entries = folder.at(below).entries()
        with contextlib.suppress(FileNotFoundError), folder.at(below).held() as held:
            for entry in entries:
                if stop is not None and stop.is_set():
                    return
                name = f"{below}/{entry.name}" if below else entry.name
                if entry.is_folder:
                    waiting.append(name)
                elif entry.is_file and (is_temporary(entry.name) or is_ours(name)):
                    with contextlib.suppress(FileNotFoundError):
                        held.unlink(entry.name)
    for below in reversed(emptied):  # no recursion: folders may be nested deeper than Python's call limit
        with contextlib.suppress(OSError):
            folder.at(below).rmdir()
