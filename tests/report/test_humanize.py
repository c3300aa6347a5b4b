"""Numbers for people: near what they stand for, with digits that tell them apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.report.humanize import bytes_text, factor_text

UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@given(st.integers(0, 10**16))
def test_bytes_are_within_half_a_percent_and_small_ones_exact(number):
    text, unit = bytes_text(number).replace(",", "").split()
    assert float(text) * UNITS[unit] == pytest.approx(number, rel=0.0051, abs=0)
    if number < 10_000:
        assert (int(text), unit) == (number, "B")


def test_sizes_that_differ_by_a_twentieth_look_different():
    assert bytes_text(1350) != bytes_text(1295)


@given(st.floats(0.001, 1e6))
def test_a_factor_has_three_digits_where_it_is_small(factor):
    assert float(factor_text(factor)) == pytest.approx(factor, rel=0.006 if factor > 0.1 else 1, abs=0.00051)
