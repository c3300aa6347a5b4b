"""``ics compare``: tries every strategy on the same images, and prints the table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from icsys.cli.given_places import COMPARISON, DESTINATION, check_source
from icsys.cli.printing import print_failures, print_json, print_notes
from icsys.cli.read_options import read_options
from icsys.cli.terminal_progress import CompareScreen
from icsys.report.compare import compare_folder
from icsys.report.comparison_page import check_page, free_name, write_comparison
from icsys.report.comparison_table import comparison_text
from icsys.report.example_images import MOST_EXAMPLES
from icsys.setting_fields import whole_number

if TYPE_CHECKING:
    import argparse


def run_comparison(arguments: argparse.Namespace) -> int:
    """Compare strategies on the same images, and print the table."""
    options, settings, display = request = read_options(arguments)
    whole_number("pictures", arguments.pictures, 0, MOST_EXAMPLES)
    print_notes(request, arguments)
    check_source(arguments.source, DESTINATION, "compare SRC")
    page = None if arguments.no_report else arguments.output or free_name(COMPARISON)
    if page:
        check_page(page)
    with CompareScreen() as screen:
        comparison = compare_folder(
            arguments.source,
            options,
            colors=arguments.ks or [options.colors],
            strategies=arguments.strategies,
            sample=arguments.sample,
            jobs=settings.jobs,
            include_outputs=settings.include_outputs,
            examples=arguments.pictures if page else 0,
            lossy=arguments.lossy,
            progress=screen.show,
        )
    if page:
        write_comparison(comparison, page)
    if display.json:
        print_json({"report": page, **comparison.to_dict()})
    else:
        print(comparison_text(comparison))
        if page:
            print(f"Look at: {Path(page).resolve()}")
    print_failures(comparison.failures)
    return 1 if comparison.failures else 0
