"""Tables and the numbers in them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from table import markdown_table, number, times

words = st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=12)


@given(st.floats(1e-6, 1e9))
def test_a_number_reads_back_with_three_digits_and_no_exponent(value):
    text = number(value)
    assert "e" not in text
    assert float(text.replace(",", "")) == pytest.approx(value, rel=0.00501)


@given(st.floats(1, 999))
def test_a_number_shows_three_digits_whatever_its_size(value):
    assert sum(sign.isdigit() for sign in number(value)) == 3


def test_what_is_not_known_is_a_dash():
    assert [number(None), number(math.nan), times(None)] == ["-", "-", "-"]


def test_signs_zero_and_ratios():
    assert [number(0), number(-1.5), times(12.34)] == ["0", "-1.50", "12.3x"]


@given(st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(words, min_size=n, max_size=n), min_size=1, max_size=5)))
def test_every_line_of_a_table_is_as_wide_and_has_as_many_cells(cells):
    header, *rows = cells
    lines = markdown_table(header, rows).splitlines()
    assert len(lines) == len(cells) + 1
    assert {line.replace("\\|", "").count("|") for line in lines[1:]} == {len(header) + 1}
    assert len({len(line) for line in lines}) == 1


def test_a_row_with_too_few_cells_is_refused():
    with pytest.raises(ValueError, match="expected 2"):
        markdown_table(["a", "b"], [["1"]])
