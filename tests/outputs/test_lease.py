"""The lock on an object store: one run at a time."""

import json
import threading

import pytest

from icsys import UsageError
from icsys.files import object_store as objects
from icsys.files.object_store import Objects
from icsys.outputs import lease
from icsys.outputs.lease import Lease
from memory_store import memory_store


@pytest.fixture
def store(monkeypatch):
    monkeypatch.setattr(objects, "_FIRST_PAUSE", 0.0)
    monkeypatch.setattr(lease, "_POLL_SECONDS", 0.01)
    return memory_store(monkeypatch)


def take(notices=lambda _: None):
    one = Lease(Objects("memory://small"), "lock.json")
    one.acquire(threading.Event(), notices)
    return one


def test_a_renewed_lock_is_respected(store):
    first = take()
    with pytest.raises(UsageError, match="is in use by another run of ics on "):
        take(lambda _: first.renew())
    first.release()
    take().release()
    assert store.objects("small") == {}


def test_an_expired_lock_is_taken_over_and_its_holder_notices(store, monkeypatch):
    monkeypatch.setattr(lease, "_LEASE", 0.05)
    first, notices = take(), []
    second = take(notices.append)
    assert notices
    with pytest.raises(FileExistsError, match="another run has taken over"):
        first.renew()
    first.release()
    second.renew()
    assert json.loads(store.objects("small")["lock.json"])["beat"] == 1


def test_waiting_ends_when_the_run_is_stopped(store):
    take()
    assert list(store.objects()) == ["small/lock.json"]
    stop = threading.Event()
    stop.set()
    with pytest.raises(UsageError, match="in use"):
        Lease(Objects("memory://small"), "lock.json").acquire(stop, lambda _: None)


def test_a_lost_reply_makes_no_second_holder(store):
    """The lock is written, but the reply is lost, and the second try finds the lock."""

    def after(_number, kind, _path):
        if kind == "write" and store.asked["write"] == 1:
            raise ConnectionResetError(104, "reset")

    store.after = staticmethod(after)
    take().renew()


def test_without_conditional_writes_the_last_writer_has_the_lock(store):
    """Neither run has seen a lock, and the second overwrites that of the first before the first checks it."""
    second = Lease(Objects("memory://small"), "lock.json")
    come = []

    def trouble(_number, kind, _path):
        if kind == "read" and store.asked["write"] == 1 and not come:
            come.append(True)
            Objects("memory://small").write("lock.json", second.text())

    store.trouble = staticmethod(trouble)
    with pytest.raises(UsageError, match="in use"):
        take()
