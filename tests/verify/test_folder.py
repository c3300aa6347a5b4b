"""Verification names missing, changed and foreign files of an output folder, and no others."""

import hashlib
import json
import os
import shutil
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import companion_row_of, ics, left_out_row_of
from icsys import Options, UsageError, compress_folder, merge_shards, verify_folder
from icsys.files.rooted_path import RootedPath
from icsys.journal.lock import locked
from icsys.records.manifest import to_line
from icsys.records.palette_files import load_palettes
from icsys.report.terminal_reports import verification_report
from verified_folders import NAMES, SMALL, edit, found, make_photos, needs_fork, run_killed

pytestmark = pytest.mark.usefixtures("unsynced")
OUTPUTS = sorted(f"{name.rpartition('.')[0]}.png" for name in NAMES)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verify") / "photos"
    make_photos(folder)
    return folder


def once(photos, out):
    compress_folder(photos, out, SMALL)


def kept(photos, out):
    """All sources are smaller than their outputs would be, so they are copied."""
    compress_folder(photos, out, Options(step=1, strategy="SO"))


def arrays(photos, out):
    compress_folder(photos, out, SMALL.replace(format="npz"))


def parts(photos, out):
    for index in (1, 2, 3):
        compress_folder(photos, out, SMALL, shard=(index, 3))


def merged(photos, out):
    parts(photos, out)
    merge_shards(out)


def part(photos, out):
    """One shard of two has continued an undivided run, with other options."""
    once(photos, out)
    compress_folder(photos, out, SMALL.replace(colors=2), shard=(1, 2))


def stale(photos, out):
    """One image has lost its source."""
    more = out.parent / f"{out.name}-photos"
    shutil.copytree(photos, more)
    compress_folder(more, out, SMALL)
    (more / "train/cat/a.png").unlink()
    compress_folder(more, out, SMALL)
    shutil.rmtree(more)


def palette(photos, out):
    compress_folder(photos, out, SMALL.replace(palette="dataset"))


def palettes(photos, out):
    compress_folder(photos, out, SMALL.replace(palette="class"))


def palette_parts(photos, out):
    """One palette from a file, for two shards."""
    compress_folder(photos, out.parent / "first", SMALL.replace(palette="dataset"))
    for index in (1, 2):
        compress_folder(photos, out, SMALL.replace(palette=str(out.parent / "first/palette.json")), shard=(index, 2))
    merge_shards(out)


def palette_before(photos, out):
    """After a run with a shared palette, each image has its own palette again."""
    palette(photos, out)
    once(photos, out)


PALETTES = {
    palette: ["palette.json", "palette.gpl"],
    palettes: ["palette.json"],
    palette_parts: ["palette.json", "palette.gpl"],
    palette_before: [],
}
MADE_BY = [*PALETTES, once, kept, arrays, parts, merged, part, stale]


@pytest.fixture(scope="module", params=MADE_BY, ids=lambda make: make.__name__)
def made(request, photos, tmp_path_factory):
    """An output folder, with the names of all files in it that have a hash."""
    out = tmp_path_factory.mktemp("made") / "out"
    request.param(photos, out)
    return out, [*outputs_of(out), *PALETTES.get(request.param, [])]


def outputs_of(folder):
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix in {".png", ".npz", ".jpg"} and ".ics-" not in str(path.relative_to(folder))
    )


def test_an_intact_folder_has_no_faults_and_stays_unchanged(made):
    out, _ = made
    before = sorted((path, path.stat().st_mtime_ns) for path in out.rglob("*"))
    assert found(out) == {"checked": 7, "missing": [], "changed": [], "foreign": []}
    assert sorted((path, path.stat().st_mtime_ns) for path in out.rglob("*")) == before


def remove(path, *_):
    path.unlink()
    return "missing"


def flip(path, number, _):
    data = bytearray(path.read_bytes())
    data[number % len(data)] ^= 1 << number % 8
    path.write_bytes(data)
    return "changed"


