"""``ics learn``: finds out what a model keeps of a source, writes what is asked for, and prints the result."""

from __future__ import annotations

import os
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.choices import AUTO, MAX_COLORS
from icsys.cli.commands.learn_arguments import LEARN_COLORS, LEARN_FILE, LEARN_PAGE, LEARN_STRATEGIES, OPTIONS_JUDGED
from icsys.cli.given_places import DESTINATION
from icsys.cli.printing import print_error, print_failures, print_json
from icsys.cli.read_options import LEARN_TABLES, read_values
from icsys.cli.signals import Signals, leave
from icsys.cli.terminal_progress import LearnScreen
from icsys.errors import MissingExtraError, UsageError
from icsys.files.url import shown
from icsys.learning.learn import learn_source
from icsys.learning.learn_settings import LearnSettings
from icsys.options import Options
from icsys.records.command_text import command_text
from icsys.records.config.request import Request, request_of, table_fields
from icsys.report.learned.learn_json import check_learn_file, learned_values, write_learn_file
from icsys.report.learned.page import check_learned_page, write_learned
from icsys.report.learned.text import learned_text
from icsys.run_settings import RunSettings
from icsys.setting_fields import whole_number

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from icsys.learning.learned import Learned

# Settings that decide which images of a source are read, and how.
_OF_THE_SOURCE = ("follow_links", "include_outputs", "ignore_zeros", "masks", "table")
_OF_A_BUDGET = {"total_bytes", "from_learn", "arm"}  # what a run makes of results, where a file has it
_MOST_ARMS = 32  # numbers of colours; each takes the time of one more arm


class LearnRequest(NamedTuple):
    """What ``ics learn`` is asked for, by the command line and a file of options.

    Attributes
    ----------
    given_geometry
        Whether a size, a scale or a step is among them.
    colors
        Numbers of colours, the largest first.
    """

    request: Request
    settings: LearnSettings
    given_geometry: bool
    colors: tuple[int, ...]

    def dataset_command(self, source: str, out: str) -> str:
        """Return the command that makes the recommended dataset, by the file of results."""
        return command_text("compress", [source, DESTINATION], Options(), {"from_learn": out, **self._of_the_source()})

    def command(self, source: str) -> str:
        """Return the command that repeats it."""
        changed = self._of_the_source() | _changed(self.settings, LearnSettings())
        if not changed.pop("lossy", True):
            changed["no_lossy"] = True
        colors = None if self.colors == LEARN_COLORS else ",".join(map(str, self.colors))
        own = {name: value for name, value in self.request.options.to_dict().items() if name in OPTIONS_JUDGED}
        return command_text("learn", [source], Options.from_dict(own), {"colors": colors, **changed})

    def _of_the_source(self) -> dict[str, Any]:
        changed = _changed(self.request.settings, RunSettings())
        return {name: value for name, value in changed.items() if name in _OF_THE_SOURCE}

    def with_size(self) -> Request:
        """Return the request as it works: without a size, a scale or a step there is a size all the same."""
        if self.given_geometry:
            return self.request
        return self.request._replace(options=self.request.options.replace(step=None, size=(64, 64)))


def _changed(table: Any, usual: Any) -> dict[str, Any]:  # noqa: ANN401 - two of one kind
    """Return the fields of a table that differ from those of another."""
    values = {field.name: getattr(table, field.name) for field in fields(usual)}
    return {name: value for name, value in values.items() if value != getattr(usual, name)}


def read_request(arguments: argparse.Namespace) -> LearnRequest:
    """Return what the command line and the file of options ask for.

    Raises
    ------
    UsageError
        If a value is not accepted.
    """
    return read_values(arguments, LEARN_TABLES, lambda given, config: _checked(config | given, arguments.ks))


def _checked(values: dict[str, Any], ks: list[int | str] | None) -> LearnRequest:
    table = table_fields()
    own = {field.name: values[field.name] for field in fields(LearnSettings) if field.name in values}
    passed_over = {*own, *_OF_A_BUDGET}
    if values.get("colors") == AUTO:  # of a file: each arm has a number of its own
        passed_over |= {"colors", *(name for name in values if name in table and table[name].metadata.get("auto"))}
    rest = {name: value for name, value in values.items() if name not in passed_over}
    request = request_of(rest, rest)
    if request.options.strategy not in LEARN_STRATEGIES:
        raise UsageError(
            f"strategy={values['strategy']!r}: expected one of {', '.join(LEARN_STRATEGIES)}, which reduce colours"
        )
    geometry = any(table[name].metadata.get("one_of") == "geometry" for name in values if name in table)
    # The number of colours of a file of options is the one that its user thinks of.
    counts = (*LEARN_COLORS, request.options.colors) if ks is None else ks
    return LearnRequest(request, LearnSettings(**own), geometry, _counts(counts))


