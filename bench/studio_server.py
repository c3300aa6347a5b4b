"""The studio as users start it, in a process of its own, with what it takes: processor time and memory."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

import psutil  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

_POLL = 0.05  # seconds
_PROPORTIONAL_EVERY = 4  # polls; it takes the system longer to tell
_SECONDS_TO_END = 30


class StudioServer:
    """A running ``ics studio``.

    Parameters
    ----------
    source
        The photos.
    folder
        Where it runs, and where it keeps presets.

    Attributes
    ----------
    address
        The printed address, token included.
    seconds_to_answer
        From the start of the command to its address.
    """

    def __init__(self, source: Path, folder: Path) -> None:
        command = [sys.executable, "-m", "icsys", "studio", str(source.absolute()), "--no-browser"]
        environment = {**os.environ, "XDG_CONFIG_HOME": str(folder), "APPDATA": str(folder)}
        start = time.perf_counter()
        self._server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment)
        self.address = next(iter(self._server.stdout or ()), "").strip()
        self.seconds_to_answer = time.perf_counter() - start
        if not self.address:
            with self._server:  # waits, and closes its stream
                pass
            raise RuntimeError(f"ics studio ended with {self._server.returncode} and printed no address")
        self.process = psutil.Process(self._server.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        with self._server:
            self._server.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
            try:
                self._server.wait(_SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                self._server.kill()

    def cpu_seconds(self) -> float:
        """Return the processor time of the server and of the processes that it has started and that still run."""
        return sum(busy.user + busy.system for busy in self._each(lambda process: process.cpu_times()))

    def memory(self, *, proportional: bool) -> Memory:
        """Return the memory of the server and of the processes that it has started."""
        resident = sum(one.rss for one in self._each(lambda process: process.memory_info()))
        if not (proportional and sys.platform == "linux"):
            return Memory(resident, None)
        return Memory(resident, sum(one.pss for one in self._each(lambda process: process.memory_full_info())))

    @contextlib.contextmanager
    def watched(self) -> Iterator[Memory]:
        """Watch the memory while a ``with`` block runs; what is yielded holds the peaks at its end."""
        peak, is_over = Memory(0, None), threading.Event()
        self._forget_peak()

        def watch() -> None:
            polls = 0
            while True:
                peak.take(self.memory(proportional=polls % _PROPORTIONAL_EVERY == 0))
                polls += 1
                if is_over.wait(_POLL):
                    return

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield peak
        finally:
            is_over.set()
            watcher.join()
            peak.take(Memory(self._highest(), None))

    def at_once(self, requests: Sequence[bytes]) -> tuple[float, dict[int, int]]:
        """Send requests over connections of their own, all open at once; return seconds and answers by status.

        A request that is not answered counts for the status 0.
        """
        with ThreadPoolExecutor(1) as thread:  # Playwright has a loop of its own in this one
            return thread.submit(asyncio.run, _at_once(self.address, requests)).result()

    def _each(self, ask: Callable[[psutil.Process], Any]) -> Iterator[Any]:
        for process in [self.process, *self.process.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):  # it has ended meanwhile
                yield ask(process)

    def _forget_peak(self) -> None:
        with contextlib.suppress(OSError):  # only Linux has it
            Path(f"/proc/{self.process.pid}/clear_refs").write_text("5", encoding="ascii")

    def _highest(self) -> int:
        """Return the peak that the system has seen of the server since it was forgotten; 0 where it tells none."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        except OSError:
            return 0
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


@dataclass(slots=True)
class Memory:
    """Bytes that are resident, and bytes of which shared ones count in parts; None where that is unknown."""

    resident: int
    proportional: int | None

    def take(self, other: Memory) -> None:
        """Keep the higher ones of both."""
        self.resident = max(self.resident, other.resident)
        if other.proportional is not None:
            self.proportional = max(self.proportional or 0, other.proportional)


async def _at_once(address: str, requests: Sequence[bytes]) -> tuple[float, dict[int, int]]:
    start = time.perf_counter()
    statuses = await asyncio.gather(*(_status(address, request) for request in requests))
    seconds = time.perf_counter() - start
    return seconds, {status: statuses.count(status) for status in sorted(set(statuses))}


async def _status(address: str, request: bytes) -> int:
    """Send a request with the headers that all need, and return the status of the whole answer; 0 for none."""
    parts = urlsplit(address)
    token = parse_qs(parts.query)["token"][0]
    head, gap, body = request.partition(b"\r\n\r\n")
    more = f"\r\nHost: {parts.netloc}\r\nCookie: ics-studio-{parts.port}={token}\r\nConnection: close"
    more += f"\r\nContent-Length: {len(body)}"
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(head + more.encode() + gap + body)
        answer = await reader.read()
        writer.close()
    except OSError:
        return 0
    return int(answer.split(None, 2)[1]) if answer else 0
