"""Time of runs inside one process, so that start-up is left out. A program for the benchmark of growth.

``python warm.py REPORT FOLDER STRATEGY COLORS JOBS REPEATS`` writes the seconds of each run but the first to the file
REPORT, as a JSON list.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from icsys import Options, compress_folder


def main(report: str, folder: str, strategy: str, colors: int, jobs: int, repeats: int) -> None:  # noqa: PLR0917 - a program's
    """Run on a folder once to load all that is needed, then ``repeats`` times against the clock."""
    options = Options(strategy=strategy, colors=colors)
    seconds = []
    with tempfile.TemporaryDirectory() as destination:
        for _ in range(repeats + 1):
            start = time.perf_counter()
            compress_folder(folder, destination, options, jobs=jobs, overwrite="always")
            seconds.append(time.perf_counter() - start)
    Path(report).write_text(json.dumps(seconds[1:]), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:4], *map(int, sys.argv[4:]))
