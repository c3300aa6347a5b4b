"""The estimate of a comparison."""

import shutil

import cv2
import pytest
from PIL import Image

from helpers import image_bytes, synthetic_photo
from icsys import Options, compare_folder
from icsys.report import comparison_runner as bench

SIDES = (12, 24, 40, 80, 120)


def test_an_estimate_follows_the_pixels_of_the_images(tmp_path, monkeypatch):
    """With a clock that runs by pixels the estimate is exact, though sizes differ by a factor of 100."""
    for i, side in enumerate(SIDES):
        Image.fromarray(synthetic_photo(side, side)).save(tmp_path / f"{i}.png")
    now = [0.0]
    run = bench.ComparisonRunner.run

    def timed(self, works):
        outcome = run(self, works)
        now[0] += sum(float(cv2.imread(str(tmp_path / work.source)).shape[0] ** 2) for work in works)
        return outcome

    monkeypatch.setattr(bench.ComparisonRunner, "run", timed)
    monkeypatch.setattr(bench.time, "perf_counter", lambda: now[0])
    comparison = compare_folder(tmp_path, Options(step=1), colors=[2], strategies=["MKM"], jobs=2, examples=0)
    assert comparison.estimate == pytest.approx(comparison.seconds) == sum(side**2 for side in SIDES)


def test_a_head_without_a_size_only_costs_the_estimate_its_precision(tmp_path):
    (tmp_path / "a.png").write_bytes(image_bytes(synthetic_photo()))
    shutil.copy(tmp_path / "a.png", tmp_path / "b.png")
    (tmp_path / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    comparison = compare_folder(tmp_path, Options(step=3), strategies=["MKM"])
    assert comparison.images == 2
    assert comparison.estimate > 0
