"""The folder benchmark on pictures small enough to take no time."""

import json

import pytest
from PIL import Image

import decoding
import inprocess
from contenders import FULL, SCALED, STRATEGIES, bare, contenders, originals, ours
from folder import measure, on_longer, qualities, ratios, rows, warm_rows
from measure import Cost
from outputs import Quality
from photos import write_photos

JPEG = f"{ours('SO', None)}, JPEG 75"


@pytest.fixture
def tiny(tmp_path):
    """Two JPEGs of 83 by 62 pixels: nothing is divided by 5."""
    return write_photos(tmp_path / "tiny", 2, 83, 62)


@pytest.mark.parametrize(("way", "size"), [("scaled", (21, 16)), ("scaled+resize", (17, 13)), ("full", (83, 62))])
def test_decoders_return_the_declared_size(tiny, way, size):
    assert decoding.WAYS[way](tiny[0].read_bytes(), 5).size == size


def test_every_contender_has_its_name_and_plans_commands(tiny, tmp_path):
    found = contenders(32, 5, with_original=True)
    names = [contender.name for contender in found]
    assert len(set(names)) == len(names)
    assert {SCALED, FULL, *map(originals, STRATEGIES), *(ours(name, 1) for name in STRATEGIES)} <= set(names)
    for contender in found:
        for command in contender.plan(tiny[0].parent, tmp_path):
            assert all(isinstance(word, str) for word in command)


def test_programs_are_run_and_their_outputs_judged(tiny, tmp_path, capsys):
    names = (ours("SO", 1), originals("SO"), JPEG)
    found = [one for one in contenders(4, 5, with_original=True) if one.name in names]
    costs = measure(found, tiny[0].parent, tmp_path / "out", 1, 10)
    quality = qualities(found, tiny, tmp_path / "out", 5)
    for contender in found:
        assert [cost.failed for cost in costs[contender.name]] == [False]
        assert (quality[contender.name].color_mse == 0) is (contender.name != JPEG)
    assert quality[JPEG].bytes_out == sum(path.stat().st_size for path in (tmp_path / "out").rglob("*.jpg"))
    # Averages are nearer to averages than skipped pixels are.
    assert quality[ours("SO", 1)].mse < quality[originals("SO")].mse
    with Image.open(tmp_path / "out" / "0" / f"{tiny[0].stem}.png") as image:
        assert image.size == (17, 13)
    assert capsys.readouterr().out == ""


def test_a_slow_program_runs_once_and_a_fast_one_as_often_as_given(tiny, tmp_path):
    found = [one for one in contenders(4, 5, with_original=False) if one.name in (SCALED, FULL)]
    assert [len(several) for several in measure(found, tiny[0].parent, tmp_path / "out", 2, 10).values()] == [2, 2]
    assert [len(several) for several in measure(found, tiny[0].parent, tmp_path / "out", 2, 0).values()] == [1, 1]


def test_inside_one_process_everything_is_timed_in_every_round(tiny, capsys):
    inprocess.main(str(tiny[0].parent), "4", "5", "2")
    seconds = json.loads(capsys.readouterr().out)
    kept = {SCALED, FULL, bare(1), bare(2), *(ours(name, jobs) for name in STRATEGIES for jobs in (1, 2))}
    assert kept <= set(seconds)
    assert {len(several) for several in seconds.values()} == {2}
    assert len(warm_rows(seconds)) == len(seconds)


def test_rows_leave_start_up_out_of_the_ratio_and_name_what_failed():
    costs = {
        SCALED: [Cost(1.1, 20_000_000, 1.0)],
        "mine": [Cost(2.5, None, None)],
        "bad": [Cost(1.0, None, None, failed=True)],
    }
    startup = {SCALED: [Cost(0.1, None, None)], "mine": [Cost(0.5, None, None)], "bad": [Cost(0.1, None, None)]}
    table = rows(costs, startup, {"mine": Quality(500_000, 1.0, 2.0)}, 1_000_000)
    assert table[0] == [SCALED, "1.10", "0.100", "1.00x", "1.00", "20.0", "-", "-", "-", "-"]
    assert table[1] == ["mine", "2.50", "0.500", "2.00x", "-", "-", "0.500", "2.00", "1.00", "2.00"]
    assert table[2][0] == "bad (failed)"


def test_ratios_agree_with_the_figures():
    warm = {SCALED: [1.0], FULL: [2.0], ours("SO", 1): [2.0], ours("MKM", 1): [1.5], ours("MKM", 2): [0.75]}
    warm |= {ours("FKM", 1): [5.0], ours("MBKM", 1): [8.0], bare(1): [1.25], bare(2): [0.6]}
    # Two rounds on a machine that is four times slower in the second, and one more of the faster program.
    warm = {name: [seconds, 4 * seconds] for name, (seconds,) in warm.items()}
    costs = {
        ours("MKM", None): [Cost(2.0, None, None), Cost(8.0, None, None), Cost(900.0, None, None)],
        originals("FKM"): [Cost(60.0, None, None), Cost(240.0, None, None)],
    }
    startup = {ours("MKM", None): [Cost(3.0, None, None)], originals("FKM"): [Cost(50.0, None, None)]}
    lines = " ".join(ratios(costs, startup, {ours("MKM", None): Quality(1, 0.0, 0.0)}, warm))
    for text in (
        "1.50x scaled decode",
        "0.750x SO",
        "2.50x SO",
        "4.00x SO",
        "2.00x as fast as one",
        "one job: 1.20x a loop",
        "two jobs: 1.25x a loop",
        "30.0x as fast as",
        "start-up excluded: 20.0x as fast as original FKM",  # 150 less 50, and 8 less 3
    ):
        assert text in lines


def test_a_longer_folder_is_estimated_by_medians():
    mine = [Cost(seconds, None, None) for seconds in (2.0, 9.0, 1.0)]
    (line,) = on_longer({ours("MKM", None): mine, originals("FKM"): [Cost(65.0, None, None)]}, 40)
    assert "on 40 photos" in line
    assert "32.5x as fast as original FKM" in line


def test_an_original_that_failed_or_did_not_run_on_a_longer_folder_has_no_figures():
    failed = [Cost(1.0, None, None, failed=True)]
    assert on_longer({ours("MKM", None): [Cost(2.0, None, None)], originals("FKM"): failed}, 40) == []
    assert on_longer({}, 40) == []
