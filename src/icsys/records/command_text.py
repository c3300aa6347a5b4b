"""The command line that repeats a run."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING

from icsys.options import Options

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_PLAIN_IN_POWERSHELL = re.compile(r"[\w./:\\+=-]+", re.ASCII)


def command_text(
    command: str,
    folders: Sequence[str],
    options: Options,
    settings: Mapping[str, object],
    named: Collection[str] = (),
) -> str:
    """Return the command line that repeats a run, with every option that differs from its default, or is ``named``.

    Examples
    --------
    >>> command_text("compress", ["my photos", "out"], Options(colors=8, scale=0.5), {"jobs": 2, "isolate": False})
    "ics compress 'my photos' out --colors 8 --scale 0.5 --jobs 2"
    """
    usual = Options().to_dict()
    chosen = {name: value for name, value in options.to_dict().items() if name in named or usual.get(name) != value}
    words = ["ics", command, *folders]
    for name, value in (chosen | dict(settings)).items():
        if value is None or (value is False and name not in chosen):
            continue
        words.append(f"--{'no-' if value is False else ''}{name.replace('_', '-')}")
        if isinstance(value, bool):
            continue
        if str(value).startswith("-"):  # a word of its own would be taken for an option
            words[-1] += f"={value}"
        else:
            words.append(str(value))
    return shell_text(words)


def shell_text(words: Sequence[str], system: str = os.name) -> str:
    """Return words as one line for the shell of a system: PowerShell on Windows, a POSIX shell elsewhere.

    Examples
    --------
    >>> print(shell_text(["ics", "it's", "#fff"], "posix"), shell_text(["ics", "it's", "#fff"], "nt"), sep=" | ")
    ics 'it'"'"'s' '#fff' | ics 'it''s' '#fff'
    """
    return shlex.join(words) if system != "nt" else " ".join(map(_in_powershell, words))


def _in_powershell(word: str) -> str:
    # Its typographic quotes mean the same as the plain one.
    return word if _PLAIN_IN_POWERSHELL.fullmatch(word) else "'{}'".format(re.sub("(['‘’‚‛])", r"\1\1", word))  # noqa: RUF001
