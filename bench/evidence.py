"""What models keep of public sets of photos: accuracy against colours, size and bytes, and where fewer colours lose.

Folders are class folders, with or without a split of their own. scikit-learn's digits, which its package holds, are
judged too.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

import icsys
from icsys.choices import AUTO
from icsys.engine.executor import Executor
from icsys.image.read_output import read_pixels
from icsys.image.resize import stretched
from icsys.inspection.inspect_folder import NOWHERE
from icsys.learning.arm import FULL
from icsys.learning.arms.make_arms import make_arms
from icsys.learning.arms.plan_arms import plan_arms, working_size
from icsys.learning.design import FOLDS
from icsys.learning.images.find_labelled import find_labelled
from icsys.learning.learn_settings import LearnSettings
from icsys.learning.models.fixed_judge import FixedFeatureJudge
from icsys.learning.statistics.paired import paired_difference
from icsys.sources.companions.layout import CompanionSettings
from icsys.sources.open_source import open_source
from machine import describe
from page import publish
from table import markdown_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.learning.learned import ArmResult, Learned

_DIGITS = "scikit-learn's digits"
_SHARED = 16  # colours of the palette for all images
_WORDS = {"keeps": "keeps 99 %", "loses": "loses more", "unclear": "cannot tell", "reference": "reference"}


_CHANCE = 0.05
_INTRODUCTION = """\
# Evidence

