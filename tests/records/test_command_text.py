"""The command line that repeats a run."""

import shlex

import pytest

from icsys import Options
from icsys.cli.parser import command_parser
from icsys.cli.read_options import read_options
from icsys.records.command_text import command_text


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(strategy="FKM", colors=8, scale=0.25, seed=9, dither="floyd-steinberg"),
        Options(alpha="keep", never_larger=False),
        Options(size=(224, 160), fit="pad", background="#00ff00", space="oklab", on_corrupt="keep", max_frames=3),
    ],
)
def test_the_command_line_reads_the_command_as_the_same_options(options):
    settings = {"jobs": 3, "follow_links": True, "isolate": False, "timeout": None}
    words = shlex.split(command_text("compress", ["my photos", "it's"], options, settings))
    arguments = command_parser().parse_args(words[1:])
    read, run, _ = read_options(arguments)
    assert (words[0], arguments.paths) == ("ics", ["my photos", "it's"])
    assert read == options
    assert (run.jobs, run.follow_links, run.isolate, run.timeout) == (3, True, False, None)
