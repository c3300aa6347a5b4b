"""The file of results of ``ics learn``: whole, known by its content, and the only kind of file that it replaces."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys import UsageError, __version__
from icsys.report.learned.learn_json import check_learn_file, learned_values, write_learn_file
from icsys.results import Failed
from learned_results import learned_result

OTHERS = ["", "no JSON", "[]", "{}", '{"arms": [], "recommended": null}', "[" * 1000]


def test_the_file_holds_every_value_and_the_version(tmp_path):
    learned = learned_result(
        failures=[Failed(source="a.png", code="empty", message="the file is empty")], classes=["Katze", "h\udcfcnd"]
    )
    write_learn_file(learned, tmp_path / "learn.json")
    values = json.loads((tmp_path / "learn.json").read_text("utf-8"))
    assert values == learned.to_dict() | {"version": __version__} == learned_values(learned)
    assert values["failures"] == [{"source": "a.png", "code": "empty", "message": "the file is empty"}]
    assert [path.name for path in tmp_path.iterdir()] == ["learn.json"]


def test_an_older_file_of_results_is_replaced(tmp_path):
    for seed in (1, 2):
        write_learn_file(learned_result(seed=seed), tmp_path / "a.json")
        assert json.loads((tmp_path / "a.json").read_text("utf-8"))["seed"] == seed


@pytest.mark.parametrize("text", OTHERS)
def test_any_other_file_is_refused_and_stays(tmp_path, text):
    (tmp_path / "mine.json").write_text(text, "utf-8")
    with pytest.raises(UsageError, match=r"out '.*mine\.json' is a file that ics learn did not write"):
        write_learn_file(learned_result(), tmp_path / "mine.json")
    assert (tmp_path / "mine.json").read_text("utf-8") == text


@given(st.binary(max_size=40))
def test_no_bytes_but_results_pass_the_check(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "a.json"
    path.write_bytes(data)
    with pytest.raises(UsageError, match="did not write"):
        check_learn_file(path)


@pytest.mark.parametrize("name", ["", "nowhere/learn.json", "folder", ".."])
def test_a_place_that_can_hold_no_file_is_refused(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="expected the name of a file in a folder that exists"):
        check_learn_file(f"{tmp_path}/{name}")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_link_is_refused_and_its_target_stays(tmp_path):
    write_learn_file(learned_result(), tmp_path / "real.json")
    before = (tmp_path / "real.json").read_bytes()
    (tmp_path / "link.json").symlink_to("real.json")
    with pytest.raises(UsageError, match="is a link, which ics does not follow"):
        write_learn_file(learned_result(seed=9), tmp_path / "link.json")
    assert (tmp_path / "real.json").read_bytes() == before
