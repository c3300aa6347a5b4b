"""``ics inspect``: inspects a source, writes what is asked for, and prints the result."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.cli.printing import print_failures, print_json
from icsys.cli.signals import Signals, leave
from icsys.cli.terminal_progress import InspectScreen
from icsys.inspection.image_table import check_table, write_table
from icsys.inspection.inspect_folder import inspect_source
from icsys.report.inspected.page import MOST_GROUPS, check_inspection_page, write_inspection
from icsys.report.inspected.text import inspection_text
from icsys.run_settings import INSPECTED, RunSettings
from icsys.setting_fields import whole_number

if TYPE_CHECKING:
    import argparse


def run_inspection(arguments: argparse.Namespace) -> int:
    """Inspect a source with a progress bar, print what it holds, and return the exit code."""
    settings = RunSettings(**{name: value for name, value in vars(arguments).items() if name in INSPECTED})
    whole_number("groups", arguments.groups, 0, MOST_GROUPS)
    page, table = arguments.output, arguments.csv
    if page:
        check_inspection_page(page)
    if table:
        check_table(table)
    with Signals() as signals:
        with InspectScreen(quiet=arguments.quiet) as screen:
            found = inspect_source(
                arguments.source, settings, near=arguments.near, stop=signals.stop, progress=screen.show
            )
        if table:
            write_table(found, table)
        if page:
            write_inspection(found, arguments.source, page, groups=arguments.groups)
        if arguments.json:
            written = {"report": page, "csv": table, "interrupted": signals.code is not None}
            print_json(written | found.to_dict())
        elif not arguments.quiet:
            print(inspection_text(found))
            for name in filter(None, (table, page)):
                print(f"Look at: {Path(name).resolve()}")
        print_failures(found.broken)
        if signals.code is not None:
            # Threads may still work on slow images, and Python would wait for them.
            sys.stdout.flush()
            leave(signals.code)
    return 1 if found.broken or found.stopped else 0
