"""What is not installed is named with the command that installs it, and nothing large is loaded unasked."""

import subprocess
import sys

import pytest

LARGE = (
    "torch",
    "torchvision",
    "pyarrow",
    "webdataset",
    "datasets",
    "distributed",
    "ray",
    "sklearn",
    "scipy",
    "PIL.WebPImagePlugin",
    "tarfile",
    "zipfile",
    "sqlite3",
    "fsspec",
    "aiohttp",
    "s3fs",
)


def python(code, *words, cwd=None):
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False, cwd=cwd)
    return done.returncode, done.stdout, done.stderr


def test_without_torch_the_error_names_the_package_to_install():
    code, out, err = python(
        "import sys; sys.modules['torch'] = None\n"
        "import icsys\n"
        "try: import icsys.torch\n"
        "except icsys.MissingExtraError as error: print(error)"
    )
    assert (code, err) == (0, "")
    assert "pip install 'icsys[torch]'" in out


@pytest.mark.parametrize("words", [("--help",), ("compress", "photos", "out")], ids=" ".join)
def test_help_and_a_plain_run_load_nothing_large(words, photos, tmp_path):
    (photos / "b.webp").unlink()
    code, out, err = python(
        "import sys; from icsys.cli.main import run_command\n"
        "sys.argv[0] = 'ics'\n"
        "try: run_command()\n"
        f"finally: print('loaded:', *(name for name in {LARGE} if name in sys.modules))",
        *words,
        cwd=tmp_path,
    )
    assert code == 0, err
    assert out.splitlines()[-1] == "loaded:"
