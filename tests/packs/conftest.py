"""An object store, and a folder of photos for it."""

import pytest

from icsys.files import object_store as objects
from icsys.outputs import lease
from memory_store import memory_store
from small_store import NAMES, put


@pytest.fixture(scope="module", autouse=True)
def _unsynced(unsynced):
    """Spare the disk: no test here is about what is on it when the power goes."""


@pytest.fixture
def store(monkeypatch):
    """Return an empty store in memory; what waits for it does not wait, and batches are small."""
    monkeypatch.setattr(objects, "_FIRST_PAUSE", 0.0)
    monkeypatch.setattr(lease, "_POLL_SECONDS", 0.001)
    monkeypatch.setattr(lease, "_LEASE", 0.01)
    monkeypatch.setattr("icsys.run.main_pass._FIRST_BATCH", 2)
    monkeypatch.setattr("icsys.run.main_pass._BATCH", 2)
    return memory_store(monkeypatch)


@pytest.fixture
def source(tmp_path):
    """Return a folder of photos, some in classes and splits."""
    for seed, name in enumerate(NAMES):
        put(tmp_path / "in" / name, seed)
    return tmp_path / "in"
