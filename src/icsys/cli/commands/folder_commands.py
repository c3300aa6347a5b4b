"""``ics merge``, ``ics report`` and ``ics verify``: commands about the output folder of a run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from icsys.cli.fast_imports import loading
from icsys.cli.printing import print_error, print_failures, print_json
from icsys.cli.terminal_colors import painted
from icsys.cli.terminal_progress import VerifyScreen
from icsys.report.terminal_reports import run_report, verification_report
from icsys.setting_fields import whole_number

if TYPE_CHECKING:
    import argparse


def run_merge(arguments: argparse.Namespace) -> int:
    """Merge the shards of an output folder, and print the report of the whole run."""
    with loading():
        from icsys.run.merge import merge_shards  # noqa: PLC0415 - few runs need it

    summary = merge_shards(arguments.destination, partial=arguments.partial)
    if arguments.json:
        print_json({"summary": summary.to_dict()})
    elif not arguments.quiet:
        print(painted(run_report(summary, arguments.destination, dry_run=False), sys.stdout))
    print_failures([*summary.failures, *summary.companion_failures])
    if summary.stopped:
        print_error(f"{summary.stopped}; run without --shard to do the rest")
    return 0 if summary.is_whole else 1


def run_report_page(arguments: argparse.Namespace) -> int:
    """Write the page about a finished run."""
    with loading():
        from icsys.report.example_images import MOST_EXAMPLES  # noqa: PLC0415
        from icsys.report.run_page import report_folder  # noqa: PLC0415 - few runs need it

    whole_number("pictures", arguments.pictures, 0, MOST_EXAMPLES)
    path = report_folder(
        arguments.destination, source=arguments.source, output=arguments.output, examples=arguments.pictures
    )
    print(f"Look at: {path.resolve()}")
    return 0


def run_verification(arguments: argparse.Namespace) -> int:
    """Compare an output folder with its manifest, and print the differences."""
    with loading():
        from icsys.verify.folder import verify_folder  # noqa: PLC0415 - few runs need it

    with VerifyScreen(quiet=arguments.quiet) as screen:
        found = verify_folder(arguments.destination, jobs=arguments.jobs, progress=screen.show)
    if arguments.json:
        print_json(found.to_dict())
    elif not (arguments.quiet and found.is_intact):
        print(painted(verification_report(found), sys.stdout))
    return 0 if found.is_intact else 1
