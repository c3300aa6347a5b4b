"""The model of fixed features beside a network: whether both rank the forms of a dataset alike.

Each set is made in full (at most 64x64 pixels), in 64 to 2 colours, and at half and a quarter of the size, in all and
in 16 colours, by the code of `ics compress`; in lossy WebP and JPEG, and as a random part of the photos, at the bytes
of few colours. Fixed features and a small network, trained from scratch, judge
all forms: on the split of the authors if there is one, else on groups of near duplicates that are left out.

Spearman's rank correlation is taken over the differences to full colour, and only over forms whose difference in the
network exceeds two standard errors: the order of the others is chance. The network against itself, with other seeds,
is the most that can be asked for. Fewer than six forms, marked with "few", say nothing; beside them stand all forms.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys import Options
from icsys.engine.executor import Executor
from icsys.learning.arm import FULL
from icsys.learning.arms.make_arms import make_arms
from icsys.learning.arms.plan_arms import plan_arms, working_size
from icsys.learning.arms.random_part import random_part
from icsys.learning.images.find_labelled import find_labelled
from icsys.learning.learn_settings import LearnSettings
from icsys.learning.models.fixed_judge import FixedFeatureJudge
from icsys.learning.models.network_judge import NETWORK_EPOCHS, NetworkJudge
from icsys.learning.statistics.paired import paired_difference
from icsys.sources.open_source import open_source
from machine import describe
from page import publish
from table import markdown_table, number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from icsys.learning.arm import ArmPictures
    from icsys.learning.design import Design, Judge, Predictions

COLORS = (64, 16, 8, 4, 2)
ERRORS = 2.0
"""Standard errors that the difference of a counted form exceeds."""

FEWEST = 6
"""Forms over which a rank correlation means something."""

_HALVES = ("network 0", "network 1")
_FORMS = ("own", "originals")


class Judgement(NamedTuple):
    """What one model says of a form: which tested images it gets right, and the processor time of training and tests.

    Attributes
    ----------
    own, originals
        Shape (repeats, tested images), bool: in the form itself, and in full.
    seconds
        Of the processor.
    """

    own: NDArray[np.bool_]
    originals: NDArray[np.bool_]
    seconds: float


class Row(NamedTuple):
    """Differences of one form to full colour, in points; error is that of the network with all seeds."""

    name: str
    bytes: float
    network: float
    error: float
    halves: tuple[float, float]
    fixed: float

    @property
    def is_counted(self) -> bool:
        """Whether the network tells it from full colour."""
        return abs(self.network) > ERRORS * self.error


class PhotoSet(NamedTuple):
    """A set of photos at its forms, the reference first, how it is divided, and where judgements are kept."""

    about: str
    pictures: list[ArmPictures]
    design: Design
    kept: Path | None


def made(folder: Path, about: str, temporary: Path, options: argparse.Namespace) -> PhotoSet:
    """Find the photos of class folders, and make all their forms."""
    source = open_source(folder, temporary / "nowhere")
    executor = Executor("auto", options.jobs, None, False, threading.Event())
    found = find_labelled(source, executor, LearnSettings(), most=options.images, seed=0)
    size = options.size, options.size
    arms = plan_arms(Options(size=size), COLORS, given_geometry=True)
    pictures = temporary / folder.name
    pictures.mkdir()
    all_made = make_arms(source, found.tasks, arms, executor, folder=pictures, size=working_size(arms))
    if not all_made.usable.all():
        raise SystemExit(f"{folder.name}: {all_made.failures[0].source}: {all_made.failures[0].message}")
    return PhotoSet(about, all_made.pictures, found.design, options.keep / folder.name if options.keep else None)


def judged(judge: Judge, pictures: ArmPictures, photos: PhotoSet) -> Judgement:
    """Let one model judge a form."""
    design, kept, pixels = photos.design, None, pictures.pixels
    if pictures.arm.is_subset:
        by_name = {one.arm.name: one for one in photos.pictures}
        full, aim = by_name[FULL], by_name[str(pictures.arm.as_small_as)]
        kept, pixels = random_part(design, full.bytes, float(aim.bytes.sum() / full.bytes.sum()), 0), full.pixels
    start = time.process_time()
    found: Predictions = judge.judge(pixels, kept)
    labels = design.labels[design.tested]
    return Judgement(found.own == labels, found.originals == labels, time.process_time() - start)


def remembered(file: Path | None, judge: Callable[[], Judgement]) -> Judgement:
    """Return what was judged before and kept in a file, else judge and keep it."""
    if file and file.exists():
        with np.load(file) as kept:
            return Judgement(kept["own"], kept["originals"], float(kept["seconds"]))
    found = judge()
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(file, **found._asdict())
    return found


def judge_all(photos: PhotoSet, make: Callable[..., Judge], name: str, **settings: int) -> list[Judgement]:
    """Let one model judge all forms; judgements in their order."""
    judge = make(photos.pictures[0].pixels, photos.design, **settings)
    found = []
    for one in photos.pictures:
        file = photos.kept / f"{name} {one.arm.name}.npz" if photos.kept else None
        found.append(remembered(file, partial(judged, judge, one, photos)))
        last = found[-1]
        print(f"{name}, {one.arm.name}: {last.own.mean():.1%}, {last.seconds:.0f} s", file=sys.stderr, flush=True)
    return found


def joined(some: Sequence[list[Judgement]]) -> list[Judgement]:
    """Return judgements of all forms by several networks as those of one model with repeats."""
    return [
        Judgement(*(np.concatenate(part) for part in (own, originals)), sum(seconds))
        for own, originals, seconds in (zip(*of_form, strict=True) for of_form in zip(*some, strict=True))
    ]


def rows_of(photos: PhotoSet, found: dict[str, list[Judgement]], form: str) -> list[Row]:
    """Return the differences of all forms but the full one, tested on their own form or on originals."""
    groups = photos.design.groups[photos.design.tested]
    correct = {name: [getattr(one, form) for one in judgements] for name, judgements in found.items()}
    halves = tuple(correct[name] for name in _HALVES)
    together = [np.concatenate(pair) for pair in zip(*halves, strict=True)]
    rows = []
    for place, one in enumerate(photos.pictures[1:], 1):
        network = paired_difference(together[place], together[0], groups)
        first, second, fixed = (
            100 * float(all_[place].mean() - all_[0].mean()) for all_ in (*halves, correct["fixed"])
        )
        rows.append(
            Row(one.arm.name, float(one.bytes.mean()), 100 * network.mean, 100 * network.error, (first, second), fixed)
        )
    return rows


def rank_agreement(rows: list[Row]) -> tuple[float, float, float]:
    """Return Spearman's rank correlations over forms.

    Returns
    -------
    fixed, half, itself
        Of fixed features with the network of all seeds; with half of the seeds, mean of both halves; of one half of the
        seeds with the other. NaN over fewer than three forms, or if all are equal.
    """
    from scipy.stats import spearmanr  # noqa: PLC0415 - half a second to import

    if len(rows) < 3:  # noqa: PLR2004 - two are in order or not
        return (float("nan"),) * 3
    fixed, network = [row.fixed for row in rows], [row.network for row in rows]
    first, second = zip(*(row.halves for row in rows), strict=True)

    def ranked(one: Sequence[float], other: Sequence[float]) -> float:
        return float(spearmanr(one, other).statistic) if np.ptp(one) and np.ptp(other) else float("nan")

    return ranked(fixed, network), statistics.mean((ranked(fixed, first), ranked(fixed, second))), ranked(first, second)


def summary_row(what: str, rows: list[Row]) -> list[str]:
    """Return how well the models agree on one set: over the counted forms, and over all of them."""
    counted = [row for row in rows if row.is_counted]
    few = " (few)" if len(counted) < FEWEST else ""
    agreements = rank_agreement(counted) + rank_agreement(rows)
    return [what, f"{len(counted)} of {len(rows)}{few}", *(number(value, 2) for value in agreements)]


def section(photos: PhotoSet, found: dict[str, list[Judgement]]) -> tuple[str, list[list[str]]]:
    """Return the part of the page about one set, and its rows of the summary."""
    own, originals = (rows_of(photos, found, form) for form in _FORMS)
    table = [
        [
            row.name + ("" if row.is_counted else " (not counted)"),
            f"{row.bytes:,.0f}",
            f"{row.network:+.1f}",
            f"{row.error:.1f}",
            *(f"{value:+.1f}" for value in (*row.halves, row.fixed, other.network, other.fixed)),
        ]
        for row, other in zip(own, originals, strict=True)
    ]
    header = (
        *("form", "bytes", "network", "error", "one half", "other half", "fixed"),
        *("network on originals", "fixed on originals"),
    )
    summary = [
        summary_row(f"{photos.about}, on {form}", rows) for form, rows in zip(_FORMS, (own, originals), strict=True)
    ]
    text = f"## {photos.about}\n\n{in_full(photos, found)}\n\n{markdown_table(header, table)}"
    return text, summary


def in_full(photos: PhotoSet, found: dict[str, list[Judgement]]) -> str:
    """Return a paragraph about a set, what models make of it in full, and how long they take."""
    design = photos.design
    kinds = {"network": found["network 0"] + found["network 1"], "fixed features": found["fixed"]}
    full = {"network": [found["network 0"][0], found["network 1"][0]], "fixed features": found["fixed"][:1]}
    accuracy = [f"{name} {100 * np.mean([one.own.mean() for one in some]):.1f} %" for name, some in full.items()]
    seconds = [
        f"{name} {sum(one.seconds for one in some) / sum(len(one.own) for one in some):.1f} s"
        for name, some in kinds.items()
    ]
    groups = len(np.unique(design.groups[design.tested]))
    return (
        f"{len(design.labels):,} photos of {design.classes} classes, {design.tested.sum():,} of them tested "
        f"({design.kind}; {groups:,} groups); {photos.pictures[0].bytes.mean():,.0f} bytes a photo in full. Accuracy "
        f"in full: {', '.join(accuracy)}. Processor time for one model of one form: {', '.join(seconds)}."
    )


def parsed(arguments: list[str]) -> argparse.Namespace:
    """Read the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="folders of class folders, perhaps below train and test")
    parser.add_argument("--about", action="append", default=[], help="what a set is, once for each; its folder's name")
    parser.add_argument("--size", type=int, default=64, help="sides of the pictures in full (default: %(default)s)")
    parser.add_argument("--images", type=int, default=5000, help="of each set, at most (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="networks in each half (default: %(default)s)")
    parser.add_argument("--dictionaries", type=int, default=3, help="of fixed features (default: %(default)s)")
    parser.add_argument("--epochs", type=float, default=NETWORK_EPOCHS, help="of a network (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=1, help="threads (default: %(default)s)")
    parser.add_argument("--keep", type=Path, help="keep judgements here, and go on from there")
    parser.add_argument("--out", type=Path, help="also write the page to this Markdown file")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    options = parsed(arguments)
    abouts = options.about + [folder.name for folder in options.folders[len(options.about) :]]
    settings = {"jobs": options.jobs}
    with tempfile.TemporaryDirectory() as temporary:
        sets = [
            made(folder, about, Path(temporary), options) for folder, about in zip(options.folders, abouts, strict=True)
        ]
        fixed = [judge_all(one, FixedFeatureJudge, "fixed", repeats=options.dictionaries, **settings) for one in sets]
        halves: list[dict[str, list[list[Judgement]]]] = [{name: [] for name in _HALVES} for _ in sets]
        for repeat in range(options.repeats):
            for place, one in enumerate(sets):
                for number, name in enumerate(_HALVES):
                    seed = number + len(_HALVES) * repeat
                    again = {"repeats": 1, "seed": seed, "epochs": options.epochs}
                    halves[place][name].append(judge_all(one, NetworkJudge, f"seed {seed}", **again, **settings))
            found = [
                {"fixed": of_fixed} | {name: joined(some) for name, some in of_halves.items()}
                for of_fixed, of_halves in zip(fixed, halves, strict=True)
            ]
            publish(page(sets, found, options, arguments), options.out)


def page(
    sets: list[PhotoSet], found: list[dict[str, list[Judgement]]], options: argparse.Namespace, arguments: list[str]
) -> str:
    """Return the page with what was judged so far."""
    sections, summaries = zip(*map(section, sets, found), strict=True)
    pairs = "fixed and network", "fixed and half the networks", "network and itself"
    header = ("set", "forms counted", *pairs, *(f"{pair}, all forms" for pair in pairs))
    models = (
        f"{len(found[0][_HALVES[0]][0].own)} networks in each half of the seeds, {options.epochs:g} epochs; "
        f"{options.dictionaries} dictionaries of fixed features. Differences to full colour are in points of percent; "
        'error is the standard error of the difference in the network, from photos and seeds. "Own" is trained and '
        'tested on the form, "originals" trained on the form and tested in full.'
    )
    words = __doc__.partition("\n\n")[2].strip()
    about = describe("learn_agreement.py", arguments, "numpy", "scipy", "scikit-learn", "pillow", "torch")
    table = markdown_table(header, [row for rows in summaries for row in rows])
    return "\n\n".join(("# Fixed features beside a network", words, models, about, table, *sections)) + "\n"


if __name__ == "__main__":
    main(sys.argv[1:])