What a model keeps of public sets when images are made smaller and their colours few. Every figure comes from
`ics learn`: [what a model keeps](learn.md) explains the model, the split and the statistics. The model is a stand-in:
these figures are about images like these, not about another network.
"""
_UNITS = """
Bytes are those of all files together, palettes and headers included, divided by the number of images. Differences are
points of accuracy less full colour, with intervals of 95 %, paired by image. Other pages have what was tried so that
[few colours suit a model better](benchmarks/model-palettes.md), how the model ranks arms
[beside a network](benchmarks/learn-agreement.md), and [how honest verdicts are](benchmarks/learn-honesty.md).
"""
_EQUAL = """
`WebP = K16` is lossy WebP at the bytes of 16 colours, `fewer = K16` a random part of the images in full colour at these
bytes.
"""
_FLATTER = """
The same test images in full colour, by the same model: trained on the training images of the set, and on all images but
the tested one. Photos that were taken together stand on both sides then, so that the accuracy flatters and losses hide.
`ics learn` uses the split of a folder where it has one, and says so where it has none.
"""


class Extra(NamedTuple):
    """What is measured of a set beside its arms, in percent and points."""

    own_split: float | None
    left_out: float | None
    shared_bytes: float
    shared: str


def main() -> None:
    """Judge all sets, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", metavar="FOLDER", nargs="*", type=Path, help="class folders of a public set")
    parser.add_argument("--name", action="append", default=[], help="what to call a folder, in their order")
    parser.add_argument("--images", type=int, default=5000, help="judge so many images of a set at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write the page to this file, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        digits = _write_digits(Path(name, "digits"))
        sets = [(_DIGITS, digits), *zip(_names(arguments), arguments.folders, strict=True)]
        parts = [
            _judged(title, folder, arguments, Path(name, f"work-{place}")) for place, (title, folder) in enumerate(sets)
        ]
    publish(_page(parts), arguments.out)


def _names(arguments: argparse.Namespace) -> list[str]:
    return arguments.name + [folder.name for folder in arguments.folders[len(arguments.name) :]]


def _write_digits(folder: Path) -> Path:
    """Write the digits of scikit-learn as class folders: 1,797 grey pictures of 8x8 pixels with 17 levels."""
    shipped = load_digits()
    for number, (picture, label) in enumerate(zip(shipped.images, shipped.target, strict=True)):
        place = folder / str(label)
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray((picture * 255 / 16).round().astype(np.uint8)).save(place / f"{number:04}.png")
    return folder


def _judged(title: str, folder: Path, arguments: argparse.Namespace, work: Path) -> tuple[str, Learned, Extra]:
    print(f"{title} ...", file=sys.stderr)
    work.mkdir()
    learned = icsys.learn(folder, images=arguments.images, minutes=10_000)
    return title, learned, _extra(folder, learned, arguments, work)


def _extra(folder: Path, learned: Learned, arguments: argparse.Namespace, work: Path) -> Extra:
    """Hold the own split against images left out in turn, and a palette for all images against one for each."""
    settings = LearnSettings(images=arguments.images)
    options = icsys.Options(seed=arguments.seed)
    source = open_source(str(folder), NOWHERE, companions=CompanionSettings(AUTO, None, options))
    executor = Executor("threads", 2, None, False, Event())
    labelled = find_labelled(source, executor, settings, most=arguments.images, seed=arguments.seed)
    arms = [arm for arm in plan_arms(options, (_SHARED,), lossy=False, given_geometry=False) if arm.options]
    size = working_size(arms)
    made = {
        one.arm.name: one for one in make_arms(source, labelled.tasks, arms, executor, folder=work, size=size).pictures
    }
    design = labelled.design
    model = FixedFeatureJudge(made[FULL].pixels, design, repeats=learned.repeats, jobs=2)
    labels = design.labels[design.tested]
    full = model.judge(made[FULL].pixels).own == labels
    shared, bytes_shared = _with_one_palette(folder, [task.source for task in labelled.tasks], work / "shared", size)
    estimate = paired_difference(model.judge(shared).own == labels, full, design.groups[design.tested])
    flat = None
    if not design.is_optimistic:
        every = np.ones(len(design.labels), np.bool_)
        alone = design._replace(trained=every, tested=every, kind=FOLDS, groups=np.arange(len(every), dtype=np.int32))
        again = FixedFeatureJudge(made[FULL].pixels, alone, repeats=learned.repeats, jobs=2).judge(made[FULL].pixels)
        flat = 100 * float((again.own == design.labels)[:, design.tested].mean())
    own = None if design.is_optimistic else 100 * float(full.mean())
    return Extra(own, flat, bytes_shared, _interval(100 * estimate.mean, *(100 * one for one in estimate.interval())))


def _with_one_palette(folder: Path, names: list[str], work: Path, size: int) -> tuple[NDArray[np.uint8], float]:
    """Return the pictures of images that share one palette, and the mean bytes of their files."""
    options = icsys.Options(colors=_SHARED, size=(64, 64), palette="dataset")
    icsys.compress_folder(folder, work, options)
    rows = [json.loads(line) for line in (work / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    outputs = {row["source_path"]: row["file_name"] for row in rows}
    files = [(work / outputs[name]).read_bytes() for name in names]
    return np.stack([stretched(read_pixels(data), size) for data in files]), float(
        np.mean([len(data) for data in files])
    )


def _page(parts: list[tuple[str, Learned, Extra]]) -> str:
    return "\n".join(
        [
            _INTRODUCTION,
            describe("evidence.py", sys.argv[1:], "icsys", "numpy", "scipy", "scikit-learn", "pillow"),
            _UNITS,
            *_summary(parts),
            *_losses(parts),
            *_splits(parts),
            *_shared_palettes(parts),
            *(line for title, learned, _ in parts for line in _section(title, learned)),
        ]
    )


def _summary(parts: list[tuple[str, Learned, Extra]]) -> list[str]:
    """Return the arms that most people ask for, of all sets."""
    shown = ("K64", "K16", "WebP = K16", "JPEG = K16", "fewer = K16", "K4", "WebP = K4")
    rows = []
    for title, learned, _ in parts:
        arms = {arm.name: arm for arm in learned.arms}
        full = arms[FULL]
        rows.append([title, f"{full.accuracy:.1f} %", *(_cell(arms.get(name)) for name in shown)])
    return ["## At a glance", "", markdown_table(["set", FULL, *shown], rows), _EQUAL]


def _cell(arm: ArmResult | None) -> str:
    if arm is None or arm.difference is None or arm.low is None or arm.high is None:
        return "-"
    return f"{arm.difference:+.1f} ±{(arm.high - arm.low) / 2:.1f}"


def _losses(parts: list[tuple[str, Learned, Extra]]) -> list[str]:
    """Return where fewer colours lose, and where a codec of equal bytes keeps more."""
    lines = ["## Where fewer colours lose", ""]
    for title, learned, _ in parts:
        losing = [arm for arm in learned.arms if arm.verdict == "loses" and arm.options]
        if losing:
            some = "; ".join(f"{arm.name} {_cell(arm)}" for arm in losing)
            lines.append(f"- {title}: more than 1 % of the accuracy is lost by {some} points.")
        lines += [
            f"- {title}: {one.arm} keeps {one.difference:.1f} points more than {one.other}, at equal bytes."
            for one in learned.contrasts
            if one.adjusted_p < _CHANCE and one.difference > 0
        ]
    return [*lines, ""]


def _splits(parts: list[tuple[str, Learned, Extra]]) -> list[str]:
    """Return what a random split would have said of the same images."""
    rows = [
        [title, f"{extra.own_split:.1f} %", f"{extra.left_out:.1f} %", f"{extra.left_out - extra.own_split:+.1f}"]
        for title, _, extra in parts
        if extra.own_split is not None and extra.left_out is not None
    ]
    if not rows:
        return []
    header = ["set", "its own split", "images left out one by one", "points"]
    return ["## Random splits flatter", _FLATTER, markdown_table(header, rows), ""]


def _shared_palettes(parts: list[tuple[str, Learned, Extra]]) -> list[str]:
    rows = []
    for title, learned, extra in parts:
        own = next(arm for arm in learned.arms if arm.name == f"K{_SHARED}")
        rows.append(
            [title, f"{own.bytes_per_image:,.0f}", _arm_interval(own), f"{extra.shared_bytes:,.0f}", extra.shared]
        )
    header = ["set", "own palettes, bytes", "points", "one palette, bytes", "points"]
    text = f"{_SHARED} colours, a palette for each image, or one for all images of the set (`--palette dataset`)."
    return ["## One palette for all images", "", text, "", markdown_table(header, rows), ""]


def _section(title: str, learned: Learned) -> list[str]:
    """Return all arms of a set."""
    split = {"groups": "near duplicates left out in turn", "folds": "images left out in turn"}.get(
        learned.split, f"its own {learned.split} split"
    )
    flatters = ", which flatters" if learned.is_optimistic else ""
    text = (
        f"{learned.images:,} images of {len(learned.classes)} classes, {learned.tested:,} tested; {split}{flatters}. "
        f"Always naming the largest class: {learned.majority:.1f} %. {learned.repeats} models a setting, seed "
        f"{learned.seed}. The smallest loss that can be excluded: {learned.resolves:.1f} points. Recommended: "
        f"{learned.recommended or 'none'}."
    )
    notes = [*(f"- {note}" for note in learned.notes), ""] if learned.notes else []
    head = [f"## {title[0].upper()}{title[1:]}", "", text, "", *notes]
    header = ["setting", "size", "bytes", "accuracy", "difference", "on originals", "verdict"]
    rows = [
        [
            arm.name,
            f"{arm.width}x{arm.height}",
            f"{arm.bytes_per_image:,.0f}",
            "-" if arm.accuracy is None else f"{arm.accuracy:.1f} %",
            _arm_interval(arm),
            "-" if arm.accuracy_on_originals is None else f"{arm.accuracy_on_originals:.1f} %",
            _WORDS[arm.verdict],
        ]
        for arm in learned.arms
    ]
    pairs = [
        [one.arm, one.other, _interval(one.difference, one.low, one.high), f"{one.adjusted_p:.2g}"]
        for one in learned.contrasts
    ]
    against = markdown_table(["setting", "of equal bytes", "points", "p after Holm"], pairs)
    return [*head, markdown_table(header, rows), "", against, ""]


def _arm_interval(arm: ArmResult) -> str:
    if arm.difference is None or arm.low is None or arm.high is None or arm.verdict == "reference":
        return "-"
    return _interval(arm.difference, arm.low, arm.high)


def _interval(mean: float, low: float, high: float) -> str:
    return f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"


if __name__ == "__main__":
    main()
