"""Handing out empty work, and the model that is made of it."""

import pytest

from icsys.run.cluster import choose_shard_count
from scheduling import Handing, Serial, hand_out, measure_serial, model, plot, tables

SERIAL = Serial(listing=2e-6, dividing=1e-6, merge=10e-6, books=1e-3, shard=0.01)
DASK = Handing("dask", 100_000, 400, 9.0, 4.0, 2.0)


@pytest.mark.parametrize("engine", ["auto", "threads", "processes"])
def test_an_engine_hands_out_all_of_its_work(engine):
    handing = hand_out(engine, 50, 2)
    assert handing.images == 50
    assert handing.tasks == 50 if engine == "processes" else 1 <= handing.tasks < 50
    assert handing.seconds > 0
    assert handing.image == pytest.approx(handing.busy / 50)


def test_what_one_process_does_is_measured():
    serial = measure_serial(60)
    assert min(serial.listing, serial.shard) > 0
    assert min(serial.dividing, serial.merge, serial.books) >= 0
    assert serial.merging(60, 4) > 0


def test_the_model_is_a_sum_of_what_comes_in_turn_and_the_longer_of_what_goes_on_at_once():
    """Against arithmetic by hand."""
    images, cores = 10_000_000, 100
    shards = choose_shard_count(images, slots=cores)
    parts = model(images, cores, 0.02, SERIAL, DASK)
    assert parts.listing == pytest.approx(30.0)
    assert parts.merging == pytest.approx(100.0 + shards / 1000)
    assert parts.work == pytest.approx((200_000 + shards * 0.01) / 100)
    assert parts.handing == pytest.approx(400.0)
    assert parts.total == pytest.approx(parts.listing + parts.work + parts.merging)
    many = model(images, 100_000, 0.02, SERIAL, DASK)
    assert many.total == pytest.approx(many.listing + many.handing + many.merging)


def test_every_engine_has_a_row_and_every_cluster_a_line_in_the_model(tmp_path):
    text = tables(SERIAL, [Handing("threads", 100_000, 100_000, 1.0, 1.0, 0.1), DASK], 0.02)
    assert text.count("| threads") == 1
    assert text.count("| dask") == 2
    plot(SERIAL, [DASK], 0.02, tmp_path / "plot.svg")
    again = (tmp_path / "plot.svg").read_bytes()
    plot(SERIAL, [DASK], 0.02, tmp_path / "plot.svg")
    assert (tmp_path / "plot.svg").read_bytes() == again
    assert again.count(b"<svg") == 1
