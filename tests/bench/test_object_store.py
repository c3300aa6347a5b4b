"""Requests to an object store."""

import pytest

pytest.importorskip("s3fs")
pytest.importorskip("moto")
pytest.importorskip("flask_cors")

from object_store import main


def test_the_page_has_a_row_for_each_run_and_each_number_of_threads(tmp_path):
    main(["--images", "5", "--server", "moto", "--wait", "0.001", "--out", str(tmp_path / "page.md")])
    rows = [line.split("|") for line in (tmp_path / "page.md").read_text("utf-8").splitlines() if line.startswith("| ")]
    assert [row[1].strip() for row in rows if not row[1].strip().startswith(("-", "run", "threads"))] == [
        "first",
        "nothing to do",
        *("1", "2", "4", "8", "16"),
    ]
    assert int(rows[2][2]) >= 5
