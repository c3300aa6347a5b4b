"""Run one program and tell how long it took and how much memory it had, in a process that is small itself.

On Linux the peak memory that the system reports of a child starts at the size of the process that started it. A
benchmark that has NumPy loaded is large, so it starts this file, which imports nothing large, and this starts the
program: ``python launch.py REPORT PROGRAM ARGUMENT...`` writes a JSON object to the file REPORT.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

_POLL = 0.005  # seconds


def main(report: str, command: list[str]) -> None:
    """Run ``command`` and write what it took to the file ``report``; null stands for what the system does not tell."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    code, peak, cpu = _wait_posix(child) if hasattr(os, "wait4") else _wait_polling(child)
    values = {"seconds": time.perf_counter() - start, "peak_bytes": peak, "cpu_seconds": cpu, "code": code}
    Path(report).write_text(json.dumps(values), encoding="utf-8")


def _wait_posix(child: subprocess.Popen[bytes]) -> tuple[int, int, float]:
    """Wait for the child; return its largest resident size and its processor time."""
    _, status, usage = os.wait4(child.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    child.returncode = code  # or Popen would wait again
    unit = 1 if sys.platform == "darwin" else 1024
    return code, usage.ru_maxrss * unit, usage.ru_utime + usage.ru_stime


def _wait_polling(child: subprocess.Popen[bytes]) -> tuple[int, int | None, float | None]:
    """Wait for the child and ask for its size and time until it ends: Windows keeps them, but only so long."""
    import psutil  # type: ignore[import-untyped]  # noqa: PLC0415 - only where wait4 is missing

    peak = cpu = None
    process = psutil.Process(child.pid)
    while child.poll() is None:
        try:
            memory, used = process.memory_info(), process.cpu_times()
        except psutil.Error:
            break
        peak = max(peak or 0, getattr(memory, "peak_wset", memory.rss))
        cpu = used.user + used.system
        time.sleep(_POLL)
    return child.wait(), peak, cpu


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
