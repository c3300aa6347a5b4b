"""How a report was made: the versions and the machine."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = ("numpy", "pillow", "scikit-learn", "simplejpeg", "deflate", "matplotlib")


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
