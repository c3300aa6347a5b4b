"""What a comparison finds: plain data, and its way to JSON."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from icsys.choices import STRATEGIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from icsys.options import Options
    from icsys.report.page_pictures import CountedPalette
    from icsys.report.quality import Quality
    from icsys.results import Compressed, Failed


@dataclass(frozen=True, slots=True)
class Candidate:
    """A strategy and a number of colours; None of SO, which keeps all of them."""

    strategy: str
    colors: int | None

    @property
    def name(self) -> str:
        """Such as "MKM 32"."""
        return self.strategy if self.colors is None else f"{self.strategy} {self.colors}"

    def options(self, options: Options) -> Options:
        """Return options that ask for this candidate and for all else as they are."""
        chosen = {} if self.colors is None else {"colors": self.colors}
        return options.replace(strategy=self.strategy, **chosen)


@dataclass(frozen=True, slots=True)
class ImageScore:
    """What a candidate made of one image, and how much it differs from the resized truecolour picture."""

    result: Compressed
    quality: Quality

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        names = ("source", "bytes_in", "bytes_out", "width", "height", "colors", "seconds")
        return {name: getattr(self.result, name) for name in names} | dataclasses.asdict(self.quality)


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One candidate over all images that every candidate could do.

    Attributes
    ----------
    seconds
        From the first file read to the last one written, with as many images at once as the comparison has jobs; of
        several rounds the fastest.
    scores
        Of each image, in the order of the folder.
    """

    candidate: Candidate
    seconds: float
    scores: tuple[ImageScore, ...]

    @property
    def name(self) -> str:
        """Of the candidate."""
        return self.candidate.name

    @property
    def images_per_second(self) -> float:
        """Images done in a second."""
        return len(self.scores) / self.seconds

    @property
    def bytes_in(self) -> int:
        """Bytes of the sources."""
        return sum(score.result.bytes_in for score in self.scores)

    @property
    def bytes_out(self) -> int:
        """Bytes of the outputs."""
        return sum(score.result.bytes_out for score in self.scores)

    @property
    def factor(self) -> float:
        """Bytes before over bytes after."""
        return self.bytes_in / self.bytes_out

    @property
    def elements_in(self) -> int:
        """Numbers that a learner reads before: width x height x channels."""
        return sum(score.result.elements_in for score in self.scores)

    @property
    def elements_out(self) -> int:
        """Numbers that a learner reads after."""
        return sum(score.result.elements_out for score in self.scores)

    @property
    def mse(self) -> float:
        """Mean over images."""
        return fmean(score.quality.mse for score in self.scores)

    @property
    def psnr(self) -> float | None:
        """Mean over the images that differ at all; None where none does."""
        finite = [score.quality.psnr for score in self.scores if score.quality.psnr is not None]
        return fmean(finite) if finite else None

    @property
    def exact(self) -> int:
        """Images that do not differ at all, so that they have no PSNR."""
        return sum(score.quality.psnr is None for score in self.scores)

    @property
    def ssim(self) -> float:
        """Mean over images."""
        return fmean(score.quality.ssim for score in self.scores)

    @property
    def delta_e(self) -> float:
        """Mean over images of the mean CIEDE2000."""
        return fmean(score.quality.delta_e for score in self.scores)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        names = ("seconds", "images_per_second", "bytes_in", "bytes_out", "factor", "elements_in", "elements_out")
        qualities = ("mse", "psnr", "exact", "ssim", "delta_e")
        candidate = {"name": self.name, "strategy": self.candidate.strategy, "colors": self.candidate.colors}
        return candidate | {name: getattr(self, name) for name in (*names, *qualities)}


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """What a candidate made of an image: pixels, shape (H, W, 3), uint8; the palette and the quality of all of it."""

    pixels: NDArray[np.uint8]
    palette: CountedPalette
    quality: Quality


@dataclass(frozen=True, slots=True)
class ComparisonExample:
    """An image to look at: its resized truecolour pixels, and what candidates made of them.

    Attributes
    ----------
    source
        Its path below the source folder.
    rank
        Its place among all images by what the eye sees of the reduction, 1 for the worst.
    reference
        Shape (H, W, 3), uint8.
    shown
        By name of the candidate.
    whole
        Height and width of the image where the pixels are a detail of it, because a page can hold no more.
    """

    source: str
    rank: int
    reference: NDArray[np.uint8]
    shown: dict[str, ShownPicture]
    whole: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All candidates on the same images.

    Attributes
    ----------
    source
        The folder.
    options
        What all candidates share; strategy and colours are those of each.
    rows
        Smallest output first.
    images
        Images that all candidates could do: those that the rows count.
    found, ignored
        Images below the folder, and files left alone.
    outputs_passed_over
        Output folders of runs that lie below the folder, by their paths there; nothing in them was read.
    sample
        Images that were drawn; None where all were taken.
    failures
        Images of the sample that could not be done.
    jobs
        Images worked on at once.
    rounds
        How often the images were done, for the fastest time of each candidate to count.
    estimate, seconds
        How long it was expected to take after a trial, and how long it took, the trial left out of both.
    examples
        Images to look at, the worst first.
    """

    source: str
    options: Options
    rows: tuple[ComparisonRow, ...]
    images: int
    found: int
    ignored: int
    sample: int | None
    failures: tuple[Failed, ...]
    jobs: int
    rounds: int
    estimate: float
    seconds: float
    examples: tuple[ComparisonExample, ...]
    outputs_passed_over: tuple[str, ...] = ()

    @property
    def held(self) -> bool:
        """Whether the estimate was within a quarter of what it took, or within a second."""
        return abs(self.seconds - self.estimate) <= max(1.0, 0.25 * self.estimate)

    @property
    def candidates(self) -> list[Candidate]:
        """In the order of the strategies, then of the numbers of colours."""
        found = (row.candidate for row in self.rows)
        return sorted(found, key=lambda one: (STRATEGIES.index(one.strategy), one.colors or 0))

    def reduced(self) -> Iterator[ComparisonRow]:
        """Iterate over the rows whose colours are reduced."""
        return (row for row in self.rows if row.candidate.colors is not None)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, without the pictures."""
        options = {name: value for name, value in self.options.to_dict().items() if name not in {"strategy", "colors"}}
        names = ("source", "images", "found", "ignored", "sample", "jobs", "rounds", "estimate", "seconds", "held")
        return {
            **{name: getattr(self, name) for name in names},
            "outputs_passed_over": list(self.outputs_passed_over),
            "options": options,
            "rows": [row.to_dict() for row in self.rows],
            "failures": [dataclasses.asdict(failure) for failure in self.failures],
            "files": {row.name: [score.to_dict() for score in row.scores] for row in self.rows},
        }


@dataclass(frozen=True, slots=True)
class ComparisonProgress:
    """Where a comparison stands.

    Attributes
    ----------
    note
        What goes on, in a few words.
    done, total
        Images done and to do, each counted once for every candidate and once for its quality; both 0 during the trial.
    estimate
        Seconds that all of it is expected to take; None until the trial has told.
    """

    note: str
    done: int
    total: int
    estimate: float | None
