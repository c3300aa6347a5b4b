"""Numbers for people: near what they stand for, with digits that tell them apart, and words for more and for less."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.report.humanize import bytes_text, factor_text, times_text

UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@given(st.integers(0, 10**16))
def test_bytes_are_within_half_a_percent_and_small_ones_exact(number):
    text, unit = bytes_text(number).replace(",", "").split()
    assert float(text) * UNITS[unit] == pytest.approx(number, rel=0.0051, abs=0)
    if number < 10_000:
        assert (int(text), unit) == (number, "B")


def test_sizes_that_differ_by_a_twentieth_look_different():
    assert bytes_text(1350) != bytes_text(1295)


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_a_change_is_told_by_its_word_and_a_number_of_at_least_one(before, after):
    text = times_text(before, after)
    if text in {"the same size", "about the same size"}:
        assert (before == after) == (text == "the same size")
        assert max(before, after) / min(before, after) < 1.0501
    else:
        times, word = text.split(" times ")
        assert word == ("smaller" if after < before else "larger")
        number = float(times.replace(",", ""))
        assert number >= 1.1
        ratio = max(before, after) / min(before, after)
        assert number == pytest.approx(ratio, abs=0.051 if ratio < 999 else 0.51)


def test_five_times_the_bytes_are_larger_and_fewer_numbers_have_words_of_their_own():
    assert times_text(100, 540) == "5.4 times larger"
    assert times_text(540, 100, less="fewer", more="more", what="number") == "5.4 times fewer"
    assert times_text(100, 540, less="fewer", more="more", what="number") == "5.4 times more"
    assert times_text(7, 7, less="fewer", more="more", what="number") == "the same number"


@given(st.floats(0.001, 1e6))
def test_a_factor_has_three_digits_where_it_is_small(factor):
    assert float(factor_text(factor)) == pytest.approx(factor, rel=0.006 if factor > 0.1 else 1, abs=0.00051)
