"""Running other programs and telling what they took."""

import json
import os
import sys

import pytest

import launch
from measure import Cost, run_programs, typical

HUNGRY = [sys.executable, "-c", "import time; held = b'x' * 100_000_000; time.sleep(0.3)"]
FAILING = [sys.executable, "-c", "raise SystemExit('on purpose')"]


def test_peak_memory_is_the_programs_own(tmp_path):
    held = b"x" * 200_000_000  # what this process holds must not count
    cost = run_programs([HUNGRY])
    assert 100_000_000 < cost.peak_bytes < len(held)
    assert cost.seconds > 0.3
    assert cost.cpu_seconds > 0
    assert not cost.failed
    del tmp_path


def test_where_wait4_is_missing_the_program_is_watched(tmp_path, monkeypatch):
    """The program holds its memory until it was looked at, so that it is seen on any machine."""
    monkeypatch.delattr(os, "wait4", raising=False)
    holds, seen, report = tmp_path / "holds", tmp_path / "seen", tmp_path / "report.json"
    program = (
        "import pathlib, sys, time; held = b'x' * 100_000_000; pathlib.Path(sys.argv[1]).touch()\n"
        "while not pathlib.Path(sys.argv[2]).exists(): time.sleep(0.01)"
    )
    held_before = []

    def between_looks(_):
        if held_before:
            seen.touch()
        elif holds.exists():
            held_before.append(True)

    monkeypatch.setattr(launch.time, "sleep", between_looks)
    launch.main(str(report), [sys.executable, "-c", program, str(holds), str(seen)])
    values = json.loads(report.read_text(encoding="utf-8"))
    assert values["peak_bytes"] > 100_000_000
    assert values["code"] == 0


def test_programs_run_one_after_another_and_their_times_add_up():
    assert run_programs([HUNGRY, HUNGRY]).seconds > 0.6


def test_a_program_that_fails_is_named_and_later_ones_are_left_out(tmp_path, capfd):
    touch = [sys.executable, "-c", f"open({str(tmp_path / 'made')!r}, 'w')"]
    assert run_programs([FAILING, touch]).failed
    assert not (tmp_path / "made").exists()
    assert "on purpose" in capfd.readouterr().err


def test_a_program_that_does_not_exist_is_an_error():
    with pytest.raises(RuntimeError, match="no-such-program"):
        run_programs([["no-such-program"]])


def test_typical_is_the_median_of_what_is_known():
    costs = [Cost(1.0, 10, None), Cost(5.0, None, 3.0), Cost(2.0, 30, 1.0, failed=True)]
    assert typical(costs) == Cost(2.0, 20, 2.0, failed=True)
    assert typical([Cost(1.0, None, None)]) == Cost(1.0, None, None)