def cut(path, number, _):
    data = path.read_bytes()
    path.write_bytes(data[: number % len(data)])
    return "changed"


def append(path, number, _):
    path.write_bytes(path.read_bytes() + bytes([number % 256]))
    return "changed"


def replace(path, *_):
    path.write_bytes(bytes(path.stat().st_size))
    return "changed"


def link(path, _, elsewhere):
    """Replace a file by a link to identical bytes."""
    other = elsewhere / str(len(list(elsewhere.iterdir())))
    shutil.move(path, other)
    path.symlink_to(other)
    return "changed"


def make_folder(path, *_):
    path.unlink()
    path.mkdir()
    return "changed"


DAMAGES = [remove, flip, cut, append, replace, link, make_folder]
STRANGERS = ["note.txt", ".DS_Store", "train/cat/.a.png", "new/deep/folder/b.png", "train/manifest.jsonl", "a.PNG.bak"]


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_exactly_the_damaged_files_are_named_with_their_kind_of_fault(made, tmp_path_factory, data):
    base = tmp_path_factory.mktemp("damaged")
    out, elsewhere = base / "out", base / "elsewhere"
    elsewhere.mkdir()
    shutil.copytree(made[0], out)
    hit = data.draw(st.lists(st.sampled_from(made[1]), unique=True, max_size=4))
    expected = {"missing": [], "changed": [], "foreign": []}
    for name in hit:
        refused = {link, make_folder} if name.startswith("palette.") else {}  # with the name, before anything is read
        damage = data.draw(st.sampled_from([damage for damage in DAMAGES if damage not in refused]))
        number = data.draw(st.integers(0, 2**16))
        kind = damage(out / name, number, elsewhere)
        if kind != "missing" or name not in stale_outputs(out):
            expected[kind].append(name)
    for name in data.draw(st.lists(st.sampled_from(STRANGERS), unique=True, max_size=3)):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        if data.draw(st.booleans()):
            (out / name).write_bytes(b"mine")
        else:
            (out / name).symlink_to(elsewhere)
        expected["foreign"].append(name)
    (out / "empty/folders").mkdir(parents=True)
    (out / ".ics-0123456789abcdef.tmp").write_bytes(b"left by a run that was killed")
    wanted = {"checked": 7} | {kind: sorted(names) for kind, names in expected.items()}
    assert found(out, jobs=data.draw(st.sampled_from([None, 1, 3]))) == wanted
    shutil.rmtree(base)


def stale_outputs(folder):
    lines = (folder / "manifest.jsonl").read_text("utf-8").splitlines() if (folder / "manifest.jsonl").exists() else []
    return {row["file_name"] for row in map(json.loads, lines) if row["status"] == "stale"}


def copied(photos, folder, make=once):
    out = folder / "out"
    make(photos, out)
    return out


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda row: row | {"sha256": "0" * 64}, {"changed": ["a.png"]}),
        (lambda row: row | {"bytes": row["bytes"] + 1}, {"changed": ["a.png"]}),
        (lambda row: row | {"file_name": "other.png"}, {"missing": ["other.png"], "foreign": ["a.png"]}),
        (
            lambda row: row | {"file_name": "../a.png"},
            {"changed": ["manifest.jsonl"], "foreign": ["a.png"], "checked": 6},
        ),
        (
            lambda row: row | {"file_name": "/dev/zero"},
            {"changed": ["manifest.jsonl"], "foreign": ["a.png"], "checked": 6},
        ),
        (lambda row: row | {"palette": ["x"]}, {}),
        (lambda _: None, {"foreign": ["a.png"], "checked": 6}),
    ],
)
def test_an_output_is_compared_with_its_row(change, expected, photos, tmp_path):
    out = copied(photos, tmp_path)

    def changed(lines):
        rows = [change(row) if row["file_name"] == "a.png" else row for row in map(json.loads, lines)]
        return [json.dumps(row) + "\n" for row in rows if row is not None]

    edit(out / "manifest.jsonl", changed)
    assert found(out) == {"checked": 7, "missing": [], "changed": [], "foreign": []} | expected


