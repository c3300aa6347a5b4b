"""The table of a comparison at a terminal."""

import dataclasses

import pytest

from icsys import Options
from icsys.color.image_quality import Quality
from icsys.report.comparison import Candidate, Comparison, ComparisonRow, ImageScore
from icsys.report.comparison_table import TABLE_COLUMNS, cells, comparison_text, text_table
from icsys.results import Compressed


def score(bytes_out, psnr, ssim, delta_e):
    result = Compressed(
        source="a.jpg",
        output="a.png",
        bytes_in=1_000_000,
        bytes_out=bytes_out,
        source_width=100,
        source_height=100,
        width=20,
        height=20,
        elements_in=30_000,
        elements_out=1200,
        source_mtime_ns=0,
        source_sha256="",
        sha256="",
        colors=8,
        format="JPEG",
        mode="RGB",
        orientation=1,
        frames=1,
        mse=0.0,
        seconds=0.1,
        kmeans_seconds=0.1,
    )
    return ImageScore(result, Quality(3 * psnr if psnr else 0.0, psnr, ssim, delta_e))


@pytest.fixture
def comparison():
    rows = (
        ComparisonRow(Candidate("MKM", 8), 2.0, (score(10_000, 30.0, 0.9, 3.0),)),
        ComparisonRow(Candidate("FKM", 8), 4.0, (score(10_001, 29.0, 0.91, 2.0),)),
        ComparisonRow(Candidate("SO", None), 1.0, (score(100_000, None, 1.0, 0.0),)),
    )
    return Comparison(
        source="in",
        options=Options(),
        rows=rows,
        images=1,
        found=3,
        ignored=0,
        sample=1,
        failures=(),
        jobs=2,
        rounds=1,
        estimate=7.0,
        seconds=7.5,
        examples=(),
    )


def best_of(comparison):
    """Return the names of the best rows by column."""
    titles = [column.title for column in TABLE_COLUMNS]
    found = {title: [] for title in titles}
    for row, line in zip(comparison.rows, cells(comparison.rows), strict=True):
        for title, cell in zip(titles, line, strict=True):
            if cell.best:
                found[title].append(row.name)
    return found


def test_the_best_of_each_column_is_marked_and_so_is_what_looks_the_same(comparison):
    assert best_of(comparison) == {
        "strategy": [],
        "K": [],
        "seconds": ["SO"],
        "images/s": ["SO"],
        "size": ["MKM 8", "FKM 8"],
        "factor": ["MKM 8", "FKM 8"],
        "elements": [],
        "MSE": ["FKM 8"],
        "PSNR": ["MKM 8"],
        "SSIM": ["FKM 8"],
        "CIEDE2000": ["FKM 8"],
    }


def test_a_strategy_alone_is_the_best_of_nothing(comparison):
    alone = dataclasses.replace(comparison, rows=comparison.rows[1:])
    assert best_of(alone)["PSNR"] == best_of(alone)["SSIM"] == []


def test_columns_are_aligned_figures_to_the_right(comparison):
    head, rule, *body = text_table(comparison).splitlines()
    assert len(rule) >= max(map(len, [head, *body]))
    # Stars stand in a column of their own, so the last digits of a column do too.
    ends = [index for index, (a, b) in enumerate(zip(head, head[1:] + " ", strict=True)) if a != " " and b == " "]
    for line in body:
        for end in ends[1:]:
            assert line[end] != " "
            assert line.ljust(len(head) + 1)[end + 1] in " *"


def test_the_text_has_the_sample_the_reference_the_order_and_the_time(comparison):
    text = comparison_text(comparison)
    assert "1 of 3 images, 1.00 MB, 2 at a time" in text
    assert "against the resized picture in truecolour" in text
    assert "Smallest output first." in text
    assert text.endswith("Measured in 7.5 s.")
    assert "keep them exactly" not in text
    assert "JPEG" not in text


def test_lossy_codecs_are_compared_like_strategies_and_their_qualities_are_explained(comparison):
    jpeg = ComparisonRow(Candidate("JPEG", None, 1, ("MKM 8",)), 1.5, (score(10_005, 31.0, 0.95, 1.0),))
    webp = ComparisonRow(Candidate("WebP", None, 80, ("MKM 8",)), 3.0, (score(9_000, 33.0, 0.97, 0.5),))
    mixed = dataclasses.replace(comparison, rows=(*comparison.rows, jpeg, webp))
    assert best_of(mixed)["SSIM"] == best_of(mixed)["PSNR"] == ["WebP 80"]
    text = comparison_text(mixed)
    assert "at quality q: 75, and the highest at which all" in text
    assert "no more bytes than those of MKM 8 (JPEG 1, which takes more, WebP 80)." in text


def test_images_that_keep_their_colours_are_explained(comparison):
    row = ComparisonRow(Candidate("MKM", 8), 2.0, (score(10_000, None, 1.0, 0.0),))
    assert "keep them exactly" in comparison_text(dataclasses.replace(comparison, rows=(row, *comparison.rows[1:])))


def test_without_rows_the_text_still_counts_the_images(comparison):
    assert comparison_text(dataclasses.replace(comparison, rows=(), images=0)).startswith("0 of 3 images, 0 B")
