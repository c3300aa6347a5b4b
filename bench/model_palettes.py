"""Few colours for a model: what helps beside K-means of pixels, at the bytes that files take.

Pictures of class folders, 64x64 pixels, are reduced to few colours in several ways, none of which sees a label, and
written as PNG files. Fixed features with a kernel ridge, the model of `ics learn`, are trained and tested on each.
A few ways are judged with K = 2 to 8 and several dictionaries of features, also on the split of the authors, if a set
has one; all ways with K = 4 and one dictionary, on a sample.
"""

from __future__ import annotations

import argparse
import io
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

import palette_variants as ways
from icsys import Options
from icsys.color.pooled_colors import as_rgb
from icsys.image.decode import decode_photo
from icsys.image.encode import encode_lossy
from icsys.image.png_encoder import encode_indexed, encode_truecolor
from icsys.learning.design import FOLDS, TEST, Design
from icsys.learning.models.fixed_judge import FixedFeatureJudge
from icsys.learning.statistics.paired import Estimate, paired_estimate
from icsys.pipeline.lossy_quality import highest_quality
from machine import describe
from page import publish
from photos import find_photos, generate_photo
from table import MISSING, markdown_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    Pictures = NDArray[np.uint8]

SIDE = 64
FULL, PLAIN, WEBP = "all colours", "K-means", "WebP of as many bytes"
SMOOTHED = "K-means, smoothed when read"
JOINED = "neighbours joined, chroma x2"

_GENERATED_CLASSES, _GENERATED_EACH, _CROP = 6, 50, 128
_SCREENED_K, _SCREENED_PLAIN = 4, (3, 6, 8)
_CONFIRMED_K, _CONFIRMED_PLAIN = (2, 4, 8), (3, 6)
_READ_SIGMA = 0.7
_SAMPLE = 10  # every tenth picture finds the quality of WebP

VARIANTS: dict[str, Callable[[Pictures, int], ways.FewColors]] = {
    PLAIN: ways.plain,
    "count_power 0.5": partial(ways.plain, count_power=0.5),
    "count_power 0.25": partial(ways.plain, count_power=0.25),
    "pixels of high contrast weigh more": partial(ways.weighted, weigh=ways.by_contrast(1)),
    "pixels of high contrast weigh less": partial(ways.weighted, weigh=ways.by_contrast(-1)),
    "pixels in the middle weigh more": partial(ways.weighted, weigh=ways.by_place),
    "16 palettes for the set": partial(ways.shared, count=16),
    "64 palettes for the set": partial(ways.shared, count=64),
    "same steps of luma for the set": ways.luma_steps,
    "luma of entries in steps of 32": partial(ways.luma_grid, step=32),
    "error after a blur": partial(ways.blurred_error, strength=1),
    "error after a blur, half": partial(ways.blurred_error, strength=0.5),
    "Floyd-Steinberg": partial(ways.diffused, strength=1),
    "Floyd-Steinberg, half": partial(ways.diffused, strength=0.5),
    "ordered dithering": partial(ways.ordered, strength=1),
    "ordered dithering, half": partial(ways.ordered, strength=0.5),
    "ordered dithering, chroma x2": partial(ways.ordered, strength=1, scale=2),
    "Oklab": partial(ways.plain, space="oklab"),
    "chroma x0.5": partial(ways.chroma_scaled, scale=0.5),
    "chroma x2": partial(ways.chroma_scaled, scale=2),
    "chroma x4": partial(ways.chroma_scaled, scale=4),
    "brightness around counts": partial(ways.with_surroundings, weight=1),
    "smoothed first": partial(ways.smoothed_first, sigma=0.7),
    "median first": ways.median_first,
    "sharpened first": partial(ways.sharpened_first, amount=1),
    "neighbours joined": partial(ways.joined, cost=1),
    JOINED: partial(ways.joined, cost=2, scale=2),
}

_NOTES = """
*Bytes* are those of PNG files as `ics compress` writes them, mean of a picture. *Beside K-means* is the accuracy less
that of K-means with as many colours; *at equal bytes* less that of K-means at the same mean bytes: a mix of pictures in
two numbers of colours, weighted so that bytes are equal (below and above all of those measured, the nearest one).
Differences are in points, with paired 95 % intervals over pictures and, where there are several, dictionaries.
Intervals are not widened for the number of ways tried. The way that joins neighbours was found by trials on grocery and
digits, so its figures on these two flatter it. Pictures in palettes that a set shares carry them here; a format that
stores palettes once saves 12 + 3 K bytes each.
"""
_RULE = """
A way helps if it gains two points or more over K-means at equal bytes, with a 95 % interval above 0, for K = 2, 4 and 8
on every set. With as many colours as K-means, a way may also gain bytes. Leave-one-out flatters: photos of one shelf or
one hand are in training and test.
"""
_WIN, _ALPHA = 0.02, 0.025


