"""A summary as a table for notebooks."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.results import COMPANIONS, IMAGE, CompanionWritten, Failed, LeftOut, Skipped, to_record
from icsys.summary import RunSummary


class Cells(HTMLParser):
    """The texts and the names of the tags of a page."""

    def __init__(self, page):
        super().__init__()
        self.texts, self.tags = [], set()
        self.feed(page)

    def handle_starttag(self, tag, _):
        self.tags.add(tag)

    def handle_data(self, data):
        self.texts.append(data)


def test_a_notebook_shows_counts_bytes_and_the_first_failures_with_names_as_text():
    summary = RunSummary(
        compressed=1200, images=1200, bytes_in=5_000_000, bytes_out=40_000, elements_in=9, elements_out=3
    )
    for number in range(7):
        summary.add(Failed(source=f"<b>{number}.jpg", code="empty", message="a & b"))
    summary.add(Skipped(source="c", output="c", reason="it <is> done"))
    shown = Cells(summary._repr_html_())
    assert shown.tags == {"table", "tr", "th", "td"}
    rows = dict(zip(shown.texts[::2], shown.texts[1::2], strict=True))
    assert rows["images"] == "1,200 compressed, 1 skipped, 7 failed"
    assert rows["bytes"] == "5,000,000 → 40,000, 125.0 times smaller"
    assert rows["skipped: it <is> done"] == "1"
    assert [rows[f"failed: <b>{number}.jpg"] for number in range(5)] == ["a & b"] * 5
    assert rows["failed"] == "2 more, in failures"


def test_a_run_without_images_has_a_table_too():
    assert Cells(RunSummary(stopped="no <disk>")._repr_html_()).texts[-2:] == ["stopped", "no <disk>"]


def test_odd_sizes_and_outputs_made_again_or_stale_have_a_row_only_where_there_are_some():
    summary = RunSummary(tiny_outputs=3068, small_sources=2, redone_options=5, redone_sources=1)
    summary.pruned, summary.stale = ["a.png", "b.png"], ["c.png"]
    texts = Cells(summary._repr_html_()).texts
    rows = dict(zip(texts[::2], texts[1::2], strict=True))
    assert rows["outputs below 16 pixels on a side"] == "3,068"
    assert rows["images smaller than the size"] == "2"
    assert (rows["done again with other options"], rows["done again for a changed source"]) == ("5", "1")
    assert (rows["stale outputs removed"], rows["stale outputs left"]) == ("2", "1")
    assert len(Cells(RunSummary()._repr_html_()).texts) == 2 * (len(rows) - 6)


def companion(kind, dropped=0):
    values = dict.fromkeys(("form", "source", "output", "picture", "source_sha256", "sha256", "options_hash"), "x")
    numbers = dict.fromkeys(("bytes_in", "bytes_out", "source_mtime_ns"), 0)
    return CompanionWritten(kind=kind, **values, **numbers, seconds=0.0, labels=9, dropped=dropped)


KINDS = st.sampled_from([IMAGE, *COMPANIONS])
RESULTS = st.one_of(
    st.builds(companion, st.sampled_from(COMPANIONS), st.integers(0, 9)),
    st.builds(lambda kind, why: Skipped(source="a", output="a", reason=why, kind=kind), KINDS, st.sampled_from("xy")),
    st.builds(lambda kind: Failed(source="a", code="io", message="m", kind=kind), KINDS),
    st.builds(lambda rule: LeftOut(source="a", rule=rule, message="m"), st.sampled_from(["min_side", "max_aspect"])),
)


@given(st.lists(RESULTS))
def test_companions_count_beside_images_and_images_are_a_sum(results):
    summary = RunSummary()
    for result in results:
        summary.add(result)
    values = summary.to_dict()
    of_images = [one for one in results if getattr(one, "kind", IMAGE) == IMAGE]
    others = [one for one in results if getattr(one, "kind", IMAGE) != IMAGE]
    assert values["images"] == len(of_images)
    assert values["images"] == values["skipped"] + values["failed"] + sum(values["left_out"].values())
    assert values["failed"] == sum(isinstance(one, Failed) for one in of_images) == len(summary.failures)
    assert values["companion_failures"] == sum(isinstance(one, Failed) for one in others)
    assert values["companions_skipped"] == sum(isinstance(one, Skipped) for one in others)
    written = [one for one in others if isinstance(one, CompanionWritten)]
    assert values["masks"] + values["annotations"] + values["sidecars"] == len(written)
    assert values["masks"] == sum(one.kind == "mask" for one in written)
    assert values["labels_dropped"] == sum(one.dropped for one in written)
    assert summary.is_whole == (not any(isinstance(one, Failed) for one in results))


@pytest.mark.parametrize(
    "result",
    [
        companion("mask"),
        LeftOut(source="a", rule="min_side", message="m"),
        Skipped(source="a", output="a", reason="r"),
        Failed(source="a", code="io", message="m", kind="mask"),
    ],
)
def test_every_result_is_a_record_of_the_same_keys_with_its_kind(result):
    record = to_record(result)
    assert record.keys() == to_record(Failed(source="b", code="io", message="m")).keys()
    assert record["kind"] == getattr(result, "kind", IMAGE)
    assert record["code"] == {"left_out": "min_side", "failed": "io"}.get(result.status)
    assert record["status"] == result.status
