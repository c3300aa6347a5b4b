"""How the compiled kernels are found and called."""

import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from icsys.native import library


def test_an_array_is_handed_over_only_as_its_kernel_reads_it():
    array = np.zeros((4, 6), np.float32)
    assert library.address(array, np.float32) == array.ctypes.data
    assert library.address(array[2:], np.float32) == array.ctypes.data + 48
    array.flags.writeable = False
    assert library.address(array, np.float32) == array.ctypes.data
    library.address(array[4:], np.float32)  # no values
    with pytest.raises(TypeError, match="expected contiguous float64"):
        library.address(array, np.float64)
    with pytest.raises(TypeError, match="strides"):
        library.address(array[:, ::2], np.float32)


def test_the_fastest_instruction_set_that_the_processor_has_is_used():
    flags = Path("/proc/cpuinfo")
    if platform.machine() != "x86_64" or not flags.exists():
        pytest.skip("needs /proc/cpuinfo of an x86-64 Linux to compare with")
    has_avx2 = {"avx2", "fma", "bmi2"} <= set(flags.read_text("ascii").split())
    assert library.levels() == (("v3", "v2") if has_avx2 else ("v2",))
    assert library.KERNELS.level == library.levels()[0]


def test_an_unknown_kernel_is_named():
    with pytest.raises(AttributeError, match="no kernel 'sing'"):
        library.KERNELS.sing()


def test_a_kernel_without_memory_raises():
    # More clusters than any memory holds; the kernel stops before it reads a point.
    with pytest.raises(MemoryError):
        library.KERNELS.merge_costs(0, 1 << 56, 3, 0, 0)


def test_missing_kernels_are_named_with_what_to_do(tmp_path):
    Path(tmp_path, "library.py").write_text(Path(library.__file__).read_text("utf-8"), "utf-8")
    command = [sys.executable, "-c", "import library"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "kernels" in done.stderr
    assert "pip install --force-reinstall" in done.stderr


def test_kernels_that_are_older_than_the_package_are_named_with_what_to_do():
    with pytest.raises(ImportError, match=r"older than the package.*mark_colors_v9.*pip install --force-reinstall"):
        library.Kernels(library.LIBRARY, "v9")
