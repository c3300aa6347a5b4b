"""Candidates beside a comparison of all hashes with all hashes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.inspection import similar_hashes as module
from icsys.inspection.similar_hashes import similar_hashes


def all_with_all(hashes, light, most_bits, most_light):
    """Return all similar pairs, one by one."""
    return sorted(
        (i, j)
        for j in range(len(hashes))
        for i in range(j)
        if (int(hashes[i]) ^ int(hashes[j])).bit_count() <= most_bits and abs(light[i] - light[j]) <= most_light
    )


def found_by(hashes, light, most_bits, most_light):
    found = []
    for first, second in similar_hashes(hashes, light, most_bits=most_bits, most_light=most_light):
        found += [(min(pair), max(pair)) for pair in zip(first.tolist(), second.tolist(), strict=True)]
    assert len(found) == len({*found})
    return sorted(found)


@given(
    st.lists(st.tuples(st.integers(0, 2**64 - 1) | st.integers(0, 7), st.integers(0, 40)), max_size=40),
    st.integers(0, 40),
)
def test_all_similar_pairs_are_found_once(images, most_bits):
    hashes = np.array([one for one, _ in images], np.uint64)
    light = np.array([one for _, one in images], np.float32)
    assert found_by(hashes, light, most_bits, 5.0) == all_with_all(hashes, light, most_bits, 5.0)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 5), (7, 2)])
def test_pairs_in_different_blocks_are_found(monkeypatch, rows, columns):
    monkeypatch.setattr(module, "_ROWS", rows)
    monkeypatch.setattr(module, "_COLUMNS", columns)
    random = np.random.default_rng(rows)
    base = random.integers(0, 2**63, 6, np.uint64)
    hashes = base[random.integers(0, 6, 60)] ^ (np.uint64(1) << random.integers(0, 64, 60).astype(np.uint64))
    light = random.integers(0, 12, 60).astype(np.float32)
    expected = all_with_all(hashes, light, 2, 3.0)
    assert len(expected) > 50
    assert found_by(hashes, light, 2, 3.0) == expected
