"""Folders to verify, and what is done to them."""

import subprocess
import sys

from PIL import Image

from helpers import synthetic_photo
from icsys import Options, verify_folder

NAMES = ["a.jpg", "b.png", "train/cat/a.png", "train/cat/b.png", "train/dog/a.jpg", "test/cat/x.png", "test/é/ü.png"]
SMALL = Options(colors=4, scale=0.5, never_larger=False)


def make_photos(folder):
    for seed, name in enumerate(NAMES):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(synthetic_photo(8, 10 + seed, seed=seed)).save(path)
    (folder / "broken.png").write_bytes(b"no image")


def found(folder, **settings):
    return verify_folder(folder, **settings).to_dict()


def edit(path, change):
    lines = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(change(lines)), "utf-8")


KILLED = """
import itertools, os, sys
count, rename, step = itertools.count(), os.replace, int(sys.argv[2])
def rename_or_die(*names, **settings):
    next(count) < step or os._exit(9)
    rename(*names, **settings)
os.replace = rename_or_die
from icsys.__main__ import main
sys.argv[1:] = sys.argv[3:]
main()
"""


def run_killed(step, source, destination, *words):
    """Run the command on one thread until it is about to rename a file for the step-th time; tell whether it died."""
    words = ["compress", source, destination, "--jobs", 1, *words]
    command = [sys.executable, "-c", KILLED, "", *map(str, (step, *words))]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode in {0, 1, 9}, done.stderr
    return done.returncode == 9
