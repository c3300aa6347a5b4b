"""Names of YOLO's classes as a parser of YAML reads them; other files state none."""

import yaml
from hypothesis import given
from hypothesis import strategies as st

from icsys.labels.boxes.class_names import class_names, names_classes

WORDS = st.text(st.sampled_from("ab é-_.0'&/()"), min_size=1, max_size=8)
PLAIN = st.from_regex(r"[a-z][a-z0-9 _-]{0,6}[a-z0-9]", fullmatch=True)


def written(names, style, *, quoted):
    """Return names as a person writes them, by hand: a list or a table, in a block or in brackets."""
    texts = [f'"{name}"' if quoted else name for name in names]
    pairs = [f"{number}: {text}" for number, text in enumerate(texts)]
    return {
        "list": f"names: [{', '.join(texts)}]",
        "table": f"names: {{{', '.join(pairs)}}}",
        "lines": "names:\n" + "".join(f"- {text}\n" for text in texts),
        "pairs": "names:\n" + "".join(f"  {pair}\n" for pair in pairs),
    }[style]


@given(st.lists(PLAIN, min_size=1, max_size=5), st.sampled_from(["list", "table", "lines", "pairs"]), st.booleans())
def test_names_are_those_that_yaml_has(names, style, quoted):
    text = f"path: .\nnc: {len(names)}\n{written(names, style, quoted=quoted)}\n# end\ntrain: x\n"
    expected = yaml.safe_load(text)["names"]
    expected = dict(enumerate(expected)) if isinstance(expected, list) else expected
    if all(isinstance(name, str) for name in expected.values()):  # a word such as "on" is no text in YAML
        assert class_names("a/data.yaml", text.encode()) == expected


@given(
    st.lists(WORDS, max_size=5),
    st.sampled_from([yaml.safe_dump, lambda value: yaml.safe_dump(value, default_flow_style=True)]),
)
def test_what_another_program_writes_is_read_the_same_or_not_at_all(names, dump):
    """YAML has more forms of texts than are read here: then there are no names, and never wrong ones."""
    found = class_names("data.yaml", dump({"names": names, "nc": 2}).encode())
    assert found in ({}, dict(enumerate(names)))


@given(st.binary(max_size=200))
def test_any_bytes_give_names_or_none(data):
    for name in "data.yaml", "obj.names":
        found = class_names(name, b"names:" + data)
        assert all(isinstance(key, int) and isinstance(value, str) for key, value in found.items())


def test_a_text_has_a_name_in_each_line():
    assert class_names("classes.txt", b"cat\r\na dog\r\n\r\n") == {0: "cat", 1: "a dog"}
    assert class_names("classes.txt", b"cat\n\ndog\n") == {}
    assert class_names("classes.txt", b"\xff") == {}
    assert not names_classes("train.txt")
