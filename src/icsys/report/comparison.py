"""The results of a comparison: plain data, convertible to JSON."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any

from icsys.choices import STRATEGIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from icsys.color.image_quality import Quality
    from icsys.options import Options
    from icsys.report.page_pictures import CountedPalette
    from icsys.results import Compressed, Failed


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to compress in a comparison.

    Attributes
    ----------
    strategy
        The name of a strategy, or of a lossy codec: "JPEG" or "WebP".
    colors
        The number of colours; None for SO and lossy codecs, which keep all colours.
    quality
        The quality of a lossy codec, 1 to 100; None for strategies.
    as_small_as
        The candidates whose bytes decide the quality: it is the highest one at which all outputs together take no more.
    """

    strategy: str
    colors: int | None
    quality: int | None = None
    as_small_as: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Such as "MKM 32" or "JPEG 75"."""
        number = self.colors if self.quality is None else self.quality
        return self.strategy if number is None else f"{self.strategy} {number}"

    @property
    def setting(self) -> str:
        """The number of colours, such as "32" or "all", or the quality, such as "q 75"."""
        if self.quality is not None:
            return f"q {self.quality}"
        return "all" if self.colors is None else str(self.colors)

    def options(self, options: Options) -> Options:
        """Return options with the strategy and colours of this candidate, which is no lossy codec."""
        chosen = {} if self.colors is None else {"colors": self.colors}
        return options.replace(strategy=self.strategy, **chosen)


@dataclass(frozen=True, slots=True)
class ImageScore:
    """The result of one candidate for one image, and its quality against the resized truecolour picture."""

    result: Compressed
    quality: Quality

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        names = ("source", "bytes_in", "bytes_out", "width", "height", "colors", "seconds")
        return {name: getattr(self.result, name) for name in names} | dataclasses.asdict(self.quality)


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """The results of one candidate over all images that succeeded with every candidate.

    Attributes
    ----------
    seconds
        From the first file read to the last one written, with as many images at once as the comparison has jobs; of
        several rounds the fastest.
    scores
        The score of each image, in the order of the folder.
    """

    candidate: Candidate
    seconds: float
    scores: tuple[ImageScore, ...]

    @property
    def name(self) -> str:
        """The name of the candidate."""
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
        """Numbers that a model reads from the sources: width x height x channels."""
        return sum(score.result.elements_in for score in self.scores)

    @property
    def elements_out(self) -> int:
        """Numbers that a model reads from the outputs."""
        return sum(score.result.elements_out for score in self.scores)

    @property
    def mse(self) -> float:
        """Mean over images."""
        return fmean(score.quality.mse for score in self.scores)

    @property
    def psnr(self) -> float | None:
        """Mean over the images that differ from the reference; None if none differs."""
        finite = [score.quality.psnr for score in self.scores if score.quality.psnr is not None]
        return fmean(finite) if finite else None

    @property
    def exact(self) -> int:
        """Number of images that equal the reference, and so have no PSNR."""
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
        candidate = {"name": self.name, **dataclasses.asdict(self.candidate)}
        return candidate | {name: getattr(self, name) for name in (*names, *qualities)}


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A candidate's output for an example: pixels, shape (H, W, 3), uint8; palette and quality of the whole image."""

    pixels: NDArray[np.uint8]
    palette: CountedPalette
    quality: Quality


@dataclass(frozen=True, slots=True)
class ComparisonExample:
    """An example image: its resized truecolour pixels, and the outputs of candidates.

    Attributes
    ----------
    source
        Its path below the source folder.
    rank
        Its place among all images by visible colour difference, 1 for the worst.
    reference
        Shape (H, W, 3), uint8.
    shown
        The outputs, by name of the candidate.
    whole
        Height and width of the whole image if the pixels are a detail of it, because it is too large for a page.
    """

    source: str
    rank: int
    reference: NDArray[np.uint8]
    shown: dict[str, ShownPicture]
    whole: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The results of a comparison: all candidates on the same images.

    Attributes
    ----------
    source
        The folder.
    options
        Options of all candidates, but for strategy and colours.
    rows
        One row for each candidate, smallest output first.
    images
        Number of images that succeeded with all candidates; the rows count these.
    found, ignored
        Number of images below the folder, and of ignored files.
    outputs_passed_over
        Output folders of runs below the folder, as paths below it; they were not read.
    sample
        Number of images in the sample; None if all were used.
    failures
        Images of the sample that failed.
    jobs
        Images worked on at once.
    rounds
        How often the images were compressed; the fastest time of each candidate counts.
    estimate, seconds
        Expected seconds after a trial, which only guide someone who waits, and measured seconds without the trial.
    examples
        Example images, the worst first.
    lossy
        Whether JPEG and WebP were to be compared.
    left_out
        A sentence for each lossy codec that could not hold an image.
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
    examples: tuple[ComparisonExample, ...] = field(repr=False)
    outputs_passed_over: tuple[str, ...] = ()
    lossy: bool = True
    left_out: tuple[str, ...] = ()

    @property
    def candidates(self) -> list[Candidate]:
        """The candidates: by strategy, then by number of colours; lossy codecs last, by quality."""
        found = (row.candidate for row in self.rows)
        places: dict[str, int] = {name: place for place, name in enumerate(STRATEGIES)}
        last = len(places)
        return sorted(
            found, key=lambda one: (places.get(one.strategy, last), one.strategy, one.colors or one.quality or 0)
        )

    @property
    def resized(self) -> ComparisonRow:
        """The row of SO, the reference of the others; there must be rows."""
        return next(row for row in self.rows if row.candidate.strategy == "SO")

    def reduced(self) -> Iterator[ComparisonRow]:
        """Iterate over the rows of strategies that reduce colours."""
        return (row for row in self.rows if row.candidate.colors is not None)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, without the pictures."""
        options = {name: value for name, value in self.options.to_dict().items() if name not in {"strategy", "colors"}}
        names = ("source", "images", "found", "ignored", "sample", "jobs", "rounds", "estimate", "seconds", "lossy")
        return {
            **{name: getattr(self, name) for name in names},
            "outputs_passed_over": list(self.outputs_passed_over),
            "left_out": list(self.left_out),
            "options": options,
            "rows": [row.to_dict() for row in self.rows],
            "failures": [dataclasses.asdict(failure) for failure in self.failures],
            "files": {row.name: [score.to_dict() for score in row.scores] for row in self.rows},
        }


@dataclass(frozen=True, slots=True)
class ComparisonProgress:
    """Progress of a comparison, for callbacks.

    Attributes
    ----------
    note
        The current step, in a few words.
    done, total
        Images done and to do, each counted once for every candidate and once for its quality; both 0 during the trial.
    estimate
        Expected seconds of the whole; None until the trial is over.
    """

    note: str
    done: int
    total: int
    estimate: float | None
