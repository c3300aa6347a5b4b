"""How honest are verdicts on what a model keeps? Cases whose truth is known, on real photos.

Each folder holds class folders, below ``train`` and ``test`` if it has splits. Without a folder, photos made by code
stand in for them. All models are those of ``ics learn``.
"""

from __future__ import annotations

import argparse
import io
import math
import sys
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image
from threadpoolctl import threadpool_limits

from icsys import Options, compress_image
from icsys.learning.design import FOLDS, TEST, Design
from icsys.learning.models.fixed_judge import FixedFeatureJudge
from icsys.learning.statistics.paired import paired_difference
from icsys.learning.statistics.resolution import power
from icsys.learning.statistics.verdicts import ALPHA, SHARE_KEPT, verdicts
from machine import describe
from page import publish
from photos import find_photos, generate_photo
from table import markdown_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SIDE, FEW_COLORS = 64, 16
_SIGMA = 4.0  # levels
_FORMS = 6
_LOSS = 0.03
_SHUFFLES, _SHUFFLED_IMAGES = 5, 500

_NOTES = f"""
- **Twins**: the same photos with noise of {_SIGMA:g} levels from two seeds, trained and tested on. There is no true
  difference, so at most 17 of 200 runs may be called "loses" (5 %, and chance). {_FORMS} seeds give
  {_FORMS * (_FORMS - 1)} ordered pairs; each run takes one, in turn, and a random half of the tested images.
- **Planted loss**: in one of the twins, random images are made wrong in all models, {100 * _LOSS:g} points in the mean.
  "Found" is "loses"; the power is what the standard error of each run predicts, as a mean.
- **Shuffled labels**: mean accuracy of {_SHUFFLES} shuffles of at most {_SHUFFLED_IMAGES} images, beside the share of
  the largest class among the tested images.
- **Variance**: of the difference of {FEW_COLORS} colours from full colour, over disjoint parts of the images, each with
  patches and models of its own; the mean over several divisions, over the mean of what each part predicts.
"""


class Photos(NamedTuple):
    """Photos in the form that models see: shape (n, S, S, 3), uint8, in full and in few colours; and the design."""

    full: NDArray[np.uint8]
    few: NDArray[np.uint8]
    design: Design

    def part(self, places: NDArray[np.int64]) -> Photos:
        """Return some of the photos."""
        return Photos(self.full[places], self.few[places], _part_of_design(self.design, places))


class Found(NamedTuple):
    """What is found on one folder; see the notes of the page."""

    photos: Photos
    accuracy: float
    twins_losing: int
    planted_found: int
    planted_kept: int
    planted_power: float
    shuffled: float
    majority: float
    ratio: float
    df: int


def load(folder: Path | None, limit: int | None) -> Photos:
    """Read the photos of a folder, at most ``limit`` of them, or make ``limit`` photos of six scenes."""
    if folder is None:
        return _generated(limit or 1200)
    paths = find_photos(folder)
    if limit and limit < len(paths):
        paths = [paths[place] for place in np.random.default_rng(0).permutation(len(paths))[:limit]]
    names = sorted({path.parent.name for path in paths})
    labels = np.array([names.index(path.parent.name) for path in paths], np.int32)
    is_test = np.array([path.relative_to(folder).parts[0] == "test" for path in paths])
    return _photos([path.read_bytes() for path in paths], labels, is_test)


def _generated(count: int) -> Photos:
    """Make photos, each a noisy part of one of six scenes."""
    random, scenes, files = np.random.default_rng(0), [generate_photo(192, 192, seed) for seed in range(6)], []
    labels = np.arange(count, dtype=np.int32) % len(scenes)
    for label in labels:
        top, left = random.integers(0, 192 - SIDE, 2)
        noisy = scenes[label][top : top + SIDE, left : left + SIDE] + random.normal(0, 40, (SIDE, SIDE, 3))
        file = io.BytesIO()
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(file, "PNG")
        files.append(file.getvalue())
    return _photos(files, labels, np.zeros(count, bool))


