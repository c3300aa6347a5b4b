"""The command line that repeats a run."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from icsys.options import Options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def command_text(command: str, folders: Sequence[str], options: Options, settings: Mapping[str, object]) -> str:
    """Return the command line that repeats a run, with every option that differs from its default.

    Examples
    --------
    >>> command_text("compress", ["my photos", "out"], Options(colors=8, scale=0.5), {"jobs": 2, "isolate": False})
    "ics compress 'my photos' out --colors 8 --scale 0.5 --jobs 2"
    """
    usual = Options().to_dict()
    chosen = {name: value for name, value in options.to_dict().items() if usual.get(name) != value}
    words = ["ics", command, *folders]
    for name, value in (chosen | dict(settings)).items():
        if value is None or (value is False and name not in chosen):
            continue
        words.append(f"--{'no-' if value is False else ''}{name.replace('_', '-')}")
        if value is False:
            continue
        if value is not True:
            words.append(str(value))
    return shlex.join(words)
