"""The page of a finished run, from its output folder alone."""

import base64
import json
import math
import re
import shutil

import cv2
import numpy as np
import pytest

from helpers import compress_files, compress_into, image_bytes, synthetic_photo
from icsys import Options, UsageError, compress_folder, report_folder
from icsys.choices import FORMATS
from icsys.files.rooted_path import RootedPath
from icsys.report.run_page import _page
from icsys.report.run_record import read_record
from source_makers import put_parquet, put_tar, put_zip

FEW = Options(colors=4, step=2)


@pytest.fixture
def run(tmp_path):
    """Photos in class folders, one of few colours and one that fails, compressed."""
    files = {f"{label}/{i}.png": image_bytes(synthetic_photo(seed=i)) for i, label in enumerate(("cat", "cat", "dog"))}
    files["flat.png"] = image_bytes(np.full((20, 20, 3), 50, np.uint8))
    files["bad.jpg"] = b"\xff\xd8 <no picture>"
    compress_files(tmp_path, files, FEW)
    return tmp_path


def page_of(run, source=None, examples=6, folder="out"):
    root = RootedPath(run / folder)
    return _page(read_record(root), root, str(source or run / "in"), examples)


def cells(page):
    return {row[0].text: [cell.text for cell in row[1:]] for row in page.table.rows}


def in_bytes(text):
    """Return the number of bytes in a text such as "19.9 kB" or "1,350 B"."""
    number, unit = text.replace(",", "").split()
    return float(number) * {"B": 1, "kB": 1e3, "MB": 1e6}[unit]


def test_figures_are_those_of_the_manifest(run):
    page = page_of(run)
    rows = [json.loads(line) for line in (run / "out" / "manifest.jsonl").read_text("utf-8").splitlines()]
    before, after = sum(row["source_bytes"] for row in rows), sum(row["bytes"] for row in rows)
    figures = {figure.label: figure.value for figure in page.figures}
    assert figures["images compressed"] == "4"
    assert figures["smaller on disk"] == f"{before / after:.1f}×"  # noqa: RUF001 - the sign
    assert figures["fewer pixels"] == "4.0×"  # noqa: RUF001
    assert figures["failed"] == "1"
    worst = max(row["mse"] for row in rows)
    assert f"{10 * math.log10(3 * 255**2 / worst):.1f} dB" in page.lead[1]
    assert "1 image kept every colour exactly." in page.lead
    cat = [row for row in rows if row["file_name"].startswith("cat/")]
    before, after = (sum(row[name] for row in cat) for name in ("source_bytes", "bytes"))
    found = cells(page)["cat"][:5]
    assert (found[0], found[4]) == ("2", "4.0")
    assert [in_bytes(text) for text in found[1:3]] == pytest.approx([before, after], rel=0.005)
    assert float(found[3]) == pytest.approx(before / after, rel=0.005)
    assert cells(page)["(top folder)"][0] == "1"


@pytest.mark.usefixtures("undrawn")
def test_failures_and_ignored_files_are_listed(run):
    page = page_of(run)
    assert [(problem.name, problem.code) for problem in page.failures] == [("bad.jpg", "unidentified")]
    assert "1 image failed." in page.skips


@pytest.mark.usefixtures("undrawn")
def test_the_worst_images_come_first_with_their_sources_made_smaller(run):
    page = page_of(run)
    rows = [json.loads(line) for line in (run / "out" / "manifest.jsonl").read_text("utf-8").splitlines()]
    ordered = sorted(rows, key=lambda row: -row["mse"])
    assert [pair.name for pair in page.examples] == [row["source_path"] for row in ordered]
    compress_into(run / "in", run / "reference", FEW.replace(strategy="SO"))
    for pair, row in zip(page.examples[:3], ordered[:3], strict=True):
        for uri, folder in ((pair.before, "reference"), (pair.choices[0].uri, "out")):
            data = np.frombuffer(base64.b64decode(uri.partition(",")[2]), np.uint8)
            expected = cv2.imread(str(run / folder / row["file_name"]))
            assert np.array_equal(cv2.imdecode(data, cv2.IMREAD_COLOR), expected)
        psnr = 10 * math.log10(3 * 255**2 / row["mse"])
        assert f"PSNR {psnr:.1f} dB" in pair.choices[0].note
    assert "no pixel differs" in page.examples[3].choices[0].note


@pytest.mark.usefixtures("undrawn")
def test_a_source_that_has_changed_or_gone_is_not_shown_as_the_one_before(run):
    (run / "in" / "cat" / "0.png").write_bytes(image_bytes(synthetic_photo(seed=99)))
    (run / "in" / "cat" / "1.png").unlink()
    before = {pair.name: bool(pair.before) for pair in page_of(run).examples}
    assert before == {"cat/0.png": False, "cat/1.png": False, "dog/2.png": True, "flat.png": True}