@pytest.mark.parametrize("line", ["no JSON\n", "{}\n", "\n", '{"status": "compressed"}\n', "[" * 10000 + "\n", "torn"])
@pytest.mark.parametrize("journal", ["manifest.jsonl", "failures.jsonl"])
def test_an_invalid_line_makes_its_manifest_changed(line, journal, photos, tmp_path):
    out = copied(photos, tmp_path)
    edit(out / journal, lambda lines: [*lines, line])
    assert found(out) == {"checked": 7, "missing": [], "changed": [journal], "foreign": []}


@pytest.mark.parametrize("make", PALETTES)
@pytest.mark.parametrize("is_noted", [True, False], ids=["noted", "not noted"])
def test_palettes_without_recorded_hashes_must_agree_with_each_other(make, is_noted, photos, tmp_path):
    out = copied(photos, tmp_path, make)
    run = json.loads((out / "run.json").read_text("utf-8"))
    if not is_noted:
        run["options"].pop("palette_sha256", None)
        (out / "run.json").write_text(json.dumps(run), "utf-8")
    assert found(out) == {"checked": 7, "missing": [], "changed": [], "foreign": []}
    values = json.loads((out / "palette.json").read_text("utf-8"))
    colors = values["classes"]["cat"]["colors"] if make is palettes else values["colors"]
    colors[0] = "#123456"
    (out / "palette.json").write_text(json.dumps(values), "utf-8")
    assert "palette.json" in found(out)["changed"]
    if make in (palette, palettes):
        values["hash"] = load_palettes(out / "palette.json").hash  # a forger can compute it too
        (out / "palette.json").write_text(json.dumps(values), "utf-8")
        assert "palette.json" in found(out)["changed"]
    (out / "palette.json").write_text("[" * 10**5, "utf-8")
    assert "palette.json" in found(out)["changed"]
    (out / "palette.json").unlink()
    if make is not palette_before:
        assert found(out)["missing"] == ["palette.json"]
    (out / "palette.gpl").write_text("mine", "utf-8")
    report = found(out)
    assert "palette.gpl" in report["changed"] + report["foreign"]


def test_an_invalid_run_json_is_changed(photos, tmp_path):
    out = copied(photos, tmp_path)
    (out / "run.json").write_text("{}", "utf-8")
    assert found(out) == {"checked": 7, "missing": [], "changed": ["run.json"], "foreign": []}


JUNK = [
    None,
    True,
    -1,
    1.5,
    10**30,
    "",
    "x",
    "../../x",
    "a\0b",
    "\ud800",
    [],
    ["x"],
    {},
    {"x": [1]},
    "a.png",
    "data/x-1.tar",
]
RECORDS = ["manifest.jsonl", "failures.jsonl", "run.json", "palette.json", "shards.json", ".ics-claims", ".ics-written"]


@given(data=st.data())
def test_forged_records_never_stop_a_verification(photos, tmp_path_factory, data):
    """Any value in a row of any record, or the row itself, becomes any other value."""
    folder = tmp_path_factory.getbasetemp() / "records"
    if not folder.exists():
        palettes(photos, folder)
        (folder / ".ics-claims").write_text('{"a.png": "a.jpg"}\n', "utf-8")
        (folder / ".ics-written").write_text('["0123", "a.png"]\n', "utf-8")
        (folder / "shards.json").write_text('{"format": "webdataset", "shards": []}\n', "utf-8")
    record = folder / data.draw(st.sampled_from(RECORDS))
    whole = record.read_text("utf-8")
    lines = whole.splitlines() if record.suffix == ".jsonl" else [whole]
    values = json.loads(lines[0])
    junk = data.draw(st.sampled_from(JUNK))
    if isinstance(values, dict) and data.draw(st.integers(0, 9)):
        key = data.draw(st.sampled_from([*values, "options", "member", "sample", "shard", "palette"]))
        inner = values[key] if isinstance(values.get(key), dict) and values.get(key) else None
        if inner and data.draw(st.booleans()):
            inner[data.draw(st.sampled_from([*inner, "palette_sha256", "palette_hash"]))] = junk
        else:
            values[key] = junk
    else:
        values = junk
    record.write_text("\n".join([json.dumps(values), *lines[1:]]) + "\n", "utf-8")
    try:
        assert set(found(folder)) == {"checked", "missing", "changed", "foreign"}
    finally:
        record.write_text(whole, "utf-8")


