"""The kernels for ARM processors, run by an emulator where there is a compiler for them: right pixels, nothing more."""

import shutil
import subprocess
from pathlib import Path

import pytest

COMPILER, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64"
HERE = Path(__file__).parent
NATIVE = HERE.parents[1] / "src" / "icsys" / "native"


@pytest.mark.skipif(
    not (shutil.which(COMPILER) and shutil.which(EMULATOR)), reason=f"needs {COMPILER} and {EMULATOR} on the PATH"
)
def test_pixels_of_random_batches_are_those_of_one_pixel_after_another(tmp_path):
    program = tmp_path / "expand_random"
    flags = ("-std=c++20", "-O1", "-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra", "-Werror", "-static")
    subprocess.run(
        [COMPILER, *flags, f"-I{NATIVE}", str(HERE / "expand_random.cpp"), "-o", str(program)], check=True, timeout=300
    )
    command = [EMULATOR, str(program), "1000", "1"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (found.stdout.strip(), found.returncode) == ("1000", 0), found.stdout + found.stderr