@pytest.mark.usefixtures("undrawn")
def test_an_image_that_was_made_with_other_options_is_not_held_against_these(run):
    compress_files(run / "other", {"late.png": image_bytes(synthetic_photo(seed=7))}, FEW.replace(colors=9))
    shutil.copy(run / "other" / "out" / "run.json", run / "out" / "run.json")
    page = page_of(run)
    assert not any(pair.before for pair in page.examples)
    assert "not available or the options differ" in page.examples_note


@pytest.mark.usefixtures("undrawn")
def test_an_output_that_is_gone_leaves_its_place_and_the_reason(run):
    (run / "out" / "dog" / "2.png").unlink()
    gone = next(pair for pair in page_of(run).examples if "dog/2.png" in pair.name)
    assert not gone.choices
    assert "It cannot be shown: No such file or directory." in gone.note


def test_size_only_is_reported_without_quality(tmp_path):
    compress_files(tmp_path, {"a.png": image_bytes(synthetic_photo())}, Options(strategy="SO", step=2))
    page = page_of(tmp_path)
    assert {plot.title for plot in page.plots} == {"Size before and after", "Compression factor of each image"}
    assert page.lead[0].endswith("with all their colours.")
    assert page.examples_note == "The outputs keep all colours of the resized pictures, so they are shown alone."
    assert not page.examples[0].before
    assert not page.examples[0].choices[0].colors


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("chosen", [None, "all"])
def test_the_images_that_gave_the_palette_are_named(chosen, tmp_path):
    files = {f"{split}/{i}.png": image_bytes(synthetic_photo(seed=i)) for i, split in enumerate(("train", "val"))}
    compress_files(tmp_path, files, FEW.replace(palette="dataset", palette_from=chosen))
    page = page_of(tmp_path)
    assert ("The palette was made from the images in 'train'." in page.lead) == (chosen is None)
    assert page.examples[0].before


@pytest.mark.usefixtures("undrawn")
def test_stale_outputs_are_counted_and_not_reported(run):
    (run / "in" / "dog" / "2.png").unlink()
    compress_into(run / "in", run / "out", FEW)
    page = page_of(run)
    assert "dog" not in cells(page)
    assert any(sentence.startswith("Stale outputs: 1.") for sentence in page.skips)
    assert "3 images skipped by the last run: done already, or not selected." in page.skips


def test_a_journal_that_a_crash_has_left_is_read_with_its_last_lines(run):
    manifest = run / "out" / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    again = json.loads(lines[0]) | {"bytes": 1}
    failed = {"source_path": "late.jpg", "code": "io", "message": "gone", "status": "failed"}
    manifest.write_bytes(
        b"".join(lines) + "".join(f"{json.dumps(row)}\n" for row in (again, failed)).encode() + b'{"to'
    )
    record = read_record(RootedPath(run / "out"))
    assert len(record.images) == 4
    assert {image.output: image.bytes_out for image in record.images}[again["file_name"]] == 1
    assert {problem.name for problem in record.failures} == {"bad.jpg", "late.jpg"}


def test_a_folder_of_failures_alone_has_a_report(tmp_path):
    compress_files(tmp_path, {"bad.jpg": b"\xff\xd8"}, FEW)
    path = report_folder(tmp_path / "out")
    assert "No image of this folder was compressed" in path.read_text("utf-8")


def test_run_json_that_cannot_be_read_costs_the_pictures_before(run):
    (run / "out" / "run.json").write_text("{", encoding="utf-8")
    text = report_folder(run / "out").read_text("utf-8")
    assert "not available" in text
    assert "ics compress SRC" in text


def test_the_file_is_at_the_path_given(run, tmp_path):
    assert report_folder(run / "out") == run / "out" / "report.html"
    elsewhere = tmp_path / "elsewhere.html"
    assert report_folder(str(run / "out"), source=str(run / "in"), output=elsewhere, examples=1) == elsewhere
    text = elsewhere.read_text("utf-8")
    assert len(re.findall(r'type="range"', text)) == 1
    assert "ics compress" in text
    assert "--colors 4" in text


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("kind", ["zip", "tar.gz", "parquet"])
def test_pictures_before_come_out_of_archives_too(kind, tmp_path):
    files = {f"cat/{i}.png": image_bytes(synthetic_photo(seed=i)) for i in range(3)}
    put = {"zip": put_zip, "parquet": put_parquet}.get(kind, put_tar)
    compress_folder(put(tmp_path / f"x.{kind}", files), tmp_path / "out", FEW)
    text = report_folder(tmp_path / "out", examples=3).read_text("utf-8")
    assert len(re.findall(r'type="range"', text)) == 3
    (tmp_path / f"x.{kind}").unlink()
    assert 'type="range"' not in report_folder(tmp_path / "out", examples=3).read_text("utf-8")


def test_wrong_folders_are_refused(run, tmp_path):
    with pytest.raises(UsageError, match=r"no manifest.jsonl in .* expected the output folder of ics compress"):
        report_folder(tmp_path / "in")
    with pytest.raises(UsageError, match="does not exist: expected a folder"):
        report_folder(run / "out", source=tmp_path / "none")
    with pytest.raises(UsageError, match="examples=-1"):
        report_folder(run / "out", examples=-1)


