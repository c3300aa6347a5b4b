"""Packs and their images are compared with index and manifest; only damage is named."""

import io
import json
import re
import shutil
import tarfile
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import ics
from icsys import UsageError, compress_folder
from pack_readers import READERS, each_pack_format, shards
from verified_folders import SMALL, edit, found, make_photos, needs_fork, run_killed

pytestmark = pytest.mark.usefixtures("unsynced")
SUFFIX = {"webdataset": ".tar", "parquet": ".parquet"}
NOTHING = {"checked": 7, "missing": [], "changed": [], "foreign": []}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verify") / "photos"
    make_photos(folder)
    return folder


@pytest.fixture(scope="module")
def made(photos, tmp_path_factory):
    """A folder for each format, with three packs of at most three images."""
    folder = tmp_path_factory.mktemp("made")
    for packing in SUFFIX:
        options = SMALL.replace(format=packing, shard_images=3, palette="class")
        compress_folder(photos, folder / packing, options)
        assert len(shards(folder / packing)) == 3
    return folder


@pytest.fixture(params=SUFFIX)
def out(request, made, tmp_path):
    return shutil.copytree(made / request.param, tmp_path / "out")


def outputs(folder):
    """Return the names of the images by pack, from the manifest."""
    rows = map(json.loads, (folder / "manifest.jsonl").read_text("utf-8").splitlines())
    names = {}
    for row in rows:
        names.setdefault(row["shard"], []).append(row["file_name"])
    return names


def places(path, packing):
    """Return the positions of the images' bytes in a pack, in order, found by an independent reader."""
    data = path.read_bytes()
    images = [image for image, *_ in READERS[packing](path)]
    assert all(data.count(image) == 1 for image in images)
    return [(data.index(image), data.index(image) + len(image)) for image in images]


def remove(path, name, images, _):
    path.unlink()
    return {"missing": [name, *images]}


def flip_image(path, name, images, number):
    which = number % len(images)
    begin, end = places(path, packing_of(path))[which]
    data = bytearray(path.read_bytes())
    data[begin + number % (end - begin)] ^= 1
    path.write_bytes(data)
    return {"changed": [name, images[which]]}


def flip_fact(path, name, _, number):
    """Change a letter in the facts about an image."""
    data = path.read_bytes()
    found = [match.start() for match in re.finditer(rb"RGB", data)]
    at = found[number % len(found)]
    path.write_bytes(data[:at] + b"B" + data[at + 1 :])
    return {"changed": [name]}


def cut(path, name, images, number):
    ends = places(path, packing_of(path))
    size = number % path.stat().st_size
    path.write_bytes(path.read_bytes()[:size])
    lost = [image for image, (_, end) in zip(images, ends, strict=True) if end > size or path.suffix == ".parquet"]
    return {"changed": [name], "missing": lost}


def append(path, name, images, number):
    path.write_bytes(path.read_bytes() + bytes([number % 256]))
    return {"changed": [name], "missing": images if path.suffix == ".parquet" else []}


def empty(path, name, images, _):
    path.write_bytes(b"")
    return {"changed": [name], "missing": images}


def noise(path, name, images, _):
    path.write_bytes(b"\x55" * path.stat().st_size)
    return {"changed": [name], "missing": images}


def add_member(path, name, images, _):
    if path.suffix == ".parquet":
        return empty(path, name, images, _)
    with tarfile.open(path, "a") as tar:
        info = tarfile.TarInfo("not/mine.png")
        info.size = 4
        tar.addfile(info, io.BytesIO(b"mine"))
    return {"changed": [name], "foreign": [f"{name}/not/mine.png"]}


def packing_of(path):
    return next(packing for packing, suffix in SUFFIX.items() if suffix == path.suffix)


DAMAGES = [remove, flip_image, flip_fact, cut, append, empty, noise, add_member]
STRANGERS = ["a.png", "train/a.png", "data/train-00009.tar", "data/notes", ".ics-parts/x.png", ".ics-shards/x", ".x"]


