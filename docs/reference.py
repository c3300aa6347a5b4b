"""Write docs/reference.md, the command reference, from the parser of the command line.

Run it with ``python docs/reference.py``.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.cli.parser import command_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from icsys.cli.help import CommandParser

PAGE = Path(__file__).with_suffix(".md")

_HEAD = """\
# Commands and options

Generated from the program by `docs/reference.py`; `ics COMMAND --help` prints the same. `ics compress`, `compare`,
`demo` and `learn` print all options with `--help-all`.

`ics` alone prompts for the algorithm, the number of colours and the size, and turns the folder `Uncompressed` into the
folder `Compressed`. The forms with `--no-` turn off an option that a file of options turns on.
"""

_TAIL = """\
## Exit codes

| code | meaning |
|---:|---|
| 0 | all images are done or skipped; `ics verify`: every file is intact |
| 1 | some images failed, or the work ended early, such as on a full disk; `ics verify`: some files are not intact |
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
    """Return the arguments that are paths as a table, or nothing."""
    places = [action for action in command.places._group_actions if action.dest not in _HELP]
    return "\n".join(_table("argument", places)) if places else ""


def _lists(command: CommandParser) -> Iterator[str]:
    """Yield a heading and a table for every group of options."""
    for group in command._action_groups[1:]:  # the first one holds the paths
        options = [action for action in group._group_actions if action.option_strings and action.dest not in _HELP]
        if options:
            yield "\n".join((f"### {(group.title or '').capitalize()}\n", *_table("option", options)))


def _table(title: str, actions: list[argparse.Action]) -> Iterator[str]:
    """Yield the lines of a table, in an element that style sheets can find."""
    yield '<div class="cards options" markdown>\n'
    yield f"| {title} | what it does | default |"
    yield "|---|---|---|"
    for action in actions:
        does, default = _parts(_one_line(action.help))
        if not default and action.nargs == 0:
            default = "no"
        yield f"| {_flag(action)} | {_escaped(does)} | {_escaped(default)} |"
    yield "\n</div>\n"


def _parts(text: str) -> tuple[str, str]:
    """Divide a help text into what the option does and its default; a sentence that follows belongs to the former.

    Examples
    --------
    >>> _parts("Follow links. Default: skip them. It may take long.")
    ('Follow links. It may take long.', 'skip them')
    """
    before, _, after = text.partition(" Default: ")
    default, _, more = after.partition(". ")
    return f"{before} {more}".strip(), default.removesuffix(".")


def _flag(action: argparse.Action) -> str:
    """Return an argument or an option as users type it, with the values to choose from; a switch has two forms."""
    shown = str(action.metavar or action.dest)
    if not action.option_strings:
        return f"`{shown}`"
    if action.nargs == 0:
        return " ".join(f"`{name}`" for name in action.option_strings)
    name = action.option_strings[0]
    *others, last = shown.split("|")
    # A pipe would end the cell.
    return f"`{name}` {', '.join(others)} or {last}" if others else f"`{name} {last}`"


def _escaped(text: str) -> str:
    """Return a text for a cell of a table, in which options do not break."""
    return re.sub(r"(?<!\S)(--[a-z-]+)", r"`\1`", text).replace("|", "\\|").replace("*", "\\*")


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8", newline="\n")
