"""The summary of a run: counts, bytes, time, failures, and chosen numbers of colours."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from icsys.ratio_words import times_text
from icsys.results import (
    ANNOTATION,
    CHANGED_SOURCE,
    FOREIGN,
    IMAGE,
    MASK,
    OTHER_OPTIONS,
    SIDECAR,
    TINY,
    CompanionWritten,
    Compressed,
    Failed,
    LeftOut,
    Skipped,
)

if TYPE_CHECKING:
    from icsys.bytes_chosen import BytesChosen
    from icsys.options import Target
    from icsys.results import CompanionResult, ImageCounts, Measured, Result

_SHOWN = 5  # failures in a table
_MAY_BE_COMPANIONS = (CompanionWritten, Skipped, Failed)
_PLURALS = {MASK: "masks", ANNOTATION: "annotations", SIDECAR: "sidecars"}
_LEFT_OUT_OF_JSON = {"failures", "skips", "companion_skips"}
_COUNTED = ("stale", "pruned", "shards", "companion_failures")


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
        Number of images: compressed + skipped + failed + left out by a rule.
    left_out
        Number of images that a rule left out, by the name of the setting.
    masks, annotations, sidecars
        Number of files written that go with images. None of them counts as an image, here and below.
    companion_skips
        Number of such files that were skipped, by reason.
    companions_warned, companion_warning
        Number of such files written with a warning, and the first of these.
    labels_dropped
        Number of labels in the files written that are left out because nothing, or too little, of them is left.
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
    warned
        Number of images that are whole but have a warning.
    kept_sources
        Number of images whose output is a copy of the source file.
    tiny_outputs
        Number of outputs with a side below 16 pixels whose sources have none.
    small_sources
        Number of images that are smaller than ``size``: enlarged, surrounded by background, or kept.
    redone_options, redone_sources
        Number of outputs of earlier runs that were made again because their options differ, or their sources have
        changed.
    seconds
        Time of the whole run.
    failures, companion_failures
        The images, and the files that go with images, that failed.
    stale
        Outputs of earlier runs whose sources are gone or have other outputs now, as paths below the destination.
    pruned
        Outputs of this kind that were removed; in a dry run they only would be.
    shards
        Packs that hold the images, as paths below the destination; empty if the images are not packed.
    palette_from
        Folders below the source, or patterns of them, whose images gave the shared palette; empty for all images.
    colors_found
        Numbers of colours chosen by ``colors="auto"``; None if no image was compressed with it.
    colors_chosen
        The number of colours chosen for the whole dataset; None if it was chosen for each image, or given.
    bytes_chosen
        What was chosen to keep all images within a number of bytes; None if none was given.
    notes
        What to know of how the run understood the source.
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
    warned: int = 0
    kept_sources: int = 0
    tiny_outputs: int = 0
    small_sources: int = 0
    redone_options: int = 0
    redone_sources: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    elements_in: int = 0
    elements_out: int = 0
    seconds: float = 0.0
    masks: int = 0
    annotations: int = 0
    sidecars: int = 0
    labels_dropped: int = 0
    companions_warned: int = 0
    companion_warning: str = ""
    left_out: dict[str, int] = field(default_factory=dict)
    skips: dict[str, int] = field(default_factory=dict)
    companion_skips: dict[str, int] = field(default_factory=dict)
    failures: list[Failed] = field(default_factory=list)
    companion_failures: list[Failed] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    pruned: list[str] = field(default_factory=list)
    shards: list[str] = field(default_factory=list)
    outputs_passed_over: list[str] = field(default_factory=list)
    palette_from: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    colors_found: ColorsFound | None = None
    colors_chosen: ColorsChosen | None = None
    bytes_chosen: BytesChosen | None = None
    stopped: str = ""

    @property
    def factor(self) -> float | None:
        """Bytes before divided by bytes after; None if no image was compressed."""
        return self.bytes_in / self.bytes_out if self.bytes_out else None

    @property
    def foreign(self) -> int:
        """Number of images skipped because a file that ICS did not write exists at the path of the output."""
        return self.skips.get(FOREIGN, 0)

    @property
    def is_whole(self) -> bool:
        """Whether the run came to its end, and no file failed."""
        return not (self.failed or self.companion_failures or self.stopped)

    @property
    def companions_skipped(self) -> int:
        """Number of files that go with images and were skipped."""
        return sum(self.companion_skips.values())

    def add(self, result: Result) -> None:
        """Count one more result, of an image or of a file that goes with images."""
        if isinstance(result, _MAY_BE_COMPANIONS) and result.kind != IMAGE:
            self.add_companion(result)
            return
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
            case LeftOut():
                self.left_out[result.rule] = self.left_out.get(result.rule, 0) + 1

    def add_companion(self, result: CompanionResult) -> None:
        """Count one more file that goes with images."""
        match result:
            case CompanionWritten():
                warning = f"{result.source!r}: {result.warning}" if result.warning else ""
                self.count_companion(result.kind, result.dropped, warning)
            case Skipped():
                self.companion_skips[result.reason] = self.companion_skips.get(result.reason, 0) + 1
            case Failed():
                self.companion_failures.append(result)

    def count_companion(self, kind: str, dropped: int, warning: str = "") -> None:
        """Count one more file written that goes with images, by its kind and its number of dropped labels.

        Parameters
        ----------
        warning
            What its reader should know, with its name; empty otherwise.
        """
        name = _PLURALS[kind]
        setattr(self, name, getattr(self, name) + 1)
        self.labels_dropped += dropped
        self.companions_warned += bool(warning)
        self.companion_warning = self.companion_warning or warning

    def add_counts(self, counts: ImageCounts) -> None:
        """Count one more compressed image, whose result is a row on the disk."""
        self.images += 1
        self._add_compressed(counts)

    def _add_compressed(self, counts: ImageCounts) -> None:
        self.compressed += 1
        self.animated += counts.is_animated
        self.damaged += counts.is_damaged
        self.warned += counts.is_warned
        self.kept_sources += counts.kept_source
        self.tiny_outputs += counts.is_tiny
        self.small_sources += counts.is_small
        self.redone_options += counts.redone == OTHER_OPTIONS
        self.redone_sources += counts.redone == CHANGED_SOURCE
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

    def _repr_html_(self) -> str:
        """Return a table for a notebook."""
        import html  # noqa: PLC0415 - for notebooks only

        left_out = sum(self.left_out.values())
        counts = f"{self.compressed:,} compressed, {self.skipped:,} skipped, {self.failed:,} failed"
        counts += f", {left_out:,} left out" if left_out else ""
        rows = [("images", counts), ("seconds", f"{self.seconds:,.2f}")]
        if self.bytes_out:
            smaller = times_text(self.bytes_in, self.bytes_out)
            fewer = times_text(self.elements_in, self.elements_out, less="fewer", more="more", what="number")
            rows.append(("bytes", f"{self.bytes_in:,} → {self.bytes_out:,}, {smaller}"))
            rows.append(("numbers for a model to read", f"{self.elements_in:,} → {self.elements_out:,}, {fewer}"))
        noted = (
            *((name, getattr(self, name)) for name in _PLURALS.values()),
            ("labels dropped", self.labels_dropped),
            (f"outputs below {TINY} pixels on a side", self.tiny_outputs),
            ("images smaller than the size", self.small_sources),
            ("done again with other options", self.redone_options),
            ("done again for a changed source", self.redone_sources),
            ("stale outputs removed", len(self.pruned)),
            ("stale outputs left", len(self.stale)),
        )
        rows += [(name, f"{count:,}") for name, count in noted if count]
        rows += [(f"skipped: {reason}", f"{count:,}") for reason, count in self.skips.items()]
        rows += [(f"masks or labels skipped: {reason}", f"{count:,}") for reason, count in self.companion_skips.items()]
        rows += [(f"left out by {rule}", f"{count:,}") for rule, count in self.left_out.items()]
        rows += [("note", note) for note in self.notes]
        rows += [("bytes chosen", str(self.bytes_chosen))] if self.bytes_chosen else []
        failed = [*self.failures, *self.companion_failures]
        rows += [(f"failed: {failure.source}", failure.message) for failure in failed[:_SHOWN]]
        if len(failed) > _SHOWN:
            where = "failures and companion_failures" if self.companion_failures else "failures"
            rows.append(("failed", f"{len(failed) - _SHOWN:,} more, in {where}"))
        if self.stopped:
            rows.append(("stopped", self.stopped))
        cells = (f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>" for name, value in rows)
        return f"<table>{''.join(cells)}</table>"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values: without ``failures`` and ``skips``; outputs, packs and failures are counted."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in _LEFT_OUT_OF_JSON}
        return (
            values
            | {"factor": self.factor, "foreign": self.foreign, "companions_skipped": self.companions_skipped}
            | {name: len(values[name]) for name in _COUNTED}
            | {"colors_found": self.colors_found and self.colors_found.to_dict()}
            | {"colors_chosen": self.colors_chosen and self.colors_chosen.to_dict()}
            | {"bytes_chosen": self.bytes_chosen and self.bytes_chosen.to_dict()}
        )
