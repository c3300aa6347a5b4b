"""Seconds an epoch of training: from photos, from small JPEGs, from PNGs of few colours, from arrays.

Every way gives the same images in the same order and batches, as uint8, to a network that starts from the same weights;
PNGs, raw pixels and arrays even have the same pixels, so that their losses are equal. "Reading" is the time until the
next batch is there, "network" that of a step of training. The last row trains on one batch again and again: what an
epoch would take if reading took nothing.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, Subset
from torchvision.datasets import ImageFolder
from torchvision.models import resnet18
from torchvision.transforms import v2

import icsys
from icsys.torch import loader
from machine import describe
from page import publish
from photos import find_photos, gather, write_photos
from small_network import from_levels, small_network
from table import markdown_table, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    Batch = tuple[torch.Tensor, torch.Tensor]

COLORS = 16
ORIGINALS, JPEG, PNG, RAW, ARRAYS, FLOOR = (
    "original photos, ImageFolder",
    "JPEGs of that size, ImageFolder",
    "PNGs of 16 colours, ImageFolder",
    "raw pixels in a .npy file",
    "arrays of 16 colours, icsys.torch",
    "one batch again and again",
)
SAME_PIXELS = PNG, RAW, ARRAYS
_CLASSES, _DRAWN, _DRAWN_SIZE = 10, 100, (400, 533)
_SEED = 0
_NOTES = """
*Reading* is the part of the epoch that the network waits for batches. The best of the epochs counts, and all ways take
turns, epoch by epoch. The photos lie in the cache of the system: reading them from a disk adds to the first rows most.
*Loss* is the mean over the last epoch. Raw pixels hold those of 16 colours, so that the losses can be compared.
"""


class Way(NamedTuple):
    """A way to read the images: its name, its bytes on the disk, and what gives the batches of an epoch."""

    name: str
    bytes: int
    batches: Callable[[], Iterable[Batch]]


class Course(NamedTuple):
    """How training goes.

    Attributes
    ----------
    device
        "cpu", or another one of PyTorch.
    is_half
        Whether the network computes in bfloat16, channels last.
    epochs, batch
        Number of epochs, and of images in a batch.
    clock
        Gives seconds.
    """

    device: str
    is_half: bool
    epochs: int
    batch: int
    clock: Callable[[], float]

    @property
    def name(self) -> str:
        """How the page names it."""
        return f"{self.device}, {'bfloat16, channels last' if self.is_half else 'float32'}"


class Epoch(NamedTuple):
    """What one epoch took and gave: seconds of reading and of the network, the mean loss, and all labels in order."""

    reading: float
    network: float
    loss: float
    labels: list[int]

    @property
    def seconds(self) -> float:
        """Seconds of all of it."""
        return self.reading + self.network


class Images(NamedTuple):
    """Images in all forms, in folders below one; ``order`` is that of training, shape (N,)."""

    folder: Path
    data: icsys.Dataset
    order: NDArray[np.int64]
    side: int


class Learner:
    """A network that learns in one way, and how long that takes.

    Parameters
    ----------
    network
        From pixels, float32, to scores.
    course
        How it learns.
    """

    def __init__(self, network: Any, course: Course) -> None:  # noqa: ANN401 - a module of PyTorch
        self._course = course
        self._network = network.to(course.device)
        if course.is_half:
            self._network = self._network.to(memory_format=torch.channels_last)
        self._optimizer = torch.optim.SGD(self._network.parameters(), lr=0.02, momentum=0.9)

    def learn(self, batches: Iterable[Batch]) -> Epoch:
        """Learn from all batches, once."""
        clock, device = self._course.clock, self._course.device
        reading = network = total = 0.0
        labels: list[torch.Tensor] = []
        source = iter(batches)
        begin = clock()
        while (batch := next(source, None)) is not None:
            pixels, wanted = (one.to(device, non_blocking=True) for one in batch)
            self._finish()
            there = clock()
            total += self._step(pixels, wanted) * len(wanted)
            self._finish()
            labels.append(wanted.cpu())
            reading, network, begin = reading + there - begin, network + clock() - there, clock()
        found = torch.cat(labels).tolist()
        return Epoch(reading + clock() - begin, network, total / len(found), found)

    def _step(self, pixels: torch.Tensor, labels: torch.Tensor) -> float:
        """Take one step, and return the loss before it."""
        shown = from_levels(pixels)
        if self._course.is_half:
            shown = shown.to(memory_format=torch.channels_last)
        kind = torch.device(self._course.device).type
        with torch.autocast(kind, torch.bfloat16) if self._course.is_half else nullcontext():
            loss = torch.nn.functional.cross_entropy(self._network(shown), labels)
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        return float(loss.detach())

    def _finish(self) -> None:
        """Wait until the device has done what it was told."""
        if torch.device(self._course.device).type == "cuda":
            torch.cuda.synchronize(self._course.device)


def gather_photos(folder: Path | None, images: int, work: Path) -> Path:
    """Put photos into folders of classes below ``work``, and return the folder of them; see :func:`photos.gather`."""
    originals = work / "originals"
    if folder is None:
        drawn = write_photos(work / "drawn", min(images, _DRAWN), *_DRAWN_SIZE)
        classes = {f"{one}": drawn[one::_CLASSES] for one in range(min(_CLASSES, len(drawn)))}
        each = {name: images // len(classes) + (place < images % len(classes)) for place, name in enumerate(classes)}
    else:
        found = find_photos(folder)
        places = np.random.default_rng(_SEED).permutation(len(found))[:images]
        chosen = [found[place] for place in sorted(places.tolist())]
        names = sorted({path.parent.name for path in chosen})
        classes = {name: [path for path in chosen if path.parent.name == name] for name in names}
        each = {name: len(paths) for name, paths in classes.items()}
    for name, paths in classes.items():
        gather(paths, originals / name, each[name])
    return originals


def make_images(originals: Path, side: int, work: Path) -> Images:
    """Make all forms of the photos, at ``side`` by ``side`` pixels, in folders below ``work``.

    Raises
    ------
    SystemExit
        If a photo fails.
    """
    work.mkdir(parents=True, exist_ok=True)
    common: dict[str, Any] = {"size": (side, side), "fit": "cover"}
    forms = {
        "jpeg": icsys.Options(strategy="SO", format="jpeg", **common),
        "png": icsys.Options(colors=COLORS, format="png", **common),
        "arrays": icsys.Options(colors=COLORS, format="arrays", **common),
    }
    for name, options in forms.items():
        summary = icsys.compress_folder(originals, work / name, options)
        if summary.failed:
            raise SystemExit(f"{summary.failed} photos cannot be read: ics verify names them")
    data = icsys.load(work / "arrays")
    np.save(work / "pixels.npy", data.pixels())
    return Images(work, data, np.random.default_rng(_SEED).permutation(len(data)), side)


def ways_to_read(originals: Path, images: Images, course: Course, workers: int) -> list[Way]:
    """Return all ways to read the images, one batch again and again as the last."""
    folder, data, order, side = images

    def image_folder(name: str, path: Path, *steps: Any) -> Way:  # noqa: ANN401 - transforms
        found = ImageFolder(str(path), v2.Compose([*steps, v2.PILToTensor()]))
        names = [Path(one).relative_to(path).with_suffix("").as_posix() for one, _ in found.samples]
        if names != [Path(one).with_suffix("").as_posix() for one in data.names]:
            raise SystemExit(f"{name}: expected the images of the arrays, in their order")
        batches = DataLoader(
            Subset(found, order.tolist()), course.batch, num_workers=workers, persistent_workers=workers > 0
        )
        return Way(name, sum(Path(one).stat().st_size for one, _ in found.samples), lambda: batches)

    raw, labels = np.load(folder / "pixels.npy", mmap_mode="r"), data.labels

    def raw_batches() -> Iterator[Batch]:
        for first in range(0, len(order), course.batch):
            rows = order[first : first + course.batch]
            yield torch.from_numpy(raw[rows]), torch.from_numpy(labels[rows])

    arrays = loader(
        data[order], course.batch, shuffle=False, dtype="uint8", device=course.device, prefetch=2 if workers else 0
    )
    files = (folder / "arrays").rglob("*.npy")
    one = next(iter(arrays))
    again = [one] * (len(order) // course.batch) or [one]
    return [
        image_folder(ORIGINALS, originals, v2.Resize(side), v2.CenterCrop(side)),
        image_folder(JPEG, folder / "jpeg"),
        image_folder(PNG, folder / "png"),
        Way(RAW, (folder / "pixels.npy").stat().st_size, raw_batches),
        Way(ARRAYS, sum(path.stat().st_size for path in files), lambda: arrays),
        Way(FLOOR, 0, lambda: again),
    ]


def train(ways: Sequence[Way], make: Callable[[], Any], course: Course) -> dict[str, list[Epoch]]:
    """Train a network in each way, in turn, and return the epochs of each.

    Raises
    ------
    SystemExit
        If two ways give other labels, or, where computing is exact, ways with the same pixels have other losses.
    """
    learners = []
    for _ in ways:
        torch.manual_seed(_SEED)
        learners.append(Learner(make(), course))
    found: dict[str, list[Epoch]] = {way.name: [] for way in ways}
    for _ in range(course.epochs):
        for way, learner in zip(ways, learners, strict=True):
            found[way.name].append(learner.learn(way.batches()))
            print(f"{course.name}, {way.name}: {found[way.name][-1].seconds:.2f} s", file=sys.stderr, flush=True)
    expected = found[ARRAYS]
    for name, epochs in found.items():
        if name != FLOOR and [one.labels for one in epochs] != [one.labels for one in expected]:
            raise SystemExit(f"{name}: expected the labels of {ARRAYS}")
        is_exact = name in SAME_PIXELS and course.device == "cpu"
        if is_exact and [one.loss for one in epochs] != [one.loss for one in expected]:
            raise SystemExit(f"{name}: expected the losses of {ARRAYS}")
    return found


def table(ways: Sequence[Way], found: dict[str, list[Epoch]]) -> str:
    """Return the figures of all ways; one batch again and again is reckoned for as many images."""
    images = len(found[ARRAYS][0].labels)
    rows = []
    for way in ways:
        epochs = found[way.name]
        best = min(epochs, key=lambda one: one.seconds)
        scale = images / len(best.labels)
        size, loss = ("-", "-") if way.name == FLOOR else (number(way.bytes / 1e6), f"{epochs[-1].loss:.6f}")
        seconds = [number(one * scale) for one in (best.seconds, best.reading, best.network)]
        share = f"{100 * best.reading / best.seconds:.1f} %"
        rows.append([way.name, size, *seconds, share, number(len(best.labels) / best.seconds), loss])
    header = ["images from", "MB", "seconds an epoch", "reading", "network", "share of reading", "images/s", "loss"]
    return markdown_table(header, rows)


def parsed(arguments: list[str]) -> argparse.Namespace:
    """Read the options of the command line."""
    usual = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="?", type=Path, help="folder with folders of classes; by code if left out")
    parser.add_argument("--images", type=int, default=1000, help="photos, at most (default: %(default)s)")
    parser.add_argument("--side", type=int, default=64, help="height and width in pixels (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=64, help="images of a batch (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=3, help="epochs, the best one counts (default: %(default)s)")
    parser.add_argument("--device", nargs="+", default=usual, help=f"devices (default: {' '.join(usual)})")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch (default: %(default)s)")
    parser.add_argument(
        "--workers", type=int, default=0, help="processes that read; arrays take one thread (default: %(default)s)"
    )
    parser.add_argument(
        "--resnet18", type=int, default=0, metavar="N", help="also ResNet-18 on N of the photos at 224x224"
    )
    parser.add_argument("--processor-time", action="store_true", help="on a machine that does other work; no workers")
    parser.add_argument("--out", type=Path, help="also write the page to this Markdown file")
    options = parser.parse_args(arguments)
    if options.processor_time and options.workers:
        parser.error("--processor-time counts this process alone: expected --workers 0")
    for device in options.device:
        try:
            torch.empty(0, device=device)
        except (AssertionError, RuntimeError) as error:  # PyTorch raises the first without CUDA
            reason = str(error).partition("\n")[0]
            parser.error(f"--device {device}: {reason}; expected one that PyTorch has here, such as cpu")
    return options


def courses(options: argparse.Namespace) -> list[Course]:
    """Return how training is to go: in float32, and on other devices than the processor in bfloat16, too."""
    clock = time.process_time if options.processor_time else time.perf_counter
    return [
        Course(device, is_half, options.epochs, options.batch, clock)
        for device in options.device
        for is_half in ((False,) if device == "cpu" else (False, True))
    ]


def section(options: argparse.Namespace, work: Path, images: int, side: int, network: str) -> str:
    """Measure one network, and return its part of the page."""
    originals = gather_photos(options.photos, images, work)
    made = make_images(originals, side, work / "made")
    classes = len(made.data.classes)

    def make() -> Any:  # noqa: ANN401 - a module of PyTorch
        return small_network(3, classes) if network == "small" else resnet18(num_classes=classes)

    title = "A small network" if network == "small" else "ResNet-18"
    parts = [f"## {title}: {len(made.data):,} images of {side}x{side} pixels"]
    for course in courses(options):
        ways = ways_to_read(originals, made, course, options.workers)
        parts += [f"On {course.name}:", table(ways, train(ways, make, course))]
    return "\n\n".join(parts)


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    options = parsed(arguments)
    torch.set_num_threads(options.threads)
    todo = [("small", options.images, options.side), ("resnet18", options.resnet18, 224)]
    sections = []
    for network, images, side in todo:
        if images:
            work = Path(tempfile.mkdtemp(prefix="epoch-"))
            try:
                sections.append(section(options, work, images, side, network))
            finally:
                shutil.rmtree(work, ignore_errors=True)  # where mapped files cannot be removed, they stay
    about = describe("epoch.py", arguments, "numpy", "pillow", "torch", "torchvision")
    devices = [f"- Device: {torch.cuda.get_device_name()}"] if "cuda" in options.device else []
    clock = "of the processor" if options.processor_time else "of the clock"
    how = (
        f"Batches of {options.batch}, seconds {clock}. Threads of PyTorch: {options.threads}; processes that read "
        f"beside it: {options.workers}."
    )
    intro = __doc__.partition("\n\n")[2].strip()
    head = ["# An epoch of training", intro, how, "\n".join([about, *devices])]
    publish("\n\n".join([*head, *sections]) + "\n" + _NOTES, options.out)


if __name__ == "__main__":
    main(sys.argv[1:])
