"""The benchmark of the studio in a real browser, with very little of everything."""

import pytest

pytest.importorskip("playwright", reason="needs Playwright: make test-extras")

import studio
import studio_measures
import studio_sets
from studio_visit import BROWSER


@pytest.mark.skipif(BROWSER is None, reason="needs Chromium")
def test_the_whole_benchmark_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(studio_measures, "PAUSE", 0)
    for name, size in {"CAMERA": (160, 120), "TYPICAL": (80, 60), "MIDDLE": (40, 30), "SMALL": (24, 18)}.items():
        monkeypatch.setattr(studio_sets, name, size)
    page = tmp_path / "page.md"
    few = ["--tree", "60", "--photos", "2", "--changes", "1", "--looked-at", "2", "--requests", "9", "--rounds", "1"]
    studio.main([*few, "--out", str(page)])
    text = page.read_text(encoding="utf-8")
    assert capsys.readouterr().out == text + "\n"
    for title in ("## First view", "## From a change", "## Memory", "## Requests at once", "## The grid"):
        assert title in text
    assert "| 9 for thumbnails" in text
    assert str(tmp_path) not in text
