"""The text of a run: every figure of the summary, with readable units."""

import io
from dataclasses import replace

import pytest
from PIL import Image

from helpers import image_bytes
from icsys import compress_image
from icsys.options import Options, Target
from icsys.report.terminal_reports import failure_lines, image_line, reading_hint, run_report
from icsys.results import UNCHANGED, Compressed, Failed, LeftOut, Measured, Skipped
from icsys.summary import ColorsChosen, RunSummary

DONE = Compressed(
    source_mtime_ns=0,
    source_sha256="",
    sha256="",
    source="a.jpg", output="a.png", bytes_in=4_000_000, bytes_out=80_000, source_width=4000, source_height=3000,
    width=800, height=600, elements_in=36_000_000, elements_out=1_440_000, colors=32, format="JPEG", mode="RGB",
    orientation=1, frames=2, mse=40.0, seconds=0.05, kmeans_seconds=0.004,
)  # fmt: skip
FAILED = Failed(source="b.jpg", code="broken", message="it is broken")
SKIPPED = Skipped(source="c.jpg", output="c.png", reason="the output exists")


def summary_of(*results, **counts):
    summary = RunSummary(**counts)
    for result in results:
        summary.add(result)
    return summary


def test_the_report_has_time_images_bytes_and_elements():
    report = run_report(summary_of(DONE, DONE, FAILED, SKIPPED, seconds=2.0, ignored=7), "out", dry_run=False)
    assert "Total run time: 2.00 s (2.0 images/s)" in report
    assert "2 compressed, 1 skipped, 1 failed, 7 other files left alone; 2 animated, first frame used" in report
    assert "8.00 MB -> 160.0 kB, 50.0 times smaller" in report
    assert "72.0 million -> 2.9 million numbers for a model to read, 25.0 times fewer" in report


@pytest.mark.parametrize(
    ("options", "has_hint"),
    [
        ({}, True),
        ({"colors": "auto"}, True),
        ({"png": "truecolor"}, False),
        ({"strategy": "SO"}, False),
        ({"colors": 257}, False),
        ({"format": "webp"}, False),
        ({"format": "parquet"}, False),
    ],
)
def test_files_whose_readers_may_return_indices_get_a_hint(options, has_hint):
    options = Options(**options)
    assert bool(reading_hint(summary_of(DONE), options)) == has_hint
    assert not reading_hint(summary_of(SKIPPED), options)
    picture = Image.linear_gradient("L").convert("RGB")
    data = compress_image(image_bytes(picture), options).data
    assert has_hint == (Image.open(io.BytesIO(data)).mode == "P" and options.format == "png")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({11: 0.96, 97: 0.95}, "Colours:  from 11 to 97, mean 54.0; all images reach SSIM 0.95"),
        ({11: 0.96, 256: 0.9}, "Colours:  from 11 to 256, mean 133.5; 1 image misses SSIM 0.95 at 256 colours"),
    ],
)
def test_the_report_has_the_number_of_colours_found(found, expected):
    target = Target("ssim", 0.95)
    results = [replace(DONE, colors=k, measured=Measured(target, value)) for k, value in found.items()]
    assert expected in run_report(summary_of(*results), "out", dry_run=False).splitlines()
    misses = "" if min(found.values()) >= 0.95 else ", which misses SSIM 0.95"
    assert f", {max(found)} colours (SSIM {min(found.values()):g}{misses}), K-means" in image_line(results[1])


@pytest.mark.parametrize(
    ("reached", "expected"),
    [
        (19, "Colours:  41 for all images: 19 of 20 sampled images reach PSNR 30 dB with no more"),
        (18, "Colours:  41 for all images: 18 of 20 sampled images reach PSNR 30 dB with no more, and 95% were to"),
    ],
)
def test_the_report_has_the_colours_chosen_for_all_and_the_reason(reached, expected):
    summary = summary_of(DONE)
    summary.colors_chosen = ColorsChosen(41, Target("psnr", 30.0), 0.95, 20, reached)
    assert expected in run_report(summary, "out", dry_run=False).splitlines()


TINY = replace(DONE, width=3, height=2)
SMALL = replace(DONE, small_source=True)
TIMES = "did you mean --size 224x224?"


