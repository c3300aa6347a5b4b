"""The progress bar shows the right count, whether the total is known early or late."""

import io
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tqdm import tqdm

from icsys import Options, Progress, compress_folder, progress_bar
from icsys.results import Failed
from icsys.run.progress_bar import progress_drawer
from icsys.summary import RunSummary


def bar_on(file):
    return tqdm(desc="Compressing", unit=" images", file=file, ncols=100, mininterval=0)


@given(st.lists(st.tuples(st.sampled_from(["", "Loading FKM"]), st.booleans()), max_size=12), st.integers(0, 12))
def test_the_bar_counts_every_image_whatever_comes_between(steps, known_from):
    file = io.StringIO()
    summary = RunSummary()
    total = sum(has_result for _, has_result in steps)
    with bar_on(file) as bar:
        draw = progress_drawer(bar, "Compressing")
        for i, (note, has_result) in enumerate(steps):
            result = Failed(source=f"{i}.jpg", code="empty", message="no bytes") if has_result else None
            if result:
                summary.add(result)
            draw(Progress(result, summary, total if i >= known_from else None, note))
            assert bar.n == summary.images
            assert ("Loading FKM" in file.getvalue().split("\r")[-1]) == bool(note)
        assert bar.total == (total if known_from < len(steps) else None)


def test_time_goes_on_when_the_number_of_images_becomes_known_and_starts_anew_after_loading():
    with bar_on(io.StringIO()) as bar:
        draw = progress_drawer(bar, "Compressing")
        bar.start_t -= 100
        draw(Progress(None, RunSummary(), 5))
        assert bar.format_dict["elapsed"] > 99
        draw(Progress(None, RunSummary(), 5, "Loading MKM"))
        assert bar.format_dict["elapsed"] < 50


def test_a_bar_outside_of_a_with_statement_shows_each_run_to_its_end(photos, tmp_path, capsys):
    progress = progress_bar("Kept")
    compress_folder(photos, tmp_path / "out", Options(strategy="SO"), progress=progress)
    compress_folder(photos, tmp_path / "again", Options(strategy="SO"), progress=progress)
    del progress
    compress_folder(photos, tmp_path / "freed", Options(strategy="SO"), progress=progress_bar("Freed"))
    _, err = capsys.readouterr()
    lines = [line.split("\r")[-1] for line in err.split("\n")[:-1]]
    assert [line.partition(" [")[0] for line in lines] == [
        f"{title}: 100%|{'█' * 10}| 3/3" for title in ("Kept", "Kept", "Freed")
    ]
    assert err.endswith("\n")


@pytest.mark.usefixtures("photos")
def test_the_bar_shows_a_run(photos, tmp_path, capsys):
    (photos / "bad.jpg").write_bytes(b"")
    with progress_bar("Small photos") as progress:
        compress_folder(photos, tmp_path / "out", Options(strategy="SO"), progress=progress)
    out, err = capsys.readouterr()
    assert out == ""
    last = err.rstrip().split("\r")[-1]
    assert last.startswith("Small photos: 100%")
    assert "4/4" in last
    assert "failed=1" in last


def test_tqdm_is_loaded_only_for_a_bar():
    code = "import sys, icsys.run.progress_bar; raise SystemExit('tqdm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_first_pass_has_a_title_and_count_of_its_own():
    file = io.StringIO()
    with bar_on(file) as bar:
        draw = progress_drawer(bar, "Compressing")
        for looked_at in range(4):
            draw(Progress(None, RunSummary(), 3 if looked_at else None, looked_at=looked_at))
            assert bar.n == looked_at
        assert "pass 1 of 2" in file.getvalue().split("\r")[-1]
        assert bar.total == 3
        summary = RunSummary()
        draw(Progress(None, summary, 3))
        assert bar.n == 0
        for i in range(3):
            failed = Failed(source=f"{i}.jpg", code="empty", message="no bytes")
            summary.add(failed)
            draw(Progress(failed, summary, 3))
            assert bar.n == i + 1
        last = file.getvalue().split("\r")[-1]
        assert "Compressing, pass 2 of 2" in last
        assert "3/3" in last
