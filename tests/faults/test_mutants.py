"""A thousand damaged files of each format in one folder, through the command, with and without isolation."""

import json
import subprocess
import sys
import time
from collections import Counter

import pytest

from damaged_images import FORMATS, mutant
from helpers import tree

CODES = {"empty", "unidentified", "unsupported", "broken", "corrupt", "too_large"}
LIMIT = 300  # seconds for what takes ten


@pytest.fixture(scope="module")
def count(request):
    """How many mutants of each format are tried."""
    return 1000 if request.config.getoption("thorough", default=False) else 250


@pytest.fixture(scope="module")
def folder(count, tmp_path_factory):
    """A folder with all the mutants."""
    folder = tmp_path_factory.mktemp("mutants")
    for name in FORMATS:
        (folder / "in" / name).mkdir(parents=True)
        for number in range(count):
            (folder / "in" / name / f"{number:04}.{name.lower()}").write_bytes(mutant(name, number))
    return folder


@pytest.mark.fault(
    6, "a thousand damaged files of each of eight formats", "no traceback, no hang, no crash; every file reported"
)
@pytest.mark.parametrize("engine", ["threads", "isolate"])
def test_a_thousand_mutants_of_each_format(engine, folder, count, observed):
    """Bits flipped, numbers set, parts cut out, repeated, inserted and exchanged; every file is accounted for.

    A short run tries a quarter of them.
    """
    flags = ["--isolate", "--timeout", "60"] if engine == "isolate" else []
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "icsys",
        "compress",
        "in",
        engine,
        "--json",
        "--colors",
        "4",
        *flags,
    ]
    start = time.monotonic()
    done = subprocess.run(
        [*command, "--max-pixels", "4000000"], cwd=folder, capture_output=True, timeout=LIMIT, check=False
    )
    assert time.monotonic() - start < LIMIT
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    files = json.loads(done.stdout)["files"]
    assert len(files) == len({file["source"] for file in files}) == count * len(FORMATS)
    counts = Counter(file["code"] or file["status"] for file in files)
    assert set(counts) <= CODES | {"compressed"}
    assert min(counts["compressed"], counts["broken"], counts["corrupt"]) > count // 2
    assert len(tree(folder / engine)) == counts["compressed"]
    observed(f"{len(files):,} files, each compressed or failed with a code of its own")


def test_isolation_changes_no_byte_of_what_damaged_files_become(folder):
    for path in (folder / "threads").rglob("*.png"):
        assert path.read_bytes() == (folder / "isolate" / path.relative_to(folder / "threads")).read_bytes()
