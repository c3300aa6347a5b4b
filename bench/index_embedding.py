"""A model that reads indices: an embedding of the colours that all images share, beside the same model on pixels.

With one palette for all images an index means the same colour everywhere, so each gets a vector that the model learns.
Each vector has as many numbers as a convolution of 1x1 makes of the three levels of a pixel; behind them the networks
are the same, start from the same weights, and see the same images in the same order, moved by the same few pixels.

- *Embedding, random*: indices of the shared palette; vectors start at random.
- *Embedding, colours*: the same, but the vectors start as what the convolution makes of the colours, so that the model
  starts as the next one.
- *Pixels, one palette*: pixels of the same images.
- *Pixels, own palettes*: pixels of the images with a palette each.

A set with folders train and test is divided by them, another one as `ics compress --split` does, which keeps near
duplicates together.
Accuracies are means over networks that differ by chance alone. Intervals hold the truth with 95 %; they count the
chance of the networks and of the tested images.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import nn

import icsys
from icsys.learning.statistics.paired import paired_difference
from machine import describe
from page import publish
from small_network import from_levels, small_network
from table import markdown_table, number

if TYPE_CHECKING:
    from numpy.typing import NDArray

RANDOM, COLORED, PIXELS, OWN = (
    "embedding, random",
    "embedding, colours",
    "pixels, one palette",
    "pixels, own palettes",
)
SPLIT = {"train": 0.75, "test": 0.25}
"""Shares of a set that is not divided."""

MOST = 4
"""Pixels that an image is moved by, at most."""

_BATCH, _TESTED_BATCH = 64, 256
_RATE, _DECAY = 0.004, 0.01


class Form(NamedTuple):
    """What a model reads: indices (N, H, W) or pixels (N, 3, H, W), uint8, in training and in tests, and the files."""

    train: NDArray[np.uint8]
    test: NDArray[np.uint8]
    bytes_per_image: float


class LabelledSet(NamedTuple):
    """A set of images in all forms.

    Attributes
    ----------
    title
        Its name.
    forms
        By the names of the models that read them.
    palette
        The shared palette, shape (K, 3), uint8.
    train, test
        Labels, shape (N,).
    classes
        Number of classes.
    is_divided
        Whether the set has been divided by its authors.
    """

    title: str
    forms: dict[str, Form]
    palette: NDArray[np.uint8]
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    classes: int
    is_divided: bool


class Result(NamedTuple):
    """What networks of one kind do: shape (R, tested images), bool, and seconds of each epoch of all of them."""

    correct: NDArray[np.bool_]
    seconds: list[float]


class FromPixels(nn.Module):
    """Makes vectors (n, d, H, W) of pixels (n, 3, H, W), uint8: a convolution of 1x1."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.vectors = nn.Conv2d(3, size, 1)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the vectors."""
        return self.vectors(from_levels(pixels).contiguous(memory_format=torch.channels_last))


