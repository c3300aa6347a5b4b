"""Results: what happened to each image, and the summary of a run. Plain data that goes from process to process."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard, cast

from icsys.choices import MEASURES
from icsys.options import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

_LARGEST = 2**63


def _is_finite(value: object) -> TypeGuard[float]:
    return type(value) in {int, float} and -_LARGEST < cast("float", value) < _LARGEST


@dataclass(frozen=True, slots=True)
class Measured:
    """The quality that ``colors="auto"`` reached in one image.

    Attributes
    ----------
    target
        The quality to reach.
    value
        The quality of the output compared with the resized image; None for the PSNR of equal images.
    """

    target: Target
    value: float | None

    @property
    def met(self) -> bool:
        """Whether the output reaches the target; otherwise it has 256 colours."""
        return self.value is None or self.target.met_by(self.value)

    def columns(self) -> dict[str, Any]:
        """Return columns of the manifest: one named after the measure, ``quality_target`` and ``quality_met``."""
        return {self.target.measure: self.value, "quality_target": self.target.value, "quality_met": self.met}

    @classmethod
    def from_columns(cls, row: Mapping[str, Any]) -> Measured | None:
        """Return the quality in these columns; None if the number of colours was given."""
        for measure in MEASURES:
            target, value = row.get("quality_target"), row.get(measure)
            if measure in row and _is_finite(target) and (value is None or _is_finite(value)):
                return cls(Target(measure, target), value)
        return None


class ImageCounts(NamedTuple):
    """What one compressed image adds to a summary."""

    bytes_in: int
    bytes_out: int
    elements_in: int
    elements_out: int
    is_animated: bool
    is_damaged: bool
    kept_source: bool
    colors: int | None
    measured: Measured | None


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
        Numbers that a model reads: width x height x channels, before and after.
    colors
        Colours of the output; None if they were not reduced. With a shared palette: all entries of the palette.
    palette
        Hash of the shared palette; None if the image has its own.
    source_mtime_ns, source_sha256, sha256
        Time of the source file's last change in nanoseconds since 1970, and the SHA-256 of both files.
    format, mode, orientation, frames
        Of the source: file format, pixel mode, EXIF orientation that was applied, number of frames.
    mse
        Error of the colour reduction: squared error summed over R, G and B, mean over pixels. With alpha: the mean of
        the errors over black and over white. None if colours were not reduced.
    measured
        The quality by which the number of colours was chosen; None if the number was given.
    warning
        What is wrong with a damaged source; None if the source is intact.
    kept_source
        Whether the output is a copy of the source file, because the compressed file would be larger.
    seconds, kmeans_seconds
        Time for the whole image, and for K-means.
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

    def counts(self) -> ImageCounts:
        """Return what the image adds to a summary."""
        return ImageCounts(
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            elements_in=self.elements_in,
            elements_out=self.elements_out,
            is_animated=self.frames > 1,
            is_damaged=self.warning is not None,
            kept_source=self.kept_source,
            colors=self.colors,
            measured=self.measured,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """One image that was skipped, for example because it is up to date; ``reason`` is a sentence."""

    source: str
    output: str
    reason: str
    status: str = field(default="skipped", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """One image that could not be compressed: ``code`` is a stable word, ``message`` a sentence."""

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
"""The columns of :class:`Measured`."""


def to_record(result: Result) -> dict[str, Any]:
    """Return a result as plain JSON values. All kinds have the same keys; a value that a kind lacks is None."""
    names = {f.name: None for kind in (Compressed, Skipped, Failed) for f in dataclasses.fields(kind)}
    values = names | dict.fromkeys(QUALITY) | dataclasses.asdict(result)
    del values["measured"]
    return values | (result.measured.columns() if isinstance(result, Compressed) and result.measured else {})


@dataclass(slots=True)
class ColorsFound:
    """The numbers of colours that ``colors="auto"`` chose for the images of a run.

    Attributes
    ----------
    target
        The quality to reach, in the first image.
    images
        Number of images by number of colours.
    missed
        Number of images that miss the target.
    """

    target: Target
    images: dict[int, int] = field(default_factory=dict)
    missed: int = 0

    @property
    def mean(self) -> float:
        """Mean number of colours of an image."""
        return sum(colors * images for colors, images in self.images.items()) / sum(self.images.values())

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        images = {str(colors): count for colors, count in sorted(self.images.items())}
        span = {"fewest": min(self.images), "most": max(self.images), "mean": self.mean}
        return {"target": str(self.target), **span, "missed": self.missed, "images": images}


@dataclass(frozen=True, slots=True)
class ColorsChosen:
    """The one number of colours that ``colors="auto"`` chose for the whole dataset, and why.

    Attributes
    ----------
    colors
        The number.
    target, share
        The quality to reach, and the share of images that should reach it.
    sampled
        Number of images in the sample.
    reached
        Number of sampled images that reach the target with at most ``colors`` colours.
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
    """A run in numbers. Bytes and elements are those of the compressed images only.

    Attributes
    ----------
    images
        Number of images: compressed + skipped + failed.
    skips
        Number of skipped images by reason.
    ignored
        Number of files that are no images, are hidden, or are links.
    outputs_passed_over
        Output folders of other runs below the source folder, as paths below it. They were not read.
    animated
        Number of images with several frames. The first frame was used.
    damaged
        Number of images that are damaged and were compressed anyway.
    kept_sources
        Number of images whose output is a copy of the source file.
    seconds
        Time of the whole run.
    failures
        The images that failed.
    stale
        Outputs of earlier runs whose sources are gone or have other outputs now, as paths below the destination.
    shards
        Packs that hold the images, as paths below the destination; empty if the images are not packed.
    colors_found
        Numbers of colours chosen by ``colors="auto"``; None if no image was compressed with it.
    colors_chosen
        The number of colours chosen for the whole dataset; None if it was chosen for each image, or given.
    stopped
        Why the run ended before all images were done; empty if all are done.
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
        """Bytes before divided by bytes after; None if no image was compressed."""
        return self.bytes_in / self.bytes_out if self.bytes_out else None

    @property
    def foreign(self) -> int:
        """Number of images skipped because a file that ICS did not write exists at the path of the output."""
        return self.skips.get(FOREIGN, 0)

    def add(self, result: Result) -> None:
        """Count one more result."""
        self.images += 1
        match result:
            case Compressed():
                self._add_compressed(result.counts())
            case Skipped():
                self.skipped += 1
                self.skips[result.reason] = self.skips.get(result.reason, 0) + 1
            case Failed():
                self.failed += 1
                self.failures.append(result)

    def add_counts(self, counts: ImageCounts) -> None:
        """Count one more compressed image, whose result is a row on the disk."""
        self.images += 1
        self._add_compressed(counts)

    def _add_compressed(self, counts: ImageCounts) -> None:
        self.compressed += 1
        self.animated += counts.is_animated
        self.damaged += counts.is_damaged
        self.kept_sources += counts.kept_source
        self.bytes_in += counts.bytes_in
        self.bytes_out += counts.bytes_out
        self.elements_in += counts.elements_in
        self.elements_out += counts.elements_out
        self.add_colors(counts.colors, counts.measured)

    def add_colors(self, colors: int | None, measured: Measured | None) -> None:
        """Count the colours of one more image, if ``colors="auto"`` chose their number."""
        if measured is not None and colors is not None:
            self.colors_found = self.colors_found or ColorsFound(measured.target)
            self.colors_found.images[colors] = self.colors_found.images.get(colors, 0) + 1
            self.colors_found.missed += not measured.met

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values: without ``failures`` and ``skips``; stale outputs and packs are counted."""
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
