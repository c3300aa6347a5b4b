"""Output folders of other runs inside the source: no strategy, shard, archive or comparison takes them for photos."""

import json
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from fake_cluster import Fake
from fault_runs import needs_posix, wait_until
from helpers import compress_into, ics, image_bytes, synthetic_photo, tree
from icsys import Options, UsageError, compare_folder, compress_folder, merge_shards
from icsys.files.atomic import write_json
from icsys.files.rooted_path import RootedPath
from icsys.records.run_json import read_run
from icsys.run import cluster, local
from icsys.run.wait_and_count import ImageCount
from icsys.shard import Shard
from icsys.shards.state_folders import read_state, state_folder_of, write_state
from source_makers import put_tar, put_zip

SO = Options(strategy="SO", step=1)
PACKED = SO.replace(format="webdataset")
FILES = {f"{name}/{i}.png": image_bytes(synthetic_photo(12, 16, seed=i)) for name in ("cat", "dog") for i in range(5)}


@pytest.fixture
def few(tmp_path):
    for name, data in FILES.items():
        (tmp_path / "few" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "few" / name).write_bytes(data)
    return tmp_path / "few"


@pytest.mark.parametrize("options", [SO, PACKED, Options(palette="class", colors=4)], ids=["files", "packed", "class"])
def test_every_run_into_the_source_does_the_photos_and_no_output(few, tmp_path, options):
    expected, _ = compress_into(few, tmp_path / "apart", options)
    made = []
    for place in ("out", "out2", "cat/out", "out2"):
        results, summary = compress_into(few, few / place, options)
        assert results.keys() == expected.keys()
        assert summary.outputs_passed_over == sorted(set(made) - {place})
        assert summary.to_dict()["outputs_passed_over"] == summary.outputs_passed_over
        assert read_run(few / place)["summary"]["outputs_passed_over"] == summary.outputs_passed_over
        assert summary.ignored == 0
        made.append(place)
    assert tree(few / "out") == tree(few / "cat" / "out") == tree(tmp_path / "apart")


def test_outputs_are_read_with_include_outputs(few):
    compress_folder(few, few / "out", SO)
    _, summary = compress_into(few, few / "out2", SO, include_outputs=True)
    assert (summary.images, summary.outputs_passed_over) == (20, [])
    assert read_run(few / "out2")["options"]["include_outputs"] is True


def test_a_chain_reads_an_output_folder_that_is_the_source(few, tmp_path):
    compress_folder(few, tmp_path / "Compressed", SO)
    for place in (tmp_path / "Smaller", tmp_path / "Compressed" / "Smaller", tmp_path / "Compressed" / "Again"):
        assert compress_folder(tmp_path / "Compressed", place, SO).compressed == 10
    assert compress_folder(tmp_path / "Compressed" / "cat", tmp_path / "cats", SO).compressed == 5


class CountedFirst(ImageCount):
    """Images are counted before the run begins, not beside it."""

    def __enter__(self):
        super().__enter__()
        self._thread.join()
        return self


def test_the_total_of_a_run_counts_no_output(few, monkeypatch):
    compress_folder(few, few / "out", SO)
    totals = set()
    monkeypatch.setattr(local, "ImageCount", CountedFirst)
    compress_folder(few, few / "out2", SO, progress=lambda step: totals.add(step.total))
    assert totals - {None} == {10}


@pytest.mark.usefixtures("few")
def test_the_summary_names_them(tmp_path):
    for place in ("out", "nested/out2"):
        assert ics("compress", "few", f"few/{place}", "--strategy", "SO", cwd=tmp_path)[0] == 0
    code, out, _ = ics("compress", "few", "few/third", "--strategy", "SO", cwd=tmp_path)
    assert code == 0
    assert "10 compressed, 0 skipped, 0 failed" in out
    assert "2 output folders of ics passed over: 'nested/out2', 'out' (--include-outputs reads them)" in out
    code, out, _ = ics("compress", "few", "few/third", "--strategy", "SO", "--json", cwd=tmp_path)
    assert json.loads(out)["summary"]["outputs_passed_over"] == ["nested/out2", "out"]
    assert ics("report", "few/third", cwd=tmp_path)[0] == 0
    assert "2 output folders of ics passed over" in (tmp_path / "few" / "third" / "report.html").read_text("utf-8")
    code, out, _ = ics("compress", "few", "few/third", "--strategy", "SO", "--include-outputs", cwd=tmp_path)
    assert "20 compressed, 10 skipped" in out
    (tmp_path / "ics.toml").write_text("include-outputs = true\n", "utf-8")
    code, out, _ = ics("compress", "few", "few/third", "--strategy", "SO", "--config", "ics.toml", cwd=tmp_path)
    assert "0 compressed, 30 skipped" in out


def test_where_they_hold_the_only_images_the_error_names_them(few, tmp_path):
    compress_folder(few, tmp_path / "only" / "out", SO)
    for arguments in (("compress", "only", "new"), ("compare", "only")):
        code, out, err = ics(*arguments, cwd=tmp_path)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert "1 output folder of ics passed over: 'out' (--include-outputs reads it)" in err
    assert not (tmp_path / "new").exists()
    code, out, _ = ics("compress", "only", "new", "--include-outputs", "--strategy", "SO", cwd=tmp_path)
    assert code == 0
    assert "10 compressed" in out