@pytest.mark.parametrize(
    ("results", "options", "expected"),
    [
        ([TINY] * 3068, {"step": 224}, f"3,068 outputs are below 16 pixels on a side with step 224; {TIMES}"),
        ([TINY], {"step": 5}, "1 output is below 16 pixels on a side with step 5"),
        ([TINY], {"scale": 0.001}, "1 output is below 16 pixels on a side with scale 0.001"),
        ([TINY], {"size": 8}, "1 output is below 16 pixels on a side"),
        ([TINY], None, "1 output is below 16 pixels on a side"),
        ([SMALL], {"size": 99}, "1 image is smaller than 99x99 and keeps its size; --enlarge enlarges it"),
        ([SMALL] * 2, {"size": 99}, "2 images are smaller than 99x99 and keep their size; --enlarge enlarges them"),
        (
            [SMALL] * 2,
            {"size": "99x88", "fit": "pad"},
            "2 images are smaller than 99x88 and stand in the middle of background; --enlarge enlarges them",
        ),
        ([SMALL] * 2, {"size": 99, "enlarge": True}, "2 images are smaller than 99x99 and were enlarged"),
        ([SMALL], {"size": 99, "fit": "stretch"}, "1 image is smaller than 99x99 and was enlarged"),
        ([SMALL], None, "1 image is smaller than the final size"),
        ([replace(DONE, redone="options")] * 2, {}, "2 done again with other options than before"),
        ([replace(DONE, redone="source")], {}, "1 done again because the source has changed"),
        ([replace(DONE, redone="source")] * 2, {}, "2 done again because the sources have changed"),
    ],
)
def test_odd_sizes_and_outputs_made_again_have_a_line(results, options, expected):
    known = None if options is None else Options(**options)
    lines = run_report(summary_of(*results), "out", dry_run=False, options=known).splitlines()
    assert f"          {expected}" in lines
    plain = run_report(summary_of(DONE), "out", dry_run=False, options=known)
    assert len(plain.splitlines()) == len(lines) - 1


def test_no_saving_is_reported_where_nothing_was_compressed():
    report = run_report(summary_of(SKIPPED, seconds=1.0), "out", dry_run=False)
    assert "Bytes" not in report
    assert "Elements" not in report


def test_a_dry_run_is_named_as_one():
    assert "nothing was written" in run_report(summary_of(DONE), "out", dry_run=True)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1,000 B"),
        (9_999, "9,999 B"),
        (10_000, "10.0 kB"),
        (1_234_567, "1.23 MB"),
        (9_999_999, "10.0 MB"),
        (28_900_000, "28.9 MB"),
        (5 * 10**15, "5000.0 TB"),
    ],
)
def test_bytes_are_written_in_steps_of_1000(number, text):
    report = run_report(RunSummary(images=1, bytes_in=number, bytes_out=1, elements_out=1), "out", dry_run=False)
    assert f"{text} -> 1 B" in report


def test_a_line_for_every_kind_of_result():
    assert image_line(DONE) == ("a.jpg -> a.png: 4000x3000 -> 800x600, 4.00 MB -> 80.0 kB, K-means 0.004 s of 0.050 s")
    assert image_line(FAILED) == "b.jpg: failed, it is broken (broken)"
    assert image_line(SKIPPED) == "c.jpg: skipped, the output exists"


def test_many_failures_are_counted_and_the_first_are_named():
    lines = list(failure_lines([FAILED] * 50))
    assert len(lines) == 21
    assert lines[0] == "failed: b.jpg: it is broken (broken)"
    assert "30 more" in lines[-1]


def test_stale_outputs_are_counted_and_some_of_them_named():
    report = run_report(summary_of(SKIPPED, stale=["a\n.png", "b", "c", "d"]), "out", dry_run=False)
    assert "Stale:    4 (" in report
    assert "a\\n.png, b, c, …" in report
    assert "1 skipped: the output exists" in report


def test_companions_and_images_left_out_have_lines_of_their_own():
    summary = RunSummary(masks=1, annotations=12, labels_dropped=3, notes=["two files\nname no image"])
    summary.add(LeftOut(source="a", rule="min_side", message="m"))
    summary.add(LeftOut(source="b", rule="min_side", message="m"))
    summary.add(Failed(source="a.txt", code="io", message="m", kind="annotation"))
    summary.add(Skipped(source="b.txt", output="b.txt", reason=UNCHANGED, kind="annotation"))
    assert run_report(summary, "out", dry_run=False).splitlines()[1:-1] == [
        "Images:   0 compressed, 0 skipped, 0 failed, 2 left out",
        "          2 left out by --min-side",
        "Labels:   1 mask, 12 annotations written, 1 skipped, 1 failed",
        f"          1 skipped: {UNCHANGED}",
        "          3 labels dropped: cropped away (see --min-visibility), or of an image without an output",
        r"Note:     two files\nname no image",
    ]
    nothing = run_report(RunSummary(), "out", dry_run=False)
    assert not any(word in nothing for word in ("Labels", "left out", "Note"))


def test_the_first_warning_of_a_companion_is_shown_and_the_others_are_counted():
    summary = RunSummary()
    for name in ("a\n.json", "b.json", "c.json"):
        summary.count_companion("annotation", 0, f"{name}: odd")
    summary.count_companion("annotation", 0)
    assert "Labels:   4 annotations written" in run_report(summary, "out", dry_run=False)
    assert "          Warning for a\\n.json: odd and 2 more\n" in run_report(summary, "out", dry_run=False)
