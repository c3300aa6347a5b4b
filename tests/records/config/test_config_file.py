"""A config file, and its text alone, hold options by name."""

import pytest

from icsys.errors import UsageError
from icsys.learning.learn_settings import LearnSettings
from icsys.records.config.config_file import config_in, read_config
from icsys.records.config.display_options import Display
from icsys.records.config.request import TABLES, Request, request_of, table_fields

TABLE = table_fields()
WRONG = {
    "colours = 8": r"unknown option 'colours'; did you mean colors\?",
    "repeats = 8": "unknown option 'repeats'",
    "dry-run = 1": "dry_run='1', expected true or false",
    "colors = ": "cannot be read as TOML",
    "a" * 300_000: "cannot be read as TOML: it is too large",
    "x = " + "[" * 200 + "]" * 200: "cannot be read as TOML: lists or tables are nested too deeply",
}


@pytest.mark.parametrize("text", ["colors = 8\ndry-run = true\n", "# nothing\n", 'size="64x32"\nquiet = true'])
def test_a_text_gives_what_its_file_gives(tmp_path, text):
    path = tmp_path / "a.toml"
    path.write_text(text, "utf-8")
    assert config_in(text, TABLE) == read_config(path, TABLE)


@pytest.mark.parametrize("text", WRONG, ids=[*map(str, range(len(WRONG)))])
def test_what_is_wrong_is_named_the_same_for_a_file_and_for_a_text(tmp_path, text):
    path = tmp_path / "a.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=WRONG[text]):
        config_in(text, TABLE)
    with pytest.raises(UsageError, match=r"config file '.*a\.toml'"):
        read_config(path, TABLE)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"none\.toml' cannot be read: No such file"):
        read_config(tmp_path / "none.toml", TABLE)


def test_the_text_of_a_request_gives_the_request():
    asked = request_of({"colors": 8, "scale": 0.3, "jobs": 3, "split": "train=80,val=20", "quiet": True}, {})
    assert (asked.options.colors, asked.settings.jobs, asked.display) == (8, 3, Display(quiet=True))
    values = config_in(asked.to_toml(), TABLE)
    assert request_of(values, values) == asked
    assert request_of({}, {}) == Request(TABLES[0]())


def test_a_table_may_have_more_fields():
    assert config_in("repeats = 8", table_fields((LearnSettings, *TABLES))) == {"repeats": 8}
