"""``ics compare`` and ``ics report`` as subprocesses."""

import json
import re

import pytest

from helpers import ics, image_bytes, synthetic_photo


def test_compare_writes_a_table_and_a_page_and_nothing_else(photos, tmp_path):
    code, out, err = ics("compare", photos, "--colors", "4,8", "--step", 2, "--sample", 2, cwd=tmp_path)
    assert code == 0
    assert re.fullmatch(r"Estimated time: \d+\.\d s\n", err)
    assert "2 of 3 images" in out
    assert re.search(r"^JPEG +q 75 .*^WebP +q 75 |^WebP +q 75 .*^JPEG +q 75 ", out, re.MULTILINE | re.DOTALL)
    for name in ("MKM", "FKM", "MBKM"):
        assert re.search(rf"^{name} +4 ", out, re.MULTILINE)
    assert re.search(r"^SO +all ", out, re.MULTILINE)
    assert f"Look at: {tmp_path / 'comparison.html'}" in out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["comparison.html", "photos"]


def test_compare_as_json_is_one_object(photos, tmp_path):
    code, out, _ = ics("compare", photos, "--strategy", "mkm", "--json", "--no-report", "--no-lossy", cwd=tmp_path)
    report = json.loads(out)
    assert code == 0
    assert sorted(row["name"] for row in report["rows"]) == ["MKM 32", "SO"]
    assert report["report"] is None
    assert report["options"]["step"] == 5
    assert not (tmp_path / "comparison.html").exists()


def test_the_page_of_the_last_comparison_stays(photos, tmp_path):
    (tmp_path / "comparison.html").write_text("the last one", "utf-8")
    flags = ("--strategy", "MKM", "--no-lossy", "--sample", 1, "--pictures", 0)
    _, out, _ = ics("compare", photos, *flags, cwd=tmp_path)
    assert f"Look at: {tmp_path / 'comparison-2.html'}" in out
    assert (tmp_path / "comparison.html").read_text("utf-8") == "the last one"
    assert sorted(path.name for path in tmp_path.glob("*.html")) == ["comparison-2.html", "comparison.html"]


def test_compare_reads_options_from_a_config_file(photos, tmp_path):
    (tmp_path / "ics.toml").write_text("colors = 6\nscale = 0.5\nseed = 2\n", encoding="utf-8")
    flags = ("--strategy", "MKM", "--config", "ics.toml", "--json", "--no-report", "--step", 4)
    report = json.loads(ics("compare", photos, *flags, cwd=tmp_path)[1])
    assert {row["colors"] for row in report["rows"]} == {None, 6}
    assert (report["options"]["step"], report["options"]["seed"]) == (4, 2)
    assert "scale" not in report["options"]


def test_an_image_that_fails_is_named_and_makes_the_code_1(photos, tmp_path):
    (photos / "bad.jpg").write_bytes(b"")
    code, _, err = ics("compare", photos, "--strategy", "MKM", "--no-report", cwd=tmp_path)
    assert code == 1
    assert "failed: bad.jpg: the file is empty (0 bytes) (empty)" in err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--colors", "8,x"), "colors='x': expected a whole number from 1 to 65536"),
        (("--strategy", "KM"), "strategy='KM': expected one of SO, MKM, FKM, MBKM"),
        (("--strategy", "SO"), "nothing to compare"),
        (("--sample", "few"), "sample='few': expected a whole number"),
        (("--report", "photos"), "report 'photos': expected the name of a file"),
        (("--pictures", "-1"), "pictures=-1"),
        (("--overwrite", "always"), "unknown option --overwrite (ics compare --help-all shows all options)"),
    ],
)
def test_wrong_usage_of_compare_is_refused_before_any_work(photos, tmp_path, flags, message):
    code, out, err = ics("compare", photos, *flags, cwd=tmp_path)
    assert (code, out) == (2, "")
    assert message in err
    assert "Estimated" not in err


def test_without_photos_compare_gives_advice(tmp_path):
    code, _, err = ics("compare", cwd=tmp_path)
    assert code == 2
    assert "put photos into Uncompressed" in err


def test_report_writes_a_page_about_a_finished_run(tmp_path):
    (tmp_path / "Uncompressed").mkdir()
    (tmp_path / "Uncompressed" / "a.png").write_bytes(image_bytes(synthetic_photo()))
    assert ics("compress", "--colors", 4, "--step", 2, cwd=tmp_path)[0] == 0
    code, out, err = ics("report", cwd=tmp_path)
    assert (code, err) == (0, "")
    assert out == f"Look at: {tmp_path / 'Compressed' / 'report.html'}\n"
    assert 'type="range"' in (tmp_path / "Compressed" / "report.html").read_text("utf-8")
    # What is written beside the images is no image, and no run takes it for one.
    code, out, _ = ics("compress", "--colors", 4, "--step", 2, cwd=tmp_path)
    assert "0 compressed, 1 skipped, 0 failed" in out


def test_a_report_without_a_run_is_refused(tmp_path):
    code, _, err = ics("report", tmp_path, "--report", "x.html", cwd=tmp_path)
    assert code == 2
    assert "expected the output folder of ics compress" in err
