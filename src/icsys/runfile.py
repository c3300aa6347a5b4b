"""``run.json``: the last run that wrote into a folder, with all that it takes to repeat it."""

from __future__ import annotations

import json
import platform
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from icsys.dataset.whole import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from icsys.results import RunSummary

RUN = "run.json"
_PACKAGES = ("deflate", "numba", "numpy", "pillow", "pi-heif", "pyoxipng", "scikit-learn", "scipy")


def write_run(
    destination: Path, settings: Mapping[str, Any], summary: RunSummary, tool_version: str, started: float
) -> None:
    """Write the options, versions, counts and times of a run that ends now and began at ``started`` (Unix time)."""
    record = {
        "tool_version": tool_version,
        "versions": {"python": platform.python_version(), **_versions()},
        # platform.platform() would start another program.
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "options": dict(settings),
        "summary": summary.to_dict(),
        "started": _iso(started),
        "finished": _iso(time.time()),
    }
    write_whole(destination / RUN, json.dumps(record, indent=2).encode() + b"\n")


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _versions() -> dict[str, str]:
    """Return the versions of the packages that have a part in the bytes, of those that are installed."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
