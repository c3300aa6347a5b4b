"""The names of one folder are read in order, whatever their number."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.sources import sorted_names
from icsys.sources.sorted_names import SortedNames

names = st.binary(min_size=1, max_size=6).filter(lambda name: not {0, ord("/")} & set(name)).map(os.fsdecode)


@given(added=st.lists(names, max_size=40), more=st.lists(names, max_size=10), block=st.integers(1, 50))
def test_names_are_sorted_as_a_list_is(added, more, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorted_names, "_BLOCK", block)
        found = SortedNames()
        for name in added:
            found.add(name)
        for _ in range(2):
            assert list(found) == sorted(added)
        for name in more:
            found.add(name)
        assert list(found) == sorted(added + more)
        assert len(found) == len(added + more)
