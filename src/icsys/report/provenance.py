"""How a report was made: the command, the versions and the machine."""

from __future__ import annotations

import os
import platform
import shlex
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from icsys.options import Options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PACKAGES = ("numpy", "pillow", "scikit-learn", "simplejpeg", "deflate", "matplotlib")


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


def version_facts(tool_version: str) -> list[tuple[str, str]]:
    """Return the versions of ICS, Python and packages, and the machine, by name."""
    found = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return [("Version", f"ICS {tool_version}"), ("Python", python), ("Packages", ", ".join(found)), ("Machine", system)]