class LabelledSet(NamedTuple):
    """Pictures with their classes.

    Attributes
    ----------
    about
        What the set is.
    pixels
        Shape (n, 64, 64, 3), uint8.
    labels
        Shape (n,), int32.
    is_test
        Shape (n,), bool: which belong to the test part of the set's own split; none where it has no split.
    """

    about: str
    pixels: Pictures
    labels: NDArray[np.int32]
    is_test: NDArray[np.bool_]

    def sample(self, most: int) -> LabelledSet:
        """Return at most so many pictures, chosen at random."""
        chosen = np.sort(np.random.default_rng(0).permutation(len(self.labels))[:most])
        labels = np.unique(self.labels[chosen], return_inverse=True)[1].astype(np.int32)
        return LabelledSet(self.about, self.pixels[chosen], labels, self.is_test[chosen])

    def designs(self) -> dict[str, Design]:
        """Return leave-one-out, and the split of the authors if there is one."""
        n, classes = len(self.labels), int(self.labels.max()) + 1
        everything, groups = np.ones(n, np.bool_), np.arange(n, dtype=np.int32)
        found = {"leave-one-out": Design(self.labels, classes, everything, everything, groups, FOLDS)}
        if self.is_test.any():
            found["authors' split"] = Design(self.labels, classes, ~self.is_test, self.is_test, groups, TEST)
        return found


class Judged(NamedTuple):
    """A form of a set: mean bytes of a picture, and which tested images each model names right, shape (R, t)."""

    bytes: float
    correct: NDArray[np.bool_]


class Forms(NamedTuple):
    """All forms of a set that were judged by one design, by way and number of colours."""

    about: str
    judged: dict[tuple[str, int], Judged]

    def beside(self, way: str, k: int) -> Estimate | None:
        """Return the accuracy less that of K-means with as many colours; None without one."""
        same = self.judged.get((PLAIN, k))
        return _estimate(self.judged[way, k].correct - same.correct.astype(np.float64)) if same else None

    def at_equal_bytes(self, way: str, k: int) -> Estimate:
        """Return the accuracy less that of K-means at the same mean bytes."""
        one = self.judged[way, k]
        return _estimate(one.correct - self.plain_at(one.bytes))

    def row(self, way: str, k: int) -> list[str]:
        """Return the row of one form."""
        one = self.judged[way, k]
        cells = [way, MISSING if way == FULL else f"bytes of {k}" if way == WEBP else str(k)]
        cells += [f"{one.bytes:,.0f}", f"{100 * one.correct.mean():.1f} %"]
        if way in {FULL, PLAIN}:
            return [*cells, MISSING, MISSING]
        return [*cells, _shown_estimate(self.beside(way, k)), _shown_estimate(self.at_equal_bytes(way, k))]

    def plain_at(self, size: float) -> NDArray[np.float64]:
        """Return how often K-means of this mean size is right, shape (R, t): a mix of two numbers of colours."""
        plain = sorted((one for (way, _), one in self.judged.items() if way == PLAIN), key=lambda one: one.bytes)
        sizes = np.array([one.bytes for one in plain])
        place = float(np.interp(size, sizes, np.arange(len(sizes))))
        low = min(int(place), len(plain) - 2)
        share = place - low
        mixed: NDArray[np.float64] = (1 - share) * plain[low].correct + share * plain[low + 1].correct
        return mixed


def read_set(folder: Path, about: str) -> LabelledSet:
    """Read pictures of class folders; those below a folder named test belong to the test part."""
    options = Options(size=f"{SIDE}x{SIDE}", fit="cover")
    photos = find_photos(folder)
    pixels = np.stack([as_rgb(decode_photo(photo.read_bytes(), options).pixels) for photo in photos])
    labels = np.unique([photo.parent.name for photo in photos], return_inverse=True)[1].astype(np.int32)
    is_test = np.array(["test" in photo.relative_to(folder).parts for photo in photos])
    return LabelledSet(about, pixels, labels, is_test)


def generated_set() -> LabelledSet:
    """Make pieces of generated photos; the class of a piece is the photo that it is from."""
    random = np.random.default_rng(0)
    pieces, labels = [], []
    for label in range(_GENERATED_CLASSES):
        photo = Image.fromarray(generate_photo(512, 384, label))
        for _ in range(_GENERATED_EACH):
            left, top = (int(random.integers(side - _CROP)) for side in photo.size)
            piece = photo.crop((left, top, left + _CROP, top + _CROP)).resize((SIDE, SIDE), Image.Resampling.BOX)
            pieces.append(np.asarray(piece))
            labels.append(label)
    none = np.zeros(len(labels), np.bool_)
    return LabelledSet("generated", np.stack(pieces), np.array(labels, np.int32), none)


