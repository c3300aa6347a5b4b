"""The same folder in one run and in shards: one by one, at the same time, killed, missing, contradicting each other."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from fault_runs import command, needs_posix, slow_images, wait_until_claimed
from helpers import compress_into, everything, image_bytes, state_folder_at, synthetic_photo
from icsys import Options, UsageError, compress_folder, merge_shards
from icsys.files.rooted_path import RootedPath
from icsys.journal.lock import locked
from icsys.shard import Shard, all_shards, shard_index
from icsys.shards import state_folders as state_module
from icsys.sources import folder as folder_module

OPTIONS = Options(strategy="SO", step=2)
COUNT = 4
TWINS = ("twin/a.png", "twin/a.bmp", "twin/a.gif", "twin/b.png")


@pytest.fixture
def source(tmp_path):
    """Class folders, sources with one stem, a bad image, a file that is no image; photos in every shard."""
    folder = tmp_path / "in"
    names = [f"{('cat', 'dog', 'dog/young')[number % 3]}/{number:03}.png" for number in range(12)]
    for seed, name in enumerate((*names, *TWINS)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(image_bytes(synthetic_photo(24, 32, seed=seed), name[-3:]))
    (folder / "dog" / "bad.jpg").write_bytes(b"no photo")
    (folder / "empty.png").write_bytes(b"")
    (folder / "notes.txt").write_text("nothing", "utf-8")
    (folder / ".DS_Store").write_bytes(b"\0")
    owners = {shard_index(name, COUNT) for name in names}
    assert owners == set(range(1, COUNT + 1))
    assert len({shard_index(name, COUNT) for name in TWINS[:3]}) > 1
    return folder


@pytest.fixture
def whole(source, tmp_path):
    """Files and summary of a run without shards."""
    summary = compress_folder(source, tmp_path / "whole", OPTIONS)
    return everything(tmp_path / "whole"), summary


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def counts(summary):
    return {name: value for name, value in summary.to_dict().items() if name != "seconds"}


def do_shards(source, out, shards=None, options=OPTIONS, **settings):
    return [
        compress_folder(source, out, options, shard=str(shard), **settings) for shard in shards or all_shards(COUNT)
    ]


@pytest.mark.parametrize("order", ["in order", "backwards", "at the same time", "apart"])
def test_shards_and_a_merge_are_one_run(order, source, whole, out, tmp_path):
    shards = all_shards(COUNT)
    if order == "at the same time":
        words = [command(source, out, "--shard", shard) for shard in shards]
        runs = [subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for line in words]
        assert {run.wait(timeout=60) for run in runs} <= {0, 1}  # 1 for the shard with the bad image
    elif order == "apart":
        for shard in shards:
            do_shards(source, tmp_path / shard.name, [shard])
            shutil.copytree(tmp_path / shard.name, out, dirs_exist_ok=True)
    else:
        do_shards(source, out, shards if order == "in order" else reversed(shards))
    summary = merge_shards(out)
    assert everything(out) == whole[0]
    assert counts(summary) == counts(whole[1])
    assert [vars_of(failure) for failure in summary.failures] == sorted(map(vars_of, whole[1].failures))
    record = json.loads((out / "run.json").read_text("utf-8"))
    undivided = json.loads((tmp_path / "whole" / "run.json").read_text("utf-8"))
    for name in ("tool_version", "platform", "options"):
        assert record[name] == undivided[name]
    assert record["versions"].items() <= undivided["versions"].items()  # this process has loaded more packages
    assert {"python", "PIL", "numpy"} <= record["versions"].keys()
    assert {**record["summary"], "seconds": 0} == {**undivided["summary"], "seconds": 0}
    assert [run["options"]["shard"] for run in record["shards"]] == [str(shard) for shard in shards]
    # Later runs may be without shards.
    again = compress_folder(source, out, OPTIONS)
    assert (again.compressed, again.failed, again.foreign) == (0, 2, 0)
    assert everything(out) == whole[0]


def vars_of(failure):
    return failure.source, failure.code, failure.message


def test_every_source_is_in_one_shard(source, out):
    met = []
    for shard in all_shards(COUNT):
        results, summary = compress_into(source, out, OPTIONS, shard=(shard.index, COUNT))
        met += results
        assert summary.images == len(results)
    everywhere, undivided = compress_into(source, out.with_name("whole"), OPTIONS)
    assert sorted(met) == sorted(everywhere)
    assert len(met) == undivided.images


def test_the_total_of_the_bar_is_that_of_the_shard(source, out):
    totals = []
    summary = compress_folder(
        source, out, OPTIONS, shard="2/4", jobs=1, progress=lambda step: totals.append(step.total)
    )
    assert totals[-1] in {None, summary.images}
    assert summary.images == sum(shard_index(name, 4) == 2 for name in images_of(source))


def images_of(source):
    names = [path.relative_to(source).as_posix() for path in source.rglob("*")]
    return [name for name in names if name.endswith((".png", ".bmp", ".gif", ".jpg"))]


@needs_posix
def test_a_killed_shard_resumes_while_others_run(source, out):
    for number in range(12, 250):
        (source / "cat" / f"{number:03}.png").write_bytes(image_bytes(synthetic_photo(24, 32, seed=number)))
    compress_folder(source, out.with_name("clean"), OPTIONS)
    clean = everything(out.with_name("clean"))
    others = [
        subprocess.Popen(command(source, out, "--shard", shard), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for shard in ("1/4", "3/4", "4/4")
    ]
    state_folder = state_folder_at(out, Shard(2, 4))
    chance = random.Random(2)  # noqa: S311 - no secret
    killed = 0
    for _ in range(4):
        words = command(source, out, "--shard", "2/4")
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, env=slow_images(0.02)) as process:
            wait_until_claimed(state_folder, process)
            time.sleep(chance.uniform(0, 0.03))
            process.send_signal(signal.SIGKILL)
        killed += not json.loads((state_folder / "shard.json").read_bytes())["finished"]
    assert killed
    assert {run.wait(timeout=60) for run in others} <= {0, 1}
    if not json.loads((state_folder / "shard.json").read_bytes())["finished"]:
        with pytest.raises(UsageError, match=r"shard 2/4 is not finished"):
            merge_shards(out)
    before = {path: path.stat().st_ino for path in out.rglob("*.png")}
    do_shards(source, out, [Shard(2, 4)])
    assert sum(path.stat().st_ino != inode for path, inode in before.items()) <= 5
    merge_shards(out)
    assert everything(out) == clean


def test_a_shard_removes_its_own_temporary_files_alone(source, out):
    (out / "cat").mkdir(parents=True)
    others, own = out / "cat" / ".ics-12-of-14-0123456789abcdef.tmp", out / "cat" / ".ics-2-of-4-0123456789abcdef.tmp"
    others.touch()
    own.touch()
    do_shards(source, out, [Shard(2, 4)])
    assert (others.exists(), own.exists()) == (True, False)


def test_a_missing_shard_is_named_and_nothing_is_changed(source, whole, out):
    do_shards(source, out, [Shard(1, 4), Shard(3, 4)])
    before = everything(out)
    with pytest.raises(UsageError, match=r"shards 2/4, 4/4 are missing: run them to the end") as error:
        merge_shards(out)
    assert "--partial" in str(error.value)
    assert everything(out) == before
    do_shards(source, out, [Shard(2, 4), Shard(4, 4)])
    merge_shards(out)
    assert everything(out) == whole[0]


@pytest.mark.parametrize("rest", ["an undivided run", "the missing shard", "another division"])
def test_after_a_partial_merge_the_rest_is_done_in_any_way(rest, source, whole, out):
    do_shards(source, out, [Shard(1, 4), Shard(2, 4), Shard(4, 4)])
    done = sum(summary.compressed for summary in do_shards(source, out, [Shard(2, 4)]))
    summary = merge_shards(out, partial=True)
    assert "shard 3/4 is missing" in summary.stopped
    assert done == 0
    left = sum(shard_index(name, 4) == 3 for name in images_of(source) if "bad" not in name and "empty" not in name)
    assert summary.compressed == whole[1].compressed - left
    if rest == "an undivided run":
        assert compress_folder(source, out, OPTIONS).compressed == left
    elif rest == "the missing shard":
        assert do_shards(source, out, [Shard(3, 4)])[0].compressed == left
        with pytest.raises(UsageError, match="missing"):
            merge_shards(out)
        merge_shards(out, partial=True)
    else:
        assert sum(summary.compressed for summary in do_shards(source, out, all_shards(7))) == left
        merge_shards(out)
    assert everything(out) == whole[0]


def test_an_unfinished_shard_is_named_and_a_partial_merge_takes_it(source, out):
    for number in range(12, 100):
        (source / "cat" / f"{number:03}.png").write_bytes(image_bytes(synthetic_photo(24, 32, seed=number)))
    do_shards(source, out, [Shard(1, 4), Shard(2, 4), Shard(4, 4)])
    stop = threading.Event()
    stopped = compress_folder(
        source, out, OPTIONS, shard="3/4", jobs=1, stop=stop, progress=lambda step: step.result and stop.set()
    )
    assert stopped.stopped
    with pytest.raises(UsageError, match="shard 3/4 is not finished: run it"):
        merge_shards(out)
    summary = merge_shards(out, partial=True)
    assert "shard 3/4 is not finished" in summary.stopped
    assert 0 < summary.images < len(images_of(source))
    compress_folder(source, out, OPTIONS)
    compress_folder(source, out.with_name("clean"), OPTIONS)
    assert everything(out) == everything(out.with_name("clean"))


def test_shards_of_different_options_are_refused(source, out):
    do_shards(source, out, [Shard(1, 2)])
    do_shards(source, out, [Shard(2, 2)], Options(strategy="SO", step=3))
    before = everything(out)
    for partial in (False, True):
        with pytest.raises(UsageError, match="shard 1/2 was made with step=2 and shard 2/2 with step=3"):
            merge_shards(out, partial=partial)
    assert everything(out) == before
    do_shards(source, out, [Shard(2, 2)])
    merge_shards(out)


def test_shards_of_different_limits_are_refused(source, out):
    """They change which images succeed, but no byte."""
    do_shards(source, out, [Shard(1, 2)])
    do_shards(source, out, [Shard(2, 2)], Options(strategy="SO", step=2, max_pixels=100))
    with pytest.raises(UsageError, match="shard 2/2 with max_pixels=100"):
        merge_shards(out)


def test_shards_that_follow_links_differently_are_refused(source, out):
    do_shards(source, out, [Shard(1, 2)])
    do_shards(source, out, [Shard(2, 2)], follow_links=True)
    with pytest.raises(UsageError, match="with follow_links=False and shard 2/2 with follow_links=True"):
        merge_shards(out)


@pytest.mark.parametrize(
    "words",
    [
        {"format": "npz", "step": 2},
        {"format": "webdataset", "step": 2, "shard_images": 3},
        {"format": "parquet", "step": 2, "shard_images": 3},
        {"format": "arrays", "size": 16, "fit": "cover"},
    ],
    ids=lambda words: words["format"],
)
def test_the_format_does_not_matter(words, source, out):
    options = Options(strategy="MKM", colors=8, **words)
    undivided = compress_folder(source, out.with_name("clean"), options)
    do_shards(source, out, options=options)
    assert counts(merge_shards(out)) == counts(undivided)
    assert everything(out) == everything(out.with_name("clean"))


def test_one_shard_is_run_by_one_run_at_a_time(source, out):
    with locked(RootedPath(state_folder_at(out, Shard(2, 4)))):
        with pytest.raises(UsageError, match=r"shard 2/4 of .* is in use by another run"):
            do_shards(source, out, [Shard(2, 4)])
        do_shards(source, out, [Shard(1, 4)])
        with pytest.raises(UsageError, match=r"shard 2/4 of .* is in use by another run"):
            merge_shards(out, partial=True)


def test_a_run_without_shards_and_shards_exclude_each_other(source, out, monkeypatch):
    monkeypatch.setattr(state_module, "_LOCK_TIMEOUT", 0.1)
    with locked(RootedPath(out)), pytest.raises(UsageError, match="in use by another run"):
        do_shards(source, out, [Shard(1, 4)])
    do_shards(source, out, [Shard(1, 4)])
    for settings in ({}, {"dry_run": True}, {"shard": "1/5"}, {"shard": "1/5", "dry_run": True}):
        with pytest.raises(UsageError, match=r"is divided into 4 shards: merge them first \(ics merge\)"):
            compress_folder(source, out, OPTIONS, **settings)


def test_shards_of_two_numbers_are_refused(source, out, tmp_path):
    do_shards(source, out, [Shard(1, 4)])
    do_shards(source, tmp_path / "other", [Shard(2, 3)])
    shutil.copytree(tmp_path / "other", out, dirs_exist_ok=True)
    with pytest.raises(UsageError, match=r"different numbers \(1/4, 2/3\)"):
        merge_shards(out, partial=True)


def test_a_merge_without_shards_changes_nothing(source, tmp_path):
    for folder, expected in ((source, "holds no shards"), (tmp_path / "nowhere", "is no folder")):
        before = set(tmp_path.rglob("*"))
        with pytest.raises(UsageError, match=expected):
            merge_shards(folder)
        assert set(tmp_path.rglob("*")) == before


def test_retry_failed_does_the_failures_of_its_own_shard_alone(source, whole, out):
    do_shards(source, out)
    (source / "dog" / "bad.jpg").write_bytes(image_bytes(synthetic_photo(24, 32, seed=99), "JPEG"))
    owner = Shard(shard_index("dog/bad.jpg", COUNT), COUNT)
    again = {shard: do_shards(source, out, [shard], retry_failed=True)[0] for shard in all_shards(COUNT)}
    assert {shard: summary.compressed for shard, summary in again.items() if summary.compressed} == {owner: 1}
    summary = merge_shards(out)
    assert (summary.compressed, summary.failed) == (whole[1].compressed + 1, 1)
    compress_folder(source, out.with_name("clean"), OPTIONS)
    assert everything(out) == everything(out.with_name("clean"))


def test_retry_failed_does_not_finish_an_unfinished_shard(source, out):
    do_shards(source, out, [Shard(1, 2)])
    do_shards(source, out, [Shard(2, 2)], retry_failed=True)
    with pytest.raises(UsageError, match="shard 2/2 is not finished"):
        merge_shards(out)


def test_shards_of_a_finished_folder_do_nothing_again(source, whole, out):
    compress_folder(source, out, OPTIONS)
    assert [summary.compressed for summary in do_shards(source, out)] == [0] * COUNT
    merge_shards(out)
    assert everything(out) == whole[0]


def test_shards_redo_outputs_of_a_run_without_shards_and_name_stale_outputs(source, out):
    """Sources are added, removed and changed; one output passes to a source in another shard."""
    clean = out.with_name("clean")
    (source / "twin" / "pass.png").write_bytes(image_bytes(synthetic_photo(24, 32, seed=50)))
    for folder in (out, clean):
        compress_folder(source, folder, OPTIONS)
    (source / "twin" / "pass.png").unlink()
    heir = next(f"pass.{suffix}" for suffix in ("bmp", "gif", "tiff", "webp") if leaves(f"pass.{suffix}"))
    (source / "twin" / heir).write_bytes(image_bytes(synthetic_photo(24, 32, seed=51), heir.partition(".")[2]))
    (source / "twin" / "b.bmp").write_bytes(image_bytes(synthetic_photo(24, 32, seed=52), "bmp"))
    (source / "cat" / "000.png").unlink()
    (source / "cat" / "003.png").write_bytes(image_bytes(synthetic_photo(26, 32, seed=53)))
    undivided = compress_folder(source, clean, OPTIONS)
    do_shards(source, out)
    summary = merge_shards(out)
    assert everything(out) == everything(clean)
    assert undivided.stale == summary.stale == ["cat/000.png", "twin/b.png"]
    assert not any(failure.code == "blocked" for failure in summary.failures)
    assert summary.foreign == 0


@pytest.mark.parametrize("packing", ["png", "arrays", "webdataset"])
@pytest.mark.parametrize("is_left_out", [False, True])
@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_an_output_whose_source_is_gone_is_stale_though_a_source_without_output_has_its_name(
    is_elsewhere, is_left_out, packing, source, out
):
    """The heir of the name is broken, or left out by a rule, in the same shard or in another; files stay, as stale."""
    clean, settings = out.with_name("clean"), {"min_side": 20}
    options = OPTIONS.replace(format=packing, **({"size": "16x12", "fit": "cover"} if packing == "arrays" else {}))
    (source / "twin" / "pass.png").write_bytes(image_bytes(synthetic_photo(24, 32, seed=50)))
    for folder in (out, clean):
        compress_folder(source, folder, options, **settings)
    (source / "twin" / "pass.png").unlink()
    heirs = {f"pass.{suffix}": suffix for suffix in ("bmp", "gif", "tiff", "webp", "jpeg")}
    heir = next(name for name in heirs if leaves(name) is is_elsewhere)
    (source / "twin" / heir).write_bytes(
        image_bytes(synthetic_photo(8, 8), heirs[heir]) if is_left_out else b"no photo"
    )
    undivided = compress_folder(source, clean, options, **settings)
    do_shards(source, out, options=options, **settings)
    summary = merge_shards(out)
    assert everything(out) == everything(clean)
    assert undivided.stale == summary.stale
    if packing == "png":
        assert summary.stale == ["twin/pass.png"]
        assert (out / "twin" / "pass.png").exists()
    again = compress_folder(source, clean, options, **settings)
    assert (again.compressed, again.stale) == (0, undivided.stale)
    # With its source, the output is done again.
    (source / "twin" / heir).unlink()
    (source / "twin" / "pass.png").write_bytes(image_bytes(synthetic_photo(24, 32, seed=50)))
    assert compress_folder(source, clean, options, **settings).stale == []


def test_a_merge_adds_what_was_made_again_and_counts_small_images(source, out, tmp_path):
    padded = Options(strategy="SO", size=40, fit="pad")
    for options in (OPTIONS, padded):
        undivided = compress_folder(source, tmp_path / "whole", options)
        do_shards(source, out, options=options)
        summary = merge_shards(out)
        assert counts(summary) == counts(undivided)
    assert summary.small_sources == summary.redone_options == summary.compressed == 16
    assert summary.redone_sources == summary.tiny_outputs == 0


def leaves(name):
    return shard_index(f"twin/{name}", COUNT) != shard_index("twin/pass.png", COUNT)


def test_shards_that_saw_different_files_are_refused_until_they_agree(source, out):
    """A source with the same stem is added between two shards, so both write one output."""
    first, second = "twin/c.png", "twin/c.bmp"
    assert shard_index(first, COUNT) != shard_index(second, COUNT)
    (source / first).write_bytes(image_bytes(synthetic_photo(24, 32, seed=60)))
    do_shards(source, out, [Shard(shard_index(first, COUNT), COUNT)])
    (source / first).rename(source.parent / "away.png")
    (source / second).write_bytes(image_bytes(synthetic_photo(24, 32, seed=61), "bmp"))
    compress_folder(source, out, OPTIONS, shard=(shard_index(second, COUNT), COUNT), overwrite="always")
    (source.parent / "away.png").rename(source / first)
    left = {shard_index(first, COUNT), shard_index(second, COUNT)}
    do_shards(source, out, [shard for shard in all_shards(COUNT) if shard.index not in left])
    with pytest.raises(UsageError, match=r"'twin/c.png' is the output of .* the shards saw different files"):
        merge_shards(out)
    (out / "twin" / "c.png").unlink()
    do_shards(source, out, [Shard(index, COUNT) for index in sorted(left)])
    merge_shards(out)
    compress_folder(source, out.with_name("clean"), OPTIONS)
    assert everything(out) == everything(out.with_name("clean"))


def test_a_folder_that_one_machine_cannot_list_fails_in_its_shard(source, out, monkeypatch):
    def refuse(path):
        if path == source / "cat":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    scandir = folder_module.os.scandir
    shard = Shard(next(index for index in range(1, COUNT + 1) if index != shard_index("cat", COUNT)), COUNT)
    with monkeypatch.context() as patch:
        patch.setattr(folder_module.os, "scandir", refuse)
        summary = do_shards(source, out, [shard])[0]
    assert "cat" in [failure.source for failure in summary.failures]
    do_shards(source, out, [other for other in all_shards(COUNT) if other != shard])
    assert "cat" in [failure.source for failure in merge_shards(out).failures]


def test_a_foreign_file_at_an_output_path_is_kept_and_counted(source, out):
    (out / "cat").mkdir(parents=True)
    (out / "cat" / "000.png").write_bytes(b"mine")
    undivided = compress_folder(source, out, OPTIONS, dry_run=True)
    do_shards(source, out)
    summary = merge_shards(out)
    assert counts(summary)["foreign"] == undivided.foreign == 1
    assert summary.images == undivided.images
    assert (out / "cat" / "000.png").read_bytes() == b"mine"


def test_there_may_be_more_shards_than_images(source, tmp_path, out):
    few = tmp_path / "few"
    few.mkdir()
    shutil.copy(source / "cat" / "000.png", few)
    summaries = do_shards(few, out, all_shards(9))
    assert sorted(summary.images for summary in summaries) == [0] * 8 + [1]
    assert merge_shards(out).compressed == 1
    compress_folder(few, tmp_path / "clean", OPTIONS)
    assert everything(out) == everything(tmp_path / "clean")


def test_a_dry_run_of_a_shard_writes_nothing_and_returns_its_counts(source, out):
    foretold = do_shards(source, out, dry_run=True)
    assert not out.exists()
    done = do_shards(source, out)
    assert [counts(summary) for summary in foretold] == [counts(summary) for summary in done]
    merge_shards(out)
    before = everything(out)
    later = do_shards(source, out, dry_run=True)
    assert sum(summary.compressed for summary in later) == sum(len(summary.stale) for summary in later) == 0
    assert everything(out) == before


def test_a_shard_killed_before_its_first_record_loses_nothing_of_the_folder(source, whole, out):
    compress_folder(source, out, OPTIONS)
    state_folder_at(out, Shard(1, 4)).mkdir(parents=True)
    (state_folder_at(out, Shard(1, 4)) / "manifest.jsonl").touch()
    with pytest.raises(UsageError, match="no shard has started an image"):
        merge_shards(out, partial=True)
    do_shards(source, out, [Shard(2, 4)])
    with pytest.raises(UsageError, match="shards 3/4, 4/4 are missing and shard 1/4 is not finished: run them"):
        merge_shards(out)
    merge_shards(out, partial=True)
    assert everything(out) == whole[0]


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("moment", [*range(8), 12, 20, 33, 34])
def test_a_killed_merge_can_be_repeated(moment, source, whole, out, monkeypatch):
    """It is killed at each replacement and removal of a file."""
    do_shards(source, out)
    left = moment

    def counted(change):
        def do(*arguments, **settings):
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return change(*arguments, **settings)

        return do

    with monkeypatch.context() as patch:
        for owner, name in ((os, "replace"), (os, "unlink"), (os, "rmdir")):
            patch.setattr(owner, name, counted(getattr(owner, name)))
        try:
            merge_shards(out)
            killed = False
        except Killed:
            killed = True
    if (out / ".ics-books").exists():
        merge_shards(out)
    else:
        with pytest.raises(UsageError, match="holds no shards"):
            merge_shards(out)
    assert killed == (moment < MERGE_CHANGES)
    compress_folder(source, out, OPTIONS)
    assert everything(out) == whole[0]


MERGE_CHANGES = 35


@pytest.mark.parametrize("value", ["5/4", "0/4", "a/b"])
def test_wrong_shards_are_refused_before_anything_is_done(value, source, out):
    with pytest.raises(UsageError, match=f"shard='{value}': expected I/N"):
        compress_folder(source, out, OPTIONS, shard=value)
    assert not out.exists()


def test_a_merge_holds_few_files_open(source, out):
    """There may be more shards than a process may open files."""
    if sys.platform == "win32":
        pytest.skip("needs limits as POSIX has them")
    do_shards(source, out, all_shards(30), jobs=1)
    code = (
        "import resource, sys, icsys; resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24)); "
        "print(icsys.merge_shards(sys.argv[1]).images)"
    )
    done = subprocess.run([sys.executable, "-c", code, out], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(images_of(source))
