"""The command ``ics``: reads arguments, runs a command, and returns its exit code."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from icsys.cli.commands.folder_commands import run_merge, run_report_page, run_verification
from icsys.cli.fast_imports import loading
from icsys.cli.given_places import DESTINATION, SOURCE, STREAM, check_source, given_places, where_photos_go
from icsys.cli.parser import command_parser
from icsys.cli.printing import print_error, print_failures, print_json, print_notes
from icsys.cli.read_options import decided_options, read_options
from icsys.cli.signals import EXIT_INTERRUPTED, Signals, leave
from icsys.cli.terminal_colors import painted
from icsys.cli.terminal_progress import RunScreen
from icsys.errors import ICSError, UsageError
from icsys.files.links import LinkError, OtherFolderError
from icsys.files.url import hide_given, shown
from icsys.options import Options
from icsys.records.config.request import Request
from icsys.report.terminal_reports import reading_hint, run_report
from icsys.run.checks import check_format, check_places
from icsys.sources.base import passed_over_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from icsys.files.locations import Location
    from icsys.summary import RunSummary

OK, SOME_FAILED, WRONG_USAGE = 0, 1, 2


def run_command(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    0: all done or skipped by policy; 1: some images failed; 2: wrong usage, nothing done; 130: interrupted by Ctrl-C;
    143: ended by SIGTERM; 129: the terminal was closed.
    """
    argv = sys.argv[1:] if argv is None else argv
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the parent process closed it
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - open until the process ends
        # A file name may hold characters that the terminal cannot show; they must not end the run.
        if hasattr(getattr(sys, name), "reconfigure"):
            getattr(sys, name).reconfigure(errors="backslashreplace")
    code = _answer(argv)
    _drop_unwritten()
    return code


def _answer(argv: Sequence[str]) -> int:
    """Run the command line, print what ends it, and return the exit code."""
    try:
        code = _carry_out(argv)
        sys.stdout.flush()
    except ICSError as error:
        print_error(hide_given(str(error), argv))
        return WRONG_USAGE
    except KeyboardInterrupt:
        print_error("interrupted", begins_line=True)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of our output has closed it
        return SOME_FAILED
    except OSError as error:
        print_error(hide_given(str(error), argv))
        return WRONG_USAGE if isinstance(error, LinkError | OtherFolderError) else SOME_FAILED
    return code


def _carry_out(argv: Sequence[str]) -> int:
    try:
        arguments = command_parser(argv).parse_args(argv)
    except SystemExit:  # after --help or --version
        return OK
    return _COMMANDS[arguments.command](arguments)


