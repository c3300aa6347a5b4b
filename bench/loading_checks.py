"""What arrays of few colours give beside copies of raw pixels, measured in turn by one thread into the same memory."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import icsys
import loading_sets as sets
from arrays import MEAN, STD, Contender, best_seconds, copy_rows
from loading_child import pin

if TYPE_CHECKING:
    from numpy.typing import NDArray

COPY, COPY_FLOATS, FEW, MANY, FLOATS = "copy", "writing floats", "16", "256", "16 as floats"


def field(folder: Path) -> list[Contender]:
    """Return what is measured: all read uint8 CHW but for two of float32."""
    raw = np.load(folder / sets.RAW, mmap_mode="r")
    shape, copy = raw.shape[1:], copy_rows(raw)
    floats = {"dtype": "float32", "mean": MEAN, "std": STD}

    def ours(name: str, form: dict[str, Any]) -> Any:  # noqa: ANN401 - a Reader
        data = icsys.load(folder / name)
        return lambda rows, out, threads: data.pixels(rows, **form, out=out, threads=threads)

    return [
        Contender(COPY, lambda rows, out, _: copy(rows, out), shape, "uint8"),
        Contender(FEW, ours(sets.FEW, {}), shape, "uint8"),
        Contender(MANY, ours(sets.MANY, {}), shape, "uint8"),
        Contender(COPY_FLOATS, lambda _rows, out, _: out.fill(1), shape, "float32"),
        Contender(FLOATS, ours(sets.FEW, floats), shape, "float32"),
    ]


def rates(folder: Path, batch: int, epochs: int) -> dict[str, dict[str, float]]:
    """Return images a second of all, ``"shuffled"`` and ``"ordered"``, when warm."""
    found, contenders = {}, field(folder)
    count = len(np.load(folder / sets.RAW_LABELS))
    orders: dict[str, NDArray[np.int64]] = {
        "ordered": np.arange(count),
        "shuffled": np.random.default_rng(0).permutation(count),
    }
    for name, order in orders.items():
        seconds = best_seconds(contenders, order, batch=batch, threads=1, epochs=epochs, clock=time.perf_counter)
        found[name] = {one.name: count / own for one, own in zip(contenders, seconds, strict=True)}
    return found


if __name__ == "__main__":
    pin(1)
    print(json.dumps(rates(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
