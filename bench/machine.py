"""What a figure depends on: the machine, the versions, the commit and the command."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def cpu_model() -> str:
    """Return the name of the processor, if the system has one."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    if sys.platform == "darwin":
        return _output(["sysctl", "-n", "machdep.cpu.brand_string"]) or platform.machine()
    return platform.processor() or platform.machine()


def commit() -> str:
    """Return the short hash of the commit that is measured, with "+ changes" where files differ from it."""
    name = _output(["git", "rev-parse", "--short", "HEAD"]) or "none"
    changed = _output(["git", "status", "--porcelain", "--untracked-files=no"])
    return f"{name} + changes" if changed else name


def versions(*packages: str) -> str:
    """Return "name version" of every installed one of ``packages``, comma-separated."""
    found = []
    for name in packages:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def describe(program: str, arguments: list[str], *packages: str) -> str:
    """Return a Markdown list of everything needed to judge and to repeat a benchmark.

    Folders are named by their last part only: the place of the photos is private.
    """
    shown = [Path(word).name if Path(word).is_dir() else word for word in arguments]
    command = shlex.join(["python", f"bench/{program}", *shown])
    lines = (
        f"- Command: `{command}`",
        f"- Commit: {commit()}",
        f"- Processor: {cpu_model()}, {os.cpu_count()} cores",
        f"- System: {platform.system()} {platform.release()}, Python {platform.python_version()}",
        f"- Packages: {versions(*packages)}",
    )
    return "\n".join(lines)


def _output(command: list[str]) -> str:
    """Return what ``command`` prints, or "" where it fails or is missing."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
