"""Many images: what a run holds does not grow with them."""

import os
import shutil

import psutil
import pytest

from fault_runs import OPTIONS, make_photos
from icsys import compress_folder


@pytest.mark.skipif(not hasattr(psutil.Process, "num_fds"), reason="needs a system that counts open files")
@pytest.mark.fault(0, "many images in one run", "open files and memory flat; the next run skips them all")
def test_open_files_and_memory_are_flat(tmp_path, thorough, observed):
    """10,000 small images; open files and memory are looked at after every tenth of them."""
    many = 10_000 if thorough else 1_000
    source = make_photos(tmp_path / "in", 100)
    for number in range(1, many // 100):
        shutil.copytree(source / "cat", source / f"cat{number}")
        shutil.copytree(source / "dog", source / f"dog{number}")
    process = psutil.Process(os.getpid())
    files, memory = [], []

    def look(progress):
        if progress.summary.images % (many // 10) == many // 20:
            files.append(process.num_fds())
            memory.append(process.memory_info().rss)

    summary = compress_folder(source, tmp_path / "out", OPTIONS, jobs=2, progress=look)
    assert (summary.compressed, summary.failed) == (many, 0)
    assert len(files) == 10
    assert max(files[1:]) <= files[0] + 2 * 4  # each of four threads has a source open, or an output and its folder
    assert max(memory[1:]) <= memory[0] + 16 * 2**20
    again = compress_folder(source, tmp_path / "out", OPTIONS)
    assert (again.skipped, again.compressed) == (many, 0)
    observed("no more open files at the end than at the start, memory within 16 MB, all skipped by the next run")
