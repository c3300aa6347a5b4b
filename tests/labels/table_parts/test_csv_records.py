import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.errors import ImageError
from icsys.labels.table_parts import csv_records as module
from icsys.labels.table_parts.csv_records import csv_records, sniff_delimiter

fields = st.text('ab,;" \né', max_size=6) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"))
rows = st.lists(st.lists(fields, min_size=1, max_size=4), max_size=5)
styles = st.builds(
    dict,
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    lineterminator=st.sampled_from(["\n", "\r\n"]),
)


def written(rows, style):
    text = io.StringIO()
    csv.writer(text, **style).writerows(rows)
    return text.getvalue().encode()


@given(rows, styles, st.booleans())
def test_records_are_those_of_the_csv_module_and_keep_every_byte(rows, style, ends):
    data = written(rows, style)
    data = data if ends else data.removesuffix(style["lineterminator"].encode())
    records = list(csv_records(io.BytesIO(data), style["delimiter"]))
    reader = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=style["delimiter"])
    assert [record.values for record in records] == [row or [""] for row in reader]
    assert b"".join(record.text() for record in records) == data


@given(rows, styles, fields)
def test_one_field_changes_and_the_rest_stays(rows, style, new):
    for record in csv_records(io.BytesIO(written(rows, style)), style["delimiter"]):
        for at in range(len(record.raw)):
            changed = record.replaced({at: new})
            assert changed.raw[:at] + changed.raw[at + 1 :] == record.raw[:at] + record.raw[at + 1 :]
            (again,) = csv_records(io.BytesIO(changed.text()), style["delimiter"])
            assert again.values == [*record.values[:at], new, *record.values[at + 1 :]]
            assert record.replaced({at: record.values[at]}) == record


def test_bytes_that_are_no_text_are_kept():
    data = b'a,"\xff\xfe",\x00,5" pipe\r\n'
    (record,) = csv_records(io.BytesIO(data), ",")
    assert record.replaced({0: "b"}).text() == b"b" + data[1:]


def test_a_record_without_end_is_an_error_soon(monkeypatch):
    with pytest.raises(ImageError, match="line 2: expected a quote"):
        list(csv_records(io.BytesIO(b'a,b\n1,"2\n3'), ","))
    monkeypatch.setattr(module, "LONGEST_RECORD", 100_000)
    with pytest.raises(ImageError, match="line 1: expected a record of at most 100000 bytes"):
        list(csv_records(io.BytesIO(b'"' + b'""\n' * 50_000), ","))


@pytest.mark.parametrize(("line", "expected"), [("a,b;c,d", ","), ('"a,b,c";d', ";"), ("", ","), ("a|b", "|")])
def test_the_delimiter_is_what_occurs_most_outside_quotes(line, expected):
    assert sniff_delimiter(line) == expected