def test_a_comparison_samples_no_output_by_default(few, tmp_path):
    compress_folder(few, few / "out", SO)
    comparison = compare_folder(few, Options(step=1), strategies=["MKM"], lossy=False)
    assert (comparison.found, comparison.outputs_passed_over) == (10, ("out",))
    assert comparison.to_dict()["outputs_passed_over"] == ["out"]
    assert compare_folder(few, Options(step=1), strategies=["MKM"], lossy=False, include_outputs=True).found == 20
    code, out, _ = ics("compare", "few", "--strategy", "MKM", "--report", "page.html", cwd=tmp_path)
    assert code == 0
    assert "1 output folder of ics passed over: 'out'" in out
    assert "1 output folder of ics passed over: " in (tmp_path / "page.html").read_text("utf-8")


def test_shards_pass_them_over_and_their_merge_names_each_once(few):
    compress_folder(few, few / "out", SO)
    (few / "out" / "run.json").unlink()  # as a run that was killed leaves it
    for index in (1, 2):
        assert compress_folder(few, few / "shards", SO, shard=(index, 2)).outputs_passed_over == ["out"]
    assert compress_into(few, few / "third", SO)[1].outputs_passed_over == ["out", "shards"]  # not merged yet
    merged = merge_shards(few / "shards")
    assert (merged.images, merged.outputs_passed_over) == (10, ["out"])
    assert read_run(few / "shards")["summary"]["outputs_passed_over"] == ["out"]


def test_shards_that_differ_in_what_they_read_are_not_merged(few, tmp_path):
    compress_folder(few, few / "out", SO)
    compress_folder(few, tmp_path / "shards", SO, shard="1/2")
    compress_folder(few, tmp_path / "shards", SO, shard="2/2", include_outputs=True)
    with pytest.raises(UsageError, match="include_outputs=False and shard 2/2 with include_outputs=True"):
        merge_shards(tmp_path / "shards")


def test_an_older_shard_state_means_that_no_output_was_read(tmp_path, few):
    compress_folder(few, tmp_path / "shards", SO, shard="1/1")
    state_folder = state_folder_of(RootedPath(tmp_path / "shards"), Shard(1, 1))
    state = read_state(state_folder)
    older = json.loads((state_folder / "shard.json").read_bytes())
    del older["include_outputs"]
    write_json(state_folder / "shard.json", older)
    assert read_state(state_folder) == state
    write_state(state_folder, state)
    assert merge_shards(tmp_path / "shards").images == 10


def test_a_cluster_passes_them_over(few, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "open_cluster", lambda *_: Fake({}, slots=1))
    compress_folder(few, few / "out", SO)
    for place, include, images, named in (("a", False, 10, ["out"]), ("b", True, 20, [])):
        results, summary = compress_into(few, tmp_path / place, SO, engine="dask", include_outputs=include)
        assert (len(results), summary.images, summary.outputs_passed_over) == (images, images, named)
        assert read_run(tmp_path / place)["summary"]["outputs_passed_over"] == named


@pytest.mark.parametrize("put", [put_zip, put_tar])
def test_archives_beside_output_folders_are_a_source_again_and_again(put, tmp_path):
    """Outputs in files or shards: neither images nor archives of them."""
    suffix = "zip" if put is put_zip else "tar"
    (tmp_path / "in").mkdir()
    put(tmp_path / "in" / f"photos-0.{suffix}", FILES)
    made = []
    for place, options in (("out", SO), ("out", SO), ("packed", PACKED), ("packed", PACKED), ("more/out", SO)):
        results, summary = compress_into(tmp_path / "in", tmp_path / "in" / place, options)
        assert results.keys() == FILES.keys()
        assert summary.outputs_passed_over == sorted(set(made) - {place})
        made.append(place)


def test_shards_in_an_output_folder_make_no_archives_of_the_folder_above(few, tmp_path):
    compress_folder(few, tmp_path / "all" / "packed", PACKED)
    summary = compress_folder(tmp_path / "all", tmp_path / "new", SO)
    assert (summary.images, summary.outputs_passed_over) == (0, ["packed"])
    assert compress_folder(tmp_path / "all", tmp_path / "new", SO, include_outputs=True).images == 10


@needs_posix
@pytest.mark.parametrize(
    "flags", [(), ("--shard", "1/2"), ("--format", "webdataset")], ids=["files", "shard", "packed"]
)
def test_outputs_of_a_run_that_was_killed_are_no_photos(tmp_path, flags):
    """Killed at any moment, its folder holds outputs that only pending outputs or manifest rows name."""
    source = tmp_path / "few"
    source.mkdir()
    for number in range(300):
        (source / f"{number:03}.png").write_bytes(FILES["cat/0.png"])
    arguments = ["compress", "few", "few/out", "--strategy", "SO", "--step", "1", "--jobs", "2", *flags]
    for seconds in (0.0, 0.03, 0.1):
        shutil.rmtree(source / "out", ignore_errors=True)
        with subprocess.Popen(
            [sys.executable, "-m", "icsys", *arguments], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            wait_until(lambda: process.poll() is not None or list(source.glob("out/**/*.png")))
            time.sleep(seconds)
            process.send_signal(signal.SIGKILL)
        results, summary = compress_into(source, tmp_path / "new", SO, dry_run=True, stop=threading.Event())
        assert (len(results), summary.outputs_passed_over) == (300, ["out"])
