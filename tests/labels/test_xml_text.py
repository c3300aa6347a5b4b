"""XML is written as it was read; elements come and go with their indentation."""

from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.errors import ImageError
from icsys.labels.xml_text import XmlFile

LINES = "<a>\n  <b>1</b>\n  <c />\n  <d>x &lt; y</d>\n</a>\n"


@given(st.sets(st.integers(0, 2)))
def test_without_some_elements_the_others_keep_their_lines(gone):
    file = XmlFile(LINES.encode())
    file.remove(file.root, [child for at, child in enumerate(file.root) if at in gone])
    lines = LINES.splitlines(keepends=True)
    expected = "".join(line for at, line in enumerate(lines, -1) if at not in gone)
    assert file.to_bytes().decode() == (expected if len(gone) < 3 else "<a>\n</a>\n")


@given(st.integers(0, 3))
def test_a_new_element_has_a_line_of_its_own(place):
    file = XmlFile(LINES.encode())
    new = Element("new")
    file.set_children(file.root, [*file.root[:place], new, *file.root[place:]])
    lines = LINES.splitlines(keepends=True)
    assert file.to_bytes().decode() == "".join([*lines[: place + 1], "  <new />\n", *lines[place + 1 :]])


def test_comments_instructions_and_empty_elements_stay():
    text = '<?xml version="1.0" encoding="utf-8"?>\n<a><!-- c --><?p q?><b></b></a>'
    file = XmlFile(text.encode())
    file.set_text(file.root.find("b"), "1")
    assert file.to_bytes().decode() == text.replace("<b></b>", "<b>1</b>")
    file.set_text(file.root.find("b"), "")
    assert file.to_bytes().decode() == text


def test_a_file_without_a_change_is_its_source():
    source = b"\xef\xbb\xbf<a  b='1'>\r\n</a >"
    file = XmlFile(source)
    file.remove(file.root, [])
    assert file.to_bytes() is source


def test_lines_are_counted_from_one():
    file = XmlFile(b"\n<a>\n<b/></a>")
    assert [file.line_of(one) for one in file.root.iter()] == [2, 3]


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a>&c;</a>',
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        '<!DOCTYPE a [<!ENTITY % b SYSTEM "http://localhost/">%b;]><a/>',
    ],
)
def test_entities_are_refused(text):
    with pytest.raises(ImageError, match="expected XML without entities of its own") as caught:
        XmlFile(text.encode())
    assert caught.value.code == "label_broken"