def webp(pictures: Pictures, most: float) -> tuple[Pictures, float]:
    """Return pictures in lossy WebP at the best quality whose mean bytes are at most ``most``, and these bytes."""

    def files(some: Pictures, quality: int) -> list[bytes]:
        return [encode_lossy("WebP", picture, quality) for picture in some]

    def mean(some: Iterable[bytes]) -> float:
        return float(np.mean([len(one) for one in some]))

    quality = highest_quality(lambda q: int(np.ceil(mean(files(pictures[::_SAMPLE], q)))), int(most))
    written = files(pictures, quality)
    while mean(written) > most and quality > 1:
        quality -= 1
        written = files(pictures, quality)
    read = [np.asarray(Image.open(io.BytesIO(one)).convert("RGB")) for one in written]
    return np.stack(read), mean(written)


def made(pictures: Pictures, way: str, k: int) -> tuple[Pictures, float]:
    """Return the pictures in one form as they are read again, and the mean bytes of a file."""
    if way == FULL:
        return pictures, float(np.mean([len(encode_truecolor(picture)) for picture in pictures]))
    if way == WEBP:
        return webp(pictures, made(pictures, PLAIN, k)[1])
    few = VARIANTS[PLAIN if way == SMOOTHED else way](pictures, k)
    size = float(np.mean([len(encode_indexed(indices, palette)) for indices, palette in few.files()]))
    return ways.smoothed(few.to_array(), _READ_SIGMA) if way == SMOOTHED else few.to_array(), size


def judge_forms(photos: LabelledSet, forms: list[tuple[str, int]], repeats: int, options: Choices) -> list[Forms]:
    """Judge forms of a set by each of its designs, with several dictionaries, or by the first design with one."""
    designs = list(photos.designs().items())[: None if repeats > 1 else 1]
    found = [Forms(f"{photos.about}, {name}", {}) for name, _ in designs]
    judges = [FixedFeatureJudge(photos.pixels, design, repeats=repeats) for _, design in designs]
    for way, k in forms:
        pictures = None
        for (name, design), judge, into in zip(designs, judges, found, strict=True):
            file = (
                options.keep
                and options.keep / f"{photos.about}, {len(photos.labels)}, {name}, {repeats}, {way}, {k}.npz"
            )
            if file and file.exists():
                with np.load(file) as kept:
                    into.judged[way, k] = Judged(float(kept["bytes"]), kept["correct"])
                continue
            if pictures is None:
                pictures, size = made(photos.pixels, way, k)
            correct = judge.judge(pictures).own == design.labels[design.tested]
            into.judged[way, k] = Judged(size, correct)
            print(f"{into.about}: {into.row(way, k)}", file=sys.stderr, flush=True)
            if file:
                file.parent.mkdir(parents=True, exist_ok=True)
                np.savez(file, bytes=size, correct=correct)
    return found


class Choices(NamedTuple):
    """What the command line chooses: the ways to confirm, and where judgements are kept."""

    confirm: list[str]
    dictionaries: int
    keep: Path | None


def judge_set(photos: LabelledSet, options: Choices, *, screening: bool) -> list[Forms]:
    """Judge all ways with K = 4, or a few with K = 2 to 8."""
    if screening:
        plain = [(PLAIN, k) for k in sorted({_SCREENED_K, *_SCREENED_PLAIN})]
        shown = [(way, _SCREENED_K) for way in (WEBP, SMOOTHED, *VARIANTS) if way != PLAIN]
    else:
        plain = [(PLAIN, k) for k in sorted({*_CONFIRMED_K, *_CONFIRMED_PLAIN})]
        shown = [(way, k) for k in _CONFIRMED_K for way in (WEBP, *options.confirm)]
        shown += [(JOINED, k) for k in _CONFIRMED_PLAIN if JOINED in options.confirm]
    return judge_forms(photos, [(FULL, 0), *plain, *shown], 1 if screening else options.dictionaries, options)


def tables(found: list[Forms]) -> str:
    """Return a table for each set and design."""
    header = ("way", "K", "bytes", "accuracy", "beside K-means", "at equal bytes")

    def place(form: tuple[str, int]) -> tuple[bool, int]:
        return form[0] not in {FULL, PLAIN}, form[1]

    return "\n\n".join(
        f"### {one.about}\n\n{markdown_table(header, [one.row(*form) for form in sorted(one.judged, key=place)])}"
        for one in found
    )


