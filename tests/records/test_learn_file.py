"""A file of ``ics learn`` gives its arms, and each value of another kind is refused by its key."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from icsys import Options
from icsys.errors import UsageError
from icsys.records.learn_file import read_learn_file
from learn_files import usual_arms, write_learned

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def test_what_learn_writes_is_read(tmp_path):
    arms = usual_arms()
    found = read_learn_file(write_learned(tmp_path / "learn.json", arms, "K4"))
    assert found.recommended == "K4"
    for arm, written in zip(found.arms, arms, strict=True):
        assert {name: getattr(written, name) for name in arm._fields} == arm._asdict()
    assert found.arm(None).name == "K4"
    assert found.arm("K64").options == Options(size=24, colors=64).to_dict()


@pytest.mark.parametrize(
    ("recommended", "asked", "expected"),
    [
        (None, None, "recommends no setting: name one with arm (--arm), expected one of full, K2, K4, K16, K64, small"),
        ("K16", "k61", "arm='k61': "),
        (
            "K16",
            "k61",
            "has no such setting, expected one of full, K2, K4, K16, K64, small, small K16; did you mean K16",
        ),
        ("gone", None, "recommended='gone': "),
        ("K16", "WebP = K16", "is lossy WebP, which ics writes for comparison only: expected one of full, K2"),
        ("K16", "fewer = K16", "has no options: it is a part of the images in full"),
    ],
)
def test_an_arm_that_cannot_be_taken_is_refused_with_the_names_of_those_that_can(
    recommended, asked, expected, tmp_path
):
    found = read_learn_file(write_learned(tmp_path / "learn.json", recommended=recommended))
    with pytest.raises(UsageError) as caught:
        found.arm(asked)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", "cannot be read as JSON"),
        (b"\xff\xfe\xfd", "cannot be read as JSON"),
        (b"[" * 10**5, "nested too deeply"),
        (b"[]", "the file is [], expected a table with the key 'arms'"),
        (b"{}", "arms is None, expected a list of settings"),
        (b'{"arms": []}', "arms is 0, expected 1 to 10000 settings"),
        (b'{"arms": [7]}', "arms[0] is 7, expected a table"),
    ],
)
def test_a_file_that_is_no_such_file_is_refused(text, expected, tmp_path):
    path = tmp_path / "learn.json"
    path.write_bytes(text)
    with pytest.raises(UsageError) as caught:
        read_learn_file(path)
    assert str(path) in str(caught.value)
    assert expected in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(UsageError, match="cannot be read"):
            read_learn_file(path)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("options", 7, "arms[1].options is 7, expected a table of options, or null"),
        ("name", "", "arms[1].name is '', expected a name"),
        ("name", "full", "arms is "),
        ("accuracy", "80", "arms[1].accuracy is '80', expected a number from 0 to 100, or null"),
        ("accuracy", float("nan"), "arms[1].accuracy is nan"),
        ("accuracy", 101, "arms[1].accuracy is 101"),
        ("colors", True, "arms[1].colors is True, expected a whole number, or null"),
        ("width", 0, "arms[1].width is 0, expected a number of pixels"),
        ("height", 2.5, "arms[1].height is 2.5, expected a number of pixels"),
        ("quality", "x" * 1000, f"arms[1].quality is {'x' * 59!r}"[:-1] + "..., expected"),
    ],
)
def test_a_value_of_another_kind_is_named_with_its_key(key, value, expected, tmp_path):
    path = write_learned(tmp_path / "learn.json")
    values = json.loads(path.read_text("utf-8"))
    values["arms"][1][key] = value
    path.write_text(json.dumps(values), "utf-8")
    with pytest.raises(UsageError) as caught:
        read_learn_file(path)
    assert expected in str(caught.value)


@settings(max_examples=60)
@given(data=st.data())
def test_any_other_value_in_the_place_of_any_is_read_or_refused(data, tmp_path_factory):
    path = write_learned(tmp_path_factory.mktemp("learn") / "learn.json")
    values = json.loads(path.read_text("utf-8"))
    table = data.draw(st.sampled_from([values, *values["arms"]]))
    table[data.draw(st.sampled_from(sorted(table)))] = data.draw(JSON)
    path.write_text(json.dumps(values), "utf-8")
    try:
        found = read_learn_file(path)
    except UsageError as error:
        assert str(path) in str(error)  # noqa: PT017
        return
    assert [arm.name for arm in found.arms] == [arm["name"] for arm in values["arms"]]
