"""The stages of a run: each is met, and what is computed from them agrees with arithmetic by hand."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.files.rooted_path import RootedPath
from icsys.layout import MANIFEST
from icsys.records.manifest import read_rows
from photos import write_photos
from small_sets import PhotoSet
from stage_costs import BOOKS, ENDING, LISTING, READING, WORK, Spent, StageWatch, books_of, take_sample, work_of
from stages import Costs, lines, main, middle, model_table, rows

seconds = st.floats(1e-6, 1)


@pytest.fixture
def few(tmp_path):
    """Three photos, to fit into 20x20."""
    write_photos(tmp_path / "few", 3, 83, 62)
    return PhotoSet("few", tmp_path / "few", "20x20", 4)


def costs_of(work, beside, ending):
    books = dict.fromkeys(BOOKS, Spent(0.0, 0.0)) | {
        LISTING: Spent(beside, beside / 2),
        ENDING: Spent(ending, ending / 2),
    }
    one = dict.fromkeys(WORK, Spent(0.0, 0.0)) | {READING: Spent(work, work / 2)}
    return Costs(10, one, one, books, (work, work / 2))


def test_every_stage_of_a_worker_and_of_the_books_is_timed(few, tmp_path):
    sample = take_sample(few, tmp_path / "run")
    assert [result.source for result in sample.results] == [task.source for task in sample.tasks]
    work = work_of(few, sample, tmp_path / "work", 2)
    books = books_of(few, sample, tmp_path / "books")
    assert set(work) == set(WORK)
    assert set(books) == set(BOOKS)
    assert all(spent.clock > 0 for spent in (*work.values(), *books.values()))
    # The two processes have made the files of the run, and the books have its rows.
    made = {path.name: path.read_bytes() for path in (tmp_path / "work").rglob("*.png")}
    assert made == {path.name: path.read_bytes() for path in (tmp_path / "run").glob("*.png")}
    manifests = ([row for _, row in read_rows(RootedPath(tmp_path / name) / MANIFEST)] for name in ("run", "books"))
    assert next(manifests) == next(manifests)


def test_a_process_that_fails_ends_the_measurement_of_all(few, tmp_path):
    sample = take_sample(few, tmp_path / "run")
    sample.tasks[-1] = sample.tasks[-1]._replace(source="absent.jpg")
    with pytest.raises(RuntimeError, match="vanished"):
        work_of(few, sample, tmp_path / "work", 2)


def test_a_stage_adds_up_what_passes_in_it_alone():
    watch, inside, start = StageWatch(), 0.0, time.perf_counter()
    for _ in range(2):
        with watch.stage("sleeping"):
            begin = time.perf_counter()
            time.sleep(0.02)
            inside += time.perf_counter() - begin
        time.sleep(0.05)
    spent = watch.each(2)["sleeping"]
    assert inside <= 2 * spent.clock <= time.perf_counter() - start - 0.1
    assert spent.busy < spent.clock


def test_medians_are_taken_stage_by_stage():
    rounds = [{"a": Spent(clock, busy), "b": Spent(9, 9)} for clock, busy in ((1, 5), (2, 4), (9, 3))]
    assert middle(rounds, ["b", "a"]) == {"b": Spent(9, 9), "a": Spent(2, 4)}


def test_the_model_agrees_with_arithmetic_by_hand():
    """A worker takes 900 us, the books 80 beside it and 20 at the end."""
    costs = costs_of(900e-6, 80e-6, 20e-6)
    assert costs.rate(1) == pytest.approx(1000)
    assert costs.rate(2) == pytest.approx(1 / 510e-6)
    assert costs.rate(1000) == costs.most == pytest.approx(10_000)
    assert costs.cores == pytest.approx(9)
    text = " ".join(lines(costs))
    assert "listing 80%, end of the run 20%" in text
    assert "at most 10,000 images a second, 20,000 by their processor time alone" in text
    assert "they keep 9.00 cores busy" in text
    assert model_table({"few": costs}).splitlines()[-1].split("|")[-3].strip() == "10,000"


@given(seconds, seconds, seconds, st.integers(1, 1000))
def test_more_cores_are_never_slower_nor_above_what_the_books_allow(work, beside, ending, cores):
    costs = costs_of(work, beside, ending)
    assert costs.rate(cores) <= costs.rate(cores + 1) * (1 + 1e-9)
    assert costs.rate(cores) <= min(costs.most, cores * costs.rate(1)) * (1 + 1e-9)


def test_rows_have_sums_of_workers_and_books():
    table = {row[0]: row[1:] for row in rows(costs_of(900e-6, 80e-6, 20e-6))}
    assert table[READING] == ["900", "450", "900", "450", "2.00x"]
    assert table["**a worker, in all**"] == table[READING]
    assert table["**the books, in all**"] == ["100", "50.0", "-", "-", "-"]


def test_fewer_photos_than_processes_are_refused(capsys):
    with pytest.raises(SystemExit):
        main(["--camera-images", "1"])
    assert "at least two photos" in capsys.readouterr().err
