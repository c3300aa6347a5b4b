"""Packs of ICS as a source: each mask, annotation and sidecar is one again, at the path that it had."""

import json
import tarfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import image_bytes, synthetic_photo
from icsys import Options
from icsys.files.locations import parse_source
from icsys.sources.base import Companion, Task, read_loaded
from icsys.sources.open_source import open_source
from icsys.sources.packed_companions import StatedCompanion, stated_companions
from pack_readers import each_pack_format, shards
from packed_trees import Beside, pack_tree
from source_makers import put_tar

PICTURE = image_bytes(synthetic_photo(6, 5, seed=1))
MASK = image_bytes(synthetic_photo(6, 5, seed=2))
A, B = "train/images/a.v1.jpg", "train/images/ä%41.jpg"
IMAGES = {A: PICTURE, B: PICTURE + b"b", "val/images/c.jpg": PICTURE + b"c"}
COMPANIONS = {
    "train/masks/a.v1.png": Beside("mask", "mask", A, MASK),
    "train/instances/a.v1.png": Beside("mask", "mask", A, MASK + b"2"),
    "train/masks/ä%41.png": Beside("mask", "mask", B, MASK + b"b"),
    "train/labels/a.v1.txt": Beside("annotation", "yolo", A, b"0 .5 .5 1 1\n"),
    "train/images/a.v1.txt": Beside("sidecar", "copy", A, b""),
    "train/images/ä%41.json": Beside("sidecar", "copy", B, b'{"label": "trap", "source_path": 1, "sha256": 2}'),
    "train/images/ä%41.cls": Beside("sidecar", "copy", B, b"5"),
    "train/labelme/a.v1.json": Beside("annotation", "labelme", A, b"{}"),
    "val/polygons/c.json": Beside("annotation", "cityscapes", "val/images/c.jpg", b'{"objects": []}'),
}


def planned(source, out):
    """Return the images, by their outputs, and the companions of a source."""
    opened = open_source(parse_source(str(source)), out)
    found = list(opened.plan(".png"))
    tasks = {one.output: one for one in found if isinstance(one, Task)}
    companions = [one for one in found if isinstance(one, Companion)]
    return opened, tasks, companions


@pytest.mark.parametrize("compressed", [False, True])
@each_pack_format
def test_companions_of_a_pack_are_what_they_were(packing, compressed, tmp_path):
    pack_tree(tmp_path / "out", IMAGES, COMPANIONS, packing, shard_images=2)
    source = tmp_path / "out" / "data"
    if compressed and packing == "webdataset":
        for path in shards(tmp_path / "out"):
            with tarfile.open(path) as old, tarfile.open(f"{path}.gz", "w:gz") as new:
                for info in old:
                    new.addfile(info, old.extractfile(info))
            path.unlink()
    opened, tasks, companions = planned(source, tmp_path / "again")
    assert set(tasks) == {f"{name.rpartition('.')[0]}.png" for name in IMAGES}
    assert {one.task.output: (one.kind, one.form) for one in companions} == {
        name: (one.kind, one.form) for name, one in COMPANIONS.items()
    }
    for one in companions:
        meant = COMPANIONS[one.task.output]
        assert one.picture is not None
        assert one.picture == tasks[f"{meant.picture.rpartition('.')[0]}.png"]
        assert opened.read(one.task, Options())[0] == meant.data
    for loaded in opened.load([one.task for one in companions], Options()):
        assert read_loaded(opened, loaded, Options())[0] == COMPANIONS[loaded[0].output].data
    mixed = [task for one in companions for task in (one.picture, one.task)]
    unique = sorted(set(mixed), key=mixed.index)
    names = {f"{name.rpartition('.')[0]}.png": data for name, data in IMAGES.items()}
    names |= {name: one.data for name, one in COMPANIONS.items()}
    if packing == "parquet" or not compressed:
        assert {t.output: read_loaded(opened, (t, None), Options())[0] for t in unique} == {
            t.output: names[t.output] for t in unique
        }


@each_pack_format
def test_packs_without_companions_have_none(packing, tmp_path):
    pack_tree(tmp_path / "out", IMAGES, {}, packing)
    _, tasks, companions = planned(tmp_path / "out" / "data", tmp_path / "again")
    assert len(tasks) == len(IMAGES)
    assert companions == []


def test_facts_that_another_program_wrote_state_nothing_dangerous():
    about = {"kind": "mask", "form": "mask", "path": "../../etc/passwd"}
    assert stated_companions({"companions": {"mask.png": about}}) == {
        "mask.png": StatedCompanion("mask", "mask", "etc/passwd")
    }
    for bad in (
        None,
        [],
        "x",
        {"a": None},
        {"a": {"kind": "image", "form": "mask", "path": "a"}},
        {"a": {"kind": "mask"}},
    ):
        assert stated_companions({"companions": bad}) == {}
    odd = {"kind": "sidecar", "form": "nonsense", "path": "a"}
    assert stated_companions({"companions": {"a": odd}})["a"].form == "copy"


anything = st.recursive(
    st.none() | st.integers() | st.sampled_from(["mask", "sidecar", "copy", "a/b", "..", "", "\x00", "C:\\x"]),
    lambda some: (
        st.lists(some, max_size=3)
        | st.dictionaries(st.sampled_from(["kind", "form", "path", "m.png"]), some, max_size=4)
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(anything)
def test_any_facts_give_safe_paths_or_nothing(value):
    for one in stated_companions({"companions": value}).values():
        assert one.path
        assert not one.path.startswith("/")
        assert ".." not in one.path.split("/")


def test_a_tar_whose_facts_lie_is_listed_all_the_same(tmp_path):
    """The stated member comes before its image, or belongs to another sample."""
    facts = {"source_path": "a", "source_sha256": "b", "sha256": "c"}
    facts["companions"] = {"mask.png": {"kind": "mask", "form": "mask", "path": "masks/a.png"}}
    text = json.dumps(facts).encode()
    files = {"x/b.json": text, "x/b.mask.png": MASK, "x/a.mask.png": MASK, "x/a.png": PICTURE, "x/a.json": text}
    put_tar(tmp_path / "a.tar", files)
    _, tasks, companions = planned(tmp_path / "a.tar", tmp_path / "out")
    assert len(tasks) == 2
    assert companions == []
