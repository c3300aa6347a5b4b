"""``run.json``: the last run that wrote into a folder, with all that is needed to repeat it."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from icsys.files.atomic import write_json
from icsys.files.parsing import read_json
from icsys.layout import RUN
from icsys.records.output_folders import is_run_record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from icsys.files.rooted_path import RootedPath
    from icsys.summary import RunSummary

_FIRST_NAMES = 10
_PACKAGES = ("PIL", "deflate", "numpy", "oxipng", "pi_heif", "pyarrow", "scipy", "simplejpeg", "sklearn")


def write_run(
    destination: RootedPath,
    settings: Mapping[str, Any],
    summary: RunSummary,
    tool_version: str,
    *,
    source: str,
    started: float,
    classes: Sequence[str] = (),
    names: Sequence[str] = (),
) -> None:
    """Write options, versions, counts and times of a run that ends now and started at ``started`` (Unix time).

    ``classes``: the names of all classes by their numbers, if the source has them. ``names``: the files below the
    source that the run was for, if it was for some only; the first of them are written, and their number.
    """
    record = {
        "tool_version": tool_version,
        "versions": {"python": sys.version.split()[0], **_versions()},
        "platform": _platform(),
        "source": source,
        "options": dict(settings),
        "summary": summary.to_dict(),
        "started": _iso(started),
        "finished": _iso(time.time()),
        **({"classes": list(classes)} if classes else {}),
        **({"files": {"count": len(names), "first": list(names[:_FIRST_NAMES])}} if names else {}),
    }
    write_json(destination / RUN, record)


def write_merged(
    destination: RootedPath,
    runs: Sequence[Mapping[str, Any]],
    summary: RunSummary,
    tool_version: str,
    options: Mapping[str, Any],
) -> None:
    """Write the values that the runs of all shards share, and under ``shards`` the values of each.

    ``options``: what all shards were made with; a palette file may have another path on each machine.
    """
    common = _common(runs)
    classes = max(map(classes_of, runs), key=len, default=[])  # a run that was stopped may not know all
    record = {
        "tool_version": tool_version,
        **common,
        "options": {**options, **common.get("options", {})},
        **({"classes": classes} if classes else {}),
        "summary": summary.to_dict(),
        "started": min((run["started"] for run in runs if run.get("started")), default=None),
        "finished": max((run["finished"] for run in runs if run.get("finished")), default=None),
        "shards": [_own(run, common) for run in runs],
    }
    write_json(destination / RUN, record)


def write_merged_summary(destination: RootedPath, summary: RunSummary) -> None:
    """Write the summary of a merge once more, after its images are packed."""
    write_json(destination / RUN, read_run(destination) | {"summary": summary.to_dict()})


def classes_of(record: Mapping[str, Any]) -> list[str]:
    """Return the names of all classes by number in the record of a run; none if it has none."""
    names = record.get("classes")
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else []


def _platform() -> str:
    """Return the system, its release and the machine, such as "Linux 6.8.0 x86_64"."""
    if hasattr(os, "uname"):  # the module platform takes a millisecond to load
        found = os.uname()
        return f"{found.sysname} {found.release} {found.machine}"
    import platform  # noqa: PLC0415 - Windows needs it

    return f"{platform.system()} {platform.release()} {platform.machine()}"


def _common(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the values that are the same in all runs, within tables, too."""
    common: dict[str, Any] = {}
    for name, value in (runs[0] if runs else {}).items():
        values = [run.get(name) for run in runs]
        if isinstance(value, dict):
            common[name] = _common([table if isinstance(table, dict) else {} for table in values])
        elif all(other == value for other in values):
            common[name] = value
    return common


def _own(run: Mapping[str, Any], common: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a run that are not the same in all runs."""
    own: dict[str, Any] = {}
    for name, value in run.items():
        if isinstance(value, dict):
            rest = _own(value, common.get(name, {}))
            own |= {name: rest} if rest else {}
        elif name not in common:
            own[name] = value
    return own


def named_files(record: Mapping[str, Any]) -> tuple[list[str], int]:
    """Return the first files that a run was for, and the number of the others; nothing if it was for a whole source."""
    match record.get("files"):
        case {"count": int(count), "first": list(first)} if all(isinstance(name, str) for name in first):
            return first, max(0, count - len(first))
    return [], 0


def read_run(destination: RootedPath) -> dict[str, Any]:
    """Return the record of the last run; empty if there is none, or it is not as ICS writes it."""
    try:
        record = read_json(destination / RUN)
    except (OSError, ValueError):
        return {}
    return record if is_run_record(record) else {}


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _versions() -> dict[str, str]:
    """Return the versions of loaded packages that may affect the bytes of outputs."""
    versions = {name: getattr(sys.modules.get(name), "__version__", None) for name in _PACKAGES}
    return {name: version for name, version in versions.items() if version is not None}
