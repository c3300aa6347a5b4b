"""A catalogue gives members the names that a folder gives its files."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from icsys.sources.archives.archive_items import ArchivePlace, Member
from icsys.sources.archives.member_index import MemberIndex
from icsys.sources.base import Ignored, Task, Unreadable
from icsys.sources.folder import plan_folder

PARTS = st.sampled_from(
    ["a", "A", "b", "a.png", "a.jpg", "A.JPG", "a.jpg.png", "a.png.png", "b~2.jpg", "é.png", "e\u0301.png"]
)
PATHS = st.sets(st.lists(PARTS, min_size=1, max_size=3).map("/".join), max_size=14)


def slot(number):
    return ArchivePlace(1, 2, file="x.zip", number=number, start=3, length=4, method=8, crc=9)


def planned(paths, suffix=".png"):
    catalogue = MemberIndex()
    catalogue.fill(Member(path, slot(number)) for number, path in enumerate(paths))
    return list(catalogue.plan(suffix))


@pytest.mark.skipif(sys.platform != "linux", reason="the names are one to the file systems of other systems")
@given(PATHS, st.randoms())
@settings(max_examples=60, deadline=None)
def test_members_have_the_outputs_of_files_in_a_folder_whatever_their_order(paths, random):
    # A path cannot be a file and a folder at once.
    paths = {path for path in paths if not any(other.startswith(f"{path}/") for other in paths)}
    paths = {path for path in paths if "." in path.rpartition("/")[2]}
    with TemporaryDirectory() as folder:
        for path in paths:
            Path(folder, path).parent.mkdir(parents=True, exist_ok=True)
            Path(folder, path).touch()
        expected = {task.source: task.output for task in plan_folder(Path(folder), Path(folder, "none"), ".png")}
    shuffled = sorted(paths)
    random.shuffle(shuffled)
    tasks = planned(shuffled)
    assert {task.source: task.output for task in tasks} == expected
    assert [task.source for task in tasks] == shuffled
    assert [task.place for task in tasks] == [slot(number) for number in range(len(shuffled))]


@given(st.lists(st.sampled_from(["a.png", "A.png", "a.png~2", "b/a.png"]), max_size=12))
def test_members_of_one_name_are_all_there_with_sources_and_outputs_of_their_own(paths):
    tasks = planned(paths)
    assert len(tasks) == len(paths)
    assert len({task.source for task in tasks}) == len(paths)
    assert len({task.output.casefold() for task in tasks}) == len(paths)


def test_thousands_of_one_name_take_no_time_that_grows_with_their_square():
    """A quadratic search would make 12.5 million steps here."""
    outputs = {task.output for task in planned(["a.png"] * 5000)}
    assert len(outputs) == 5000


def test_what_is_no_image_comes_first_and_what_is_hidden_is_left_alone():
    catalogue = MemberIndex()
    catalogue.fill(
        iter(
            [Member("a.png", slot(0)), Ignored("b.txt"), Member(".x/c.png", slot(1)), Unreadable("d", "broken", "why")]
        )
    )
    *others, task = catalogue.plan("")
    assert others == [Ignored("b.txt"), Ignored(".x/c.png"), Unreadable("d", "broken", "why")]
    assert isinstance(task, Task)
    assert task.source == "a.png"


def test_a_name_longer_than_any_file_system_takes_fails_by_name():
    (failure,) = planned(["x/" * 10**6 + "a.png"])
    assert isinstance(failure, Unreadable)
    assert failure.code == "unsupported"
    assert len(failure.source) < 100


def test_names_that_are_no_text_come_back():
    (task,) = planned(["caf\udce9/\udcff.jpg"])
    assert (task.source, task.output) == ("caf\udce9/\udcff.jpg", "caf\udce9/\udcff.png")
