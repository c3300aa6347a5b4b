"""The memory of a run on large pictures, one after the other and in parallel, measured in its own process."""

import json
import struct
import subprocess
import sys
import zlib

import pytest

SIDE = 7000
PIXELS = SIDE * SIDE
KINDS = {
    "grey": (0, 1, 1),
    "palette": (3, 1, 1),
    "rgb": (2, 3, 4),
    "rgba": (6, 4, 4),
}  # colour type, bytes in file, held
PROGRAM = """
import json, sys
from icsys import Options, compress_folder
def peak():  # of this program alone; getrusage counts the parent's memory too
    with open("/proc/self/status") as status:
        return 1024 * int(next(line for line in status if line.startswith("VmHWM")).split()[1])
peaks = [peak()]
for jobs in (1, 2):
    summary = compress_folder(sys.argv[1], f"{sys.argv[2]}/{jobs}", Options(), jobs=jobs)
    assert summary.compressed == 4
    peaks.append(peak())
print(json.dumps(peaks))
"""


def flat_png(color_type, channels):
    """Return a PNG of one colour, which is a small file."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer = zlib.compressobj(1)
    row = b"\0" + bytes([7]) * SIDE * channels
    pixels = b"".join(packer.compress(row) for _ in range(SIDE)) + packer.flush()
    palette = chunk(b"PLTE", bytes(range(30))) if color_type == 3 else b""
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, color_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + palette + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.skipif(sys.platform != "linux", reason="what was freed is returned to the system by glibc")
@pytest.mark.parametrize("kind", KINDS)
def test_two_jobs_take_at_most_twice_what_one_picture_takes(kind, tmp_path):
    color_type, channels, held = KINDS[kind]
    (tmp_path / "photos").mkdir()
    for number in range(4):
        (tmp_path / "photos" / f"{number}.png").write_bytes(flat_png(color_type, channels))
    line = [sys.executable, "-c", PROGRAM, str(tmp_path / "photos"), str(tmp_path)]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    before, one, two = json.loads(done.stdout)
    assert one - before < 1.5 * held * PIXELS + 100 * 2**20
    assert two - before < 2 * (one - before)
