"""Tests of runs write much, and spare the disk."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _unsynced(unsynced):
    """Spare the disk: no test here is about what is on it when the power goes."""
