"""Memory that MKM needs beyond the image itself: a table, measured in a new process for each figure."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from icsys import quantize
from machine import describe
from page import publish
from photos import find_photos, generate_photo, load_rgb
from table import markdown_table, number

_MEGA = 1_000_000
_EFFORTS = ("fast", "balanced", "best")


def peak_bytes() -> int:
    """Return the largest resident size that this process ever had."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would begin with the size of the process that started this one
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        import psutil  # noqa: PLC0415 - only where it is needed

        return int(psutil.Process().memory_info().peak_wset)
    import resource  # noqa: PLC0415 - not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


def growth(array: Path, colors: int, effort: str) -> int:
    """Return by how many bytes this process grows while it clusters the image (H, W, 3) stored in ``array``.

    A small image goes first, so that code and compiler do not count.
    """
    quantize(generate_photo(64, 48, 0), colors, effort=effort)
    image = np.load(array)
    before = peak_bytes()
    quantize(image, colors, effort=effort)
    return peak_bytes() - before


def rows(image: np.ndarray, ks: list[int]) -> list[list[str]]:
    """Measure every effort at every K on one image, each in a process of its own."""
    table = []
    pixels = image.shape[0] * image.shape[1]
    with tempfile.TemporaryDirectory() as folder:
        array = Path(folder, "image.npy")
        np.save(array, image)
        for effort in _EFFORTS:
            for k in ks:
                command = [sys.executable, __file__, "--child", str(array), str(k), effort]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
                extra = int(done.stdout)
                table.append([f"MKM, {effort}", str(k), number(extra / _MEGA), number(extra / pixels)])
    return table


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    if arguments[:1] == ["--child"]:
        print(growth(Path(arguments[1]), int(arguments[2]), arguments[3]))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder", nargs="?", type=Path, help="folder whose largest photo is used; generated if left out"
    )
    parser.add_argument("--megapixels", type=float, default=22, help="of the generated photo (default: %(default)s)")
    parser.add_argument("--colors", default="32,256", help="numbers of colours K (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="also write the table to this Markdown file")
    options = parser.parse_args(arguments)
    if options.folder:
        image = max((load_rgb(path) for path in find_photos(options.folder)), key=lambda pixels: pixels.size)
    else:
        side = (options.megapixels * _MEGA / 12) ** 0.5
        image = generate_photo(round(4 * side), round(3 * side), 0)
    table = markdown_table(
        ("", "K", "MB beyond the image", "bytes a pixel"), rows(image, [int(k) for k in options.colors.split(",")])
    )
    height, width, _ = image.shape
    about = describe("memory.py", arguments, "numpy")
    report = f"# Memory of MKM\n\nOne image of {width} by {height} pixels.\n\n{about}\n\n{table}\n"
    publish(report, options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