class FromIndices(nn.Module):
    """Makes vectors (n, d, H, W) of indices (n, H, W), uint8: an embedding of K colours."""

    def __init__(self, colors: int, size: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(colors, size)

    def forward(self, indices: torch.Tensor) -> torch.Tensor:
        """Return the vectors."""
        return self.vectors(indices.int()).movedim(-1, 1)

    def start_from(self, palette: NDArray[np.uint8], pixels: FromPixels) -> None:
        """Let each index begin as what a convolution makes of its colour."""
        with torch.no_grad():
            colors = torch.from_numpy(np.array(palette))[:, :, None, None]
            self.vectors.weight.copy_(pixels(colors)[:, :, 0, 0])


def model_of(kind: str, palette: NDArray[np.uint8], classes: int, size: int, seed: int) -> nn.Sequential:
    """Return a model of one kind. Equal seeds give equal weights of all that kinds have in common."""
    torch.manual_seed(seed)
    first: Any = FromPixels(size)
    behind = [nn.BatchNorm2d(size), small_network(size, classes)]
    if kind in {RANDOM, COLORED}:
        pixels, first = first, FromIndices(len(palette), size)
        if kind == COLORED:
            first.start_from(palette, pixels)
    # An embedding gives channels last; pixels get them, too, so that the same convolutions take the same time.
    return nn.Sequential(first, *behind).to(memory_format=torch.channels_last)


def with_edges(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images (N, …, H, W) with edges that are repeated as far as :func:`moved` moves."""
    sides = [(0, 0)] * (images.ndim - 2) + [(MOST, MOST)] * 2
    return np.pad(images, sides, mode="edge")


def moved(
    padded: NDArray[np.uint8], rows: NDArray[np.int64], downs: NDArray[np.int64], rights: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Return some of the images that have got edges, each moved by so many pixels, from -MOST to MOST."""
    height, width = (side - 2 * MOST for side in padded.shape[-2:])
    shown = np.empty((len(rows), *padded.shape[1:-2], height, width), np.uint8)
    corners = zip(rows.tolist(), (MOST - downs).tolist(), (MOST - rights).tolist(), strict=True)
    for place, (row, top, left) in enumerate(corners):
        shown[place] = padded[row, ..., top : top + height, left : left + width]
    return shown


def train(
    model: nn.Sequential, images: NDArray[np.uint8], labels: NDArray[np.int64], epochs: int, seed: int
) -> list[float]:
    """Train a model, and return the seconds of the processor of each epoch."""
    random = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=_RATE, weight_decay=_DECAY)
    steps = -(-len(images) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=max(2, epochs * steps), pct_start=0.25)
    seconds, padded = [], with_edges(images)
    model.train()
    for _ in range(epochs):
        start = time.process_time()
        for rows in np.array_split(random.permutation(len(images)), steps):
            downs, rights = random.integers(-MOST, MOST + 1, (2, len(rows)))
            scores = model(torch.from_numpy(moved(padded, rows, downs, rights)))
            loss = nn.functional.cross_entropy(scores, torch.from_numpy(labels[rows]), label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        seconds.append(time.process_time() - start)
    return seconds


def is_right(model: nn.Sequential, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return for each image whether the model names its class."""
    model.eval()
    with torch.no_grad():
        parts = np.split(images, range(_TESTED_BATCH, len(images), _TESTED_BATCH))
        named = np.concatenate([model(torch.from_numpy(np.array(part))).argmax(1).numpy() for part in parts])
    found: NDArray[np.bool_] = named == labels
    return found


def judged(one: LabelledSet, options: argparse.Namespace) -> dict[str, Result]:
    """Train and test the networks of all kinds, in turn."""
    results: dict[str, Result] = {kind: Result(np.empty((0, len(one.test)), np.bool_), []) for kind in one.forms}
    for seed in range(options.repeats):
        for kind, form in one.forms.items():
            model = model_of(kind, one.palette, one.classes, options.vector, seed)
            seconds = train(model, form.train, one.train, options.epochs, seed)
            right = is_right(model, form.test, one.test)
            before = results[kind]
            results[kind] = Result(np.concatenate([before.correct, right[None]]), before.seconds + seconds)
            print(f"{one.title}, {kind}, {seed}: {right.mean():.1%}, {sum(seconds):.0f} s", file=sys.stderr, flush=True)
    return results


def make_set(folder: Path, title: str, work: Path, options: argparse.Namespace) -> LabelledSet:
    """Make all forms of a set of class folders, divided or not."""
    is_divided = {"train", "test"} <= {path.name for path in folder.iterdir()}
    found = {}
    for palette in ("dataset", "image"):
        more: Any = {"size": (options.side, options.side), "fit": "cover", "palette": palette, "format": "arrays"}
        to = work / palette
        icsys.compress_folder(
            folder, to, icsys.Options(colors=options.colors, **more), split=None if is_divided else SPLIT
        )
        found[palette] = icsys.load(to)
    shared, own = found["dataset"], found["image"]
    for name in ("train", "test"):
        if shared.split(name).names != own.split(name).names:
            raise SystemExit(f"{title}: expected the same images with either palette")
    parts = [shared.split(name) for name in ("train", "test")]
    indices, pixels = [one.unpacked_indices() for one in parts], [one.pixels() for one in parts]
    own_pixels = [own.split(name).pixels() for name in ("train", "test")]
    sizes = [_bytes_per_image(work / palette, len(shared)) for palette in ("dataset", "image")]
    forms = {
        RANDOM: Form(*indices, sizes[0]),
        COLORED: Form(*indices, sizes[0]),
        PIXELS: Form(*pixels, sizes[0]),
        OWN: Form(*own_pixels, sizes[1]),
    }
    labels = [one.labels for one in parts]
    return LabelledSet(title, forms, np.array(shared.palettes), *labels, len(shared.classes), is_divided)


def _bytes_per_image(folder: Path, images: int) -> float:
    """Return the bytes of indices and palettes for an image."""
    return sum(path.stat().st_size for name in ("indices", "palettes") for path in folder.rglob(f"{name}.npy")) / images


def section(one: LabelledSet, results: dict[str, Result]) -> str:
    """Return the part of the page about a set."""
    reference = results[PIXELS].correct
    rows = []
    for kind, result in results.items():
        form = one.forms[kind]
        rows.append(
            [
                kind,
                f"{100 * result.correct.mean():.1f} %",
                "-" if kind == PIXELS else _shown(*_difference(result.correct, reference)),
                " ".join(f"{100 * right.mean():.1f}" for right in result.correct),
                number(statistics.median(result.seconds)),
                f"{form.bytes_per_image:,.0f}",
                number(form.train.nbytes / 1e6),
            ]
        )
    header = ["model reads", "accuracy", "points", "each network, %", "seconds an epoch", "bytes an image", "MB read"]
    text = (
        f"{len(one.train):,} images of {one.classes} classes to train on, {len(one.test):,} tested; always naming the "
        f"largest class: {100 * np.bincount(one.test).max() / len(one.test):.1f} %."
    )
    flatters = (
        "" if one.is_divided else " The split is a random one, which flatters where pictures were taken together."
    )
    return f"## {one.title}\n\n{text}{flatters}\n\n{markdown_table(header, rows)}\n\n{meaning(results)}"


def meaning(results: dict[str, Result]) -> str:
    """Return in words what the differences to pixels of one palette say."""
    said = []
    for kind in (COLORED, RANDOM, OWN):
        mean, low, high = _difference(results[kind].correct, results[PIXELS].correct)
        how = f"has {abs(mean):.1f} points {'more' if mean > 0 else 'fewer'} than"
        said.append(f"*{kind}* {how if low > 0 or high < 0 else 'cannot be told from'} *{PIXELS}*")
    return f"So {'; '.join(said)}."


def _difference(correct: NDArray[np.bool_], reference: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return the points of accuracy that a kind has more than the reference, and the bounds of their interval."""
    estimate = paired_difference(correct, reference, np.arange(correct.shape[1], dtype=np.int32))
    low, high = estimate.interval()
    return 100 * estimate.mean, 100 * low, 100 * high


def _shown(mean: float, low: float, high: float) -> str:
    return f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"


def parsed(arguments: list[str]) -> argparse.Namespace:
    """Read the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="folders of class folders, perhaps below train and test")
    parser.add_argument("--side", type=int, default=64, help="height and width in pixels (default: %(default)s)")
    parser.add_argument("--colors", type=int, default=16, help="of a palette, at most 256 (default: %(default)s)")
    parser.add_argument("--vector", type=int, default=8, help="numbers of a vector (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=6, help="of each network (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="networks of each kind (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="also write the page to this Markdown file")
    options = parser.parse_args(arguments)
    for folder in options.folders:
        if not folder.is_dir():
            parser.error(f"{str(folder)!r} is no folder: expected one with folders of classes")
    return options


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    options = parsed(arguments)
    torch.set_num_threads(1)
    sections = []
    for folder in options.folders:
        with tempfile.TemporaryDirectory() as work:
            one = make_set(folder, folder.name, Path(work), options)
        sections.append(section(one, judged(one, options)))
        print(f"\n{sections[-1]}\n", file=sys.stderr, flush=True)
    intro = __doc__.partition("\n\n")[2].strip()
    how = (
        f"Images of {options.side}x{options.side} pixels in {options.colors} colours; vectors of {options.vector} "
        f"numbers; {options.repeats} networks of each kind, {options.epochs} epochs. *Points* are those of accuracy "
        f"more than *{PIXELS}*. Seconds are those of the processor, the median of all epochs. *Bytes an image* are "
        "those of indices and palettes on the disk, *MB read* what the model is handed in an epoch, as uint8."
    )
    about = describe("index_embedding.py", arguments, "numpy", "scipy", "torch")
    publish("\n\n".join(["# An embedding of indices", intro, how, about, *sections]) + "\n", options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
