"""A summary as a table for notebooks."""

from html.parser import HTMLParser

from icsys.results import Failed, Skipped
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
    assert rows["bytes"] == "5,000,000 → 40,000"
    assert rows["skipped: it <is> done"] == "1"
    assert [rows[f"failed: <b>{number}.jpg"] for number in range(5)] == ["a & b"] * 5
    assert rows["failed"] == "2 more, in failures"


def test_a_run_without_images_has_a_table_too():
    assert Cells(RunSummary(stopped="no <disk>")._repr_html_()).texts[-2:] == ["stopped", "no <disk>"]
