import io
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.errors import ImageError
from icsys.labels.coco_parts import json_items
from icsys.labels.coco_parts.json_items import JsonPartsWriter, JsonPlace, json_like, json_parts

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)
objects = st.dictionaries(st.text(max_size=5), values, max_size=5)
styles = st.sampled_from([{}, {"indent": 2}, {"separators": (",", ":")}, {"ensure_ascii": False}])


def rewritten(data):
    write = io.BytesIO()
    writer = JsonPartsWriter(write)
    for part in json_parts(io.BytesIO(data)):
        writer.write(part)
    writer.finish()
    return write.getvalue()


@pytest.fixture(params=[1, 7, 1 << 18])
def chunk(request, monkeypatch):
    """How many characters are read at once."""
    monkeypatch.setattr(json_items, "_CHUNK", request.param)


@pytest.mark.usefixtures("chunk")
def test_any_object_is_the_same_after_it_is_taken_apart():
    @given(objects, styles, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32-le"]))
    def check(value, style, encoding):
        text = json.dumps(value, **style).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        assert json.loads(rewritten(text.encode(encoding))) == json.loads(text)

    check()


@pytest.mark.usefixtures("chunk")
def test_parts_come_in_their_order_and_with_their_text():
    data = b' {"a" : [ 1.50, {"x": [1]} ,[]], "b": 1e5 ,"a":[] }\n'
    assert [(part.key, part.place, part.text) for part in json_parts(io.BytesIO(data))] == [
        ("a", JsonPlace.BEGIN, ""),
        ("a", JsonPlace.ITEM, "1.50"),
        ("a", JsonPlace.ITEM, '{"x": [1]}'),
        ("a", JsonPlace.ITEM, "[]"),
        ("a", JsonPlace.END, ""),
        ("b", JsonPlace.VALUE, "1e5"),
        ("a", JsonPlace.BEGIN, ""),
        ("a", JsonPlace.END, ""),
    ]


def test_what_python_reads_beyond_the_standard_is_kept():
    data = b'{"a": [NaN, -Infinity, "\\ud800", 123456789012345678901234567890]}'
    assert rewritten(data) == data.replace(b", ", b",\n")
    assert math.isnan(next(part.value for part in json_parts(io.BytesIO(data)) if part.text))


@pytest.mark.usefixtures("chunk")
@pytest.mark.parametrize(
    ("data", "position"),
    [
        (b"", 0),
        (b"[1]", 0),
        (b'{"a": 1', 7),
        (b'{"a": [1, 2', 11),
        (b'{"a": [1 2]}', 9),
        (b'{"a": [1,]}', 9),
        (b'{"a": "x', 6),
        (b'{"a" 1}', 5),
        (b"{1: 1}", 2),
        (b'{"a": 1,}', 8),
        (b'{"a": 1} x', 9),
        (b'{"a": [{"b": nul}]}', 13),
        (b'{"a": "\xff"}', None),
        (b'{"a": ' + b"1" * 5000 + b"}", 6),
        (b'{"a": ' + b"[" * 100_000, None),
    ],
)
def test_broken_json_is_an_error_that_names_the_place(data, position):
    with pytest.raises(ImageError, match="at character") as error:
        list(json_parts(io.BytesIO(data)))
    assert error.value.code == "label_broken"
    if position is not None:
        assert f"at character {position}: " in str(error.value)


def test_the_length_of_an_item_is_bounded(monkeypatch):
    monkeypatch.setattr(json_items, "LONGEST_ITEM", 1000)
    monkeypatch.setattr(json_items, "_CHUNK", 100)
    with pytest.raises(ImageError, match="at most 1000 characters"):
        list(json_parts(io.BytesIO(b'{"a": ["' + b"x" * 5000 + b'"]}')))


@pytest.mark.parametrize("text", ['{"é": [1, 2]}', '{"a":[1,"\\u00e9"]}', '{"a": "\\ud800"}', '["é", "\\ud800"]'])
def test_a_text_is_like_another(text):
    value = json.loads(text)
    assert json.loads(json_like(value, text)) == value
    assert json_like(value, text).encode()
    if "é" not in text or "\\u" not in text:
        assert json_like(value, text) == text
