"""Colour at a terminal, and nowhere else."""

import io
import re
import sys

import pytest

from icsys.cli.terminal_colors import painted, shows_colors

REPORT = """\
Total run time: 0.12 s
Images:   10 compressed, 0 skipped, 3 failed
Bytes:    18.2 kB -> 636 B, 28.6 times smaller
failed: 0 failed.jpg: bad (broken)"""


class Terminal(io.StringIO):
    def isatty(self):
        return True

    def fileno(self):
        return 1


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.skipif(sys.platform == "win32", reason="a console there decides")
def test_failures_are_red_and_the_result_is_green(monkeypatch):
    text = painted(REPORT, Terminal())
    assert re.findall("\x1b\\[31m(.*?)\x1b\\[0m", text) == ["3 failed", "failed:"]
    assert re.findall("\x1b\\[32m(.*?)\x1b\\[0m", text) == ["Bytes:    18.2 kB -> 636 B, 28.6 times smaller"]
    assert re.sub("\x1b\\[\\d+m", "", text) == REPORT
    monkeypatch.setenv("NO_COLOR", "")
    assert shows_colors(Terminal())  # no-color.org: only a value that is not empty counts


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_the_environment_turns_colour_off(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    assert painted(REPORT, Terminal()) == REPORT


def test_a_file_and_a_closed_stream_get_no_colour():
    closed = Terminal()
    closed.close()
    closed.isatty = lambda: (_ for _ in ()).throw(ValueError("closed"))
    assert painted(REPORT, io.StringIO()) == painted(REPORT, closed) == REPORT
