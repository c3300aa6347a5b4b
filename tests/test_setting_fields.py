"""The names that errors about an unknown name suggest."""

import string
from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from icsys import Options
from icsys.setting_fields import did_you_mean

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
