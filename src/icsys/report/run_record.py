"""Read the record of a finished run from its output folder: images, failures, stale outputs and ``run.json``."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from icsys.color.quality_metrics import psnr_of
from icsys.errors import UsageError
from icsys.layout import FAILURES, MANIFEST
from icsys.options import Options
from icsys.records.manifest import DONE, FAILED, STALE, is_damaged, read_rows
from icsys.records.run_json import read_run
from icsys.report.html import Problem
from icsys.report.humanize import printable
from icsys.results import Measured, is_tiny

if TYPE_CHECKING:
    from icsys.files.rooted_path import RootedPath

_MOST_FACTOR = 1e6


@dataclass(frozen=True, slots=True)
class RunImage:
    """The manifest's facts about an image that the page needs."""

    output: str
    shard: str | None
    source: str
    bytes_in: int
    bytes_out: int
    pixels_in: int
    pixels_out: int
    colors: int | None
    mse: float | None
    source_sha256: str
    options_hash: str
    palette: str
    warning: str
    damaged: bool
    measured: Measured | None = None
    kept_source: bool = False
    tiny_output: bool = False
    small_source: bool = False

    @property
    def psnr(self) -> float:
        """PSNR in decibels; infinite if there is no error."""
        psnr = psnr_of(self.mse or 0.0)
        return math.inf if psnr is None else psnr

    @property
    def factor(self) -> float:
        """Bytes before over bytes after."""
        return self.bytes_in / self.bytes_out if self.bytes_out else _MOST_FACTOR

    @property
    def label(self) -> str:
        """The folder of the output."""
        return self.output.rpartition("/")[0]


@dataclass(slots=True)
class RunRecord:
    """The record of a run: images by output, failures by source, stale outputs, and ``run.json``."""

    images: list[RunImage] = field(default_factory=list)
    failures: list[Problem] = field(default_factory=list)
    stale: int = 0
    run: dict[str, Any] = field(default_factory=dict)

    @property
    def options(self) -> Options | None:
        """The options of the last run; None if they cannot be read."""
        names = {option.name for option in dataclasses.fields(Options)}
        found = {name: value for name, value in (self.run.get("options") or {}).items() if name in names}
        try:
            return Options.from_dict(found) if found else None
        except UsageError:
            return None


def read_record(destination: RootedPath) -> RunRecord:
    """Read the record of an output folder; of two rows for one output, the later one counts."""
    images: dict[str, RunImage] = {}
    failures: dict[str, Problem] = {}
    stale: set[str] = set()
    for _, row in chain(read_rows(destination / FAILURES), read_rows(destination / MANIFEST)):
        source, output = row["source_path"], row.get("file_name")
        if row.get("status") == FAILED:
            failures[source] = Problem(printable(source), str(row.get("code")), printable(str(row.get("message"))))
        elif row.get("status") == STALE and isinstance(output, str):
            images.pop(output, None)
            stale.add(output)
        elif row.get("status") == DONE and isinstance(output, str):
            stale.discard(output)
            failures.pop(source, None)
            images[output] = RunImage(
                output,
                row.get("shard"),
                source,
                row["source_bytes"],
                row["bytes"],
                row["source_width"] * row["source_height"],
                row["width"] * row["height"],
                row.get("colors"),
                row.get("mse"),
                row["source_sha256"],
                row["options_hash"],
                row.get("palette") or "",
                row.get("warning") or "",
                is_damaged(row),
                Measured.from_columns(row),
                row.get("kept_source", False),
                is_tiny(row["source_width"], row["source_height"], row["width"], row["height"]),
                row.get("small_source", False),
            )
    return RunRecord(list(images.values()), list(failures.values()), len(stale), read_run(destination))