def test_swapped_outputs_are_changed(photos, tmp_path):
    out = copied(photos, tmp_path)
    for one, other in (("a.png", "spare"), ("b.png", "a.png"), ("spare", "b.png")):
        (out / one).rename(out / other)
    assert found(out)["changed"] == ["a.png", "b.png"]


def test_files_behind_a_link_to_a_folder_are_missing(photos, tmp_path):
    out = copied(photos, tmp_path)
    (out / "train").rename(tmp_path / "train")
    (out / "train").symlink_to(tmp_path / "train")
    inside = [name for name in OUTPUTS if name.startswith("train/")]
    assert found(out) == {"checked": 7, "missing": inside, "changed": [], "foreign": ["train"]}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a system without pipes")
def test_a_pipe_never_blocks_a_verification(photos, tmp_path):
    out = copied(photos, tmp_path)
    (out / "a.png").unlink()
    os.mkfifo(out / "a.png")
    os.mkfifo(out / "pipe")
    assert found(out) == {"checked": 7, "missing": [], "changed": ["a.png"], "foreign": ["pipe"]}


def test_the_records_of_a_shard_are_compared_with_their_hashes(photos, tmp_path):
    out = copied(photos, tmp_path, parts)
    manifest = min(path for path in (out / ".ics-books").rglob("manifest.jsonl") if path.stat().st_size)
    edit(manifest, lambda lines: [lines[0].replace('"orientation": 1', '"orientation": 2'), *lines[1:]])
    (out / ".ics-books/notes.txt").touch()
    name = manifest.relative_to(out).as_posix()
    assert found(out) == {"checked": 7, "missing": [], "changed": [name], "foreign": [".ics-books/notes.txt"]}


@needs_fork
@pytest.mark.parametrize(
    ("step", "words"),
    [*((step, []) for step in (1, 3, 8, 10, 40)), *((step, ["--palette", "dataset"]) for step in (3, 4, 8, 11, 12))],
)
def test_files_left_by_a_killed_run_are_no_fault(step, words, photos, tmp_path):
    """Two runs with different options are killed just before they rename a file."""
    for colors in (4, 2):
        died = run_killed(step, photos, tmp_path / "out", "--scale", 0.5, "--colors", colors, *words)
        assert died == (step < 40)
        report = found(tmp_path / "out")
        assert (report["missing"], report["changed"], report["foreign"]) == ([], [], [])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "is not a folder"),
        (lambda out: out.touch(), "is not a folder"),
        (lambda out: out.mkdir(), "no manifest.jsonl in"),
    ],
)
def test_a_folder_that_cannot_be_verified_is_refused_with_a_message(make, message, tmp_path):
    make(tmp_path / "out")
    with pytest.raises(UsageError, match=message):
        verify_folder(tmp_path / "out")


def test_a_url_and_wrong_jobs_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"'s3://bucket/small' is a URL: expected a folder"):
        verify_folder("s3://bucket/small")
    with pytest.raises(UsageError, match="jobs=0"):
        verify_folder(tmp_path, jobs=0)


@pytest.mark.parametrize(
    "name", ["manifest.jsonl", ".ics-lock", ".ics-parts", ".ics-books", "palette.json", "run.json"]
)
def test_a_link_with_a_reserved_name_is_refused_and_named(name, photos, tmp_path):
    out = copied(photos, tmp_path)
    (out / name).unlink(missing_ok=True)
    (out / name).symlink_to(photos)
    code, _, err = ics("verify", "out", cwd=tmp_path)
    assert code == 2
    assert repr(name) in err


