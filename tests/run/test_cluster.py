"""A run on a cluster that works in this process; ``test_clusters.py`` tests real clusters."""

import contextlib
import dataclasses
import json
import shutil
import threading

import pytest

from fake_cluster import Fake
from fault_runs import wait_until
from helpers import compress_into, everything, image_bytes, state_folder_at, synthetic_photo
from icsys import Options, UsageError, compress_folder, merge_shards
from icsys.errors import EngineError, InUseError
from icsys.files.rooted_path import RootedPath
from icsys.layout import FENCING_TOKEN
from icsys.packs import local_packs
from icsys.results import UNCHANGED
from icsys.run import cluster, coordinator, shard_job
from icsys.run.progress import INTERRUPTED_TEXT
from icsys.run_settings import RunSettings
from icsys.shard import Shard, all_shards
from icsys.shards import state_folders as state_module
from icsys.shards.shared_listing import read_listing
from icsys.shards.state_folders import read_state, shards_in
from icsys.sources import folder
from label_trees import write_coco, write_voc

OPTIONS = Options(strategy="SO", step=2)


@pytest.fixture
def source(tmp_path):
    """Two class folders, sources with one stem, a bad image, a file that is no image."""
    folder = tmp_path / "in"
    for number in range(60):
        path = folder / ("cat", "dog")[number % 2] / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image_bytes(synthetic_photo(24, 32, seed=number)))
    for suffix in ("png", "bmp", "gif"):
        (folder / f"twin.{suffix}").write_bytes(image_bytes(synthetic_photo(24, 32, seed=99), suffix))
    (folder / "bad.jpg").write_bytes(b"no photo")
    (folder / "notes.txt").write_text("nothing", "utf-8")
    return folder


@pytest.fixture
def whole(source, tmp_path):
    """Files and summary of a run without shards."""
    summary = compress_folder(source, tmp_path / "whole", OPTIONS)
    return everything(tmp_path / "whole"), summary


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture(autouse=True)
def fake_cluster(monkeypatch):
    """The cluster of every run here."""
    fake = Fake({}, slots=1)
    monkeypatch.setattr(cluster, "open_cluster", lambda *_: fake)
    return fake


def counts(summary):
    return {name: value for name, value in summary.to_dict().items() if name != "seconds"}


def run(source, out, **settings):
    return compress_into(source, out, OPTIONS, engine="dask", **settings)


def test_a_run_on_a_cluster_gives_the_bytes_of_a_local_run(source, whole, out, fake_cluster):
    results, summary = run(source, out)
    assert everything(out) == whole[0]
    assert counts(summary) == counts(whole[1])
    assert set(results) == set(compress_into(source, out.with_name("again"), OPTIONS)[0])
    assert len(fake_cluster.careful) == 4  # shards of 16 images
    assert fake_cluster.closed
    assert json.loads((out / "run.json").read_text("utf-8"))["summary"]["images"] == summary.images
    # Later runs may use any engine.
    assert compress_folder(source, out, OPTIONS).skipped == 63
    assert run(source, out)[1].skipped == 63
    assert everything(out) == whole[0]


PACKS = {
    "arrays": Options(strategy="SO", size=8, fit="cover", format="arrays"),
    "parquet": Options(strategy="SO", step=2, format="parquet", shard_images=20),
    "webdataset": Options(strategy="SO", step=2, format="webdataset", shard_images=20),
}
each_packing = pytest.mark.parametrize("options", PACKS.values(), ids=PACKS)


@each_packing
def test_packs_are_those_of_a_local_run(options, source, out):
    expected, notes = out.with_name("expected"), set()
    for stage in range(2):
        undivided = compress_folder(source, expected, options)
        summary = compress_folder(source, out, options, engine="dask", progress=lambda step: notes.add(step.note))
        assert everything(out) == everything(expected)
        assert counts(summary) == counts(undivided)
        assert summary.shards == undivided.shards
        assert (summary.compressed, summary.failed) == ((63, 1), (1, 1))[stage]
        assert [path.name for path in out.glob(".ics-*") if path.name != ".ics-lock"] == []
        (source / "cat" / "000.png").write_bytes(image_bytes(synthetic_photo(24, 32, seed=70)))
    assert "Packing" in notes
    assert json.loads((out / "run.json").read_text("utf-8"))["summary"]["shards"] == len(summary.shards)


