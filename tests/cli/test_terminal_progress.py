"""The bar of ``ics learn`` on a terminal, and times in words."""

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.cli.terminal_progress import LearnScreen, time_text
from icsys.learning.learn_progress import LearnProgress

STEPS = [
    LearnProgress(0, None, "Listing"),
    LearnProgress(40, None, "Listing"),
    LearnProgress(0, 3, "Judging", 130.0, message="With 40 images the smallest loss is 5 points."),
    LearnProgress(2, 3, "Judging", 44.0),
    LearnProgress(3, 3, "Judging", 0.0),
]


class Terminal(io.StringIO):
    """A text that takes itself for a terminal."""

    def isatty(self):
        return True


def drawn(monkeypatch, steps, **settings):
    """Return the states that a bar goes through, without the blanks at their ends."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    with LearnScreen(**settings) as screen:
        for step in steps:
            screen.show(step)
    return [state.rstrip() for state in sys.stderr.getvalue().replace("\n", "\r").split("\r") if state.strip()]


def test_the_bar_has_the_step_its_state_and_the_time_left_in_all(monkeypatch):
    monkeypatch.setattr("icsys.cli.terminal_progress._REFRESH", -1.0)
    states = drawn(monkeypatch, STEPS)
    assert any(state.startswith("Listing: ") and "40/?" in state for state in states)
    for end in ("0/3, about 2 min left in all", "2/3, about 45 s left in all", "3/3, about 5 s left in all"):
        assert any(state.startswith("Judging: |") and state.endswith(end) for state in states)
    assert not any(state.startswith("Listing") and "/3" in state for state in states)
    assert [state for state in states if state.startswith("With")] == [STEPS[2].message]


def test_the_first_and_the_last_state_of_a_step_are_drawn_at_once(monkeypatch):
    monkeypatch.setattr("icsys.cli.terminal_progress._REFRESH", 1e9)
    many = [LearnProgress(done, 1000, "Making", None) for done in range(1001)]
    states = drawn(monkeypatch, many)
    assert states[-1].endswith("1000/1000")
    assert any("0/1000" in state for state in states)
    assert len(states) < 10


def test_quiet_shows_nothing(monkeypatch):
    assert drawn(monkeypatch, STEPS, quiet=True) == []


@given(st.floats(0, 1e6))
def test_a_time_in_words_is_near_the_time(seconds):
    number, unit = time_text(seconds).split()
    shown = float(number) * {"s": 1, "min": 60, "h": 3600}[unit]
    assert shown == pytest.approx(max(seconds, 5), rel=0.35, abs=2.5)
