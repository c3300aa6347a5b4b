"""Time and peak memory of other programs, and time of this process."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Number = TypeVar("Number", int, float)
BENCH = Path(__file__).resolve().parent
# Without site packages the launcher stays small; where wait4 is missing it needs one of them.
_LAUNCHER_FLAGS = ("-S",) if hasattr(os, "wait4") else ()


@dataclass(frozen=True, slots=True)
class Cost:
    """What running one or several programs one after another took.

    Attributes
    ----------
    seconds
        From start to end, start-up included; summed.
    peak_bytes
        Largest resident size of any of them; None where the system does not tell.
    cpu_seconds
        Processor time of all their threads, summed; None where the system does not tell.
    failed
        Whether one of them ended with an error.
    """

    seconds: float
    peak_bytes: int | None
    cpu_seconds: float | None
    failed: bool = False


class Watch:
    """Measures what passes, on the clock and of the processor."""

    def __init__(self) -> None:
        self._clock, self._busy = time.perf_counter(), time.process_time()

    def lap(self) -> tuple[float, float]:
        """Return the seconds since the last lap: of the clock, and of this process."""
        before = self._clock, self._busy
        self._clock, self._busy = time.perf_counter(), time.process_time()
        return self._clock - before[0], self._busy - before[1]


def run_programs(commands: Sequence[Sequence[str]]) -> Cost:
    """Run programs one after another; after the first that fails, no other is started."""
    costs = []
    for command in commands:
        costs.append(_run(command))
        if costs[-1].failed:
            break
    return Cost(
        seconds=sum(cost.seconds for cost in costs),
        peak_bytes=max(_told(cost.peak_bytes for cost in costs), default=None),
        cpu_seconds=sum(_told(cost.cpu_seconds for cost in costs)) or None,
        failed=any(cost.failed for cost in costs),
    )


def typical(costs: Sequence[Cost]) -> Cost:
    """Return the medians of several runs."""
    peaks, cpu = _told(cost.peak_bytes for cost in costs), _told(cost.cpu_seconds for cost in costs)
    return Cost(
        seconds=statistics.median(cost.seconds for cost in costs),
        peak_bytes=round(statistics.median(peaks)) if peaks else None,
        cpu_seconds=statistics.median(cpu) if cpu else None,
        failed=any(cost.failed for cost in costs),
    )


def _run(command: Sequence[str]) -> Cost:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        launcher = [sys.executable, *_LAUNCHER_FLAGS, str(BENCH / "launch.py"), str(report)]
        done = subprocess.run([*launcher, *command], stderr=subprocess.PIPE, text=True, check=False, env=os.environ)
        if not report.exists():
            raise RuntimeError(f"{command[0]!r} could not be started: {done.stderr.strip()[-300:]}")
        values = json.loads(report.read_text(encoding="utf-8"))
    if values["code"]:
        print(f"{' '.join(command)[:200]} ended with {values['code']}: {done.stderr.strip()[-300:]}", file=sys.stderr)
    return Cost(values["seconds"], values["peak_bytes"], values["cpu_seconds"], bool(values["code"]))


def _told(values: Iterable[Number | None]) -> list[Number]:
    return [value for value in values if value is not None]