def test_packs_and_what_goes_with_images_are_those_of_a_local_run(tmp_path, out):
    tree, options = write_coco(tmp_path / "tree"), PACKS["webdataset"]
    undivided = compress_folder(tree.root, tmp_path / "expected", options)
    summary = compress_folder(tree.root, out, options, engine="dask")
    assert everything(out) == everything(tmp_path / "expected")
    assert counts(summary) == counts(undivided)


def test_packs_that_cannot_be_written_end_a_run_and_the_next_one_packs(source, out, monkeypatch):
    options = PACKS["arrays"]

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(local_packs, "write_packs", full)
        summary = compress_folder(source, out, options, engine="dask")
    assert summary.stopped == "the shards cannot be written: No space left on device"
    assert (summary.compressed, summary.shards) == (63, [])
    again = compress_folder(source, out, options, engine="dask")
    assert (again.compressed, again.skipped, again.stopped) == (0, 63, "")
    compress_folder(source, out.with_name("expected"), options)
    assert everything(out) == everything(out.with_name("expected"))


def test_a_folder_of_images_gets_no_packs(source, whole, out):
    compress_folder(source, out, OPTIONS)
    with pytest.raises(UsageError, match="holds image files of an earlier run: expected arrays packs"):
        compress_folder(source, out, PACKS["arrays"], engine="dask")
    assert everything(out) == whole[0]
    compress_folder(source, out.with_name("packs"), PACKS["arrays"])
    summary = compress_folder(source, out.with_name("packs"), PACKS["arrays"], engine="dask")
    assert (summary.compressed, summary.skipped) == (0, 63)


@pytest.mark.parametrize("write", [write_voc, write_coco])
def test_files_that_go_with_images_are_those_of_a_local_run(write, tmp_path, out):
    tree = write(tmp_path / "tree")
    expected = compress_folder(tree.root, tmp_path / "expected", OPTIONS)
    results, summary = run(tree.root, out)
    assert everything(out) == everything(tmp_path / "expected")
    assert counts(summary) == counts(expected)
    assert {path for path, *_ in tree.companions} <= results.keys()
    again = run(tree.root, out)[1]
    assert (again.compressed, again.masks, again.annotations, again.sidecars) == (0, 0, 0, 0)
    assert again.companions_skipped == len(tree.companions)


def test_the_coordinator_alone_lists_the_folder(source, whole, out, monkeypatch):
    listed = []
    plan_folder = folder.plan_folder
    monkeypatch.setattr(folder, "plan_folder", lambda *words, **more: listed.append(1) or plan_folder(*words, **more))
    run(source, out)
    assert listed == [1]
    assert everything(out) == whole[0]


def test_finished_images_are_skipped_and_outputs_without_a_source_are_stale(source, out):
    """Outputs of sources with one stem pass to another source, and perhaps to another shard."""
    compress_folder(source, out, OPTIONS)
    (source / "twin.png").unlink()
    (source / "cat" / "000.png").unlink()
    expected = out.with_name("expected")
    shutil.copytree(out, expected)
    undivided = compress_folder(source, expected, OPTIONS)
    results, summary = run(source, out)
    assert everything(out) == everything(expected)
    assert counts(summary) == counts(undivided)
    assert sum(result.status == "compressed" for result in results.values()) == undivided.compressed


