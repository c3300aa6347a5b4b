"""Ratios in words: more and less each with their own, and a number of at least one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.ratio_words import times_text


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