@pytest.mark.parametrize("place", ["", ".ics-books/2-of-3", ".ics-driver"])
def test_runs_are_refused_during_a_verification(place, photos, tmp_path):
    out = copied(photos, tmp_path, parts)
    folder = RootedPath(out).at(place)
    with locked(folder), pytest.raises(UsageError, match="is in use by another run"):
        verify_folder(out)
    begun = threading.Event()

    def look(_):
        if not begun.is_set():
            begun.set()
            verify_folder(out)  # another one beside it
            with pytest.raises(UsageError, match="is in use"), locked(RootedPath(out)):
                pass

    verify_folder(out, progress=look)
    assert begun.is_set()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="who is root may read everything")
def test_an_unreadable_file_is_changed(photos, tmp_path):
    out = copied(photos, tmp_path)
    (out / "a.png").chmod(0)
    (out / "train/dog").chmod(0)
    try:
        assert found(out)["changed"] == ["a.png", "train/dog", "train/dog/a.png"]
    finally:
        (out / "train/dog").chmod(0o700)


def test_progress_reaches_the_end(photos, tmp_path):
    steps = []
    verify_folder(copied(photos, tmp_path), progress=steps.append)
    assert steps[0] == (0, 7)
    assert steps[-1] == (7, 7)


def test_the_command_reports_as_text_as_json_and_by_its_exit_code(photos, tmp_path):
    out = copied(photos, tmp_path)
    code, printed, _ = ics("verify", "out", cwd=tmp_path)
    assert (code, printed) == (0, "Verified: 7 images; all as they were written\n")
    (out / "a.png").unlink()
    (out / "b.png").write_bytes(b"")
    (out / "new\n.png").touch()
    code, printed, _ = ics("verify", "out", cwd=tmp_path)
    lines = ["missing: a.png", "changed: b.png", r"foreign: new\n.png"]
    assert (code, printed.splitlines()) == (1, [*lines, "Verified: 7 images; 1 missing, 1 changed, 1 foreign"])
    code, printed, _ = ics("verify", "out", "--json", "--jobs", 2, cwd=tmp_path)
    values = json.loads(printed)
    assert values.pop("version")
    assert (code, values) == (1, {"checked": 7, "missing": ["a.png"], "changed": ["b.png"], "foreign": ["new\n.png"]})
    assert ics("verify", cwd=tmp_path)[::2] == (
        2,
        "ics: destination 'Compressed' is not a folder: expected the output folder of ics compress\n",
    )


def test_companions_are_checked_byte_by_byte_and_are_no_images(tmp_path):
    rows = [companion_row_of("a.txt"), left_out_row_of("b.jpg"), companion_row_of("m/a.png", kind="mask", form="mask")]
    for row, data in ((rows[0], b""), (rows[2], b"mask")):
        (tmp_path / row["file_name"]).parent.mkdir(exist_ok=True)
        (tmp_path / row["file_name"]).write_bytes(data)
        row |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    (tmp_path / "manifest.jsonl").write_bytes(b"".join(map(to_line, rows)))
    whole = verify_folder(tmp_path)
    assert whole.to_dict() == {"checked": 0, "missing": [], "changed": [], "foreign": [], "companions": 2}
    assert "0 images and 2 masks or labels" in verification_report(whole)
    (tmp_path / "a.txt").write_bytes(b" ")
    (tmp_path / "m" / "a.png").unlink()
    (tmp_path / "b.txt").write_bytes(b"")
    found = verify_folder(tmp_path)
    assert (found.missing, found.changed, found.foreign) == (["m/a.png"], ["a.txt"], ["b.txt"])
    code, out, _ = ics("verify", tmp_path, cwd=tmp_path)
    assert (code, out.splitlines()[-1]) == (
        1,
        "Verified: 0 images and 2 masks or labels; 1 missing, 1 changed, 1 foreign",
    )
