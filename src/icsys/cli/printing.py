"""What every command prints: one JSON object, failures, and an error."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from icsys.cli.no_effect import no_effect, not_kept
from icsys.cli.terminal_colors import painted
from icsys.report.terminal_reports import failure_lines
from icsys.version import __version__

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from icsys.records.config.request import Request
    from icsys.results import Failed


def print_json(values: Mapping[str, object]) -> None:
    """Print one JSON object for other programs."""
    print(json.dumps({"version": __version__, **values}, indent=2))


def print_failures(failures: Sequence[Failed]) -> None:
    """Print the images that failed, and why."""
    for line in failure_lines(failures):
        print(painted(line, sys.stderr), file=sys.stderr)


def print_error(text: str, *, begins_line: bool = False) -> None:
    """Print an error of the command, if standard error takes it: the exit code tells it, too."""
    line = painted(f"ics: {text}", sys.stderr)
    with suppress(OSError):
        print(f"\n{line}" if begins_line else line, file=sys.stderr)


def print_notes(request: Request, arguments: argparse.Namespace) -> None:
    """Print which options have no effect, or another one on the page."""
    if not request.display.quiet:
        for note in (*no_effect(request, vars(arguments)), *not_kept(request, vars(arguments))):
            print(note, file=sys.stderr)
