"""A run over images with masks, annotations and a list is killed: no file is torn, and the next run ends the same."""

import itertools
import json

import numpy as np
import pytest
from PIL import Image

from fault_runs import ONE_THREAD, OPTIONS, assert_accounted, command, inject, make_photos, needs_strace, run
from helpers import everything
from icsys import compress_folder

CHANGES = ("write", "fsync", "rename", "mkdir")
_BOOKS = ("manifest.jsonl", "failures.jsonl", ".ics-")


def make_labelled(folder):
    """Write three photos with masks, labels of YOLO, a COCO file, a list and a sidecar."""
    make_photos(folder / "images", 3)
    pictures = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    notes = []
    for number, picture in enumerate(pictures):
        below = picture.removeprefix("images/").removesuffix(".png")
        mask, label = folder / "masks" / f"{below}.png", folder / "labels" / f"{below}.txt"
        for path in (mask, label):
            path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((24, 32), number + 7, np.uint8)).save(mask)
        label.write_text(f"{number} 0.5 0.5 0.25 0.25\n")
        notes.append({"id": number, "image_id": number, "category_id": 1, "bbox": [4, 4, 8, 8], "area": 64})
    images = [
        {"id": number, "file_name": picture.rpartition("/")[2], "width": 32, "height": 24}
        for number, picture in enumerate(pictures)
    ]
    record = {"images": images, "annotations": notes, "categories": [{"id": 1, "name": "a"}]}
    (folder / "annotations.json").write_text(json.dumps(record))
    (folder / "train.txt").write_text("".join(f"{picture}\n" for picture in pictures))
    return folder


@needs_strace
@pytest.mark.fault(34, "kill -9 of a run with labels", "no torn output; the next run finishes, with the same bytes")
@pytest.mark.parametrize("call", CHANGES)
def test_killed_at_every_system_call_that_changes_the_disk(call, tmp_path, thorough, observed):
    """strace kills a run at a call of one kind, the first, the second and so on to the last."""
    source = make_labelled(tmp_path / "in")
    summary = compress_folder(source, tmp_path / "clean", OPTIONS)
    assert (summary.compressed, summary.masks, summary.annotations, summary.sidecars) == (3, 3, 4, 1)
    clean = everything(tmp_path / "clean")
    killed = 0
    for number in itertools.count(1) if thorough else (4, 9):
        out = tmp_path / f"out{number}"
        rule = inject(call, f"signal=KILL:when={number}")
        if run(*rule, *command(source, out, code=ONE_THREAD), cwd=tmp_path).returncode == 0:
            assert everything(out) == clean
            break
        killed += 1
        for name, data in everything(out).items():
            assert name.startswith(_BOOKS) or "/.ics-" in name or data == clean[name], name
        assert_accounted(out)
        again = compress_folder(source, out, OPTIONS)
        assert (again.failed, again.foreign, again.companion_failures, again.stopped) == (0, 0, [], "")
        assert everything(out) == clean
        assert_accounted(out)
    assert killed
    observed(f"killed at {killed} calls; never a torn file, and the same bytes after the next run")
