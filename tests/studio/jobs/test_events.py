"""News: each listener gets the latest of each kind, in order, and nothing piles up."""

import json
import math
import queue
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.studio.jobs.events import Events, as_lines

NEWS = st.lists(st.tuples(st.sampled_from(["run", "cost", "learn"]), st.integers()), max_size=30)


@given(NEWS)
def test_who_comes_later_gets_the_latest_of_each_kind(news):
    events = Events()
    for kind, value in news:
        events.publish(kind, {"value": value})
    number, found = events.after(0, 0)
    assert number == len(news)
    assert {kind: json.loads(text)["value"] for kind, text in found} == dict(news)
    assert [kind for kind, _ in found] == sorted(
        dict(news), key=lambda kind: max(i for i, n in enumerate(news) if n[0] == kind)
    )
    assert {kind: events.latest(kind) for kind, _ in news} == {
        kind: {"value": value} for kind, value in dict(news).items()
    }
    assert events.after(number, 0) == (number, [])


@given(NEWS, st.integers(0, 30))
def test_a_listener_that_knows_some_gets_the_others(news, known):
    events = Events()
    for kind, value in news:
        events.publish(kind, {"value": value})
    _, found = events.after(known, 0)
    last = {kind: number for number, (kind, _) in enumerate(news, 1)}
    assert {kind for kind, _ in found} == {kind for kind, number in last.items() if number > known}


def test_a_listener_waits_for_news_and_for_the_end():
    events, found = Events(), queue.Queue()

    def listen():
        for number in (0, 1):
            found.put(events.after(number, 60))

    listener = threading.Thread(target=listen)
    listener.start()
    events.publish("run", {"done": 1})
    assert found.get(timeout=30) == (1, [("run", '{"done": 1}')])
    assert found.empty()
    events.close()
    assert found.get(timeout=30) is None
    listener.join()


def test_lines_are_server_sent_events():
    assert list(as_lines([])) == [b":\n\n"]
    assert list(as_lines([("run", '{"a": 1}')])) == [b'event: run\ndata: {"a": 1}\n\n']


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_numbers_that_a_page_cannot_read_are_refused(value):
    events = Events()
    with pytest.raises(ValueError, match="not JSON compliant"):
        events.publish("run", {"rate": value})
    assert events.latest("run") is None
