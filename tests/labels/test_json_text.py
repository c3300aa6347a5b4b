"""JSON of labels is written in the manner of its source."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from icsys.errors import ImageError
from icsys.labels.json_text import read_json_object, write_json_like

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(max_size=3), values, min_size=1, max_size=3),
    st.sampled_from([None, 1, 2, 4, "\t"]),
    st.booleans(),
    st.sampled_from(["", "\n"]),
)
@example({"\x7f": "\x7f"}, None, False, "")
@example({"\x7f": "\x7f"}, None, True, "")
def test_what_was_written_by_python_is_written_again_byte_for_byte(value, indent, plain, end):
    source = (json.dumps(value, indent=indent, ensure_ascii=plain) + end).encode("utf-8", "surrogatepass")
    assert write_json_like(read_json_object(source), source) == source


@pytest.mark.parametrize("source", [b'{"a":[1,2],"b":{"c":1.5}}', b'{\r\n  "a": 1\r\n}\r\n'])
def test_other_spacing_stays(source):
    assert write_json_like(read_json_object(source), source) == source


def test_a_file_that_would_fill_the_memory_is_refused():
    with pytest.raises(ImageError) as caught:
        read_json_object(b" " * (2**26 + 1))
    assert caught.value.code == "too_large"