def _drop_unwritten() -> None:
    """Let go of output that cannot be written: Python would try again as it ends, say so, and end with 120."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            setattr(sys, name, None)


def _ask_and_run(_: argparse.Namespace) -> int:
    """Ask for the options, and for the photos where the default folder has none, and run."""
    from icsys.cli.ask_options import ask_run  # noqa: PLC0415 - loads NumPy

    source, options = ask_run(SOURCE, DESTINATION, where_photos_go())
    return _run(source, DESTINATION, Request(options))


def _command(arguments: argparse.Namespace) -> int:
    """Run ``ics compress`` or ``ics demo``, or print their options."""
    request = read_options(arguments)
    print_notes(request, arguments)
    if arguments.print_options:
        print(request.to_toml(), end="")
        return OK
    check_format(request.options, request.settings.shard)
    if getattr(arguments, "studio", False):
        from icsys.cli.commands.studio_command import open_studio  # noqa: PLC0415 - few runs need it

        return open_studio(*given_places(arguments.paths, arguments.output), request, decided_options(arguments))
    given = decided_options(arguments) if request.settings.total_bytes else None
    if arguments.command == "demo":
        return _run(
            *_prepare_demo(arguments.source, arguments.destination, quiet=request.display.quiet), request, given
        )
    if STREAM in arguments.paths:
        from icsys.cli.standard_streams import compress_stream  # noqa: PLC0415 - few runs need it

        failed = compress_stream(arguments.paths, arguments.output, request)
        print_failures([failed] if failed else [])
        return SOME_FAILED if failed else OK
    return _run(*check_source(*given_places(arguments.paths, arguments.output)), request, given)


def _compare(arguments: argparse.Namespace) -> int:
    """Compare strategies on the same images."""
    with loading():  # other commands start faster without these modules
        from icsys.cli.commands.compare_command import run_comparison  # noqa: PLC0415 - few runs need it

    return run_comparison(arguments)


def _inspect(arguments: argparse.Namespace) -> int:
    """Print what a source holds."""
    with loading():
        from icsys.cli.commands.inspect_command import run_inspection  # noqa: PLC0415 - few runs need it

    check_source(arguments.source, DESTINATION, "inspect SRC")
    return run_inspection(arguments)


def _learn(arguments: argparse.Namespace) -> int:
    """Print what a model keeps of a source."""
    with loading():
        from icsys.cli.commands.learn_command import read_request, run_learning  # noqa: PLC0415 - few runs need it

    asked = read_request(arguments)
    print_notes(asked.with_size(), arguments)
    check_source(arguments.source, DESTINATION, "learn SRC")
    return run_learning(arguments, asked)


def _prepare_demo(source: str, destination: str, *, quiet: bool) -> tuple[str, str]:
    """Copy the sample photos, and return source and destination: the given folders, or new ones if these hold files."""
    from icsys.cli.demo_folders import choose_folders  # noqa: PLC0415 - few runs need it
    from icsys.cli.demo_photos import copy_samples, missing_packages  # noqa: PLC0415 - few runs need it

    given, (source, destination) = (source, destination), choose_folders(source, destination)
    check_places(source if Path(source).exists() else ".", destination)
    if source != given[0] and not quiet:
        what = f"{given[0]} or {given[1]} holds other files"
        print(f"{what}: the demo leaves both unchanged and uses {Path(source).parent}.", file=sys.stderr)
    try:
        copied, kept = copy_samples(Path(source))
    except OSError as error:
        raise UsageError(
            f"sample photos cannot be copied into {source!r}: {error.strerror}; run ics demo in another folder"
        ) from error
    for names, what in ((copied, f"copied into {source}"), (kept, f"already in {source}")):
        if names and not quiet:
            print(f"Sample photos {what}: {', '.join(names)}", file=sys.stderr)
    if (missing := missing_packages()) and not quiet:
        print(f"More sample photos come with other packages: pip install {' '.join(missing)}", file=sys.stderr)
    return source, destination


def _run(source: Location, destination: str, request: Request, given: dict[str, Any] | None = None) -> int:
    """Compress a folder with a progress bar, print the report, and return the exit code."""
    with loading():
        # Imported first, NumPy takes milliseconds less: the interpreter's stack grows and shrinks less often.
        import numpy  # noqa: F401, ICN001, PLC0415 - few commands need it

        from icsys.run.compress import run_folder  # noqa: PLC0415 - few commands need it

    screen = RunScreen(json=request.display.json, verbose=request.display.verbose, quiet=request.display.quiet)
    with Signals() as signals:
        with screen:
            summary = run_folder(
                source,
                destination,
                request.options,
                request.settings,
                given=given,
                stop=signals.stop,
                progress=screen.show,
            )
        if summary.bytes_chosen:
            request = request._replace(options=Options.from_dict(summary.bytes_chosen.options))
        code = _report(screen, summary, source, destination, request, signal_code=signals.code)
        if signals.code is not None:
            # Threads may still work on slow images, and Python would wait for them.
            sys.stdout.flush()  # raises an error if the report cannot be printed
            leave(code)
    return code


def _report(
    screen: RunScreen,
    summary: RunSummary,
    source: Location,
    destination: str,
    request: Request,
    *,
    signal_code: int | None,
) -> int:
    """Print the report of a run and return the exit code."""
    settings, display = request.settings, request.display
    if display.json:
        files = sorted(screen.files, key=lambda file: str(file["source"]))
        print_json(
            {
                "options": request.to_dict(),
                "files": files,
                "summary": summary.to_dict(),
                "pruned": summary.pruned,
                "interrupted": signal_code is not None,
            }
        )
    elif summary.images and not display.quiet:
        text = run_report(summary, destination, dry_run=settings.dry_run, options=request.options, prune=settings.prune)
        print(painted(text, sys.stdout))
        hint = reading_hint(summary, request.options)
        if hint and not settings.dry_run and sys.stdout.isatty():
            print(hint)
    print_failures([*summary.failures, *summary.companion_failures])
    if summary.stopped:
        resume = "all written files are complete, and the next run continues from here"
        print_error(f"{summary.stopped}; {resume}")
    if signal_code is not None:
        return signal_code
    if settings.shard and not summary.images:
        from icsys.run.places import has_images  # noqa: PLC0415 - few runs need it

        if has_images(source, destination, include_outputs=settings.include_outputs):
            if not (display.json or display.quiet):
                print(f"Shard {settings.shard} has no images: there are about as many shards as images, or more.")
            return OK
    if not summary.images and not summary.stopped:
        others = [f"{summary.ignored} ignored: not images, hidden, or links"] if summary.ignored else []
        others += [passed_over_text(summary.outputs_passed_over)] if summary.outputs_passed_over else []
        noted = f" ({'; '.join(others)})" if others else ""
        place = shown(source if isinstance(source, str) else str(source))
        where = where_photos_go() if source == SOURCE else "expected photos there, or in the archives there"
        raise UsageError(f"no images found in {place!r}{noted}: {where}")
    return OK if summary.is_whole else SOME_FAILED


def _studio(arguments: argparse.Namespace) -> int:
    """Serve the page on which options are chosen by eye."""
    with loading():
        from icsys.cli.commands.studio_command import run_studio  # noqa: PLC0415 - few runs need it

    return run_studio(arguments)


_COMMANDS = {
    None: _ask_and_run,
    "compress": _command,
    "demo": _command,
    "merge": run_merge,
    "compare": _compare,
    "inspect": _inspect,
    "learn": _learn,
    "report": run_report_page,
    "studio": _studio,
    "verify": run_verification,
}
