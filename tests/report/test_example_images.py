"""The images that a page shows, and the details of large ones."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from icsys.report import example_images as examples
from icsys.report.comparison import Candidate


@given(st.integers(0, 200), st.integers(0, 20))
def test_the_worst_are_shown_in_a_row_and_the_others_down_to_the_best(total, number):
    ranks = examples.spread(total, number)
    assert len(ranks) == min(total, number)
    assert ranks == sorted(set(ranks))
    half = (len(ranks) + 1) // 2
    assert ranks[:half] == list(range(half))
    if len(ranks) > 1:
        assert ranks[-1] == total - 1


def test_a_large_picture_is_shown_where_it_errs_most(monkeypatch):
    monkeypatch.setattr(examples, "_HIGHEST", 5)
    monkeypatch.setattr(examples, "_WIDEST", 8)
    random = np.random.default_rng(0)
    reference, shown = random.integers(0, 256, (2, 17, 23, 3)).astype(np.uint8)
    rows, columns = examples.detail(reference, shown)
    error = np.square(reference.astype(int) - shown).sum(axis=2)
    windows = {(t, l): error[t : t + 5, l : l + 8].sum() for t in range(13) for l in range(16)}  # noqa: E741
    assert (rows.start, columns.start) == max(windows, key=windows.get)
    assert (rows.stop - rows.start, columns.stop - columns.start) == (5, 8)


def test_a_picture_that_is_large_one_way_only_keeps_its_other_side(monkeypatch):
    monkeypatch.setattr(examples, "_HIGHEST", 5)
    reference = np.zeros((20, 6, 3), np.uint8)
    rows, columns = examples.detail(reference, reference)
    assert rows.stop - rows.start == 5
    assert columns == slice(0, 6)
    assert examples.detail(reference[:5], reference[:5]) is None


def test_candidates_are_shown_at_the_middle_k_and_the_first_at_all():
    candidates = [Candidate("SO", None), *(Candidate(name, k) for name in ("MKM", "FKM") for k in (4, 8, 16))]
    assert examples.shown_names(candidates) == ["MKM 4", "MKM 8", "MKM 16", "FKM 8"]
