"""Runs of the command in forks of one process that has loaded what they need: they begin at once.

The server takes one JSON object in each line of standard input and answers each with another, ``{"code": the exit code,
negative for a signal, "calls": a number}``:

- ``{"do": "command", "words", "cwd", "env", "files": [in, out, err], "tracer"}`` runs the command as a process of its
  own would, with its standard streams from and to files. ``tracer``, where it has words, is a command of strace: it is
  attached to the process before that begins.
- ``{"do": "code", …}`` likewise runs Python code, which is the first word; the others are its arguments.
- ``{"do": "killed", "words", "kill": number or null, "calls": names, "log": file}`` runs the command in one thread and
  kills it (SIGKILL) right before the system call of that number, or in the middle of it where it writes; ``calls`` is
  how many there were, if it came to its end.
"""

import atexit
import ctypes
import functools
import gc
import importlib.abc
import importlib.util
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from pathlib import Path

import icsys.__main__
import icsys.outputs.group
import icsys.run.compress  # the command loads it only when it runs
from icsys.cli.main import run_command
from icsys.engine import ENGINE_TABLE

CALLS = ("open", "mkdir", "unlink", "rmdir", "replace", "fsync", "stat", "scandir", "write")
_leave = os._exit
AVAILABLE = hasattr(os, "fork")  # not on Windows
_SHARED = {
    "icsys",
    "numpy",
    "pandas",  # pyarrow loads it when it makes a table
    "PIL",
    "pyarrow",
    "scipy",
    "sklearn",
    "tarfile",
    "tqdm",
}  # packages that one run loads for all


