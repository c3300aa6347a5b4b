"""Results: what happened to each image, as plain data that goes from process to process."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard, cast

from icsys.choices import MEASURES
from icsys.options import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

_LARGEST = 2**63
TINY = 16
"""Pixels: an output with a shorter side is tiny, and shows next to nothing of a photo."""


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


def is_tiny(source_width: int, source_height: int, width: int, height: int) -> bool:
    """Return whether an output has a side below 16 pixels, and its source has none.

    Examples
    --------
    >>> is_tiny(533, 400, 3, 2), is_tiny(533, 400, 107, 80), is_tiny(300, 8, 60, 2)
    (True, False, False)
    """
    return min(width, height) < TINY <= min(source_width, source_height)


class ImageCounts(NamedTuple):
    """What one compressed image adds to a summary."""

    bytes_in: int
    bytes_out: int
    elements_in: int
    elements_out: int
    is_animated: bool
    is_damaged: bool
    is_warned: bool
    kept_source: bool
    colors: int | None
    measured: Measured | None
    is_tiny: bool
    is_small: bool
    redone: str = ""


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
        What is wrong with the source; None if it is intact.
    damaged
        Whether pixels are missing or wrong because of it.
    kept_source
        Whether the output is a copy of the source file, because the compressed file would be larger.
    small_source
        Whether the source is smaller than ``size``, so that it had to be enlarged, surrounded by background, or kept.
    redone
        Why an output of an earlier run was made again: its ``"options"`` differ, or its ``"source"`` has changed; empty
        for any other reason, and for a new output.
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
    damaged: bool = False
    kept_source: bool = False
    palette: str | None = None
    small_source: bool = False
    redone: str = ""
    seconds: float
    kmeans_seconds: float
    status: str = field(default="compressed", init=False)

    @property
    def tiny_output(self) -> bool:
        """Whether the output has a side below 16 pixels, and its source has none."""
        return is_tiny(self.source_width, self.source_height, self.width, self.height)

    def counts(self) -> ImageCounts:
        """Return what the image adds to a summary."""
        return ImageCounts(
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            elements_in=self.elements_in,
            elements_out=self.elements_out,
            is_animated=self.frames > 1,
            is_damaged=self.damaged,
            is_warned=self.warning is not None and not self.damaged,
            kept_source=self.kept_source,
            colors=self.colors,
            measured=self.measured,
            is_tiny=self.tiny_output,
            is_small=self.small_source,
            redone=self.redone,
        )


IMAGE, MASK, ANNOTATION, SIDECAR = "image", "mask", "annotation", "sidecar"
COMPANIONS = (MASK, ANNOTATION, SIDECAR)
"""Kinds of files that go with images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """One file that was skipped, for example because it is up to date; ``reason`` is a sentence."""

    source: str
    output: str
    reason: str
    kind: str = IMAGE
    status: str = field(default="skipped", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """One file that could not be done: ``code`` is a stable word, ``message`` a sentence.

    ``picture`` is the source of the image that a companion belongs to, if it is about one.
    """

    source: str
    code: str
    message: str
    kind: str = IMAGE
    picture: str = ""
    status: str = field(default="failed", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """One image that a rule of the run leaves out: ``rule`` is the name of the setting, ``message`` a sentence."""

    source: str
    rule: str
    message: str
    status: str = field(default="left_out", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionWritten:
    """One companion that was written.

    Attributes
    ----------
    kind, form
        As in :class:`~icsys.sources.base.Companion`.
    source, output
        Paths below the source and the destination folder, with forward slashes.
    picture
        The path of its image below the source; empty if it is about many.
    bytes_in, bytes_out, source_mtime_ns, source_sha256, sha256, redone, seconds
        As in :class:`Compressed`. A file may be empty.
    options_hash
        Hash of everything beside the source that decides its bytes.
    width, height
        Size of a mask, in pixels; None for other kinds.
    labels, dropped
        Number of labels in it (boxes, polygons, points), and of labels that were left out because nothing, or too
        little, of them is left in the picture.
    warning
        What its reader should know; None otherwise.
    """

    kind: str
    form: str
    source: str
    output: str
    picture: str
    bytes_in: int
    bytes_out: int
    source_mtime_ns: int
    source_sha256: str
    sha256: str
    options_hash: str
    width: int | None = None
    height: int | None = None
    labels: int = 0
    dropped: int = 0
    warning: str | None = None
    redone: str = ""
    seconds: float
    status: str = field(default="compressed", init=False)


UNCHANGED = "done already with the same options; --overwrite always does it again"
FOREIGN = "a file that ics did not write has its place; --overwrite always replaces it"
NOT_FAILED = "it has not failed, and --retry-failed takes up only what has"
"""Why an image is skipped."""

OTHER_OPTIONS, CHANGED_SOURCE = "options", "source"
"""Why an output of an earlier run is made again."""

CompanionResult = CompanionWritten | Skipped | Failed
Result = Compressed | CompanionResult | LeftOut

QUALITY = (*MEASURES, "quality_target", "quality_met")
"""The columns of :class:`Measured`."""


_RESULTS = (Compressed, Skipped, Failed, LeftOut, CompanionWritten)


def to_record(result: Result) -> dict[str, Any]:
    """Return a result as plain JSON values. All kinds have the same keys; a value that a kind lacks is None.

    The rule that leaves an image out is its ``code``, as in the manifest.
    """
    names = {f.name: None for kind in _RESULTS for f in dataclasses.fields(kind)} | {"kind": IMAGE}
    values = names | dict.fromkeys(QUALITY) | dataclasses.asdict(result)
    for name in ("measured", "options_hash"):
        del values[name]
    rule = values.pop("rule")
    values["code"] = rule or values["code"]
    values["tiny_output"] = result.tiny_output if isinstance(result, Compressed) else None
    return values | (result.measured.columns() if isinstance(result, Compressed) and result.measured else {})
