"""What a user writes in some lines around Pillow: a pool of processes that makes small pictures of few colours.

``python pillow_pool.py SOURCE DESTINATION TARGET COLORS PROCESSES`` is a program for the benchmark of small photos;
TARGET is a size to fit in, such as 64x64, or "step 5".
"""

from __future__ import annotations

import math
import sys
from functools import partial
from multiprocessing import Pool
from pathlib import Path

from PIL import Image


def final_size(size: tuple[int, int], target: str) -> tuple[int, int]:
    """Return the width and height that a photo of ``size`` gets, as ICS has them.

    Examples
    --------
    >>> final_size((400, 533), "64x64"), final_size((400, 533), "step 5"), final_size((32, 32), "64x64")
    ((48, 64), (80, 107), (32, 32))
    """
    if target.startswith("step"):
        step = int(target.split()[1])
        return math.ceil(size[0] / step), math.ceil(size[1] / step)
    ratio = min(1.0, *(int(side) / given for side, given in zip(target.split("x"), size, strict=True)))
    return max(1, round(size[0] * ratio)), max(1, round(size[1] * ratio))


def decode(path: Path, target: str) -> Image.Image:
    """Decode a photo at the smallest scale that has the asked size, or the size that a step gives."""
    with Image.open(path) as image:
        is_step = target.startswith("step")
        width, height = final_size(image.size, target) if is_step else map(int, target.split("x"))
        image.draft("RGB", (width, height))
        image.load()
        return image


def compress(path: Path, destination: Path, target: str, colors: int) -> None:
    """Make the small picture of a photo."""
    with Image.open(path) as image:
        size = final_size(image.size, target)
        image.draft("RGB", size)
        small = image.convert("RGB").resize(size, Image.Resampling.BOX).quantize(colors)
    small.save(destination / f"{path.stem}.png")


def main(source: str, destination: str, target: str, colors: str, processes: str) -> None:
    """Compress every photo of a folder."""
    one = partial(compress, destination=Path(destination), target=target, colors=int(colors))
    with Pool(int(processes)) as pool:
        pool.map(one, sorted(Path(source).iterdir()))


if __name__ == "__main__":
    main(*sys.argv[1:])
