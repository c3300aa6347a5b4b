"""What many want at once is done once; what is kept stays within its bytes."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.studio.images.kept_bytes import KeptWithinBytes
from icsys.studio.images.shared_work import SharedWork


@pytest.mark.parametrize("fails", [False, True])
def test_fifty_requests_at_once_do_the_work_once(fails):
    work, asked, calls = SharedWork(), threading.Semaphore(0), []

    def make():
        calls.append(1)
        for _ in range(49):
            asked.acquire()
        if fails:
            raise ValueError("broken")
        return "made"

    def ask():
        asked.release()
        return work.do("key", make)

    with ThreadPoolExecutor(50) as threads:
        first = threads.submit(work.do, "key", make)
        while not calls:
            pass
        others = [threads.submit(ask) for _ in range(49)]
        for future in (first, *others):
            if fails:
                assert isinstance(future.exception(30), ValueError)
            else:
                assert future.result(30) == "made"
    assert len(calls) <= 2  # a request may come just after the end
    assert SharedWork().do("other", lambda: 1) == 1


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6000)), max_size=40))
def test_what_was_used_last_is_kept_within_the_bytes(steps):
    """The twin keeps a plain list, the last used at its end."""
    most, kept, twin = 10_000, KeptWithinBytes(10_000, len), []
    for key, size in steps:
        kept.put(key, bytes(size))
        twin = [(k, n) for k, n in twin if k != key] + [(key, size)]
        while sum(n + 1000 for _, n in twin) > most:
            twin.pop(0)
        assert kept.bytes == sum(n + 1000 for _, n in twin) <= most
        assert len(kept) == len(twin)
        for k, n in reversed(twin[:1]):
            assert len(kept.get(k)) == n
            twin = [*twin[1:], (k, n)]
    assert kept.get("none") is None
