"""How many damaged JPEGs are found: by Pillow as it stands, and by ICS."""

from __future__ import annotations

import argparse
import io
import random
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from icsys import ImageError, Options, compress_image
from machine import describe
from page import publish
from photos import find_photos, write_photos
from table import markdown_table

if TYPE_CHECKING:
    from collections.abc import Callable

_OPTIONS = Options(strategy="SO", step=8)
_START_OF_SCAN = b"\xff\xda"


def flip(data: bytes, choose: random.Random, bits: int) -> bytes:
    """Return a JPEG with so many bits inverted among its pixels."""
    damaged, start = bytearray(data), data.rindex(_START_OF_SCAN) + 16
    for _ in range(bits):
        damaged[choose.randrange(start, len(data) - 2)] ^= 1 << choose.randrange(8)
    return bytes(damaged)


def blank(data: bytes, choose: random.Random, size: int) -> bytes:
    """Return a JPEG with so many bytes among its pixels set to zero, as a disk may return them."""
    start = choose.randrange(data.rindex(_START_OF_SCAN) + 16, len(data) - 2 - size)
    return data[:start] + bytes(size) + data[start + size :]


def cut(data: bytes, choose: random.Random, _: int) -> bytes:
    """Return the beginning of a JPEG, up to a place among its pixels."""
    return data[: choose.randrange(data.rindex(_START_OF_SCAN) + 16, len(data) - 2)]


DAMAGES: dict[str, tuple[Callable[[bytes, random.Random, int], bytes], int]] = {
    "1 bit inverted": (flip, 1),
    "16 bits inverted": (flip, 16),
    "512 bytes zeroed": (blank, 512),
    "4096 bytes zeroed": (blank, 4096),
    "cut off": (cut, 0),
}


def found_by_pillow(data: bytes) -> bool:
    """Tell whether Pillow refuses to decode a file at full size."""
    try:
        Image.open(io.BytesIO(data)).load()
    except OSError:
        return True
    return False


def found_by_ics(data: bytes) -> bool:
    """Tell whether ICS refuses a file."""
    try:
        compress_image(data, _OPTIONS)
    except ImageError:
        return True
    return False


def rows(files: list[bytes], times: int) -> list[tuple[str, str, str]]:
    """Return for every kind of damage the share that is found, in percent."""
    made = []
    for name, (damage, size) in DAMAGES.items():
        choose = random.Random(name)  # noqa: S311 - the same damage every time
        damaged = [damage(data, choose, size) for data in files for _ in range(times)]
        shares = (100 * statistics.fmean(map(found, damaged)) for found in (found_by_pillow, found_by_ics))
        made.append((name, *(f"{share:.1f} %" for share in shares)))
    return made


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="folder with JPEG photos; generated if left out")
    parser.add_argument("--times", type=int, default=20, help="damaged files made of each photo (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="also write the table to this Markdown file")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as made:
        folder = options.folder
        if folder is None:
            folder = Path(made)
            write_photos(folder, 8, 1536, 1024)
        files = [path.read_bytes() for path in find_photos(folder) if path.suffix.lower() in {".jpg", ".jpeg"}]
    table = markdown_table(("damage among the pixels", "found by Pillow", "found by ICS"), rows(files, options.times))
    about = describe("damage.py", arguments, "pillow", "simplejpeg")
    report = (
        f"# Damaged JPEGs\n\n{len(files)} photos, {options.times} damaged files of each for every kind of damage.\n\n"
        f"{about}\n\n{table}\n\n"
        "A flip that leaves valid codes makes another picture, which no decoder "
        "can tell from a good one; restart markers in a file make that rarer.\n"
    )
    publish(report, options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
