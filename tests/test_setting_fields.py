"""The names that errors about an unknown name suggest, and numbers that no float holds."""

import string
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys import Options
from icsys.errors import UsageError
from icsys.run_settings import RunSettings
from icsys.setting_fields import Fraction, Number, WholeNumber, did_you_mean

NAMES = [field.name for field in fields(Options)]


@given(st.sampled_from([name for name in NAMES if len(name) > 4]), st.data())
def test_one_slip_leads_back_to_the_name(name, data):
    place = data.draw(st.integers(0, len(name) - 1))
    letter = data.draw(st.sampled_from(string.ascii_lowercase))
    slip = data.draw(
        st.sampled_from([name[:place] + name[place + 1 :], name[:place] + letter + name[place:], name.upper()])
    )
    assert name in did_you_mean(slip, NAMES)


@given(st.text(string.digits, min_size=1))
def test_a_word_unlike_all_names_suggests_none(word):
    assert did_you_mean(word, NAMES) == ""


def test_numbers_that_no_float_holds_are_refused():
    kinds = Number, Fraction, WholeNumber
    checks = [(one.name, one.metadata["check"]) for table in (Options, RunSettings) for one in fields(table)]
    found = [(name, check) for name, check in checks if isinstance(check, kinds)]
    assert {type(check) for _, check in found} >= {Number, Fraction}
    for name, check in found:
        for value in (10**400, -(10**400), float("inf"), float("nan")):
            with pytest.raises(UsageError, match=f"^{name}="):
                check.accept(name, value)
    with pytest.raises(UsageError, match="the share"):
        RunSettings(split={"train": 10**400, "val": 1})
