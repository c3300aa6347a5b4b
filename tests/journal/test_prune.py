"""Pruning removes stale outputs of ICS, and nothing else: compared with a run into an empty folder."""

import json
import shutil
import sys

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fault_runs import ONE_THREAD, OPTIONS, assert_accounted, command, inject, make_photos, needs_strace, run
from helpers import everything, ics, image_bytes, synthetic_photo, tree
from icsys import Options, UsageError, compress_folder, verify_folder
from icsys.files.rooted_path import RootedPath
from icsys.sources.base import Task
from icsys.sources.folder import Folder
from source_makers import put_folder, put_zip

pytestmark = pytest.mark.usefixtures("unsynced")
SO = Options(strategy="SO", step=2)
PHOTOS = [image_bytes(synthetic_photo(8, 12, seed=seed)) for seed in range(3)]
FILES = {
    "cat/a.png": PHOTOS[0],
    "cat/b.png": PHOTOS[1],
    "dog/a.png": PHOTOS[2],
    "dog/a.gif": PHOTOS[0],
    "top.png": PHOTOS[1],
}
NAMES = st.sampled_from([*FILES, "cat/A.png" if sys.platform == "linux" else "cat/c.png", "dog/sub/c.png"])
TREES = st.dictionaries(NAMES, st.sampled_from([*PHOTOS, b"broken"]), min_size=1)


@pytest.fixture
def done(tmp_path):
    """A source and its outputs; then two sources go."""
    source = put_folder(tmp_path / "in", FILES)
    compress_folder(source, tmp_path / "out", SO)
    (source / "cat" / "a.png").unlink()
    shutil.rmtree(source / "dog")
    return source, tmp_path / "out"


STALE = ["cat/a.png", "dog/a.gif.png", "dog/a.png.png"]


def put_anew(folder, files):
    """Replace a folder by these files."""
    shutil.rmtree(folder, ignore_errors=True)
    return put_folder(folder, files)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10, deadline=None)
@given(trees=st.lists(st.tuples(TREES, st.sampled_from(["png", "webp", "npz"])), min_size=2, max_size=3))
@example(trees=[({"dog/a.png": PHOTOS[0]}, "png"), ({"dog/a.gif": b"broken"}, "png")])
def test_after_pruning_the_outputs_are_those_of_a_new_folder(trees, tmp_path):
    out = put_anew(tmp_path / "out", {"mine.png": b"mine", "cat/mine.txt": b"mine"})
    foreign = tree(out)
    for files, encoding in trees:
        options = SO.replace(format=encoding)
        summary = compress_folder(put_anew(tmp_path / "in", files), out, options, prune=True)
        clean = tmp_path / "clean"
        shutil.rmtree(clean, ignore_errors=True)
        compress_folder(tmp_path / "in", clean, options)
        left = tree(out).keys() - tree(clean).keys() - foreign.keys()
        rows = [json.loads(line) for line in (out / "manifest.jsonl").read_text("utf-8").splitlines()] if left else []
        # What is left is the last output of a source that fails now, or has the place of its new output.
        failed = {one.source for one in summary.failures}
        planned = (task for task in Folder(tmp_path / "in", out).plan(options.suffix) if isinstance(task, Task))
        places = {task.output for task in planned if task.source in failed}
        others = (row for row in rows if row["file_name"] in left - places)
        assert {row["source_path"] for row in others} <= failed
        assert tree(clean).items() <= tree(out).items()
        assert foreign.items() <= tree(out).items()
        assert verify_folder(out).foreign == sorted(foreign)


def test_a_dry_run_names_what_would_go_and_changes_nothing(done, tmp_path):
    source, out = done
    before = tree(out), (out / "manifest.jsonl").read_bytes()
    summary = compress_folder(source, out, SO, prune=True, dry_run=True)
    assert (summary.pruned, summary.stale) == (STALE, [])
    assert (tree(out), (out / "manifest.jsonl").read_bytes()) == before
    code, text, _ = ics("compress", source, out, "--strategy", "SO", "--step", 2, "--prune", "--dry-run", cwd=tmp_path)
    assert (
        code,
        f"Pruned:   3 would be removed (sources gone or left out, or other outputs now): {', '.join(STALE)}" in text,
    ) == (
        0,
        True,
    )
    code, text, _ = ics("compress", source, out, "--strategy", "SO", "--step", 2, "--prune", "--json", cwd=tmp_path)
    found = json.loads(text)
    assert (found["pruned"], found["summary"]["pruned"], found["summary"]["stale"]) == (STALE, 3, 0)
    assert set(tree(out)) == {"cat/b.png", "top.png"}
    assert not (out / "dog").exists()


