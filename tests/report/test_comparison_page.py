"""A comparison as a page."""

import dataclasses
import shlex
import sys

import pytest
from PIL import Image

from helpers import synthetic_photo
from icsys import MissingExtraError, Options, UsageError, compare_folder, write_comparison
from icsys.cli.parser import command_parser
from icsys.cli.read_options import read_options
from icsys.report.comparison_page import comparison_command, comparison_page, free_name
from icsys.report.comparison_table import cells


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    folder = tmp_path_factory.mktemp("in")
    for seed in range(4):
        Image.fromarray(synthetic_photo(seed=seed)).save(folder / f"{seed}.png")
    (folder / "bad.png").write_bytes(b"")
    options = Options(scale=0.5, seed=3, space="oklab")
    return compare_folder(folder, options, colors=[4, 8], strategies=["MKM", "FKM"], jobs=2, sample=4, examples=2)


def test_the_page_holds_the_table_the_plots_and_the_examples(comparison):
    page = comparison_page(comparison)
    assert page.table.rows == cells(comparison.rows)
    assert len(page.plots) == 5
    names = [[choice.name for choice in pair.choices] for pair in page.examples]
    assert [some[:3] for some in names] == [["MKM 4", "MKM 8", "FKM 8"]] * 2
    assert [[name.split()[0] for name in some[3:]] for some in names] == [["JPEG", "WebP"]] * 2
    assert page.examples[0].note.startswith("The worst of ")
    assert any("drawn with seed 3" in sentence for sentence in page.skips)


@pytest.mark.usefixtures("undrawn")
def test_the_summary_names_the_smallest_the_fastest_and_the_nearest(comparison):
    reduced = list(comparison.reduced())
    saved, cost, equal_bytes = comparison_page(comparison).lead
    assert f"({max(reduced, key=lambda row: row.factor).name})" in saved
    assert f"{min(reduced, key=lambda row: row.seconds).name} is the fastest" in cost
    assert f"SSIM {max(row.ssim for row in reduced):.3f}" in cost
    rows = {row.candidate.strategy: row for row in comparison.rows if "MKM 8" in (row.name, *row.candidate.as_small_as)}
    webp = rows["WebP"]
    figures = [f"SSIM {row.ssim:.3f} with a mean colour difference of {row.delta_e:.2f}" for row in (rows["MKM"], webp)]
    assert equal_bytes.startswith(f"MKM 8 has {figures[0]}; at no more bytes, ")
    assert f"WebP at quality {webp.candidate.quality} has {figures[1]}" in equal_bytes
    assert ("JPEG at quality" in equal_bytes) is (rows["JPEG"].bytes_out <= rows["MKM"].bytes_out)


@pytest.mark.usefixtures("undrawn")
def test_outputs_that_take_more_bytes_than_their_sources_are_larger(comparison):
    def shrunk(score):
        return dataclasses.replace(score, result=dataclasses.replace(score.result, bytes_in=100))

    rows = tuple(dataclasses.replace(row, scores=tuple(map(shrunk, row.scores))) for row in comparison.rows)
    page = comparison_page(dataclasses.replace(comparison, rows=rows))
    best = max((row for row in rows if row.candidate.name.startswith(("MKM", "FKM"))), key=lambda row: row.factor)
    assert f"with fewer colours they are {1 / best.factor:.1f} times larger at best" in page.lead[0]
    assert f"larger with {best.name}" in {figure.label for figure in page.figures}
    assert not any(figure.label.startswith("smaller") for figure in page.figures)


@pytest.mark.usefixtures("undrawn")
def test_without_lossy_codecs_the_page_names_none(comparison):
    rows = tuple(row for row in comparison.rows if row.candidate.quality is None)
    without = dataclasses.replace(comparison, rows=rows, lossy=False)
    assert len(comparison_page(without).lead) == 2
    assert command_parser().parse_args(shlex.split(comparison_command(without))[1:]).lossy is False


def test_a_page_without_a_name_takes_one_that_is_free(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("comparison.html", "comparison-2.html", "comparison-3.html"):
        assert free_name("comparison.html") == name
        (tmp_path / name).touch()


def test_the_command_is_read_as_the_same_comparison(comparison):
    words = shlex.split(comparison_command(comparison))
    arguments = command_parser().parse_args(words[1:])
    options, run, _ = read_options(arguments)
    assert options.replace(strategy="MKM", colors=32) == comparison.options
    assert (arguments.strategies, arguments.ks, arguments.sample, run.jobs) == (["MKM", "FKM"], [4, 8], 4, 2)
    assert arguments.lossy is True
    assert arguments.source == comparison.source


def test_a_comparison_of_failures_alone_has_a_page(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"")
    failed = compare_folder(tmp_path)
    page = comparison_page(failed)
    assert page.table is None
    assert [problem.code for problem in page.failures] == ["empty"]
    write_comparison(failed, tmp_path / "page.html")
    assert "count for no strategy" in (tmp_path / "page.html").read_text("utf-8")


def test_a_users_file_is_not_replaced(comparison, tmp_path):
    path = tmp_path / "mine.html"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="that ics did not write"):
        write_comparison(comparison, path)
    assert path.read_text("utf-8") == "mine"


@pytest.mark.parametrize(("module", "name"), [("jinja2", "Jinja2"), ("matplotlib", "Matplotlib")])
def test_a_missing_package_is_named_with_the_command_that_installs_it(comparison, tmp_path, monkeypatch, module, name):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"{name} is needed .*pip install 'icsys\[report\]'"):
        write_comparison(comparison, tmp_path / "page.html")