@each_pack_format
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_exactly_the_damaged_files_are_named_with_their_kind_of_fault(packing, made, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    out = shutil.copytree(made / packing, folder / "out")
    expected = {"checked": 7, "missing": [], "changed": [], "foreign": []}
    for name, images in outputs(out).items():
        damage = data.draw(st.sampled_from([None, *DAMAGES]))
        if damage is not None:
            for kind, names in damage(out / name, name, images, data.draw(st.integers(0, 2**16))).items():
                expected[kind] += names
    for name in data.draw(st.lists(st.sampled_from(STRANGERS), unique=True, max_size=3)):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(b"mine")
        expected["foreign"].append(name)
    expected |= {kind: sorted(expected[kind]) for kind in ("missing", "changed", "foreign")}
    assert found(out, jobs=data.draw(st.sampled_from([None, 1]))) == expected
    shutil.rmtree(folder)


def test_an_intact_folder_has_no_faults_and_progress_reaches_the_end(out):
    steps = []
    assert found(out, progress=steps.append) == NOTHING
    assert [step.done for step in steps[:1]] == [0]
    assert steps[-1] == (7, 7)


@pytest.mark.parametrize("key", ["sha256", "bytes", "member", "shard", None])
def test_a_packed_image_is_compared_with_its_row(key, out):
    """The row of the second image of a pack is changed or removed."""
    (shard, (_, name, *_)), (other, _), _ = sorted(outputs(out).items())
    value = {"sha256": "0" * 64, "bytes": 1, "member": "other.png", "shard": other}.get(key)

    def changed(lines):
        for row in map(json.loads, lines):
            if row["file_name"] != name:
                yield json.dumps(row) + "\n"
            elif key:
                yield json.dumps(row | {key: value}) + "\n"

    edit(out / "manifest.jsonl", changed)
    foreign = [f"{shard}/{name}"]
    assert (
        found(out)
        == NOTHING
        | {
            "sha256": {"changed": [name]},
            "bytes": {"changed": [name]},
            "member": {"missing": [name], "foreign": foreign},
            "shard": {"missing": [name], "foreign": foreign},
            None: {"foreign": foreign, "checked": 6},
        }[key]
    )


@pytest.mark.parametrize("suffix", ["", "x"])
def test_a_row_may_name_a_pack_of_unknown_format(suffix, out):
    shard, (name, *_) = min(outputs(out).items())
    other = f"data/other-00000.tar{suffix}"
    edit(out / "manifest.jsonl", lambda lines: [x.replace(shard, other) if f'"{name}"' in x else x for x in lines])
    report = found(out)
    assert name in report["missing"]
    # In no format of shards: the line is taken for that of a file, beside which a shard may hold an older one.
    assert report["foreign"] == ([] if suffix else [f"{shard}/{name}"])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"sha256": "0" * 64}, None),
        ({"images": 9}, "shards.json"),
        ({"bytes": 9}, "shards.json"),
        ({"name": "../x"}, "shards.json"),
        ({"images": "many"}, "shards.json"),
    ],
)
def test_the_index_is_compared_with_the_packs(change, expected, out):
    index = json.loads((out / "shards.json").read_text("utf-8"))
    shard = index["shards"][0]
    name = shard["name"]
    shard |= change
    (out / "shards.json").write_text(json.dumps(index), "utf-8")
    assert found(out) == NOTHING | {"changed": [expected or name]}


def test_a_pack_that_is_missing_from_the_index_is_verified(out):
    index = json.loads((out / "shards.json").read_text("utf-8"))
    gone = index["shards"].pop()["name"]
    (out / "shards.json").write_text(json.dumps(index), "utf-8")
    assert found(out) == NOTHING | {"changed": ["shards.json"]}
    (out / gone).unlink()
    report = found(out)
    assert report["missing"] == sorted([gone, *outputs(out)[gone]])


@pytest.mark.parametrize("has_index", [True, False])
def test_a_link_with_the_name_of_a_pack_is_never_read(has_index, out, tmp_path):
    name, images = min(outputs(out).items())
    shutil.move(out / name, tmp_path / "elsewhere")
    (out / name).symlink_to(tmp_path / "elsewhere")
    if has_index:
        with pytest.raises(UsageError, match=f"'{name}' is a link"):
            found(out)
        return
    (out / "shards.json").unlink()
    assert found(out) == NOTHING | {"changed": [name], "missing": sorted([*images, "shards.json"])}


def test_without_an_index_the_packs_come_from_the_rows(out):
    (out / "shards.json").unlink()
    assert found(out) == NOTHING | {"missing": ["shards.json"]}


@each_pack_format
@pytest.mark.parametrize("colors", [4, 2])
def test_images_that_are_not_packed_yet_are_verified_as_files(colors, packing, made, photos, tmp_path):
    """A run with the same or other options is stopped before it packs."""
    target = tmp_path / "out"
    if colors == 2:
        shutil.copytree(made / packing, target)
    stop = threading.Event()

    def stop_at_last(progress):
        if progress.summary.compressed == 7:
            stop.set()

    options = SMALL.replace(format=packing, colors=colors)
    compress_folder(photos, target, options, stop=stop, progress=stop_at_last)
    parts = target / ".ics-parts"
    assert len(list(parts.rglob("*.png"))) == 7
    assert found(target) == NOTHING
    (parts / "a.png").unlink()
    (parts / "b.png").write_bytes(b"")
    assert found(target) == NOTHING | {"missing": ["a.png"], "changed": ["b.png"]}


@needs_fork
@each_pack_format
@pytest.mark.parametrize("step", [3, 11, 13, 15, 17, 19])
def test_files_left_by_a_killed_run_are_no_fault(step, packing, photos, tmp_path):
    """A run is killed before it renames a file, a pack or a record; a second run with fewer photos likewise."""
    died, out, fewer = [], tmp_path / "out", shutil.copytree(photos, tmp_path / "fewer")
    (fewer / "a.jpg").unlink()
    for source, words in (
        (photos, ["--colors", 4, "--shard-images", 3]),
        (fewer, ["--colors", 2, "--shard-images", 2]),
    ):
        died.append(run_killed(step, source, out, "--format", packing, "--scale", 0.5, *words))
        report = found(out)
        assert (report["missing"], report["changed"], report["foreign"]) == ([], [], []), died
    assert any(died) or step > 19


def test_the_command_names_damaged_packs(out, tmp_path):
    assert ics("verify", "out", cwd=tmp_path)[0] == 0
    shard, images = min(outputs(out).items())
    (out / shard).unlink()
    code, printed, _ = ics("verify", "out", cwd=tmp_path)
    assert code == 1
    assert printed.splitlines()[:-1] == [f"missing: {name}" for name in sorted([shard, *images])]