def test_a_lost_shard_is_done_again(source, whole, out):
    class HalfError(Exception):
        pass

    before = coordinator.run_shard_job
    lost = []

    def run_job(job, careful):
        if len(lost) < 2:
            lost.append(job.shard)
            stop = threading.Event()

            def after_five(progress):
                if progress.summary.images == 5:
                    raise HalfError

            with pytest.raises(HalfError):
                compress_folder(
                    job.source, job.destination, job.options, shard=job.shard, progress=after_five, stop=stop
                )
            raise InUseError("lost")
        return before(job, careful)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coordinator, "run_shard_job", run_job)
        _, summary = run(source, out)
    assert lost
    assert everything(out) == whole[0]
    assert summary.images == whole[1].images
    assert summary.skips == {UNCHANGED: summary.skipped}


def test_a_shard_that_fails_in_every_attempt_is_named_and_the_others_are_done(
    source, whole, out, fake_cluster, monkeypatch
):
    before = coordinator.run_shard_job
    bad = Shard(2, 4)
    tries = []

    def run_job(job, careful):
        if job.shard == bad:
            tries.append(careful)
            raise InUseError("its worker died")
        return before(job, careful)

    monkeypatch.setattr(coordinator, "run_shard_job", run_job)
    _, summary = run(source, out)
    assert tries == [False, False, True, True, True]
    assert "shard 2/4 failed in every attempt: its worker died" in summary.stopped
    assert [read_state(RootedPath(state_folder_at(out, shard))) is not None for shard in all_shards(4)] == [
        True,
        False,
        True,
        True,
    ]
    # The next run does this shard alone.
    monkeypatch.setattr(coordinator, "run_shard_job", before)
    fake_cluster.careful.clear()
    results, summary = run(source, out)
    assert len(fake_cluster.careful) == 1
    assert summary.stopped == ""
    assert len(results) == summary.images == whole[1].images
    assert (summary.failed, summary.foreign, summary.ignored) == (1, 0, 1)
    assert everything(out) == whole[0]


def test_the_next_run_resumes_after_a_stop(source, whole, out):
    stop = threading.Event()
    seen = []

    def note(progress):
        seen.append(progress)
        if progress.result is not None:
            stop.set()

    summary = compress_folder(source, out, OPTIONS, engine="dask", stop=stop, progress=note)
    assert summary.stopped == INTERRUPTED_TEXT
    assert shards_in(RootedPath(out)) == all_shards(4)
    with pytest.raises(UsageError, match="is divided into 4 shards"):
        compress_folder(source, out, OPTIONS)
    _, summary = run(source, out)
    assert summary.images == whole[1].images
    assert everything(out) == whole[0]


def test_photos_added_after_a_stop_are_done(source, out):
    stop = threading.Event()
    compress_folder(source, out, OPTIONS, engine="dask", stop=stop, progress=lambda step: step.result and stop.set())
    (source / "new.png").write_bytes(image_bytes(synthetic_photo(24, 32, seed=500)))
    results, _ = run(source, out)
    assert "new.png" in results
    assert (out / "new.png").exists()
    compress_folder(source, out.with_name("clean"), OPTIONS)
    assert everything(out) == everything(out.with_name("clean"))


def test_a_stop_while_the_folder_is_listed_leaves_nothing(source, out):
    stop = threading.Event()
    summary = compress_folder(source, out, OPTIONS, engine="dask", stop=stop, progress=lambda _: stop.set())
    assert summary.stopped == INTERRUPTED_TEXT
    assert shards_in(RootedPath(out)) == []


def test_retry_failed_does_only_failed_sources(source, out):
    run(source, out)
    (source / "bad.jpg").write_bytes(image_bytes(synthetic_photo(24, 32, seed=7), "JPEG"))
    _, summary = run(source, out, retry_failed=True)
    assert (summary.compressed, summary.failed, summary.stopped) == (1, 0, "")
    assert shards_in(RootedPath(out)) == []
    compress_folder(source, out.with_name("clean"), OPTIONS)
    assert everything(out) == everything(out.with_name("clean"))


