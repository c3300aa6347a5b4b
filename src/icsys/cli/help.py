"""The help of a command: examples first, then the options that most people need; ``--help-all`` shows the rest."""

from __future__ import annotations

import argparse
import os
import re
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from icsys.cli.given_places import STREAM
from icsys.errors import UsageError
from icsys.setting_fields import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PATHS, LAST_PATH = "paths", "last_path"
"""The arguments of a command that takes any number of paths; ``parse_args`` puts all of them into the first."""

_HELP = {"help", "help_all"}
_WIDTH_TO_CHECK = 80
_NO_VALUE = r"argument (--[\w-]+)(?:/-\w)?: expected one argument"


class CommandParser(argparse.ArgumentParser):
    """An argument parser with short help, and with errors of one line, as all errors of ics are.

    Parameters
    ----------
    summary
        What the command does, in lines of at most 80 characters.
    examples
        Command lines, each with a few words beside it.
    common
        Names of the options that ``--help`` shows; it shows all options if there are none.
    """

    def __init__(
        self,
        *,
        summary: str,
        examples: Sequence[tuple[str, str]],
        common: Sequence[str] = (),
        **settings: Any,  # noqa: ANN401 - argparse's own
    ) -> None:
        super().__init__(
            # A shortened flag would change its meaning when another one with the same beginning is added.
            allow_abbrev=False,
            # argparse formats each argument to check it. A given width saves the import that finds the terminal's.
            formatter_class=partial(argparse.RawDescriptionHelpFormatter, width=_WIDTH_TO_CHECK),
            add_help=False,
            description=f"{summary}\n\n{_example_text(examples)}",
            **settings,
        )
        self.places = self._positionals
        """The group of the arguments that are paths."""
        self.places.title = "arguments"
        self.summary, self._common = summary, set(common)
        self.commands: dict[str, CommandParser] = {}
        """The parsers of commands, by name; empty for a command itself."""
        self.add_argument("-h", "--help", action="help", help="Show this help.")
        if common:
            self.add_argument("--help-all", action=_HelpAll, help="Show all options, in groups.")
            self._common |= _HELP

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401 - argparse's own
        """Return the arguments; the error about an unknown command or option names what is close to it."""
        words = sys.argv[1:] if args is None else list(args)
        if words and words[0] not in {*self.commands, *self._option_string_actions}:
            raise UsageError(_unknown_command(words[0], [*self.commands, "--help", "--version"]))
        found, unknown = self.parse_known_args(words, namespace)
        if PATHS in found:
            # argparse gives these arguments only the paths before the first option.
            last = [] if getattr(found, LAST_PATH) is None else [getattr(found, LAST_PATH)]
            more = [word for word in unknown if word == STREAM or not word.startswith("-")]
            setattr(found, PATHS, [*getattr(found, PATHS), *last, *more])
            unknown = [word for word in unknown if word not in more]
        if unknown:
            self.commands.get(found.command, self).refuse(unknown)
        return found

    def refuse(self, unknown: Sequence[str]) -> NoReturn:
        """Raise the error about arguments that the command does not have."""
        option = next((word.partition("=")[0] for word in unknown if word.startswith("-")), None)
        if option is None:
            self.error(f"unexpected argument {unknown[0]!r}")
        flags = [flag for flag in self._option_string_actions if flag.startswith("--")]
        shows_all = "--help-all" if self._common else "--help"
        close = f"; for the file of this name, ./{option}" if os.path.lexists(option) else did_you_mean(option, flags)
        raise UsageError(f"unknown option {option}{close} ({self.prog} {shows_all} shows all options)")

    def error(self, message: str) -> NoReturn:
        """Raise the error of the command; about an option without its value, with what is expected."""
        if found := re.match(_NO_VALUE, message):
            action = self._option_string_actions[found[1]]
            hint = "; in quotes, because # begins a comment in most shells" if str(action.metavar)[0] == "#" else ""
            message = f"{found[1]} without a value: expected {action.metavar}{hint}"
        raise UsageError(f"{message} (see {self.prog} --help)")

    def format_help(self) -> str:
        """Return the help that ``--help`` shows."""
        if not self._common:
            return self.format_all()
        self.formatter_class = argparse.RawDescriptionHelpFormatter
        formatter = self._get_formatter()
        formatter.add_usage(self.usage, self._actions, self._mutually_exclusive_groups)
        formatter.add_text(self.description)
        positional = [action for action in self._actions if not action.option_strings]
        common = [action for action in self._actions if action.option_strings and action.dest in self._common]
        common.sort(key=lambda action: action.dest in _HELP)
        for title, actions in (("arguments", positional), ("most used options", common)):
            formatter.start_section(title)
            formatter.add_arguments(actions)
            formatter.end_section()
        return formatter.format_help()

    def format_all(self) -> str:
        """Return the help that ``--help-all`` shows."""
        self.formatter_class = argparse.RawDescriptionHelpFormatter
        return super().format_help()


class _HelpAll(argparse.Action):
    """Shows all options of a command and ends the program."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:  # noqa: A002 - argparse's name
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        assert isinstance(parser, CommandParser)  # noqa: S101 - only such a parser has this option
        sys.stdout.write(parser.format_all())
        parser.exit()


def _unknown_command(word: str, commands: Iterable[str]) -> str:
    """Return the error about a first word that is no command: an option, a path, or a name with a slip."""
    if word.startswith("-") and word != STREAM:
        if close := did_you_mean(word, commands):
            return f"unknown option {word}{close} (ics --help shows all commands)"
        return f"option {word} before the command: expected ics COMMAND [options], such as ics compress {word}"
    is_place = word == STREAM or os.path.lexists(word)
    close = f"; did you mean ics compress {word}?" if is_place else did_you_mean(word, commands)
    return f"unknown command {word!r}{close} (ics --help shows all commands)"


def _example_text(examples: Sequence[tuple[str, str]]) -> str:
    """Return command lines with their words in a second column."""
    width = max(len(line) for line, _ in examples)
    lines = "\n".join(f"  {line:<{width}}  {words}".rstrip() for line, words in examples)
    return f"example{'s' * (len(examples) > 1)}:\n{lines}"
