"""What the whole set takes: exact where the sample is the set, and as a run counts it."""

import threading

import pytest

from icsys import compress_folder
from icsys.image.decode import unlimited
from icsys.options import Options
from icsys.run_settings import RunSettings
from icsys.studio.cost.estimate import FIRST_STEP, LAST_STEP, CostEstimates, sample_order, steps_of
from icsys.studio.cost.sampled_photos import SampledPhotos
from icsys.studio.images.photo_cache import PhotoCache


class Busy:
    is_busy = False


@pytest.fixture
def costs(workspace):
    made = CostEstimates(workspace.images, workspace.events, Busy())
    yield made
    made.close()


def estimated(costs, workspace, options, **settings):
    key = costs.begin(options, RunSettings(**settings))
    costs.wait(60)
    found = workspace.events.latest("cost")
    assert found["settings_key"] == key
    assert found["done"]
    return found


@pytest.mark.parametrize(
    "options",
    [Options(colors=8, step=2), Options(strategy="SO", size=(40, 40)), Options(colors="auto"), Options(format="webp")],
    ids=["K", "SO", "auto", "WebP"],
)
def test_a_sample_of_all_photos_gives_the_total_of_the_run(costs, workspace, photos, tmp_path, options):
    """One photo is damaged: it fails in both."""
    found = estimated(costs, workspace, options)
    run = compress_folder(photos, tmp_path / "out", options)
    written = [path for path in (tmp_path / "out").rglob(f"*{options.suffix}") if path.is_file()]
    assert found["bytes"] == found["bytes_low"] == found["bytes_high"] == sum(p.stat().st_size for p in written)
    assert found["files"] == found["outputs"] == len(written) == run.compressed == 6
    assert (found["images"], found["sampled"], found["failed"], found["left_out"]) == (7, 7, 1, 0)
    assert found["seconds"] > 0


def test_rules_of_size_leave_photos_out_of_it(costs, workspace):
    found = estimated(costs, workspace, Options(), min_side=91)
    assert (found["left_out"], found["failed"], found["bytes"], found["files"]) == (6, 1, 0, 0)


def test_twice_the_jobs_take_half_the_time(costs, workspace):
    one, two = (estimated(costs, workspace, Options(), jobs=jobs) for jobs in (1, 2))
    assert (one["jobs"], two["jobs"]) == (1, 2)
    assert one["bytes"] == two["bytes"]


@pytest.mark.parametrize(
    ("options", "files"),
    [
        (Options(format="webdataset", shard_images=2), 3),
        (Options(format="parquet"), 2),
        (Options(format="arrays", size=(20, 20), fit="cover"), 9),
    ],
)
def test_packs_hold_many_images(costs, workspace, options, files):
    assert estimated(costs, workspace, options)["files"] == files


def test_a_shared_palette_is_estimated_as_palettes_of_their_own(costs, workspace):
    own, shared = (estimated(costs, workspace, Options(palette=palette)) for palette in ("image", "dataset"))
    assert own["bytes"] == shared["bytes"]
    assert not own["note"]
    assert "palette" in shared["note"]


def test_an_estimate_waits_for_previews_and_ends_for_a_newer_one(workspace, monkeypatch):
    busy, measured, waits = Busy(), [], threading.Event()
    costs = CostEstimates(workspace.images, workspace.events, busy)
    real = SampledPhotos.measure

    def measure(self, number, options, rules):
        measured.append(options.colors)
        if len(measured) == 2 and not waits.is_set():
            busy.is_busy = True
            waits.set()
        return real(self, number, options, rules)

    monkeypatch.setattr(SampledPhotos, "measure", measure)
    costs.begin(Options(colors=3), RunSettings())
    assert waits.wait(60)
    key = costs.begin(Options(colors=4), RunSettings())  # which waits for the preview, too
    assert workspace.events.latest("cost") is None
    busy.is_busy = False
    costs.wait(60)
    assert measured == [3] * 2 + [4] * 7
    assert workspace.events.latest("cost")["settings_key"] == key
    measured.clear()
    costs.begin(Options(colors=3), RunSettings())
    costs.wait(60)
    assert measured == [3] * 5  # what was measured is known
    costs.cancel()
    costs.close()


def test_photos_of_the_page_stay_in_their_cache(costs, workspace):
    photos = PhotoCache(workspace.images, 2**20, unlimited)
    kept, before = photos.photo(0, Options(step=2)), photos.bytes
    estimated(costs, workspace, Options(step=2))
    assert photos.photo(0, Options(step=2)) is kept
    assert photos.bytes == before


def test_the_sample_is_drawn_at_random_without_repeats_and_alike_each_time():
    for images in (0, 1, 7, 300, 5000):
        order = sample_order(images, 3)
        assert order == sample_order(images, 3)
        assert len(set(order)) == len(order) == min(images, LAST_STEP)
        assert all(0 <= number < images for number in order)
    assert sample_order(5000, 3) != sample_order(5000, 4)
    firsts = [number for seed in range(400) for number in sample_order(20, seed)[:FIRST_STEP]]
    counts = [firsts.count(number) for number in range(20)]
    assert 110 < min(counts) <= max(counts) < 210  # 160 each, standard deviation 10


def test_steps_double_up_to_the_most():
    for images in (1, 7, 8, 9, 255, 256, 257, 10**6):
        steps = steps_of(images)
        assert steps == sorted(set(steps))
        assert steps[-1] == min(images, LAST_STEP)
        assert steps[0] == min(images, FIRST_STEP)
