"""The index of images by name, against a search through all of them."""

from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys import Options
from icsys.image.view import View
from icsys.run.companions.picture_index import PictureIndex
from icsys.sources.base import Task

OPTIONS = Options(size=(40, 40))


def row(source, output=None, *, size=(80, 60), turn=1, **more):
    return {
        "source_path": source,
        "file_name": output or source.rpartition(".")[0] + ".png",
        "kind": "image",
        "source_width": size[0],
        "source_height": size[1],
        "orientation": turn,
        "status": "compressed",
    } | more


def index_of(rows, planned):
    index = PictureIndex(OPTIONS)
    index.add_rows(rows)
    index.add_planned([Task(source, source.rpartition(".")[0] + ".png") for source in planned])
    return closing(index)


def found(sources, file, name):
    with index_of([row(source) for source in sources], sources) as index:
        facts = index.finder(file)(name)
        return None if facts is None else facts.source_path


@pytest.mark.parametrize(
    ("file", "name", "expected"),
    [
        ("annotations/instances_train2017.json", "0001.jpg", "train2017/0001.jpg"),
        ("annotations/instances_val2017.json", "0001.jpg", "val2017/0001.jpg"),
        ("train.txt", "train2017/0001.jpg", "train2017/0001.jpg"),
        ("lists/train.txt", "../train2017/0001.jpg", "train2017/0001.jpg"),
        ("lists/train.txt", "./train2017/0002.jpg", "train2017/0002.jpg"),
        ("train.txt", "/home/someone/data/val2017/0001.jpg", "val2017/0001.jpg"),
        ("train.txt", r"C:\data\val2017\0001.jpg", "val2017/0001.jpg"),
        ("train.txt", "https://example.org/val2017/0001.jpg", "val2017/0001.jpg"),
        ("ImageSets/Main/train.txt", "0002", "train2017/0002.jpg"),
        ("train2017/metadata.jsonl", "0001.jpg", "train2017/0001.jpg"),
        ("labels.csv", "0001.jpg", None),  # there are two
        ("labels.csv", "0003.jpg", None),
        ("labels.csv", "", None),
        ("labels.csv", "..", None),
    ],
)
def test_a_name_means_one_image(file, name, expected):
    sources = ["train2017/0001.jpg", "train2017/0002.jpg", "val2017/0001.jpg"]
    assert found(sources, file, name) == expected


@given(
    st.sets(st.from_regex(r"[ab]{1,2}(/[ab]{1,2}){0,2}\.(jpg|png)", fullmatch=True), min_size=1, max_size=12),
    st.data(),
)
def test_a_whole_path_means_its_image_and_an_ending_the_only_one_that_has_it(sources, data):
    wanted = data.draw(st.sampled_from(sorted(sources)))
    parts = wanted.split("/")
    name = "/".join(parts[data.draw(st.integers(0, len(parts) - 1)) :])
    ends = [source for source in sources if f"/{source}".endswith(f"/{name}")]
    got = found(sources, "elsewhere/list.txt", name)
    if name in sources:
        assert got == name
    elif len(ends) == 1:
        assert got == ends[0]
    else:
        assert got is None or got in ends


def test_facts_are_those_of_the_last_row_and_of_a_planned_image():
    rows = [row("a.jpg", size=(10, 10)), row("a.jpg", size=(60, 80), turn=6), row("gone.jpg"), row("bad.jpg")]
    rows += [{"source_path": "bad.jpg", "status": "failed"}, row("masks/a.png", kind="mask")]
    with index_of(rows, ["a.jpg", "bad.jpg", "new.jpg"]) as index:
        find = index.finder("list.txt")
        facts = find("a.jpg")
        assert (facts.output_path, facts.view, facts.is_written) == ("a.png", View.of((80, 60), 6, OPTIONS), True)
        assert not find("bad.jpg").is_written
        assert not find("new.jpg").is_written
        assert find("new.jpg").view is None
        assert find("gone.jpg") is None
        assert find("masks/a.png") is None


def test_the_digest_tells_whether_anything_that_files_depend_on_has_changed():
    def digest(*rows, planned=("a.jpg", "b.jpg")):
        with index_of(rows, planned) as index:
            return index.digest()

    a, b = row("a.jpg"), row("b.jpg")
    assert digest(a, b) == digest(b, a)
    others = [digest(a), digest(a, b, planned=["a.jpg"]), digest(a, row("b.jpg", size=(80, 61)))]
    others += [digest(a, row("b.jpg", turn=3)), digest(a, row("b.jpg", "b~2.png")), digest(a, b)]
    assert len(set(others)) == len(others)


def test_names_that_are_not_utf_8_are_found():
    assert found(["caf\udce9.jpg"], "list.txt", "caf\udce9.jpg") == "caf\udce9.jpg"
