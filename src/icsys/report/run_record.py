"""Read the record of a finished run from its output folder: images, failures, stale outputs and ``run.json``."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from icsys.color.quality_metrics import psnr_of
from icsys.errors import UsageError
from icsys.layout import FAILURES, MANIFEST
from icsys.options import Options
from icsys.records.manifest import FAILED, LEFT_OUT, STALE, is_damaged, read_rows, row_kind
from icsys.records.run_json import read_run
from icsys.report.html import Problem
from icsys.report.humanize import printable
from icsys.results import IMAGE, Measured, is_tiny

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
    """The record of a run.

    Attributes
    ----------
    images
        The compressed images.
    failures, companion_failures
        The images, and the files that go with images, that failed.
    stale
        Number of stale outputs.
    run
        The content of ``run.json``.
    companions
        Number of files that go with images, by kind.
    left_out
        Number of images that a rule left out.
    """

    images: list[RunImage] = field(default_factory=list)
    failures: list[Problem] = field(default_factory=list)
    stale: int = 0
    run: dict[str, Any] = field(default_factory=dict)
    companion_failures: list[Problem] = field(default_factory=list)
    companions: Counter[str] = field(default_factory=Counter)
    left_out: int = 0

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
    companions: dict[str, str] = {}
    failures: dict[str, tuple[str, Problem]] = {}
    stale: set[str] = set()
    left_out: set[str] = set()
    for _, row in chain(read_rows(destination / FAILURES), read_rows(destination / MANIFEST)):
        source, output, status = row["source_path"], row.get("file_name"), row["status"]
        if status == FAILED:
            problem = Problem(printable(source), str(row.get("code")), printable(str(row.get("message"))))
            failures[source] = row_kind(row), problem
        elif status == LEFT_OUT:
            failures.pop(source, None)
            left_out.add(source)
        elif isinstance(output, str):
            images.pop(output, None)
            companions.pop(output, None)
            stale.discard(output)
            if status == STALE:
                stale.add(output)
                continue
            failures.pop(source, None)
            left_out.discard(source)
            if row_kind(row) == IMAGE:
                images[output] = _image_in(row)
            else:
                companions[output] = row_kind(row)
    return RunRecord(
        list(images.values()),
        [problem for kind, problem in failures.values() if kind == IMAGE],
        len(stale),
        read_run(destination),
        [problem for kind, problem in failures.values() if kind != IMAGE],
        Counter(companions.values()),
        len(left_out),
    )


def _image_in(row: dict[str, Any]) -> RunImage:
    """Return the facts in the row of a compressed image."""
    return RunImage(
        row["file_name"],
        row.get("shard"),
        row["source_path"],
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
