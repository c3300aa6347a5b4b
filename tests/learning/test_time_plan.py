"""How many images fit into a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.learning import time_plan
from icsys.learning.time_plan import Clock, Costs

COSTS = st.builds(
    Costs,
    make=st.floats(1e-4, 0.1),
    look=st.floats(1e-4, 0.1),
    multiply=st.floats(1e-12, 1e-9),
    arms=st.integers(1, 30),
    repeats=st.integers(3, 9),
    trained=st.floats(0.1, 1),
)


@given(COSTS, st.floats(0.01, 1000), st.integers(1, 400))
def test_the_most_images_are_the_last_that_fit(costs, seconds, images):
    fit = [number for number in range(1, images + 1) if costs.total(number) <= 0.85 * seconds]
    assert costs.most_images(seconds, images) == (max(fit) if fit else 1)


def test_a_clock_follows_the_pace_of_the_work(monkeypatch):
    now = 100.0
    monkeypatch.setattr(time_plan.time, "monotonic", lambda: now)
    clock = Clock(60)
    clock.begin(20)
    assert clock.seconds_left(0) == pytest.approx(60)
    now = 140.0  # the first part took twice as long as expected
    assert clock.seconds_left(1) == pytest.approx(40 * (40 + 6) / (20 + 6))
    clock.begin(40)
    now = 220.0
    assert clock.seconds_left(1) == 0