def findings(confirmed: list[Forms], screened: list[Forms], chosen: list[str]) -> str:
    """Say which ways help everywhere, and which do not, by the intervals of the tables."""
    lines, helped = [], []
    for way in (WEBP, *chosen):
        found = [one.at_equal_bytes(way, k) for one in confirmed for k in _CONFIRMED_K]
        wins = sum(each.lower(_ALPHA) > 0 and each.mean >= _WIN for each in found)
        gains = [100 * each.mean for each in found]
        more = sum(each.lower(_ALPHA) > 0 for each in found)
        helped += [way] if wins == len(found) else []
        sizes = [
            100 * one.judged[way, k].bytes / one.judged[PLAIN, k].bytes - 100 for one in confirmed for k in _CONFIRMED_K
        ]
        lines.append(
            f"- *{way}*: {min(gains):+.1f} to {max(gains):+.1f} points at equal bytes; above K-means in {more} of "
            f"{len(found)} comparisons, by two points and more in {wins}. Bytes beside K-means: {min(sizes):+.0f} to "
            f"{max(sizes):+.0f} %."
        )
    lines.insert(0, f"By this rule these help: {', '.join(helped) or 'none'}.\n")
    better: list[str] = []
    worse: list[str] = []
    unclear: list[str] = []
    for way in (WEBP, SMOOTHED, *VARIANTS):
        if way == PLAIN:
            continue
        found = [one.at_equal_bytes(way, _SCREENED_K) for one in screened]
        if all(each.lower(_ALPHA) > 0 for each in found):
            better.append(way)
        else:
            (worse if any(each.upper(_ALPHA) < 0 for each in found) else unclear).append(way)
    groups = ("Better on all sets", better), ("Worse on a set", worse), ("Neither is shown", unclear)
    lines += [f"- {name}, K = {_SCREENED_K}, all ways: {'; '.join(some) or 'none'}." for name, some in groups]
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help="folders of class folders; a generated set if left out")
    parser.add_argument("--about", action="append", default=[], help="what a set is, once for each; its folder's name")
    parser.add_argument("--confirm", action="append", default=[], help="a way to judge further (default: two of them)")
    parser.add_argument("--dictionaries", type=int, default=3, help="that confirm (default: %(default)s)")
    parser.add_argument("--screen", type=int, default=1000, help="pictures to try all ways on (default: %(default)s)")
    parser.add_argument("--keep", type=Path, help="keep what models say in this folder, and go on from there")
    parser.add_argument("--out", type=Path, help="also write the page to this Markdown file")
    options = parser.parse_args(arguments)
    abouts = options.about + [folder.name for folder in options.folders[len(options.about) :]]
    sets = [read_set(folder, about) for folder, about in zip(options.folders, abouts, strict=True)]
    sets = sets or [generated_set()]
    chosen = options.confirm or [SMOOTHED, JOINED]
    choices = Choices(chosen, options.dictionaries, options.keep)
    confirmed = [one for photos in sets for one in judge_set(photos, choices, screening=False)]
    screened = [one for photos in sets for one in judge_set(photos.sample(options.screen), choices, screening=True)]
    paragraphs = (
        "# Few colours for a model",
        (__doc__ or "").partition("\n\n")[2].strip(),
        "\n".join(f"- {one.about}: {len(one.labels):,} pictures" for one in sets),
        describe("model_palettes.py", _shown(arguments), "numpy", "scipy", "scikit-learn", "pillow"),
        "## What helped",
        _RULE.strip(),
        findings(confirmed, screened, chosen),
        f"## A few ways, {options.dictionaries} dictionaries",
        _NOTES.strip(),
        tables(confirmed),
        f"## All ways, K = {_SCREENED_K}, one dictionary, at most {options.screen:,} pictures of a set",
        tables(screened),
    )
    publish("\n\n".join(paragraphs) + "\n", options.out)


def _estimate(values: NDArray[np.float64]) -> Estimate:
    """Return a mean difference over models and images, shape (R, t), with its chance."""
    return paired_estimate(values, np.arange(values.shape[1], dtype=np.int32))


def _shown_estimate(estimate: Estimate | None) -> str:
    """Return a difference in points with its 95 % interval."""
    if estimate is None:
        return MISSING
    low, high = (100 * bound for bound in estimate.interval())
    return f"{100 * estimate.mean:+.1f} ({low:+.1f} to {high:+.1f})"


def _shown(arguments: list[str]) -> list[str]:
    """Return the arguments without the place where judgements are kept."""
    if "--keep" not in arguments:
        return arguments
    at = arguments.index("--keep")
    return arguments[:at] + arguments[at + 2 :]


if __name__ == "__main__":
    main(sys.argv[1:])
