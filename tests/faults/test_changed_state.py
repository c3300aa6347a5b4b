"""State files changed after ICS wrote them: no traceback, no foreign file is lost, every fault is reported."""

import json
import shutil
from contextlib import nullcontext, suppress

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fault_runs import OPTIONS, make_photos
from helpers import everything, state_folder_at
from icsys import Options, UsageError, compress_folder, merge_shards, verify_folder
from icsys.report.run_page import report_folder
from icsys.shard import Shard

pytestmark = pytest.mark.usefixtures("unsynced")
JUNK = st.recursive(
    st.sampled_from([None, True, 0, -1, 1.5, float("nan"), 10**30, "", "x", "../../x", "a\0b", "\ud800"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["", "a", "name"]), inner, max_size=2),
    max_leaves=3,
)
# Runs are slow, so a find is not made smaller.
SLOW = settings(
    deadline=None, max_examples=8, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return make_photos(tmp_path_factory.mktemp("state") / "in", 4)


@pytest.fixture(scope="module")
def finished(photos):
    """Output folders of runs: image files, WebDataset packs, and two shards before their merge."""
    for name, options in (("png", OPTIONS), ("webdataset", PACKED), ("shards", OPTIONS)):
        for shard in ("1/2", "2/2") if name == "shards" else (None,):
            compress_folder(photos, photos.parent / name, options, shard=shard)
    return photos.parent


PACKED = Options(strategy="SO", step=2, format="webdataset", shard_images=3)
STATE_FOLDERS = {
    "png": ["manifest.jsonl", "failures.jsonl", "run.json", ".ics-claims"],
    "webdataset": ["manifest.jsonl", "shards.json", "run.json", ".ics-claims"],
    "shards": [f".ics-books/1-of-2/{name}" for name in ("manifest.jsonl", "failures.jsonl", "run.json", "shard.json")],
}


def damaged(data, path):
    """Change values of a state file, at any depth, to a value of any kind; or all of it."""
    text = path.read_text("utf-8") if path.exists() else ""
    lines = [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else None
    whole = lines if lines is not None else json.loads(text or "[]")
    for _ in range(data.draw(st.integers(1, 3))):
        value, keys = whole, []
        while isinstance(value, dict | list) and value and (not keys or data.draw(st.booleans())):
            keys.append(data.draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value)))))
            value = value[keys[-1]]
        junk = data.draw(JUNK)
        if not keys:
            whole = [junk] if lines is not None else junk
        else:
            holder = whole
            for key in keys[:-1]:
                holder = holder[key]
            if isinstance(holder, dict) and data.draw(st.booleans()):
                del holder[keys[-1]]
            else:
                holder[keys[-1]] = junk
    rows = whole if isinstance(whole, list) and lines is not None else [whole]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


@pytest.mark.fault(
    0,
    "manifest, run.json, pending outputs, shards.json or shard.json changed by hand",
    "no traceback, every fault is reported",
)
@pytest.mark.parametrize("kind", STATE_FOLDERS)
@SLOW
@given(data=st.data())
def test_state_files_that_were_changed(kind, finished, photos, tmp_path_factory, data):
    """Any value in them becomes another of any kind or is removed; then a report, a merge and another run."""
    out = tmp_path_factory.mktemp("damaged") / "out"
    shutil.copytree(finished / kind, out)
    elsewhere = out.parent / "x"
    elsewhere.write_bytes(b"somebody else's")
    damaged(data, out / data.draw(st.sampled_from(STATE_FOLDERS[kind])))
    with suppress(UsageError):
        report_folder(out, output=out.parent / "report.html", examples=1)
    with suppress(UsageError):
        verify_folder(out)
    if kind == "shards":
        try:
            merge_shards(out)
        except UsageError:
            for index in (1, 2):
                assert not compress_folder(photos, out, OPTIONS, shard=(index, 2)).stopped
            merge_shards(out)
    with suppress(UsageError) if kind == "webdataset" else nullcontext():
        summary = compress_folder(photos, out, PACKED if kind == "webdataset" else OPTIONS)
        assert summary.stopped or summary.compressed + summary.skipped == 4
        assert summary.failed == 0
    assert elsewhere.read_bytes() == b"somebody else's"


@pytest.mark.fault(40, "state files of a shard that were copied in part", "the merge names them; nothing is changed")
@pytest.mark.parametrize("name", ["manifest.jsonl", "failures.jsonl", "run.json"])
def test_state_files_that_were_copied_in_part(name, tmp_path, observed):
    """Two shards on two machines; one has all images and `shard.json`, and another state file is missing or cut."""
    source = make_photos(tmp_path / "in", 8)
    for photo in ("bad.png", "worse.png", "cat/bad.png"):
        (source / photo).write_bytes(b"no photo")
    compress_folder(source, tmp_path / "clean", OPTIONS)
    for index in (1, 2):
        compress_folder(source, tmp_path / f"machine{index}", OPTIONS, shard=(index, 2))
    out = tmp_path / "out"
    for index in (1, 2):
        shutil.copytree(tmp_path / f"machine{index}", out, dirs_exist_ok=True)
    state_file = state_folder_at(out, Shard(2, 2)) / name
    whole = state_file.read_bytes()
    for part in (None, whole[: len(whole) // 2], whole + whole):
        state_file.unlink(missing_ok=True)
        if part is not None:
            state_file.write_bytes(part)
        before = everything(out)
        for partial in (False, True):
            with pytest.raises(UsageError, match=r"records of shard 2/2 .* copy all of \.ics-books again"):
                merge_shards(out, partial=partial)
        assert everything(out) == before
    state_file.write_bytes(whole)
    merge_shards(out)
    assert everything(out) == everything(tmp_path / "clean")
    observed("refused; merged to the same bytes once the rest had come")


@pytest.mark.fault(40, "shards whose images were copied in part", "the next run does again what is torn or missing")
def test_images_that_were_copied_in_part(tmp_path, observed):
    """State files are whole, one image is missing and one is cut in half; merged, and then a run."""
    source = make_photos(tmp_path / "in", 8)
    compress_folder(source, tmp_path / "clean", OPTIONS)
    out = tmp_path / "out"
    for index in (1, 2):
        compress_folder(source, out, OPTIONS, shard=(index, 2))
    first, second, *_ = sorted(out.rglob("*.png"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:50])
    merge_shards(out)
    assert compress_folder(source, out, OPTIONS).compressed == 2
    assert everything(out) == everything(tmp_path / "clean")
    observed("2 compressed, to the same bytes")
