"""What happened to each image, and the sum of it: plain data that every engine can hand over."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from icsys.choices import MEASURES
from icsys.options import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

_LARGEST = 2**63


def _is_finite(value: object) -> TypeGuard[float]:
    return type(value) in {int, float} and -_LARGEST < cast("float", value) < _LARGEST


@dataclass(frozen=True, slots=True)
class Measured:
    """What ``colors="auto"`` came to in one image.

    Attributes
    ----------
    target
        What was asked for.
    value
        Its measure of the output against the resized picture; None for the PSNR of pictures that do not differ.
    """

    target: Target
    value: float | None

    @property
    def met(self) -> bool:
        """Whether the value is as good as asked for; where it is not, the output has 256 colours."""
        return self.value is None or self.target.met_by(self.value)

    def columns(self) -> dict[str, Any]:
        """Return it as columns: one with the name of the measure, ``quality_target`` and ``quality_met``."""
        return {self.target.measure: self.value, "quality_target": self.target.value, "quality_met": self.met}

    @classmethod
    def from_columns(cls, row: Mapping[str, Any]) -> Measured | None:
        """Read what :meth:`columns` has written; None where the number of colours was given."""
        for measure in MEASURES:
            target, value = row.get("quality_target"), row.get(measure)
            if measure in row and _is_finite(target) and (value is None or _is_finite(value)):
                return cls(Target(measure, target), value)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compressed:
    """One image that was written.

    Attributes
    ----------
    source, output
        Paths below the source and the destination folder, with forward slashes.
    bytes_in, bytes_out
        Size of the source file and of the output file.
    source_width, source_height, width, height
        Pixels before (upright) and after.
    elements_in, elements_out
        Numbers a learner reads: width x height x channels, before and after.
    colors
        Colours of the output; None where they were not reduced. Of a palette that images share, all its entries.
    palette
        Hash of the palette that the image shares with others; None where it has its own.
    source_mtime_ns, source_sha256, sha256
        Time of the source file's last change in nanoseconds since 1970, and the SHA-256 of both files' bytes.
    format, mode, orientation, frames
        Of the source: file format, pixel mode, EXIF orientation that was applied, number of frames.
    mse
        Mean over pixels of the squared error summed over R, G and B that the colour reduction cost, with alpha the mean
        of that over black and over white; None where colours were not reduced.
    measured
        The quality by which the number of colours was found; None where it was given.
    warning
        What is wrong with a damaged source that was kept; None for all others.
    kept_source
        Whether the output is the source's own bytes: what would have been written was larger.
    seconds, kmeans_seconds
        Time for the whole image and for its K-means part.
    """

    source: str
    output: str
    bytes_in: int
    bytes_out: int
    source_width: int
    source_height: int
    width: int
    height: int
    elements_in: int
    elements_out: int
    source_mtime_ns: int
    source_sha256: str
    sha256: str
    colors: int | None
    format: str
    mode: str
    orientation: int
    frames: int
    mse: float | None
    measured: Measured | None = None
    warning: str | None = None
    kept_source: bool = False
    palette: str | None = None
    seconds: float
    kmeans_seconds: float
    status: str = field(default="compressed", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """One image that was left alone, such as one that is done already; ``reason`` says why."""

    source: str
    output: str
    reason: str
    status: str = field(default="skipped", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """One image that could not be processed: ``code`` is a stable word, ``message`` the reason in a sentence."""

    source: str
    code: str
    message: str
    status: str = field(default="failed", init=False)


UNCHANGED = "done already with the same options; --overwrite always does it again"
FOREIGN = "a file that ics did not write has its place; --overwrite always replaces it"
NOT_FAILED = "it has not failed, and --retry-failed takes up only what has"
"""Why an image is skipped."""

Result = Compressed | Skipped | Failed

QUALITY = (*MEASURES, "quality_target", "quality_met")
"""What stands for :class:`Measured` where results are columns."""


def to_record(result: Result) -> dict[str, Any]:
    """Return a result as plain JSON values; every kind has the same keys, None where it has nothing to say."""
    names = {f.name: None for kind in (Compressed, Skipped, Failed) for f in dataclasses.fields(kind)}
    values = names | dict.fromkeys(QUALITY) | dataclasses.asdict(result)
    del values["measured"]
    return values | (result.measured.columns() if isinstance(result, Compressed) and result.measured else {})


@dataclass(slots=True)
class ColorsFound:
    """What ``colors="auto"`` came to over many images.

    Attributes
    ----------
    target
        Of the first of them.
    images
        How many have how many colours.
    missed
        How many miss the target.
    """

    target: Target
    images: dict[int, int] = field(default_factory=dict)
    missed: int = 0

    @property
    def mean(self) -> float:
        """Colours of an image, in the mean."""
        return sum(colors * images for colors, images in self.images.items()) / sum(self.images.values())

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        images = {str(colors): count for colors, count in sorted(self.images.items())}
        span = {"fewest": min(self.images), "most": max(self.images), "mean": self.mean}
        return {"target": str(self.target), **span, "missed": self.missed, "images": images}


@dataclass(frozen=True, slots=True)
class ColorsChosen:
    """The one number of colours that ``per="dataset"`` chose for all images, and why.

    Attributes
    ----------
    colors
        The number.
    target, share
        What was to be reached, and by which share of the images.
    sampled
        Images of the sample in which colours were counted.
    reached
        Those of them that reach the target with so many colours or fewer.
    """

    colors: int
    target: Target
    share: float
    sampled: int
    reached: int

    def __str__(self) -> str:
        most = f"{self.reached} of {self.sampled} sampled images reach {self.target} with no more"
        missed = self.reached < self.share * self.sampled
        return f"{self.colors} for all images: {most}" + (f", and {self.share:.0%} were to" if missed else "")

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return dataclasses.asdict(self) | {"target": str(self.target)}


@dataclass(slots=True, kw_only=True)
class RunSummary:
    """A run in numbers; byte and element counts are those of the compressed images alone.

    Attributes
    ----------
    images
        Images met: compressed + skipped + failed.
    skips
        Skipped images by the reason why.
    ignored
        Files left alone because they are no images, are hidden, or are links.
    outputs_passed_over
        Output folders of other runs that lie below the source folder, by their paths there; nothing in them was read.
    animated
        Images of several frames, of which the first was used.
    damaged
        Images that are damaged and were kept all the same.
    kept_sources
        Images whose outputs are the sources' own bytes.
    seconds
        Run time of the whole.
    failures
        The images that failed, each with its reason.
    stale
        Outputs of earlier runs whose sources are gone or have other outputs now, below the destination folder.
    shards
        Files below the destination folder that hold the images, where they are packed.
    colors_found
        What ``colors="auto"`` came to; None where no image was compressed with it.
    colors_chosen
        What it chose for the dataset as a whole; None where it did not.
    stopped
        Why the run ended before all images were done; empty if it did not.
    """

    images: int = 0
    compressed: int = 0
    skipped: int = 0
    failed: int = 0
    ignored: int = 0
    animated: int = 0
    damaged: int = 0
    kept_sources: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    elements_in: int = 0
    elements_out: int = 0
    seconds: float = 0.0
    skips: dict[str, int] = field(default_factory=dict)
    failures: list[Failed] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    shards: list[str] = field(default_factory=list)
    outputs_passed_over: list[str] = field(default_factory=list)
    colors_found: ColorsFound | None = None
    colors_chosen: ColorsChosen | None = None
    stopped: str = ""

    @property
    def factor(self) -> float | None:
        """Bytes before over bytes after; None where nothing was compressed."""
        return self.bytes_in / self.bytes_out if self.bytes_out else None

    @property
    def foreign(self) -> int:
        """Images skipped because a file that ICS did not write has the place of their output."""
        return self.skips.get(FOREIGN, 0)

    def add(self, result: Result) -> None:
        """Count one more image."""
        self.images += 1
        match result:
            case Compressed():
                self.compressed += 1
                self.animated += result.frames > 1
                self.damaged += result.warning is not None
                self.kept_sources += result.kept_source
                self.bytes_in += result.bytes_in
                self.bytes_out += result.bytes_out
                self.elements_in += result.elements_in
                self.elements_out += result.elements_out
                self.add_colors(result.colors, result.measured)
            case Skipped():
                self.skipped += 1
                self.skips[result.reason] = self.skips.get(result.reason, 0) + 1
            case Failed():
                self.failed += 1
                self.failures.append(result)

    def add_colors(self, colors: int | None, measured: Measured | None) -> None:
        """Count the colours of one more image, if their number was found."""
        if measured is not None and colors is not None:
            self.colors_found = self.colors_found or ColorsFound(measured.target)
            self.colors_found.images[colors] = self.colors_found.images.get(colors, 0) + 1
            self.colors_found.missed += not measured.met

    def to_dict(self) -> dict[str, Any]:
        """Return counts and factor as plain JSON values, without the failures, and stale outputs and shards counted."""
        values = {
            f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in {"failures", "skips"}
        }
        return (
            values
            | {"factor": self.factor, "foreign": self.foreign, "stale": len(self.stale)}
            | {"shards": len(self.shards)}
            | {"colors_found": self.colors_found and self.colors_found.to_dict()}
            | {"colors_chosen": self.colors_chosen and self.colors_chosen.to_dict()}
        )