@pytest.mark.usefixtures("undrawn")
def test_many_folders_are_cut_off_at_the_largest(tmp_path, monkeypatch):
    monkeypatch.setattr("icsys.report.run_page._CLASSES", 1)
    files = {f"{label}/{i}.png": image_bytes(synthetic_photo(seed=i)) for i, label in enumerate("aab")}
    compress_files(tmp_path, files, FEW)
    page = page_of(tmp_path)
    assert list(cells(page)) == ["a"]
    assert list(page.table.notes) == ["1 smaller folders are left out."]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("format", FORMATS)
def test_every_output_format_is_shown(format, tmp_path):  # noqa: A002 - the option's name
    """The picture on the page is the one that a plain PNG run shows, wherever and however it is stored."""
    files = {f"{label}/{i}.png": image_bytes(synthetic_photo(seed=i)) for i, label in enumerate(("cat", "cat", "dog"))}
    options = FEW if format != "jpeg" else FEW.replace(strategy="SO")
    options = options.replace(size="16x12", fit="cover") if format == "arrays" else options
    compress_files(tmp_path, files, options.replace(format=format))
    compress_into(tmp_path / "in", tmp_path / "plain", options)
    shown = {pair.name: pair.choices[0].uri for pair in page_of(tmp_path).examples}
    expected = page_of(tmp_path, folder="plain").examples
    assert set(shown) == set(files)
    for pair in expected:
        if format != "jpeg":
            assert shown[pair.name] == pair.choices[0].uri
        else:
            assert shown[pair.name].startswith("data:image/png")


@pytest.mark.usefixtures("undrawn")
def test_a_picture_that_is_missing_in_its_pack_is_reported(run):
    compress_into(run / "in", run / "packed", FEW.replace(format="webdataset"))
    (run / "packed" / "data" / "train-00000.tar").write_bytes(bytes(10240))
    notes = [pair.note for pair in page_of(run, folder="packed").examples]
    assert len(notes) == 4
    assert all("It cannot be shown: the pack 'data/train-00000.tar' does not hold" in note for note in notes)


def test_colours_found_by_auto_are_reported_and_drawn(tmp_path):
    files = {f"{i}.png": image_bytes(synthetic_photo(seed=i)) for i in range(4)}
    compress_files(tmp_path, files, Options(colors="auto", min_ssim=0.75, step=1))
    page = page_of(tmp_path)
    colors = [
        json.loads(line)["colors"] for line in (tmp_path / "out" / "manifest.jsonl").read_text("utf-8").splitlines()
    ]
    assert len(set(colors)) > 1
    found = f"from {min(colors)} to {max(colors)}, mean {np.mean(colors):.1f}; all images reach SSIM 0.75"
    assert f"Colours of an image: {found}." in page.lead
    assert page.lead[0].endswith("with as few colours as needed by MKM.")
    plots = {plot.title: plot.words for plot in page.plots}
    assert plots["Colours of each image"].startswith(f"colours: from {min(colors)} to {max(colors)}")
    assert plots["Quality, with the target SSIM 0.75"].startswith("SSIM: from 0.75")
    assert "--colors auto --min-ssim 0.75" in page.command
    assert all(pair.before for pair in page.examples)


def test_the_colours_chosen_for_all_images_are_reported(tmp_path):
    files = {f"{i}.png": image_bytes(synthetic_photo(seed=i)) for i in range(4)}
    compress_files(tmp_path, files, Options(colors="auto", per="dataset", min_ssim=0.75, quality_share=0.5, step=1))
    page = page_of(tmp_path)
    assert any(
        re.fullmatch(
            r"The number of colours was chosen for all images: [234] of 4 sampled ones reach SSIM 0\.75 with at most "
            r"this number; 50% were required\.",
            sentence,
        )
        for sentence in page.lead
    )
    assert all(pair.before for pair in page.examples)


def test_sources_that_were_kept_are_counted(tmp_path):
    photo = image_bytes(synthetic_photo(), "JPEG", quality=5)
    compress_files(tmp_path, {"a.jpg": photo}, Options(strategy="SO", format="jpeg", step=1))
    assert "1 image copied unchanged: smaller than the encoded output would be." in page_of(tmp_path).skips


def test_tiny_outputs_small_sources_and_outputs_made_again_are_counted(tmp_path):
    files = {"a.png": image_bytes(synthetic_photo(40, 40))}
    for options in (FEW, FEW.replace(step=33), FEW.replace(size=64, fit="pad")):
        compress_files(tmp_path, files, options)
        skips = page_of(tmp_path).skips
        if options.step == 33:
            assert "1 output is below 16 pixels on a side with step 33; did you mean --size 33x33?" in skips
        assert ("1 done again with other options than before." in skips) == (options != FEW)
    assert "1 image is smaller than 64x64 and stands in the middle of background; --enlarge enlarges it." in skips
