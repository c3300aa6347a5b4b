"""Records of CSV files whose every byte is known, so that one field can change and the rest stays."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from icsys.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_RECORD = 2**22
"""The longest record of a CSV file that is read, in bytes."""

DELIMITERS = ",;\t|"
_QUOTE_ENDS = re.compile(r'(?:[^"]|"")*+"')
_QUOTED = re.compile(r'"((?:[^"]|"")*+)"(.*)', re.DOTALL)


class CsvRecord(NamedTuple):
    """One record of a CSV file.

    Attributes
    ----------
    raw
        The text of each field, with its quotes.
    delimiter
        What stands between fields.
    end
        The end of the line, if it has one.
    """

    raw: tuple[str, ...]
    delimiter: str
    end: str

    @property
    def values(self) -> list[str]:
        """The value of each field."""
        return [_value(field) for field in self.raw]

    def replaced(self, changes: dict[int, str]) -> CsvRecord:
        """Return the record with other values of some fields; one that is quoted stays quoted."""
        raw = [
            _quoted(changes[at], field, self.delimiter) if at in changes and changes[at] != _value(field) else field
            for at, field in enumerate(self.raw)
        ]
        return self._replace(raw=tuple(raw))

    def text(self) -> bytes:
        """Return the bytes of the record."""
        return (self.delimiter.join(self.raw) + self.end).encode("utf-8", "surrogateescape")


def csv_records(file: BinaryIO, delimiter: str) -> Iterator[CsvRecord]:
    r"""Yield the records of a CSV file; a byte order mark is part of none.

    Bytes that are no UTF-8 are kept as they are.

    Raises
    ------
    ImageError
        ``label_broken`` for a record of more than :data:`LONGEST_RECORD` bytes, such as one whose quote does not end.

    Examples
    --------
    >>> import io
    >>> [record.values for record in csv_records(io.BytesIO(b'a,"b ""c"" d"\r\n1,"2\n3"'), ",")]
    [['a', 'b "c" d'], ['1', '2\n3']]
    """
    parser, number, begin, size = _Parser(delimiter), 0, 1, 0
    for line in iter(lambda: file.readline(LONGEST_RECORD + 1), b""):
        number, size = number + 1, size + len(line)
        if size > LONGEST_RECORD:
            raise ImageError("label_broken", f"line {begin}: expected a record of at most {LONGEST_RECORD} bytes")
        record = parser.add(line.decode("utf-8", "surrogateescape"))
        if record is not None:
            yield record
            begin, size = number + 1, 0
    if size:
        raise ImageError("label_broken", f"line {begin}: expected a quote at the end of the field that begins with one")


def sniff_delimiter(line: str) -> str:
    r"""Return the delimiter of a line: the one that occurs most outside quotes, a comma if none does.

    Examples
    --------
    >>> sniff_delimiter("image;width,height;label"), sniff_delimiter("a\tb"), sniff_delimiter("image")
    (';', '\t', ',')
    """
    outside = re.sub(r'"[^"]*+"', "", line)
    return max(DELIMITERS, key=outside.count)


class _Parser:
    """Takes lines, and returns a record when it is whole."""

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter
        self._plain = re.compile(f"[^{re.escape(delimiter)}]*+")
        self._fields: list[str] = []
        self._open: list[str] = []  # lines of a field whose quote has not ended

    def add(self, line: str) -> CsvRecord | None:
        at = 0
        length = len(line.rstrip("\r\n"))
        while True:
            begins = not self._open and line.startswith('"', at)
            if begins or self._open:
                closed = _QUOTE_ENDS.match(line, at + begins)
                if closed is None:
                    self._open.append(line[at:])
                    return None
                quoted = "".join([*self._open, line[at : closed.end()]])
                at, self._open = closed.end(), []
            else:
                quoted = ""
            rest = self._plain.match(line, at, length)
            stop = rest.end() if rest else at
            self._fields.append(quoted + line[at:stop])
            at = stop + 1
            if stop >= length:
                record = CsvRecord(tuple(self._fields), self._delimiter, line[length:])
                self._fields = []
                return record


def _value(field: str) -> str:
    match = _QUOTED.fullmatch(field)
    return match[1].replace('""', '"') + match[2] if match else field


def _quoted(value: str, before: str, delimiter: str) -> str:
    if before.startswith('"') or any(mark in value for mark in (delimiter, '"', "\r", "\n")):
        return '"' + value.replace('"', '""') + '"'
    return value
