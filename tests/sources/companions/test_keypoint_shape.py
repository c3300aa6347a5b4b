"""``kpt_shape`` of the nearest ``data.yaml`` tells how many values a keypoint of YOLO has."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from icsys import Options, compress_folder
from icsys.sources.companions.keypoint_shape import keypoint_values
from icsys.sources.companions.tree_names import TreeNames
from icsys.sources.folder_entries import FolderReader


def values_of(root, folder):
    return keypoint_values(
        TreeNames(FolderReader.of(root, root / "out", follow_links=False, include_outputs=False)), folder
    )


TEXTS = (
    "kpt_shape: [{}, {}]",
    "kpt_shape:  [{} ,{}] # as in COCO",
    "kpt_shape:\n- {}\n- {}",
    "kpt_shape: \n  -  {}\n  -  {}",
)


@given(
    text=st.sampled_from(TEXTS),
    size=st.integers(0, 9),
    before=st.sampled_from(["", "path: .\n", "names:\n  0: kpt_shape\n"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_every_way_to_write_it_is_read(tmp_path_factory, text, size, before, end):
    root = tmp_path_factory.mktemp("tree")
    written = f"{before}{text.format(17, size)}\nnc: 1\n".replace("\n", end)
    (root / "data.yaml").write_bytes(written.encode())
    assert values_of(root, "") == (size if size in {2, 3} else None)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"data.yaml": "names: [a]\n"}, None),
        ({"data.yaml": "# kpt_shape: [3, 2]\n"}, None),
        ({"data.yaml": "kpt_shape: [3, 4]\n"}, None),
        ({"data.yaml": "kpt_shape: [17, 2]\r\n"}, 2),
        ({"pose.YML": "kpt_shape: [17,3]  # with visibility\n"}, 3),
        ({"data.yaml": "kpt_shape: [3, 2]\n", "other.yaml": "kpt_shape: [3, 3]\n"}, None),
        ({"data.yaml": "kpt_shape: [3, 2]\n", "labels/own.yaml": "kpt_shape: [3, 3]\n"}, 3),
        ({"data.yaml": "kpt_shape: [3, 2]\n", "labels/train/a.txt": ""}, 2),
        ({"elsewhere/data.yaml": "kpt_shape: [3, 2]\n", "labels/train/a.txt": ""}, None),
    ],
)
def test_the_nearest_file_decides_and_contradictions_tell_nothing(tmp_path, files, expected):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    (tmp_path / "labels" / "train").mkdir(parents=True, exist_ok=True)
    assert values_of(tmp_path, "labels/train") == expected


def test_keypoints_of_two_values_are_mapped_as_keypoints(tmp_path):
    """Without ``kpt_shape`` such a line looks like a polygon; its width would be moved like a point."""
    source = tmp_path / "source"
    for folder in ("images", "labels"):
        (source / folder).mkdir(parents=True)
    Image.fromarray(np.zeros((60, 80, 3), np.uint8)).save(source / "images" / "a.jpg")
    (source / "labels" / "a.txt").write_text("0 0.5 0.5 0.3 0.4 0.4 0.4 0.6 0.6\n", encoding="utf-8")
    (source / "data.yaml").write_text("kpt_shape: [2, 2]\nnames: [a]\n", encoding="utf-8")
    summary = compress_folder(source, tmp_path / "out", Options(size=30, fit="cover"))
    assert summary.annotations == 1
    written = Path(tmp_path, "out", "labels", "a.txt").read_text("utf-8").split()
    # The middle 60 of 80 columns: x becomes (x - 0.125) / 0.75, widths are divided by 0.75.
    expected = [0, 0.5, 0.5, 0.4, 0.4, 0.275 / 0.75, 0.4, 0.475 / 0.75, 0.6]
    assert [float(one) for one in written] == pytest.approx(expected, abs=2e-6)