def test_an_output_that_was_changed_stays_and_so_does_a_folder_with_other_files(done):
    source, out = done
    (out / "cat" / "a.png").write_bytes(b"changed")
    (out / "dog" / "mine.txt").write_bytes(b"mine")
    summary = compress_folder(source, out, SO, prune=True)
    assert (summary.pruned, summary.stale) == (STALE[1:], STALE[:1])
    assert (out / "cat" / "a.png").read_bytes() == b"changed"
    assert (out / "dog" / "mine.txt").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_nothing_is_removed_through_a_link(done, tmp_path):
    source, out = done
    kept = tree(out)
    shutil.move(out / "dog", tmp_path / "elsewhere")
    (out / "dog").symlink_to(tmp_path / "elsewhere")
    (out / "cat" / "a.png").rename(tmp_path / "moved.png")
    (out / "cat" / "a.png").symlink_to(tmp_path / "moved.png")
    assert compress_folder(source, out, SO, prune=True).pruned == []
    assert (out / "cat" / "a.png").is_symlink()
    assert (tmp_path / "moved.png").read_bytes() == kept["cat/a.png"]
    assert set(tree(tmp_path / "elsewhere")) == {"a.gif.png", "a.png.png"}


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_sources_that_a_run_leaves_out_or_cannot_list_keep_their_outputs(done):
    source, out = done
    (source / "link.png").symlink_to(source / "top.png")
    assert compress_folder(source, out, SO, follow_links=True).compressed == 1
    (source / "nowhere").symlink_to("gone")
    assert compress_folder(source, out, SO, follow_links=True, prune=True).pruned == []
    assert compress_folder(source, out, SO, prune=True).pruned == STALE
    assert (out / "link.png").exists()


def test_an_empty_source_prunes_nothing(done):
    source, out = done
    before = tree(out)
    shutil.rmtree(source)
    source.mkdir()
    assert compress_folder(source, out, SO, prune=True).images == 0
    assert tree(out) == before


def test_an_output_of_another_format_goes_only_when_the_new_one_is_there(done):
    source, out = done
    (source / "top.png").write_bytes(b"broken")
    (out / "cat" / "b.webp").write_bytes(b"mine")  # in the place of the new output
    summary = compress_folder(source, out, SO.replace(format="webp"), prune=True)
    assert (summary.failed, summary.foreign, summary.pruned) == (1, 1, STALE)
    assert set(tree(out)) == {"cat/b.png", "cat/b.webp", "top.png"}


def test_members_that_leave_an_archive_are_pruned(tmp_path):
    source = put_zip(tmp_path / "x.zip", FILES)
    compress_folder(source, tmp_path / "out", SO)
    put_zip(source, {"top.png": FILES["top.png"]})
    assert len(compress_folder(source, tmp_path / "out", SO, prune=True).pruned) == 4
    assert set(tree(tmp_path / "out")) == {"top.png"}


@pytest.mark.parametrize("call", ["unlink", "rmdir", "replace"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_run_that_ends_while_it_prunes_leaves_a_folder_that_the_next_run_prunes(
    call, number, done, tmp_path, monkeypatch
):
    source, out = done
    compress_folder(source, tmp_path / "clean", SO)
    calls = 0
    real = getattr(RootedPath, call)

    def ended(self, *arguments, **more):
        nonlocal calls
        calls += not str(self).endswith((".ics-claims", ".ics-written", ".jsonl")) or call == "replace"
        if calls == number:
            raise KeyboardInterrupt
        return real(self, *arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr(RootedPath, call, ended)
        try:
            compress_folder(source, out, SO, prune=True)
        except KeyboardInterrupt:
            assert verify_folder(out).is_intact
    compress_folder(source, out, SO, prune=True)
    assert tree(out) == tree(tmp_path / "clean")
    assert (out / "manifest.jsonl").read_bytes() == (tmp_path / "clean" / "manifest.jsonl").read_bytes()


@needs_strace
@pytest.mark.parametrize("number", [4, 6])
def test_killed_while_it_prunes(number, tmp_path):
    source = make_photos(tmp_path / "in", 6)
    compress_folder(source, tmp_path / "out", OPTIONS)
    shutil.rmtree(source / "dog")
    compress_folder(source, tmp_path / "clean", OPTIONS)
    rule = inject("unlink", f"signal=KILL:when={number}")
    killed = run(*rule, *command(source, tmp_path / "out", "--prune", code=ONE_THREAD), cwd=tmp_path)
    assert killed.returncode != 0
    assert_accounted(tmp_path / "out")
    assert compress_folder(source, tmp_path / "out", OPTIONS, prune=True).compressed == 0
    assert everything(tmp_path / "out") == everything(tmp_path / "clean")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"shard": "1/2"}, "prune with shard='1/2'"),
        ({"retry_failed": True}, "prune with retry_failed=True"),
        ({"engine": "dask"}, "prune with engine='dask'"),
        ({"options": SO.replace(format="webdataset")}, "prune with format='webdataset'"),
        ({"source": "top.png"}, "prune with files by name"),
    ],
)
def test_a_run_that_does_not_meet_all_sources_is_refused(more, message, done):
    source, out = done
    before = tree(out)
    arguments = {"options": SO, "prune": True} | more
    with pytest.raises(UsageError, match=message):
        compress_folder(source / arguments.pop("source", ""), out, **arguments)
    assert tree(out) == before
