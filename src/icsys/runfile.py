"""``run.json``: the last run that wrote into a folder, with all that it takes to repeat it."""

from __future__ import annotations

import json
import platform
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from icsys.dataset.whole import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from icsys.results import RunSummary

RUN = "run.json"
_PACKAGES = ("PIL", "deflate", "numpy", "oxipng", "pi_heif", "pyarrow", "scipy", "simplejpeg", "sklearn")


def write_run(
    destination: Path,
    settings: Mapping[str, Any],
    summary: RunSummary,
    tool_version: str,
    *,
    source: Path,
    started: float,
) -> None:
    """Write the options, versions, counts and times of a run that ends now and began at ``started`` (Unix time)."""
    record = {
        "tool_version": tool_version,
        "versions": {"python": platform.python_version(), **_versions()},
        # platform.platform() would start another program.
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "source": str(source.absolute()),
        "options": dict(settings),
        "summary": summary.to_dict(),
        "started": _iso(started),
        "finished": _iso(time.time()),
    }
    write_whole(destination / RUN, json.dumps(record, indent=2).encode() + b"\n")


def read_run(destination: Path) -> dict[str, Any]:
    """Return what the last run has written; nothing where it has not, or somebody else has changed it."""
    try:
        record = json.loads((destination / RUN).read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _versions() -> dict[str, str]:
    """Return the versions of the packages that may have a part in the bytes, of those that are loaded."""
    versions = {name: getattr(sys.modules.get(name), "__version__", None) for name in _PACKAGES}
    return {name: version for name, version in versions.items() if version is not None}