def test_a_run_that_continues_after_another_started_writes_nothing(source, out, monkeypatch):
    """Where the lock does not work, the fencing token does: the first run stops, and the second has whole records."""
    monkeypatch.setattr(state_module, "locked", lambda *_, **__: contextlib.nullcontext())
    divided = []

    def wake_up_late(progress):
        if progress.result is not None and not divided:
            divided.append(progress.result.source)
            compress_folder(source, out, OPTIONS, shard="1/2", jobs=1)
            divided.append((state_folder_at(out, Shard(1, 2)) / "manifest.jsonl").read_bytes())

    summary = compress_folder(source, out, OPTIONS, shard="1/2", jobs=1, progress=wake_up_late)
    assert "another run has taken over" in summary.stopped
    state_folder = state_folder_at(out, Shard(1, 2))
    assert (state_folder / "manifest.jsonl").read_bytes() == divided[1]
    assert read_state(RootedPath(state_folder)).finished
    assert json.loads((state_folder / "run.json").read_text("utf-8"))["summary"]["stopped"] == ""


def test_a_lost_worker_that_still_runs_releases_its_shard_to_the_next_run(source, whole, out):
    """It holds the lock; the next run writes a fencing token first, and waits."""
    stop = threading.Event()
    compress_folder(source, out, OPTIONS, engine="dask", stop=stop, progress=lambda step: step.result and stop.set())
    open_shard = next(
        s
        for s in shards_in(RootedPath(out))
        if not (state := read_state(RootedPath(state_folder_at(out, s)))) or not state.finished
    )
    begun, summaries = threading.Event(), []

    token = state_folder_at(out, open_shard) / FENCING_TOKEN

    def until_the_next(progress):
        if progress.result is not None and not begun.is_set():
            own = token.read_bytes()
            begun.set()
            wait_until(lambda: token.read_bytes() != own)

    def sleeper():
        summaries.append(compress_folder(source, out, OPTIONS, shard=open_shard, jobs=1, progress=until_the_next))

    thread = threading.Thread(target=sleeper)
    thread.start()
    assert begun.wait(30)
    _, summary = run(source, out)
    thread.join()
    assert "another run has taken over" in summaries[0].stopped
    assert summary.images == whole[1].images
    assert everything(out) == whole[0]


def test_two_cluster_runs_and_a_merge_exclude_each_other(source, out):
    refused = []

    def meanwhile(progress):
        if progress.result is not None and not refused:
            for other in (lambda: merge_shards(out), lambda: run(source, out)):
                with pytest.raises(UsageError, match="in use by another run"):
                    other()
                refused.append(other)

    compress_folder(source, out, OPTIONS, engine="dask", progress=meanwhile)
    assert len(refused) == 2


def test_a_full_disk_ends_the_run(source, out, monkeypatch):
    def stopped(job, _):
        return shard_job.ShardResult(job.shard, [], 0, "no space left")

    monkeypatch.setattr(
        coordinator, "run_shard_job", lambda job, _: shard_job.ShardResult(job.shard, [], 0, "no space left")
    )
    _, summary = run(source, out)
    assert summary.stopped == "no space left"


def test_workers_of_another_version_are_refused(source, out, monkeypatch):
    monkeypatch.setattr(shard_job, "__version__", "9.9")
    with pytest.raises(UsageError, match=r"a worker has icsys 9\.9"):
        run(source, out)


@pytest.mark.parametrize("what", ["source", "destination"])
def test_a_worker_that_does_not_see_a_folder_reports_an_error_and_does_nothing(what, source, out, fake_cluster):
    take = fake_cluster.result
    folder = source if what == "source" else out

    def elsewhere(task):
        folder.rename(folder.with_name("moved"))
        try:
            return take(task)
        finally:
            folder.with_name("moved").rename(folder)

    fake_cluster.result = elsewhere
    with pytest.raises(UsageError, match=f"a worker does not see the {what}"):
        run(source, out)
    assert not list(out.rglob("*.png"))


