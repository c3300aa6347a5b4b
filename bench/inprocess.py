"""Time of ICS beside the decoders in one process, so that start-up is left out. A program for the folder benchmark.

``python inprocess.py FOLDER COLORS STEP REPEATS`` prints a JSON object: the name of each contender, and its seconds
for the whole folder in every round. All contenders take turns, so that a slower moment of the machine meets all.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from contenders import FULL, SCALED, STRATEGIES, bare, ours
from decoding import full, scaled
from icsys import Options, compress_folder, compress_image

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image


def main(folder: str, colors: str, step: str, repeats: str) -> None:
    """Time everything on a folder and print the seconds."""
    source = Path(folder)
    with tempfile.TemporaryDirectory() as destination:
        works: dict[str, Callable[[], object]] = {
            SCALED: lambda: _decode(scaled, source, int(step)),
            FULL: lambda: _decode(full, source, int(step)),
        }
        for jobs in sorted({1, 2, os.cpu_count() or 1}):
            for strategy in STRATEGIES:
                options = Options(strategy=strategy, colors=int(colors), step=int(step))
                works[ours(strategy, jobs)] = _compression(source, Path(destination, "kept"), options, jobs)
                if strategy == "MKM":
                    works[bare(jobs)] = _loop(source, Path(destination), options, jobs)
        seconds: dict[str, list[float]] = {name: [] for name in works}
        for round_ in range(int(repeats) + 1):
            for name, work in works.items():
                start = time.perf_counter()
                work()
                if round_ > 0:  # the first one loads and compiles
                    seconds[name].append(time.perf_counter() - start)
    print(json.dumps(seconds))


def _decode(way: Callable[[bytes, int], Image.Image], source: Path, step: int) -> None:
    for path in sorted(source.iterdir()):
        way(path.read_bytes(), step)


def _compression(source: Path, destination: Path, options: Options, jobs: int) -> Callable[[], object]:
    return lambda: compress_folder(source, destination, options, jobs=jobs, overwrite="always")


def _loop(source: Path, destination: Path, options: Options, jobs: int) -> Callable[[], object]:
    def one(path: Path) -> None:
        (destination / f"{path.stem}.png").write_bytes(compress_image(path.read_bytes(), options).data)

    def loop() -> None:
        with ThreadPoolExecutor(jobs) as threads:
            list(threads.map(one, sorted(source.iterdir())))

    return loop


if __name__ == "__main__":
    main(*sys.argv[1:])