def _counts(colors: Sequence[int | str]) -> tuple[int, ...]:
    """Return numbers of colours, each once, the largest first."""
    if AUTO in map(str, colors):
        raise UsageError(f"colors={AUTO!r}: expected numbers of colours to judge, such as 64,16,4")
    counts = sorted({whole_number("colors", k, 1, MAX_COLORS) for k in colors}, reverse=True)
    if len(counts) > _MOST_ARMS:
        raise UsageError(f"colors: {len(counts)} numbers were given, expected at most {_MOST_ARMS}")
    return tuple(counts)


def run_learning(arguments: argparse.Namespace, asked: LearnRequest) -> int:
    """Judge a source with a progress bar, print what a model keeps, and return the exit code."""
    options, run, display = asked.request
    out, page = _places(arguments, json=display.json)
    with Signals() as signals:
        with LearnScreen(quiet=display.quiet) as screen:
            learned = learn_source(
                arguments.source,
                options,
                asked.settings,
                colors=asked.colors,
                given_geometry=asked.given_geometry,
                run=run,
                stop=signals.stop,
                progress=screen.show,
            )
        written, problems = _write(learned, asked, arguments.source, out, page)
        if display.json:
            print_json(learned_values(learned))
        elif not display.quiet:
            print(learned_text(learned))
            for name in written:
                print(f"Look at: {Path(name).resolve()}")
        print_failures(learned.failures)
        for problem in problems:
            print_error(problem)
        if signals.code is not None:
            # Threads may still work on slow images, and Python would wait for them.
            sys.stdout.flush()
            leave(signals.code)
    return 1 if learned.failures or learned.stopped or problems else 0


def _places(arguments: argparse.Namespace, *, json: bool) -> tuple[str | None, str | None]:
    """Return where the file of results and the page go, None for neither; checked before the work starts.

    Raises
    ------
    UsageError
        If one of them cannot be written there, or both have one name.
    MissingExtraError
        If a package is missing that the page needs.
    """
    usual = [] if json else [LEARN_FILE] * (not arguments.out) + [LEARN_PAGE] * (not arguments.page)
    free = dict(zip(usual, _free_names(usual), strict=True))
    out = arguments.out or free.get(LEARN_FILE)
    page = None if arguments.no_page else arguments.page or free.get(LEARN_PAGE)
    if out:
        check_learn_file(out)
    if page:
        if out and Path(out).absolute() == Path(page).absolute():
            raise UsageError(f"out and page are both {page!r}: expected two names")
        try:
            check_learned_page(page)
        except MissingExtraError as error:
            raise MissingExtraError(f"{error}; or --no-page for no page") from None
    for option, name in (("--out", out), ("--page", page)):
        if name and not os.access(Path(name).absolute().parent, os.W_OK):
            raise UsageError(f"{name!r} cannot be written into its folder: name another one ({option}), or use --json")
    return out, page


def _free_names(names: list[str]) -> list[str]:
    """Return the names, all with the same number if one of them is taken, such as ``-2``."""
    found, number = names, 1
    while any(map(os.path.lexists, found)):
        number += 1
        found = [f"{Path(name).stem}-{number}{Path(name).suffix}" for name in names]
    return found


def _write(
    learned: Learned, asked: LearnRequest, source: str, out: str | None, page: str | None
) -> tuple[list[str], list[str]]:
    """Write what is asked for; return the names, and why others could not be written: the result is printed anyway.

    Nothing is written where no arm was judged.
    """
    written: list[str] = []
    problems: list[str] = []

    def attempt(name: str, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            problems.append(f"{name!r} could not be written: {error.strerror or error}")
        except UsageError as error:  # a file of another program has taken the name meanwhile
            problems.append(str(error))
        else:
            written.append(name)

    if learned.arms and out:
        of_options = learned.command
        if learned.recommended is not None:
            learned.command = asked.dataset_command(shown(source), out)
        attempt(out, lambda: write_learn_file(learned, out))
        if problems:
            learned.command = of_options
    if learned.arms and page:
        attempt(page, lambda: write_learned(learned, source, page, command=asked.command(shown(source))))
    return written, problems
