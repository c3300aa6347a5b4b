"""What the whole set takes: exact where the sample is the set, and as a run counts it."""

import threading
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from helpers import synthetic_photo
from icsys import compress_folder
from icsys.image.decode import unlimited
from icsys.options import Options
from icsys.packs.write_arrays import array_facts
from icsys.run_settings import RunSettings
from icsys.shard import parse_shard
from icsys.sources.base import Task
from icsys.studio.cost import estimate
from icsys.studio.cost.drawn_sample import DrawnSample
from icsys.studio.cost.estimate import FIRST_STEP, LAST_STEP, CostEstimates, steps_of
from icsys.studio.cost.pack_sizes import PackPlan
from icsys.studio.cost.sampled_photos import MeasuredPhoto, SampledPhotos
from icsys.studio.cost.whole_cost import RunPlan, whole_cost
from icsys.studio.images.photo_cache import PhotoCache
from icsys.studio.images.run_selection import RunSelection
from icsys.studio.jobs.job import problem_text
from icsys.studio.surveys import palette_search
from icsys.studio.surveys.shared_palettes import Shared
from icsys.studio.workspace import Workspace

SUFFIXES = {".tar", ".parquet", ".npy", ".png"}


class Busy:
    is_busy = False


def costs_of(workspace, admit=unlimited, busy=None):
    """Return estimates that decode within a bound, and give way to what is busy."""
    selection = RunSelection(workspace.images, Options(), admit)
    shared = workspace.shared_palettes
    return CostEstimates(workspace.images, workspace.events, busy or Busy(), shared, selection, admit=admit)


@pytest.fixture
def costs(workspace):
    made = costs_of(workspace)
    yield made
    made.close()


def estimated(costs, workspace, options, **settings):
    key = costs.begin(options, RunSettings(**settings))
    costs.wait(60)
    found = workspace.events.latest("cost")
    assert found["settings_key"] == key
    assert found["done"]
    return found


