"""JSON and TOML from untrusted files, compared with Python's own parsers where these are safe."""

import ast
import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import icsys
from icsys.files import parsing
from icsys.files.parsing import DEEPEST, LONGEST_TOML, from_json, from_toml, read_json, read_text, read_toml

SOURCE = Path(icsys.__file__).parent
MARKS = ("utf-8-sig", "utf-16", "utf-32")
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text('ab[]{}"\\\u20ac', max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('a[]{}"\\', max_size=4), inner, max_size=4),
)


def depth(value):
    """Return the depth of nesting of lists and tables."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, list | dict) + max(map(depth, inner), default=0)


def nested(value, levels):
    """Nest a value in this many lists and tables."""
    for level in range(levels):
        value = [0, value] if level % 2 else {"[": "}]", "a": value}
    return value


@given(values)
@example([[] for _ in range(3 * DEEPEST)])
@example(["[{" * DEEPEST, '\\"' + "[" * 2 * DEEPEST])
def test_json_values_equal_those_of_python(value):
    text = json.dumps(value)
    assert from_json(text) == value
    assert from_json(text.encode()) == value
    assert from_json("\ufeff" + text) == value
    for mark in MARKS:
        assert from_json(text.encode(mark)) == value


@given(values, st.integers(DEEPEST - 8, DEEPEST + 8))
def test_json_is_read_down_to_the_deepest_allowed_level(value, levels):
    value = nested(value, levels)
    if depth(value) <= DEEPEST:
        assert from_json(json.dumps(value)) == value
    else:
        with pytest.raises(ValueError, match=f"at most {DEEPEST} levels"):
            from_json(json.dumps(value))


HOSTILE = [
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"[" * 100_000 + b"]" * 100_000,
    ("[" * 100_000).encode("utf-16"),
    b'["' + b'\\"' * 100_000,
    b'"' + b"\\" * 100_001,
    b"]" * 100_000,
    b"[],[" * 100_000,
    b"1" * 100_000,
    b"\xff\xfe\x00",
    b"\xff",
    b"\0" * 7,
    b"",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_json_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"."):
        from_json(text)


KEY = b".".join([b"a"] * 99)
BOMBS = {
    "lists": b"a=" + b"[" * 100_000,
    "tables": b"a=" + b"{a=" * 60_000,
    "a key of many parts": b".".join([b"a"] * 100_000) + b"=1",
    "a header of many parts": b"[" + b' . "a"' * 30_000 + b"]",
    "quoted parts": b".".join([b"'a.b'"] * 40_000) + b"=1",
    "keys of many parts in one another": b"".join(KEY + b"={" for _ in range(50)) + b"b=1" + b"}" * 50,
    "headers and keys": b"[" + KEY + b"]\n" + KEY + b"=1",
    "a long number": b"a=" + b"1" * 100_000,
    "no text": b"a='\xff'",
    "a lone surrogate": b"a='\xed\xa0\x80'",
    "nothing closed": b'"a' * 100_000,
}


@pytest.mark.parametrize("what", BOMBS)
def test_hostile_toml_is_a_value_error(tmp_path, what):
    path = tmp_path / "a.toml"
    path.write_bytes(BOMBS[what])
    with pytest.raises(ValueError, match=r"."):
        read_toml(path)


def test_hostile_toml_as_a_text_is_a_value_error():
    texts = ("a" * (LONGEST_TOML + 1), "a='\ud800'", "a=" + "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "a")
    for text in texts:
        with pytest.raises(ValueError, match=r"."):
            from_toml(text)


@pytest.mark.parametrize("encoding", ["utf-8", *MARKS])
def test_toml_is_read_with_any_byte_order_mark_and_end_of_line(tmp_path, encoding):
    text = 'strategy = "MKM" # ' + "." * 300 + '\r\npalette = "caf\u00e9.json"\r\n[a.b]\r\nc = ' + "[" * 90 + "]" * 90
    path = tmp_path / "a.toml"
    path.write_bytes(text.encode(encoding))
    assert read_toml(path) == tomllib.loads(text)


def test_files_are_read_up_to_a_bound(tmp_path, monkeypatch):
    path = tmp_path / "a.toml"
    path.write_bytes(b"#" * (LONGEST_TOML + 1))
    with pytest.raises(ValueError, match=f"at most {LONGEST_TOML} bytes"):
        read_toml(path)
    monkeypatch.setattr(parsing, "LONGEST_JSON", 100)
    path.write_bytes(b"1" + b" " * 99)
    assert read_json(path) == 1
    assert read_text(path) == "1" + " " * 99
    with path.open("ab") as file:
        file.truncate(2**40)  # with a hole in it, it takes no room
    with pytest.raises(ValueError, match="at most 100 bytes"):
        read_json(path)


def test_only_the_parsing_module_reads_json_or_toml():
    used = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Attribute(value=ast.Name(id="json"), attr="load" | "loads" | "JSONDecoder" as name):
                    used.add((path.name, name))
                case ast.ImportFrom(module="json" | "tomllib"):
                    used.add((path.name, "import"))
                case ast.Import(names=[ast.alias(name="tomllib" | "json.decoder" as name)]):
                    used.add((path.name, name))
    assert used == {("parsing.py", "JSONDecoder"), ("parsing.py", "loads"), ("parsing.py", "tomllib")}
