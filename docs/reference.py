"""Write docs/reference.md, the command reference, from the parser of the command line.

Run it with ``python docs/reference.py``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.cli.parser import command_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from icsys.cli.help import CommandParser

PAGE = Path(__file__).with_suffix(".md")

_HEAD = """\
# Commands and options

Generated from the program by `docs/reference.py`; `ics COMMAND --help` prints the same. `ics compress`, `compare` and
`demo` print all options with `--help-all`.

`ics` alone prompts for the algorithm, the number of colours and the size, and turns the folder `Uncompressed` into the
folder `Compressed`. The forms with `--no-` turn off an option that a file of options turns on.
"""

_TAIL = """\
## Exit codes

| code | meaning |
|---:|---|
| 0 | all images are done or skipped; `ics verify`: every file is intact |
| 1 | some images failed, or the run ended early, such as on a full disk; `ics verify`: some files are not intact |
| 2 | wrong usage; nothing was done |
| 130 | interrupted with Ctrl-C; the next run resumes |
| 143 | ended by SIGTERM; the next run resumes |
| 129 | the terminal was closed; the next run resumes |

## On the terminal

Progress, notes, failures and errors go to standard error, and the report to standard output. `--quiet` leaves failures
and errors. An option that has no effect beside the others, such as `--fit` without `--size`, is named in a note, and
the run goes on. Failures are red and the result is green at a terminal; `NO_COLOR=1` or `TERM=dumb` turns colour off.

## A file of options

`--config FILE.toml` reads options by their names without the dashes in front, and the command line wins over the file.
`--print-options` prints the options that a run would use in that form:

```sh
ics compress --colors 8 --size 224x224 --print-options
```
"""


_HELP = {"help", "help_all"}


def reference() -> str:
    """Return the page."""
    parser = command_parser()
    commands = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    parts = [_HEAD]
    documented: dict[str, str] = {}
    for name, command in commands.choices.items():
        parts.append(f"## ics {name}\n\n{_one_line(command.summary)}\n")
        lists = "\n".join(_lists(command))
        twin = next((other for other, known in documented.items() if known == lists), None)
        if twin:
            parts.append(f"Its options are those of [`ics {twin}`](#ics-{twin}).\n")
        else:
            documented[name] = lists
            parts.append(f"{_usage(command)}\n{lists}")
    return "\n".join([*parts, _TAIL])


def _usage(command: CommandParser) -> str:
    """Return the arguments that are paths as a list, or nothing."""
    places = [action for action in command.places._group_actions if action.dest not in _HELP]
    items = [f"- `{_flag(action) if action.option_strings else _shown(action)}`: {action.help}\n" for action in places]
    return f"Arguments:\n\n{''.join(items)}" if items else ""


def _lists(command: CommandParser) -> Iterator[str]:
    """Yield a list for every group of options."""
    for group in command._action_groups[1:]:  # the first one holds the paths
        options = [action for action in group._group_actions if action.option_strings and action.dest not in _HELP]
        if options:
            items = (f"- `{_flag(action)}`: {_one_line(action.help)}" for action in options)
            yield "\n".join((f"### {(group.title or '').capitalize()}\n", *items, ""))


def _flag(action: argparse.Action) -> str:
    """Return an option as users type it; a switch has two forms."""
    if action.nargs == 0:
        return "`, `".join(action.option_strings)
    return f"{action.option_strings[0]} {_shown(action)}"


def _shown(action: argparse.Action) -> str:
    return str(action.metavar or action.dest)


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8", newline="\n")
