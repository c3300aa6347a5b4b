"""Large JSON files, item by item in bounded memory, and JSON texts in the style of another.

The values are those of Python's own decoder, which most readers of such files use: NaN and lone surrogates are kept.
"""

from __future__ import annotations

import enum
import io
import json
import re
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from icsys.errors import ImageError
from icsys.files.parsing import value_at

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_ITEM = 2**26
"""The longest item of a list, or other value, of a large JSON file, in characters."""

_CHUNK = 2**18  # characters that are read at once
_LONGEST_TOKEN = 16  # characters that an error lies before the place where a text is cut: "-Infinit", or an escape
_SPACE = re.compile(r"[ \t\n\r]*+")


class JsonPlace(enum.Enum):
    """What a part of a JSON file is."""

    VALUE = enum.auto()
    """A value that is no list."""
    BEGIN = enum.auto()
    """The beginning of a list."""
    ITEM = enum.auto()
    """An item of a list."""
    END = enum.auto()
    """The end of a list."""


class JsonPart(NamedTuple):
    """A part of a JSON file whose top level is an object.

    Attributes
    ----------
    key
        The key of the top level that it belongs to.
    place
        What it is.
    text
        Its text; empty at the beginning and the end of a list.
    value
        Its value; None there.
    """

    key: str
    place: JsonPlace
    text: str = ""
    value: Any = None


def json_parts(file: BinaryIO) -> Iterator[JsonPart]:
    r"""Yield the values of a JSON object, and the items of its lists one by one.

    Raises
    ------
    ImageError
        ``label_broken`` if it is no JSON object, or if one item is longer than :data:`LONGEST_ITEM`; the message names
        the character.

    Examples
    --------
    >>> for part in json_parts(io.BytesIO(b'{"info": {}, "images": [{"id": 1}]}')):
    ...     print(part.key, part.place.name, part.value)
    info VALUE {}
    images BEGIN None
    images ITEM {'id': 1}
    images END None
    """
    window = _Window(file)
    window.expect("{")
    if window.next_is("}"):
        window.end()
        return
    while True:
        key, _ = window.value()
        if not isinstance(key, str):
            raise window.fault("expected a key in double quotes")
        window.expect(":")
        if window.next_is("["):
            yield JsonPart(key, JsonPlace.BEGIN)
            if not window.next_is("]"):
                while True:
                    value, text = window.value()
                    yield JsonPart(key, JsonPlace.ITEM, text, value)
                    if not window.next_is(","):
                        break
                window.expect("]")
            yield JsonPart(key, JsonPlace.END)
        else:
            value, text = window.value()
            yield JsonPart(key, JsonPlace.VALUE, text, value)
        if not window.next_is(","):
            break
    window.expect("}")
    window.end()


class JsonPartsWriter:
    """Writes parts of a JSON object, in the order in which :func:`json_parts` yields them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._waiting: list[str] = ["{"]
        self._characters = 0
        self._before_key = self._before_item = ""

    def write(self, part: JsonPart, text: str | None = None) -> None:
        """Write a part, with another text if one is given."""
        if part.place in {JsonPlace.VALUE, JsonPlace.BEGIN}:
            self._add(f"{self._before_key}{json.dumps(part.key)}: ")
            self._before_key = ", "
        if part.place is JsonPlace.BEGIN:
            self._add("[")
            self._before_item = ""
        elif part.place is JsonPlace.END:
            self._add("]")
        else:
            before = self._before_item if part.place is JsonPlace.ITEM else ""
            self._add(before + (part.text if text is None else text))
            self._before_item = ",\n"

    def finish(self) -> None:
        """Write what is left."""
        self._add("}")
        self._flush()

    def _add(self, text: str) -> None:
        self._waiting.append(text)
        self._characters += len(text)
        if self._characters > _CHUNK:
            self._flush()

    def _flush(self) -> None:
        self._file.write("".join(self._waiting).encode("utf-8", "surrogatepass"))
        self._waiting, self._characters = [], 0


def json_like(value: object, text: str) -> str:
    r"""Return the JSON text of a value in the style of another text: spaces or none, escapes or UTF-8.

    Examples
    --------
    >>> json_like({"a": [1, 2]}, '{"a":[3,4]}'), json_like({"a": "é"}, '{"a": "è"}')
    ('{"a":[1,2]}', '{"a": "é"}')
    """
    separators = (", ", ": ") if '": ' in text else (",", ":")
    written = json.dumps(value, ensure_ascii=text.isascii(), separators=separators)
    if not written.isascii() and any("\ud800" <= character <= "\udfff" for character in written):
        return json.dumps(value, separators=separators)
    return written


class _Window:
    """The part of a file that the decoder works on."""

    def __init__(self, file: BinaryIO) -> None:
        head = file.read(4)
        file.seek(-len(head), io.SEEK_CUR)
        self._file = io.TextIOWrapper(
            io.BufferedReader(_Unclosed(file), _CHUNK),
            encoding=json.detect_encoding(head),
            errors="surrogatepass",
            newline="",
        )
        self._text, self._at, self._before = "", 0, 0

    def fault(self, what: str, at: int | None = None) -> ImageError:
        """Return the error that names a place, by default that of the next character."""
        position = self._before + (self._at if at is None else at)
        return ImageError("label_broken", f"it is no JSON that can be read, at character {position}: {what}")

    def next_is(self, wanted: str) -> bool:
        """Step over spaces, and over the wanted character if it follows; tell whether it does."""
        self._skip_spaces()
        found = self._text.startswith(wanted, self._at)
        self._at += found
        return found

    def expect(self, wanted: str) -> None:
        """Step over spaces and the wanted character."""
        if not self.next_is(wanted):
            raise self.fault(f"expected {wanted!r}")

    def end(self) -> None:
        """Expect that nothing but spaces follows."""
        self._skip_spaces()
        if self._at < len(self._text):
            raise self.fault("expected the end")

    def value(self) -> tuple[Any, str]:
        """Return the next value, and its text."""
        self._skip_spaces()
        while True:
            try:
                value, end = value_at(self._text, self._at)
            except json.JSONDecodeError as error:
                fault = self.fault(error.msg, error.pos)
                is_cut = error.msg.startswith("Unterminated") or error.pos > len(self._text) - _LONGEST_TOKEN
                if not is_cut or not self._more():
                    raise fault from None
            except ValueError as error:
                raise self.fault(str(error)) from None
            else:  # a number that goes on behind the window may be cut before its ".", "e" or "e+"
                if end + 2 < len(self._text) or not self._more():
                    break
            if len(self._text) - self._at > LONGEST_ITEM:
                raise self.fault(f"expected a value of at most {LONGEST_ITEM} characters")
        text = self._text[self._at : end]
        self._at = end
        return value, text

    def _skip_spaces(self) -> None:
        while True:
            match = _SPACE.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text) or not self._more():
                return

    def _more(self) -> bool:
        """Read more, at least as much as is waiting, so that a long value is not tried too often; False at the end."""
        rest = self._text[self._at :]
        try:
            more = self._file.read(max(_CHUNK, len(rest)))
        except UnicodeDecodeError as error:
            raise self.fault(f"it is no text: {error}", len(self._text)) from None
        if not more:
            return False
        self._before += self._at
        self._text, self._at = rest + more, 0
        return True


class _Unclosed(io.RawIOBase):
    """A file that stays open when what reads it is thrown away."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any buffer
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