def _photos(files: list[bytes], labels: NDArray[np.int32], is_test: NDArray[np.bool_]) -> Photos:
    geometry = Options(size=(SIDE, SIDE), fit="contain")
    forms = [geometry.replace(strategy="SO"), geometry.replace(strategy="MKM", colors=FEW_COLORS)]
    full, few = (np.stack([_pixels(compress_image(file, form).data) for file in files]) for form in forms)
    everywhere, groups = np.ones(len(files), bool), np.arange(len(files), dtype=np.int32)
    classes = int(labels.max()) + 1
    if is_test.any():
        return Photos(full, few, Design(labels, classes, ~is_test, is_test, groups, TEST))
    return Photos(full, few, Design(labels, classes, everywhere, everywhere, groups, FOLDS))


def _pixels(file: bytes) -> NDArray[np.uint8]:
    """Return the pixels of a file, enlarged to the side that models see."""
    with Image.open(io.BytesIO(file)) as image:
        return np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def _part_of_design(design: Design, places: NDArray[np.int64]) -> Design:
    return design._replace(
        labels=design.labels[places],
        trained=design.trained[places],
        tested=design.tested[places],
        groups=design.groups[places],
    )


def _correct(judge: FixedFeatureJudge, pixels: NDArray[np.uint8], design: Design) -> NDArray[np.bool_]:
    return judge.judge(pixels).own == design.labels[design.tested]


def twins_of(photos: Photos, forms: int = _FORMS) -> tuple[float, list[NDArray[np.bool_]]]:
    """Return the accuracy in full, and the correctness of forms with noise, each from a seed of its own."""
    judge = FixedFeatureJudge(photos.full, photos.design)
    accuracy = float(_correct(judge, photos.full, photos.design).mean())
    found = []
    for seed in range(forms):
        noise = np.random.default_rng([1, seed]).normal(0, _SIGMA, photos.full.shape)
        pixels = np.clip(np.rint(photos.full + noise), 0, 255).astype(np.uint8)
        found.append(_correct(judge, pixels, photos.design))
    return accuracy, found


