"""Output folders to verify, and ways to damage them."""

import os
import signal

import pytest
from PIL import Image

import fork_server
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


needs_fork = pytest.mark.skipif(not fork_server.AVAILABLE, reason="needs forks of a process, as POSIX has them")


def run_killed(step, source, destination, *words):
    """Run the command in one thread until it is about to rename a file for the step-th time; return whether it died."""
    words = ["compress", source, destination, *words]
    code, _ = fork_server.shared_server().run(*words, log=os.devnull, kill=step + 1, calls=["replace"])
    assert code in {0, 1, -signal.SIGKILL}
    return code < 0
