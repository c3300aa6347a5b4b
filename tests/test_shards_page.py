"""The examples for schedulers run as they stand on the page, with the variables that each scheduler sets."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fault_runs import everything, needs_posix
from helpers import image_bytes, synthetic_photo
from icsys import compress_folder

PAGE = (Path(__file__).parents[1] / "docs" / "shards.md").read_text("utf-8")
SLURM, SHARD_TO_BUCKET, MERGE_IN_BUCKET = re.findall(r"^```bash\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
(KUBERNETES,) = re.findall(r"^            - (ics compress .*)$", PAGE, re.MULTILINE)

# Stands for the client of an object store: buckets are folders.
AWS = """#!/bin/bash
set -e
[ "$1" = s3 ]
case "$2" in
sync) mkdir -p "${4#s3://}" && cp -R "${3#s3://}/." "${4#s3://}" ;;
rm) rm -r "${3#s3://}" ;;
*) exit 2 ;;
esac
"""


@pytest.fixture
def place(tmp_path):
    """A folder with photos, one of them bad, and the outputs of one run."""
    for number in range(8):
        path = tmp_path / "Uncompressed" / ("cat", "dog")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image_bytes(synthetic_photo(seed=number)))
    (tmp_path / "Uncompressed" / "bad.png").write_bytes(b"no photo")
    compress_folder(tmp_path / "Uncompressed", tmp_path / "clean")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "aws").write_text(AWS, "utf-8")
    (tmp_path / "bin" / "aws").chmod(0o755)
    return tmp_path


def bash(script, cwd, **variables):
    path = os.pathsep.join([str(cwd / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["/bin/bash", "-c", script],
        cwd=cwd,
        env=os.environ | variables | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@needs_posix
def test_slurm(place):
    for index in range(1, 5):
        assert bash(SLURM, place, SLURM_ARRAY_TASK_ID=str(index), SLURM_CPUS_PER_TASK="2")[0] == 0
    assert bash("ics merge Compressed", place)[0] == 1  # one image is bad
    assert everything(place / "Compressed") == everything(place / "clean")


@needs_posix
def test_kubernetes(place):
    for index in range(4):
        assert bash(KUBERNETES, place, JOB_COMPLETION_INDEX=str(index))[0] == 0
    assert bash("ics merge Compressed", place)[0] == 1
    assert everything(place / "Compressed") == everything(place / "clean")


@needs_posix
def test_aws_batch_with_a_bucket(place):
    bucket = {"BUCKET": "s3://bucket", "PHOTOS": str(place / "Uncompressed")}
    for index in range(4):
        code, err = bash(SHARD_TO_BUCKET, place, AWS_BATCH_JOB_ARRAY_INDEX=str(index), **bucket)
        assert code == 0, err
        (place / "scratch").rename(place / f"machine{index}")
    assert bash(MERGE_IN_BUCKET, place, **bucket)[0] == 0
    assert everything(place / "bucket" / "small") == everything(place / "clean")


@needs_posix
def test_wrong_usage_is_not_passed_over(place):
    code, err = bash(SLURM, place, SLURM_ARRAY_TASK_ID="5", SLURM_CPUS_PER_TASK="2")
    assert code != 0
    assert "shard='5/4'" in err
