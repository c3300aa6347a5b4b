"""Lines of bounded length."""

import io

from hypothesis import given
from hypothesis import strategies as st

from icsys.files import bounded_lines as module
from icsys.files.bounded_lines import lines_of


@given(st.lists(st.binary(max_size=12)), st.integers(1, 9))
def test_lines_equal_those_of_python_except_long_ones(parts, longest):
    data = b"".join(parts)
    before, module.LONGEST = module.LONGEST, longest
    try:
        found = list(lines_of(io.BytesIO(data)))
    finally:
        module.LONGEST = before
    position, expected = 0, []
    for line in io.BytesIO(data):
        expected.append((position, line if len(line) <= longest else b""))
        position += len(line)
    assert found == expected