class ForkServer:
    """The server, while it is entered.

    Parameters
    ----------
    memory
        Bytes that a run that may be killed takes at most beyond what is loaded; without a bound if left out.
    seconds
        That a run may last.
    """

    def __init__(self, memory=None, seconds=120):
        self._bounds = {"memory": memory, "seconds": seconds}

    def __enter__(self):
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_):
        """End it."""
        with self._process:
            self._process.stdin.close()

    def run(self, *words, log, kill=None, calls=CALLS):
        """Run a command in one thread; return its exit code, negative for a signal, and its calls, 0 if killed."""
        request = {"words": list(map(str, words)), "kill": kill, "calls": calls, "log": str(log), **self._bounds}
        return self._send("killed", request)

    def command(self, words, *, cwd, text=None, env=os.environ, do="command", together=False, tracer=()):
        """Run a command as a process of its own would; return exit code, standard output and standard error.

        With ``together`` both come in their order, twice. ``tracer`` is a command of strace to attach to it.
        """
        with tempfile.TemporaryDirectory() as folder:
            files = [os.devnull, f"{folder}/out", f"{folder}/{'out' if together else 'err'}"]
            if text is not None:
                files[0] = f"{folder}/in"
                Path(files[0]).write_text(text, "utf-8")
            request = {"words": list(map(str, words)), "cwd": str(cwd), "env": dict(env), "files": files}
            request["tracer"] = list(tracer)
            code, _ = self._send(do, request)
            return code, *(Path(file).read_text("utf-8") for file in files[1:])

    def _send(self, do, request):
        self._process.stdin.write(json.dumps({"do": do} | request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return answer["code"], answer["calls"]


@functools.cache
def shared_server():
    """Return the server of this process, which ends with it."""
    server = ForkServer().__enter__()
    atexit.register(server.__exit__)
    return server


def _spare_the_disk():
    """Bring nothing onto the disk: no test of such a process is about power cuts."""
    os.fsync = lambda _: None
    icsys.outputs.group.sync_together = lambda _: True


class _Calls:
    """Counts calls of this process, and kills it at one of them."""

    def __init__(self, kill, calls, report):
        self._kill, self._report, self.count = kill, report, 0
        _spare_the_disk()
        for name in set(calls) - {"write"}:
            setattr(os, name, self._watched(getattr(os, name)))
        if "write" in calls:
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
            _report(self._report, 0)
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


def _run_killed(words, kill, calls, log, *, report, memory, seconds):
    """Be a run that may be killed at a call."""
    import resource  # noqa: PLC0415 - not on Windows

    signal.alarm(seconds)
    if memory:
        loaded = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (loaded + memory,) * 2)
    sys.stdout = sys.stderr = Path(log).open("w")  # noqa: SIM115 - for as long as this process lasts
    ENGINE_TABLE.update(auto=_one_thread, threads=_one_thread)
    counted, code = _Calls(kill, calls, report), 70
    try:
        code = run_command(words)
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - this process can report it nowhere else
        traceback.print_exc()
    sys.stdout.flush()
    _report(report, counted.count)
    os._exit(code)


def _report(report, calls):
    """Tell the server what this process has loaded: sent, not written, since its writes may be counted from outside."""
    report.sendall(json.dumps({"calls": calls, "modules": sorted(sys.modules)}).encode())


class _LoadedBefore(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a module that was loaded before, with all that it holds."""

    def __init__(self, module):
        self.module = module

    def find_spec(self, name, path=None, target=None):  # noqa: ARG002 - as finders are called
        return importlib.util.spec_from_loader(name, self) if name == self.module.__name__ else None

    def create_module(self, spec):  # noqa: ARG002 - as loaders are called
        return self.module

    def exec_module(self, module):
        """Leave the module as it is."""


def _forget_multiprocessing():
    """Have the command end as one that has not loaded it: it ends more slowly where a run has."""
    module = sys.modules.pop("multiprocessing", None)
    if module is not None:
        # Loaded anew, the package would lack its parts, which stay loaded.
        sys.meta_path.insert(0, _LoadedBefore(module))


def _run_as_process(do, words, cwd, env, files, *, report, tracer):
    """Be the command, or Python code, with standard streams of its own; end as it ends."""
    signal.alarm(120)
    _report_at_end(report)
    _forget_multiprocessing()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    for number, file in enumerate(files):
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND if number else os.O_RDONLY)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for as long as this process lasts
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.argv = ["ics", *words] if do == "command" else ["-c", *words[1:]]
    if tracer:
        _wait_for_tracer()
    else:
        _spare_the_disk()
    try:
        if do == "command":
            _end(icsys.__main__.main())
        warnings.resetwarnings()
        exec(words[0], {"__name__": "__main__"})  # noqa: S102 - the code of a test
        _end(0)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            _end(end.code or 0)
        raise


def _end(code):
    """End as Python does, but leave the memory to the system: to free all modules takes longer than a run."""
    threading._shutdown()  # noqa: SLF001 - what Python itself calls first
    atexit._run_exitfuncs()  # noqa: SLF001 - and then
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = 120  # likewise
    _leave(code)


def _report_at_end(report):
    """Report what this process has loaded, however it ends."""

    def report_and_leave(code):
        _report(report, 0)
        _leave(code)

    atexit.register(_report, report, 0)
    os._exit = report_and_leave


def _wait_for_tracer():
    """Stand still until ``_attach`` has a tracer attached to this process."""
    any_process = ctypes.c_ulong(-1)
    ctypes.CDLL(None).prctl(0x59616D61, any_process)  # PR_SET_PTRACER: some systems let only a parent trace a process
    os.kill(os.getpid(), signal.SIGSTOP)


def _attach(tracer, child):
    """Attach a tracer to a process that waits for it, and have that go on; return the tracer."""
    os.waitpid(child, os.WUNTRACED)
    process = subprocess.Popen([*tracer, "-p", str(child)])
    state = Path(f"/proc/{child}/stat")
    while state.read_text().rpartition(")")[2].split()[0] != "t":  # it makes no call any more that is not traced
        if process.poll() is not None:
            os.kill(child, signal.SIGKILL)
            break
        time.sleep(0.001)
    os.kill(child, signal.SIGCONT)
    return process


def _serve():
    """Answer until standard input ends."""
    for line in sys.stdin:
        request = json.loads(line)
        ours, theirs = socket.socketpair()
        gc.freeze()  # a collection in the child would write, and so copy, most of the memory that both share
        child = os.fork()
        if not child:
            ours.close()
            if request.pop("do") == "killed":
                _run_killed(**request, report=theirs)
            _run_as_process(**json.loads(line), report=theirs)
        theirs.close()
        tracer = _attach(request["tracer"], child) if request.get("tracer") else None
        with ours, ours.makefile("rb") as reports:
            reported = json.loads(reports.read() or b'{"calls": 0, "modules": []}')
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if tracer is not None:
            tracer.wait()
        for name in reported["modules"]:  # later processes start with these modules loaded
            if name.partition(".")[0] in _SHARED:
                importlib.import_module(name)
        sys.stdout.write(json.dumps({"code": code, "calls": reported["calls"]}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