OPTIONS = {
    "SO": Options(strategy="SO", size=(40, 40)),
    "FKM": Options(strategy="FKM", colors=8, step=2),
    "MBKM": Options(strategy="MBKM", colors=8, step=2),
    "MKM": Options(colors=8, step=2),
    "auto": Options(colors="auto"),
    "auto for all": Options(colors="auto", per="dataset", step=2),
    "palette of all": Options(palette="dataset", colors=8, step=2),
    "palette of classes": Options(palette="class", colors=8, step=2),
    "WebP": Options(format="webp"),
    "npz": Options(format="npz", step=2),
    "arrays": Options(format="arrays", colors=8, size=(20, 20), fit="cover"),
    "small photos only": Options(max_pixels=5000),
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_sample_of_all_photos_gives_the_total_of_the_run(costs, workspace, photos, tmp_path, options):
    """One photo is damaged: it fails in both."""
    found = estimated(costs, workspace, options)
    run = compress_folder(photos, tmp_path / "out", options, dry_run=True)
    assert found["bytes"] == found["bytes_low"] == found["bytes_high"] == run.bytes_out
    assert found["outputs"] == found["outputs_low"] == found["outputs_high"] == run.compressed
    assert found["bytes_in"] == run.bytes_in
    assert (found["images"], found["sampled"], found["left_out"]) == (7, 7, 0)
    assert found["failed"] == run.failed
    assert found["seconds"] > 0
    assert "palette of its own" not in found["note"]


@pytest.mark.parametrize(
    "settings", [{"drop_duplicates": "exact"}, {"shard": "2/3"}, {"min_side": 71}, {"max_aspect": 1.05}]
)
def test_what_a_run_leaves_out_is_not_counted(tmp_path, settings):
    for number in range(6):
        path = tmp_path / "src" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(synthetic_photo(60 + 4 * (number % 4), 72, seed=number % 4)).save(path)
    run = compress_folder(tmp_path / "src", tmp_path / "out", Options(), dry_run=True, **settings)
    studio = Workspace(str(tmp_path / "src"), str(tmp_path / "out"), Options(), RunSettings())
    found = estimated(
        studio.costs, studio, Options(), **{n: parse_shard(v) if n == "shard" else v for n, v in settings.items()}
    )
    studio.close()
    assert 0 < run.compressed < 6
    assert (found["outputs"], found["bytes"], found["bytes_in"]) == (run.compressed, run.bytes_out, run.bytes_in)
    assert ("2 duplicates" in found["note"]) == ("drop_duplicates" in settings)


PACKS = {
    "few for each tar": Options(format="webdataset", shard_images=2),
    "tar": Options(format="webdataset", colors=8),
    "tar of few bytes": Options(format="webdataset", colors=8, shard_bytes=2500),
    "tar with one palette": Options(format="webdataset", palette="dataset"),
    "tar, quality": Options(format="webdataset", colors="auto"),
    "Parquet": Options(format="parquet"),
    "small Parquet": Options(format="parquet", shard_images=1),
    "Parquet of few bytes": Options(format="parquet", shard_bytes=2500),
    "Parquet, classes share": Options(format="parquet", palette="class"),
    "indices": Options(format="arrays", size=(20, 20), fit="cover"),
    "16 colours": Options(format="arrays", size=(21, 20), fit="pad", colors=16),
    "many colours": Options(format="arrays", size=(21, 20), fit="cover", colors=300),
    "quality": Options(format="arrays", size=(21, 20), fit="cover", colors="auto"),
    "one palette": Options(format="arrays", size=(20, 20), fit="cover", palette="dataset", colors=5),
    "palettes of classes": Options(format="arrays", size=(20, 20), fit="cover", palette="class", colors=5),
    "pixels": Options(format="arrays", size=(20, 20), fit="cover", strategy="SO"),
    "single files": Options(),
}


def packs_in(folder):
    """Return the files that hold images, of a run."""
    found = [path for path in folder.rglob("*") if path.is_file() and path.suffix in SUFFIXES]
    return [*found, *folder.glob("*/names.jsonl"), *folder.glob("dataset.json")]


@pytest.mark.parametrize("options", PACKS.values(), ids=PACKS)
def test_files_are_those_that_a_run_writes(costs, workspace, photos, tmp_path, options):
    """All photos are in the sample, so bytes are exact, but for the digits of checksums in the record of arrays."""
    found = estimated(costs, workspace, options)
    compress_folder(photos, tmp_path / "out", options)
    written = packs_in(tmp_path / "out")
    assert found["files_low"] == found["files"] == found["files_high"] == len(written)
    if options.format == "png":
        assert found["packed"] is None
        return
    difference = found["packed"] - sum(path.stat().st_size for path in written)
    # Of a million checksums, one has four digits less than most.
    assert 0 <= difference <= (4 * len(written) if options.format == "arrays" else 0)


SPLITS = {
    "files": (Options(), {"split": "train=2,val=1"}),
    "three": (Options(), {"split": "train=80,val=10,test=10", "min_side": 25}),
    "tar": (Options(format="webdataset", shard_images=4), {"split": "train=2,val=1"}),
    "Parquet": (Options(format="parquet"), {"split": "train=2,test=1", "drop_duplicates": "exact"}),
    "arrays": (Options(format="arrays", size=(16, 16), fit="cover", colors=16), {"split": "train=2,validation=1"}),
    "left out": (
        Options(format="arrays", size=(16, 16), fit="cover"),
        {"split": "train=80,val=10,test=10", "min_side": 25, "drop_duplicates": "exact"},
    ),
}


@pytest.fixture(scope="module")
def undivided(tmp_path_factory):
    """Photos in two classes and in none, with a copy, a small one and one whose name is not ASCII."""
    folder = tmp_path_factory.mktemp("undivided")
    for number in range(13):
        path = folder / ("x", "y/sub", ".")[number % 3] / f"{number}{'é' * (number == 4)}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        side = 20 if number == 7 else 30
        Image.fromarray(synthetic_photo(side, 40, seed=number % 12)).save(path)
    return folder


@pytest.mark.parametrize(("options", "settings"), SPLITS.values(), ids=SPLITS)
def test_splits_count_as_in_a_run(undivided, tmp_path, options, settings):
    studio = Workspace(str(undivided), str(tmp_path / "out"), options, RunSettings())
    found = estimated(studio.costs, studio, options, **settings)
    studio.close()
    run = compress_folder(undivided, tmp_path / "out", options, **settings)
    written = packs_in(tmp_path / "out")
    assert (found["bytes"], found["outputs"]) == (run.bytes_out, run.compressed)
    assert found["files"] == len(written)
    if found["packed"] is not None:
        difference = found["packed"] - sum(path.stat().st_size for path in written)
        assert 0 <= difference <= 4 * len(written)


def test_splits_that_a_run_refuses_are_refused(costs, workspace):
    assert "has splits already" in estimated(costs, workspace, Options(), split="train=2,val=1")["problem"]


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    for number in range(260):
        path = folder / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(synthetic_photo(12, 12, seed=number)).save(path)
    return folder


@pytest.mark.parametrize(
    ("options", "settings", "near"),
    [
        (Options(format="arrays", size=(8, 8), fit="cover", colors=16), {"split": "train=3,val=1"}, 1e-6),
        (Options(format="webdataset", step=2, shard_images=30), {}, 0.1),  # facts of some take one block more
        (Options(format="parquet", step=2), {}, 0.03),
        (Options(format="parquet", step=2, shard_images=150), {"split": "train=3,val=1"}, 0.03),
    ],
    ids=["arrays", "tar", "Parquet", "Parquet of several groups"],
)
def test_a_sample_tells_the_size_of_packs(many, tmp_path, monkeypatch, *, options, near, settings):
    """Of 260 photos eight are measured; arrays of a fixed size are known then."""
    monkeypatch.setattr(estimate, "NEAR_ENOUGH", 10)
    studio = Workspace(str(many), str(tmp_path / "out"), options, RunSettings())
    found = estimated(studio.costs, studio, options, **settings)
    studio.close()
    assert (found["sampled"], found["images"]) == (8, 260)
    run = compress_folder(many, tmp_path / "out", options, **settings)
    written = packs_in(tmp_path / "out")
    assert found["files"] == len(written)
    total = sum(path.stat().st_size for path in written)
    # What is beside the images is known; their own bytes are estimated.
    assert found["packed"] - found["bytes"] == pytest.approx(total - run.bytes_out, rel=near, abs=60)
    assert found["packed_low"] <= total <= found["packed_high"] + 60
    if options.format == "arrays":
        assert found["bytes"] == pytest.approx(run.bytes_out)
        assert found["packed"] == pytest.approx(total, abs=60)


@pytest.mark.parametrize(
    "options",
    [
        Options(format="webdataset", step=2, shard_images=30),
        Options(format="webdataset", step=1, shard_bytes=10**5),
        Options(format="parquet", step=2),
        Options(format="parquet", step=1, shard_images=100),
    ],
    ids=["tar", "tar by bytes", "Parquet", "Parquet of several shards"],
)
def test_the_interval_of_packs_holds_what_all_photos_take(many, tmp_path, options):
    """What a run writes is told exactly once all photos are measured; samples of 8 to 64 of them are drawn 90 times."""
    studio = Workspace(str(many), str(tmp_path / "out"), options, RunSettings())
    studio.images.wait()
    photos = SampledPhotos(studio.images, unlimited)
    of_all = {number: photos.measure(number, Shared(options, None, "", ""), None) for number in studio.images.present}
    tasks = [(number, studio.images[number].task) for number in studio.images.present]
    sizes = np.array([studio.images.size(number) for number in studio.images.present], float)
    studio.close()
    plan = RunPlan(options, RunSettings(), PackPlan(options, None, (), tasks))

    def packed(seed, count):
        sample = DrawnSample(sizes, seed, len(tasks))
        return whole_cost({number: of_all[number] for number in sample.order[:count]}, sample, plan).packed

    true = packed(0, len(tasks))
    assert true.low == true.total == true.high
    found = [packed(seed, count) for seed in range(30) for count in (8, 16, 64)]
    assert np.mean([one.low <= true.total <= one.high for one in found]) >= 0.9
    assert np.mean([one.relative for one in found]) < 0.2  # others may fail, though none of a sample does


@pytest.mark.parametrize("names", [["a.png", "train/b.png"], ["a.png", "x/b.png", "val/c.png"], ["test/a.png"]])
def test_photos_in_no_split_are_packed_with_those_for_training(tmp_path, names):
    for name in names:
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(synthetic_photo(20, 20, seed=len(name))).save(path)
    options = Options(format="webdataset")
    compress_folder(tmp_path / "src", tmp_path / "out", options)
    studio = Workspace(str(tmp_path / "src"), str(tmp_path / "out"), options, RunSettings())
    found = estimated(studio.costs, studio, options)
    studio.close()
    assert found["files"] == len(list((tmp_path / "out").rglob("*.tar")))


@pytest.mark.parametrize("options", PACKS.values(), ids=PACKS)
@pytest.mark.parametrize("count", [1, 4, 40])
def test_the_ends_of_the_files_are_files_as_a_run_packs_them(options, count):
    tasks = [
        (number, Task(name := f"{'train' if number < 30 else 'val'}/x/{number}.png", name)) for number in range(40)
    ]
    packs = None if options.format == "png" else PackPlan(options, array_facts(options, None), (), tasks)
    plan = RunPlan(options, RunSettings(), packs)
    measured = {
        number: MeasuredPhoto(2000 + 100 * number, 500 + number, 0.01, failed=number == 3, facts={})
        for number in range(count)
    }
    sample = DrawnSample(np.arange(2000.0, 6000.0, 100.0), 0, 40)
    files = whole_cost(measured, sample, plan).plain()
    assert files["files_low"] <= files["files"]
    assert files["files_high"] is None or files["files"] <= files["files_high"] <= most_files(options)


def most_files(options):
    """Return the most files of 40 photos in two splits."""
    if options.format == "arrays":
        return 9
    return 40 if options.format == "png" or options.shard_bytes < 40 * 500 else max(2, 40 // options.shard_images)


def test_rules_of_size_leave_photos_out_of_it(costs, workspace):
    found = estimated(costs, workspace, Options(), min_side=91)
    assert (found["left_out"], found["failed"], found["bytes"], found["files"]) == (6, 1, 0, 0)


def test_twice_the_jobs_take_half_the_time(costs, workspace):
    one, two = (estimated(costs, workspace, Options(), jobs=jobs) for jobs in (1, 2))
    assert (one["jobs"], two["jobs"]) == (1, 2)
    assert one["bytes"] == two["bytes"]


def test_palettes_that_photos_share_are_found_before_the_first_figure(costs, workspace):
    """They take fewer bytes than palettes of their own, and the time of a second look at each photo."""
    news = []
    workspace.events.publish = lambda kind, values, real=workspace.events.publish: (
        news.append((kind, values)),
        real(kind, values),
    )
    own, shared = (estimated(costs, workspace, Options(palette=palette)) for palette in ("image", "dataset"))
    assert shared["bytes"] < own["bytes"]
    of_shared = [
        values["sampled"]
        for kind, values in news
        if kind == "cost" and values["settings_key"] == shared["settings_key"]
    ]
    assert of_shared == [0, 7]


@pytest.mark.parametrize(
    ("options", "settings", "is_exact"),
    [
        (Options(), {}, True),
        (Options(), {"split": "train=2,val=1"}, True),
        (Options(palette="dataset"), {}, True),
        (Options(palette="dataset"), {"split": "train=2,val=1"}, False),
        (Options(palette="class"), {"drop_duplicates": "exact"}, False),
        (Options(colors="auto", per="dataset"), {"min_side": 25}, False),
    ],
)
def test_the_bytes_are_called_exact_where_they_are(undivided, tmp_path, options, settings, is_exact):
    """A palette that photos share is found among all of them, and in a run among those that it takes."""
    for begun in (RunSettings(), RunSettings().replace(**settings)):
        folder = undivided / "y/sub" if options.palette == "class" else undivided
        studio = Workspace(str(folder), str(tmp_path / "out"), options, begun)
        found = estimated(studio.costs, studio, options, **settings)
        studio.close()
        assert found["sampled"] == found["images"]
        assert found["is_exact"] is is_exact
        assert ("divides them first" in found["note"]) is not is_exact
        assert found["note"].count("divides them first") <= 1


def test_many_classes_are_counted_with_palettes_of_their_own(costs, workspace, monkeypatch):
    monkeypatch.setattr(palette_search, "MOST_IMAGES", 3)
    own, of_class, of_all = (estimated(costs, workspace, Options(palette=one)) for one in ("image", "class", "dataset"))
    assert own["bytes"] == of_class["bytes"] > of_all["bytes"]
    assert "palette of its own" in of_class["note"]
    assert "7 photos" in of_all["note"] or not of_all["note"]


def test_files_beside_photos_are_said_to_be_left_out_of_the_count(tmp_path):
    for name in ("images/a", "images/b", "masks/a", "masks/b"):
        (tmp_path / "src" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(synthetic_photo(24, 24, seed=1)[:, :, 0] // 200).save(tmp_path / "src" / f"{name}.png")
    studio = Workspace(str(tmp_path / "src"), str(tmp_path / "out"), Options(), RunSettings())
    found = estimated(studio.costs, studio, Options())
    studio.close()
    assert found["outputs"] == 2
    assert "2 files that go with photos" in found["note"]


def test_photos_are_decoded_within_the_common_bound(workspace):
    held = []

    @contextmanager
    def admit(size):
        held.append(size)
        yield

    costs = costs_of(workspace, admit)
    estimated(costs, workspace, Options(step=2))
    costs.close()
    assert len(held) == 6


def test_an_estimate_waits_for_previews_and_ends_for_a_newer_one(workspace, monkeypatch):
    busy, measured, waits = Busy(), [], threading.Event()
    costs = costs_of(workspace, busy=busy)
    real = SampledPhotos.measure

    def measure(self, number, shared, rules):
        measured.append(shared.options.colors)
        if len(measured) == 2 and not waits.is_set():
            busy.is_busy = True
            waits.set()
        return real(self, number, shared, rules)

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


@pytest.mark.parametrize(
    "error", [OSError(5, "Input/output error", "disk"), MemoryError(), ValueError("a fault")], ids=str
)
def test_whatever_ends_an_estimate_is_said(costs, workspace, monkeypatch, error):
    """A page that is told nothing waits for ever."""

    def fail(*_):
        raise error

    monkeypatch.setattr(CostEstimates, "_refine", fail)
    found = estimated(costs, workspace, Options())
    assert found["problem"] == problem_text(error)
    assert found["problem"]


def test_steps_double_up_to_the_most():
    for images in (1, 7, 8, 9, 255, 256, 257, 10**6):
        steps = steps_of(images)
        assert steps == sorted(set(steps))
        assert steps[-1] == min(images, LAST_STEP)
        assert steps[0] == min(images, FIRST_STEP)