def _halves(
    forms: list[NDArray[np.bool_]], groups: NDArray[np.int32], runs: int
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int32]]]:
    """Yield twins in turn, and the groups of their images: each time of a random half of the images."""
    random, pairs = np.random.default_rng(2), list(permutations(range(len(forms)), 2))
    for run in range(runs):
        places = np.sort(random.permutation(len(groups))[: len(groups) // 2])
        one, other = pairs[run % len(pairs)]
        yield forms[one][:, places], forms[other][:, places], groups[places]


def planted(correct: NDArray[np.bool_], random: np.random.Generator) -> NDArray[np.bool_]:
    """Return the correctness of an arm that loses three points in the mean, in all models on the same images."""
    return correct & (random.random(correct.shape[1]) >= _LOSS / correct.mean())


def _verdict(one: NDArray[np.bool_], other: NDArray[np.bool_], groups: NDArray[np.int32]) -> str:
    return verdicts({"full": one, "arm": other}, "full", [["arm"]], groups)["arm"].verdict


def shuffled(photos: Photos) -> tuple[float, float]:
    """Return the accuracy with shuffled labels, and the share of the largest class; means of several shuffles."""
    accuracies, majorities = [], []
    for seed in range(_SHUFFLES):
        random = np.random.default_rng([3, seed])
        some = photos.part(np.sort(random.permutation(len(photos.full))[:_SHUFFLED_IMAGES]))
        design = some.design._replace(labels=random.permutation(some.design.labels))
        judge = FixedFeatureJudge(some.full, design, seed=seed)
        accuracies.append(float(_correct(judge, some.full, design).mean()))
        majorities.append(np.bincount(design.labels[design.tested]).max() / design.tested.sum())
    return float(np.mean(accuracies)), float(np.mean(majorities))


def variance_ratio(photos: Photos, divisions: int, parts: int) -> tuple[float, int]:
    """Return observed over predicted variance of a difference, and the degrees of freedom of what is observed."""
    observed, predicted = [], []
    for division in range(divisions):
        random, means = np.random.default_rng([4, division]), []
        shares = [
            np.array_split(random.permutation(np.flatnonzero(kind)), parts)
            for kind in (photos.design.tested, ~photos.design.tested)
        ]
        for part, places in enumerate(zip(*shares, strict=True)):
            some = photos.part(np.concatenate(places))
            judge = FixedFeatureJudge(some.full, some.design, seed=division * parts + part)
            arms = [_correct(judge, pixels, some.design) for pixels in (some.few, some.full)]
            one = paired_difference(*arms, some.design.groups[some.design.tested])
            means.append(one.mean)
            predicted.append(one.error**2)
        observed.append(np.var(means, ddof=1))
    return float(np.mean(observed) / np.mean(predicted)), divisions * (parts - 1)


def examine(photos: Photos, runs: int, divisions: int, parts: int) -> Found:
    """Do everything on one set of photos."""
    design = photos.design
    accuracy, forms = twins_of(photos)
    losing = found = kept = 0
    powers, random = [], np.random.default_rng(5)
    for one, other, groups in _halves(forms, design.groups[design.tested], runs):
        losing += _verdict(one, other, groups) == "loses"
        worse = planted(other, random)
        verdict = _verdict(one, worse, groups)
        found, kept = found + (verdict == "loses"), kept + (verdict == "keeps")
        error = paired_difference(worse, one, groups, SHARE_KEPT)
        powers.append(power(_LOSS - (1 - SHARE_KEPT) * float(one.mean()), error.error, error.df, ALPHA))
    return Found(
        photos,
        accuracy,
        losing,
        found,
        kept,
        math.fsum(powers) / runs,
        *shuffled(photos),
        *variance_ratio(photos, divisions, parts),
    )


def table(found: dict[str, Found], runs: int) -> str:
    """Return the findings as a Markdown table, one column a folder."""
    rows = {
        "images, of which tested": [f"{len(f.photos.full)}, {f.photos.design.tested.sum()}" for f in found.values()],
        "classes; accuracy in full": [f"{f.photos.design.classes}; {f.accuracy:.1%}" for f in found.values()],
        f'twins called "loses", of {runs} runs': [str(f.twins_losing) for f in found.values()],
        "planted loss found; power predicted": [
            f"{f.planted_found / runs:.1%}; {f.planted_power:.1%}" for f in found.values()
        ],
        f'planted loss called "keeps", of {runs} runs': [str(f.planted_kept) for f in found.values()],
        "shuffled labels: accuracy; majority's share": [f"{f.shuffled:.1%}; {f.majority:.1%}" for f in found.values()],
        "observed over predicted variance (degrees of freedom)": [f"{f.ratio:.2f} ({f.df})" for f in found.values()],
    }
    return markdown_table(("question", *found), [[name, *cells] for name, cells in rows.items()])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help="folders with class folders")
    parser.add_argument("--images", type=int, help="photos of each folder, at random (default: all; 1200 made by code)")
    parser.add_argument("--runs", type=int, default=200, help="runs of twins (default: %(default)s)")
    parser.add_argument("--divisions", type=int, default=6, help="divisions into parts (default: %(default)s)")
    parser.add_argument("--parts", type=int, default=20, help="parts of each division (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="also write the page to this Markdown file")
    return parser


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    options = _parser().parse_args(arguments)
    folders = {folder.resolve().name: folder for folder in options.folders} or {"photos made by code": None}
    with threadpool_limits(limits=1):
        found = {
            name: examine(load(folder, options.images), options.runs, options.divisions, options.parts)
            for name, folder in folders.items()
        }
    facts = describe("learn_honesty.py", arguments, "numpy", "scipy", "pillow")
    publish(f"# How honest verdicts are\n\n{facts}\n\n{table(found, options.runs)}\n{_NOTES}", options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
