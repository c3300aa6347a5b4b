"""The lines of the next manifest are those of their rows with a pack, whatever the lines before were like."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import manifest_row
from icsys.packs.install_packs import line_in_pack
from icsys.records.manifest import from_line, to_line

names = st.text(max_size=12) | st.binary(max_size=8).map(os.fsdecode)
PLACES = [{}, {"shard": "data/train-00000.tar"}, {"shard": "data/a-1.tar", "member": "x"}, {"member": "é"}]


@pytest.mark.parametrize("place", PLACES)
@given(warning=names, member=names, last=st.sampled_from([{}, {"added": "status"}, {"added": [1, None]}]))
def test_a_line_in_a_pack_is_that_of_its_row(place, warning, member, last):
    row = manifest_row("a.jpg", "a.png", warning=warning) | place | last
    pack = {"shard": "data/train-00000.tar", "member": member}
    line = line_in_pack(to_line(row), *pack.values())
    assert line == to_line(row | pack)
    assert line_in_pack(line, *pack.values()) == line


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize("end", ["", "\n", " \n", "\r\n"])
def test_a_line_that_another_program_wrote_keeps_its_row(separators, end):
    """Its end may be missing; a key may be there twice."""
    row = manifest_row("a.jpg", "a.png")
    for text in (
        json.dumps(row, separators=separators),
        json.dumps({"status": "failed"} | {"status ": 1} | row, separators=separators),
    ):
        for line in ((text + end).encode(), b"\xef\xbb\xbf" + (text + end).encode(), (text + end).encode("utf-16")):
            before = from_line(line)
            if before is not None:
                after = from_line(line_in_pack(line, "data/a-1.tar", "b"))
                assert after == before | {"shard": "data/a-1.tar", "member": "b"}
