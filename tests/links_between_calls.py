"""Links in the places of files and folders, before a run and between two of its system calls; and what they lead to."""

import contextlib
import io
import os
import shutil
import threading
from pathlib import Path

import pytest

from icsys.cli.main import run_command
from icsys.engine import ENGINE_TABLE

_OPEN = os.open
CALLS = ("open", "mkdir", "unlink", "rmdir", "replace", "stat", "scandir")


def snapshot(folder):
    """Return what lies in a folder, to the byte: files, folders, links, their rights and times, and which they are."""
    found = {}
    for path in (folder, *folder.rglob("*")):
        status = path.lstat()
        link, file = path.is_symlink(), path.is_file()
        content = str(path.readlink()) if link else path.read_bytes() if file else None
        found[str(path)] = status.st_ino, status.st_mode, status.st_mtime_ns, content
    return found


def ics(*arguments):
    """Run the command in this process, all images in this thread; return its exit code and its whole output."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            code = run_command(list(map(str, arguments)))
        except SystemExit as end:
            code = end.code
    return code, printed.getvalue()


def one_thread(function, items, jobs, prepare, stop, **_):  # noqa: ARG001 - as engines are called
    """Be an engine that works in the thread of the run."""
    for item in items:
        if stop.is_set():
            return
        yield function(item)


class Moments:
    """All calls of a run that concern a folder, in their order; at one of them something is done.

    Parameters
    ----------
    folder
        That the calls are looked at below.
    when
        Number of the call before which ``deed`` is called with the path that the call is about; never if left out.

    Attributes
    ----------
    paths
        What the calls were about.
    opened
        Number of the call that opened the folder itself, which may be reached through a link until then.
    """

    def __init__(self, folder, when=None, deed=None):
        self.folder, self.when, self.deed = str(folder), when, deed
        self.paths, self.opened = [], None
        self._busy = threading.Lock()

    @contextlib.contextmanager
    def watched(self):
        """Look at the calls of this process."""
        with pytest.MonkeyPatch.context() as patch:
            for engine in ("auto", "threads"):
                patch.setitem(ENGINE_TABLE, engine, one_thread)
            for name in CALLS:
                patch.setattr(os, name, self._watching(getattr(os, name)))
            yield self

    def _watching(self, call):
        def watching(place, *arguments, **settings):
            if threading.current_thread() is threading.main_thread() and self._busy.acquire(blocking=False):
                try:
                    above = settings.get("dir_fd", settings.get("src_dir_fd"))
                    self._note(_path(place, above))
                    if call is _OPEN and self.paths and self.paths[-1] == self.folder and self.opened is None:
                        self.opened = len(self.paths)
                    if "dst_dir_fd" in settings:
                        self._note(_path(arguments[0], settings["dst_dir_fd"]))
                finally:
                    self._busy.release()
            return call(place, *arguments, **settings)

        return watching

    def _note(self, path):
        if path != self.folder and not path.startswith(self.folder + os.sep):
            return
        self.paths.append(path)
        if len(self.paths) == self.when:
            self.deed(Path(path))


def _path(place, above):
    """Return the path that a call is about."""
    if isinstance(place, int):
        return str(Path(f"/proc/self/fd/{place}").readlink())
    above = Path.cwd() if above is None else Path(f"/proc/self/fd/{above}").readlink()
    return os.path.normpath(above / os.fspath(place))  # links stay


def exchange(path, aside, target):
    """Move what is in a place away, and put a link there."""
    if os.path.lexists(path):
        aside.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, aside)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