def test_a_run_waits_for_the_first_worker(source, out, fake_cluster, monkeypatch):
    """The bar shows a note meanwhile."""
    monkeypatch.setattr(coordinator, "_QUIET", 0.0)
    notes, wait = [], fake_cluster.wait
    fake_cluster.slots = 0

    def none_yet(tasks, timeout):
        if len(notes) < 5:
            return []
        fake_cluster.slots = 1
        return wait(tasks, timeout)

    fake_cluster.wait = none_yet
    compress_folder(source, out, OPTIONS, engine="dask", progress=lambda step: notes.append(step.note))
    assert "Waiting for workers" in notes
    assert len(list(out.rglob("*.png"))) == 63


def test_the_next_run_resumes_after_the_cluster_is_lost(source, whole, out, fake_cluster):
    fake_cluster.error, fake_cluster.losses = EngineError, {}
    take = fake_cluster.result

    def gone(task):
        if len(fake_cluster.careful) > 2:
            raise EngineError("the scheduler is gone")
        return take(task)

    fake_cluster.result = gone
    with pytest.raises(EngineError):
        run(source, out)
    fake_cluster.tasks.clear()
    fake_cluster.result = take
    run(source, out)
    assert everything(out) == whole[0]


def test_the_dashboard_is_reported_once(source, out, fake_cluster):
    fake_cluster.dashboard = "http://127.0.0.1:8787"
    notices, notes, totals = [], set(), []

    def note(progress):
        notices.append(progress.notice)
        notes.add(progress.note)
        totals.append(progress.total)

    summary = compress_folder(source, out, OPTIONS, engine="dask", progress=note)
    assert [notice for notice in notices if notice] == ["Dashboard of Dask: http://127.0.0.1:8787"]
    assert {"Listing", "", "Merging"} <= notes
    assert totals[-1] == summary.images


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"shard": "1/2"}, "shard='1/2' with engine='ray'"),
        ({"dry_run": True}, "dry_run=True with engine='ray'"),
        ({"options": Options(colors="auto", per="dataset")}, "per='dataset' with engine='ray'"),
        ({"destination": "s3://bucket/small"}, "destination 's3://bucket/small' with engine='ray'"),
        ({"source": "s3://bucket/photos"}, "source 's3://bucket/photos' with engine='ray'"),
        ({"engine": None, "address": "tcp://host:1"}, "address='tcp://host:1' with engine=None"),
    ],
)
def test_what_a_cluster_cannot_do_is_refused(settings, expected, source, out):
    with pytest.raises(UsageError, match=expected):
        compress_folder(**{"source": source, "destination": out, "engine": "ray", **settings})
    assert not out.exists()


def test_a_folder_without_images_is_left_alone(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "n.txt").touch()
    summary = compress_folder(tmp_path / "in", tmp_path / "out", engine="dask")
    assert (summary.images, summary.ignored, summary.stopped) == (0, 1, "")
    assert shards_in(RootedPath(tmp_path / "out")) == []


def test_the_number_of_shards_fits_the_folder_and_the_cluster(source, out, fake_cluster):
    fake_cluster.slots = 1000
    stop = threading.Event()
    compress_folder(source, out, OPTIONS, engine="dask", stop=stop, progress=lambda step: step.result and stop.set())
    assert read_listing(RootedPath(out)).count == 4  # shards of 16 images, not one for each slot


def test_a_careful_shard_runs_in_processes_of_its_own(source, whole, out):
    """A worker takes care of a shard that has ended other workers; bytes and counts are the same."""
    job = shard_job.ShardJob(
        source=source, destination=out, options=OPTIONS, settings=RunSettings(engine="dask", shard=Shard(1, 1))
    )
    state_folder_at(out, job.shard).mkdir(parents=True)
    result = shard_job.run_shard_job(job, careful=True)
    assert (len(result.results), result.ignored, result.stopped) == (whole[1].images, 1, "")
    merge_shards(out)
    assert everything(out) == whole[0]
    with pytest.raises(UsageError, match="does not see the source"):
        shard_job.run_shard_job(dataclasses.replace(job, source=source / "nowhere"), careful=True)
