"""Runs that begin at once, in forks of a process that has loaded what they need, and are killed at a system call.

The process takes a JSON object in each line of standard input, ``{"words": the command's, "kill": a number or null,
"said": a file}``, and runs the command in a fork, which kills itself (SIGKILL) right before the call of that number, or
in the middle of it where it writes. It answers with ``{"code": the exit code, negative for a signal, "calls": how many
there were, if it came to its end}``.
"""

import importlib
import io
import json
import os
import resource
import signal
import subprocess
import sys
import traceback
from pathlib import Path

from icsys.cli.main import run_command
from icsys.engine import ENGINE_TABLE

_CALLS = ("open", "mkdir", "unlink", "rmdir", "replace", "fsync", "stat", "scandir")


class Warm:
    """Such a process, while it is entered.

    Parameters
    ----------
    memory
        Bytes that a run may take beyond what is loaded; as it likes if left out.
    seconds
        That it may last.
    """

    def __init__(self, memory=None, seconds=120):
        self._bounds = {"memory": memory, "seconds": seconds}

    def __enter__(self):
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_):
        """End it."""
        with self._process:
            self._process.stdin.close()

    def run(self, *words, said, kill=None):
        """Run a command; return its exit code, negative for a signal, and the number of its calls, 0 if killed."""
        request = {"words": list(map(str, words)), "kill": kill, "said": str(said), **self._bounds}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return answer["code"], answer["calls"]


class _Calls:
    """Counts calls of this process, and kills it at one of them."""

    def __init__(self, kill):
        self._kill, self.count = kill, 0
        os.fsync = lambda _: None  # of power cuts nothing is told here
        for name in _CALLS:
            setattr(os, name, self._watched(getattr(os, name)))
        os.write = self._halved(os.write)
        os.fdopen = self._open

    def _watched(self, call):
        def watched(*arguments, **settings):
            self.note()
            return call(*arguments, **settings)

        return watched

    def _halved(self, call):
        def halved(descriptor, data):
            self.note(lambda: call(descriptor, data[: len(data) // 2]))
            return call(descriptor, data)

        return halved

    def note(self, last=lambda: None):
        """Count a call; if it is the one, do a last thing and die."""
        self.count += 1
        if self.count == self._kill:
            last()
            os.kill(os.getpid(), signal.SIGKILL)

    def _open(self, descriptor, mode="r", buffering=-1, closefd=True, **_):
        file = _File(descriptor, mode.replace("b", ""), closefd)
        file.note = self.note
        if not buffering:
            return file
        kind = io.BufferedRandom if "+" in mode else io.BufferedReader if mode == "rb" else io.BufferedWriter
        return kind(file)


class _File(io.FileIO):
    def write(self, data):
        self.note(lambda: super(_File, self).write(bytes(data)[: len(data) // 2]))
        return super().write(data)


def _one_thread(function, items, jobs, prepare, stop, **_):  # noqa: ARG001 - as engines are called
    """Be an engine that works in the thread of the run, so that calls come in one order."""
    for item in items:
        if stop.is_set():
            return
        yield function(item)


def _run(words, kill, said, *, pipe, memory, seconds):
    """Be a run."""
    signal.alarm(seconds)
    if memory:
        loaded = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (loaded + memory,) * 2)
    sys.stdout = sys.stderr = Path(said).open("w")  # noqa: SIM115 - for as long as this process lasts
    ENGINE_TABLE["threads"] = _one_thread
    tell, calls, code = os.write, _Calls(kill), 70
    try:
        code = run_command(words)
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - this process has nobody else to tell
        traceback.print_exc()
    sys.stdout.flush()
    tell(pipe, json.dumps({"calls": calls.count, "modules": sorted(sys.modules)}).encode())
    os._exit(code)


def _serve():
    """Answer until standard input ends."""
    for line in sys.stdin:
        request = json.loads(line)
        ours, theirs = os.pipe()
        child = os.fork()
        if not child:
            os.close(ours)
            _run(**request, pipe=theirs)
        os.close(theirs)
        with open(ours, "rb") as pipe:  # noqa: PTH123 - a descriptor
            told = json.loads(pipe.read() or b'{"calls": 0, "modules": []}')
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        for name in told["modules"]:  # what it has loaded, the next ones have
            if name.partition(".")[0] in {"icsys", "numpy", "PIL", "pyarrow", "scipy", "sklearn", "tarfile"}:
                importlib.import_module(name)
        sys.stdout.write(json.dumps({"code": code, "calls": told["calls"]}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
