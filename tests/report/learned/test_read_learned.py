"""A file of results is read back as it was written; a value of another kind is refused, and its place named."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from icsys import UsageError
from icsys.report.learned.learn_json import learned_values, write_learn_file
from icsys.report.learned.read_learned import read_learned
from icsys.results import Failed
from learned_results import learned_result

WRONG = st.one_of(st.just("x"), st.just([{}]), st.just({"a": 1}), st.just(1.5), st.booleans(), st.none(), st.just([1]))


def test_what_is_written_is_read(tmp_path):
    failed = Failed(source="a.png", code="empty", message="the file is empty")
    for learned in (learned_result(), learned_result(failures=[failed], classes=["Katze", "h\udcfcnd"], stopped="now")):
        write_learn_file(learned, tmp_path / "learn.json")
        assert read_learned(tmp_path / "learn.json") == learned


def places(value, path=()):
    """Yield the place of every value in plain data."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


PLACES = [path for path in places(learned_values(learned_result())) if path and "options" not in path[:-1]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(PLACES), WRONG)
def test_a_changed_value_is_refused_or_read_as_it_stands(tmp_path, path, value):
    values = json.loads(json.dumps(learned_values(learned_result())))
    place = values
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    (tmp_path / "a.json").write_text(json.dumps(values))
    try:
        found = read_learned(tmp_path / "a.json")
    except UsageError as error:
        said = str(error)
    else:
        said = ""
    if said:
        assert str(path[-1] if isinstance(path[-1], str) else path[-2]) in said
    else:
        assert json.loads(json.dumps(learned_values(found))) == values | {"version": learned_values(found)["version"]}


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 1000, '{"arms": 3}', "NaN"])
def test_what_is_no_result_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UsageError, match=r"a\.json' is not as ics learn writes it"):
        read_learned(tmp_path / "a.json")


def test_a_file_that_is_missing_or_too_long_is_refused(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="cannot be read"):
        read_learned(tmp_path / "none.json")
    monkeypatch.setattr("icsys.report.learned.read_learned._MOST_BYTES", 10)
    (tmp_path / "a.json").write_text("[" + " " * 20 + "]")
    with pytest.raises(UsageError, match="has more than 10 bytes"):
        read_learned(tmp_path / "a.json")
