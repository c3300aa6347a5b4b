"""One image from standard input to standard output."""

import subprocess
import sys

import pytest

from helpers import ics, image_bytes, synthetic_photo
from icsys import Options, compress_image

PHOTO = image_bytes(synthetic_photo(), "JPEG")


def stream(*arguments, data=PHOTO, cwd=None):
    command = [sys.executable, "-m", "icsys", "compress", "-", *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=False, cwd=cwd)


def test_standard_output_has_the_bytes_of_compress_image_and_nothing_else(tmp_path):
    done = stream("--colors", "8", "--step", "2", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == compress_image(PHOTO, Options(colors=8, step=2)).data
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_image_fails_with_its_code():
    done = stream(data=b"text")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"failed: standard input: not an image")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--json"], "--json, which takes standard output"),
        (["out"], "a file or folder beside it"),
        (["--output", "out"], "a file or folder beside it"),
        (["--format", "webdataset"], "--format webdataset"),
        (["--palette", "dataset"], "--palette dataset"),
        (["--shard", "1/2"], "a setting of runs over many images"),
    ],
)
def test_what_one_image_cannot_have_is_wrong_usage(arguments, expected, tmp_path):
    code, out, err = ics("compress", "-", *arguments, cwd=tmp_path)
    assert (code, out) == (2, "")
    assert expected in err
