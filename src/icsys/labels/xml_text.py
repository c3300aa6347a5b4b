"""XML from untrusted files: read without entities, bounded, and written again in the manner of its source."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from icsys.errors import ImageError
from icsys.files.parsing import DEEPEST

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LONGEST_XML = 2**24
"""The largest XML file, in bytes: read, it takes some twenty times as much."""


class XmlFile:
    """An XML file of labels, as a tree that can be changed.

    Parameters
    ----------
    data
        The file; entities are refused.

    Attributes
    ----------
    root
        Its first element.

    Raises
    ------
    ImageError
        ``label_broken`` if it is no XML, or nested too deeply; ``too_large``.
    """

    def __init__(self, data: bytes) -> None:
        if len(data) > LONGEST_XML:
            raise ImageError("too_large", f"{len(data)} bytes: expected at most {LONGEST_XML} in an XML file")
        from defusedxml.common import DefusedXmlException  # noqa: PLC0415 - few runs need it
        from defusedxml.ElementTree import DefusedXMLParser  # noqa: PLC0415 - as above

        builder = _Builder()
        parser = builder.parser = DefusedXMLParser(target=builder)
        try:
            parser.feed(data)
            self.root: Element = parser.close()
        except ET.ParseError as error:
            raise ImageError("label_broken", f"line {error.position[0]}: no valid XML: {error}") from None
        except DefusedXmlException:
            raise ImageError("label_broken", "expected XML without entities of its own") from None
        except (ValueError, LookupError) as error:
            raise ImageError("label_broken", f"no valid XML: {error}") from None
        self._data, self._lines = data, builder.lines
        self._changed = False

    def line_of(self, element: Element) -> int:
        """Return the line where an element of the source begins, counted from 1."""
        return self._lines[element]

    def set_text(self, element: Element, text: str) -> None:
        """Give an element its text."""
        if element.text != text:
            element.text = text
            self._changed = True

    def set_children(self, parent: Element, children: list[Element]) -> None:
        """Give an element other children, in this order; indentation follows."""
        old = list(parent)
        if len(old) == len(children) and all(one is other for one, other in zip(old, children, strict=True)):
            return
        between, end = (old[0].tail if len(old) > 1 else parent.text), old[-1].tail
        known = set(map(id, old[:-1]))
        for child in children:
            if id(child) not in known:
                child.tail = between
        if children:
            children[-1].tail = end
        else:
            parent.text = end
        parent[:] = children
        self._changed = True

    def remove(self, parent: Element, children: list[Element]) -> None:
        """Remove children of an element."""
        gone = set(map(id, children))
        self.set_children(parent, [child for child in parent if id(child) not in gone])

    def to_bytes(self) -> bytes:
        """Return the file; the source as it is if nothing has changed."""
        if not self._changed:
            return self._data
        text: str = ET.tostring(self.root, encoding="unicode", short_empty_elements=b"/>" in self._data)
        if re.match(rb"(?:\xef\xbb\xbf)?\s*<\?xml", self._data):
            text = '<?xml version="1.0" encoding="utf-8"?>\n' + text
        if self._data.endswith((b"\n", b"\r")):
            text += "\n"
        if b"\r\n" in self._data:
            text = text.replace("\n", "\r\n")
        return text.encode("utf-8")


class _Builder(ET.TreeBuilder):
    """Builds the tree, notes the line of each element, and refuses deep nesting."""

    parser: Any

    def __init__(self) -> None:
        super().__init__(insert_comments=True, insert_pis=True)
        self.lines: dict[Element, int] = {}
        self._depth = 0

    def start(self, tag: Any, attrs: Any, /) -> Any:  # noqa: ANN401 - the types of its base differ by version
        self._depth += 1
        if self._depth > DEEPEST:
            raise ValueError(f"elements are nested too deeply: expected at most {DEEPEST} levels")
        element = super().start(tag, attrs)
        self.lines[element] = self.parser.parser.CurrentLineNumber
        return element

    def end(self, tag: Any, /) -> Any:  # noqa: ANN401 - as above
        self._depth -= 1
        return super().end(tag)
