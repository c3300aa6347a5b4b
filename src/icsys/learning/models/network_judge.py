"""``NetworkJudge``: a small convolutional network, trained from scratch on the pictures of an arm; needs PyTorch."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from threading import Event
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from icsys.errors import MissingExtraError, UsageError
from icsys.learning.design import FOLDS, GROUPS, Predictions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from icsys.learning.design import Design

NETWORK_EPOCHS = 20
"""How often a network sees each image, on average, where there are images enough."""

_BLOCKS = (16, 5), (32, 3), (64, 3), (64, 3)  # channels, and the side of the kernels
_SMALLEST_BATCH, _BATCH, _TESTED_BATCH = 16, 64, 256  # images
_LEAST_STEPS, _MOST_STEPS = 120, 1500  # a small set needs some, and a large one has learned by then
# Found on photos of 64 x 64 pixels; a rate of a third or of three times as much differs little.
_RATE, _WARM, _DECAY, _SMOOTHING = 4e-3, 0.2, 0.05, 0.1
_SHIFT = 12  # pictures are moved by up to one part in so many of their side
_HALF = 32  # the first block halves sides larger than this


class NetworkJudge:
    """A :class:`Judge`: a small convolutional network, trained from scratch on the pictures of each arm.

    Four blocks of convolution, batch normalisation (Ioffe, Szegedy 2015) and ReLU, with maximum pooling between them;
    then the mean and the maximum over the picture, and a linear layer. It is trained with AdamW (Loshchilov, Hutter
    2019) at one cycle of learning rates (Smith, Topin 2018) on pictures that are moved a little, and never mirrored: a
    class may be one of left and right. Every arm gets the same number of steps and the same chance.

    With a split of the source's own, it is trained on the one part and tested on the other. Without one, whole groups
    are divided into two halves that are alike in their classes, and each half is tested by a network that was trained
    on the other.

    Parameters
    ----------
    full
        Shape (n, S, S, 3), uint8: the pictures in full, at the working size S, at least 4.
    design
        Which images are trained on and tested.
    repeats
        Number of networks for each arm, which differ by chance alone; each has halves of its own.
    seed
        Of all chance. The same seed gives the same predictions on one machine, whatever ``jobs`` is.
    jobs
        Number of threads; each trains one network.
    report
        Called with the trainings done and all of them, in the thread that called :meth:`judge`.
    epochs
        How often a network sees each image, on average; within 120 and 1,500 steps of 64 images.

    Raises
    ------
    MissingExtraError
        If PyTorch is not installed.
    """

    def __init__(
        self,
        full: NDArray[np.uint8],
        design: Design,
        *,
        repeats: int = 3,
        seed: int = 0,
        jobs: int = 1,
        report: Callable[[int, int], object] | None = None,
        epochs: float = NETWORK_EPOCHS,
    ) -> None:
        self._torch = check_torch()
        self._full, self._design, self._repeats, self._seed = full, design, repeats, seed
        self._jobs, self._report, self._epochs = jobs, report, epochs
        self._parts = [_parts(design, np.random.default_rng([seed, repeat])) for repeat in range(repeats)]

    @property
    def repeats(self) -> int:
        """Number of networks for each arm that differ by chance alone."""
        return self._repeats

    def judge(self, pixels: NDArray[np.uint8], kept: NDArray[np.bool_] | None = None) -> Predictions:
        """Train on the pictures of an arm, and predict the tested images.

        Parameters
        ----------
        pixels
            Shape (n, S, S, 3), uint8: the pictures of the arm, at the working size.
        kept
            Shape (n,), bool: train on these images only; on all that the design allows if left out.

        Raises
        ------
        UsageError
            If no image is left to train on.
        """
        trainings = [
            (repeat, number, part if kept is None else part._replace(trained=part.trained[kept[part.trained]]))
            for repeat, parts in enumerate(self._parts)
            for number, part in enumerate(parts)
        ]
        if not all(len(part.trained) for _, _, part in trainings):
            raise UsageError(
                "no image to train on: expected images of at least two groups, or some beside those tested"
            )
        shape = 2, self._repeats, len(self._design.labels), self._design.classes
        scores = np.zeros(shape, np.float32)
        stop = Event()

        def run(training: tuple[int, int, _Part]) -> None:
            repeat, number, part = training
            network = self._trained(pixels, part, np.random.default_rng([self._seed, repeat, number]), stop)
            for form, shown in enumerate((pixels, self._full)):
                scores[form, repeat, part.tested] = network.scores(shown, part.tested)

        self._run_all(run, trainings, stop)
        tested = np.flatnonzero(self._design.tested)
        return _predictions(scores[:, :, tested], self._design.labels[tested])

    def _run_all(self, run: Callable[[Any], None], trainings: list[Any], stop: Event) -> None:
        """Run all trainings, each in one thread, and report how many are done."""
        torch = self._torch
        with _one_thread(torch), ThreadPoolExecutor(self._jobs, initializer=_one, initargs=(torch,)) as pool:
            try:
                for done, _ in enumerate(pool.map(run, trainings), 1):
                    if self._report:
                        self._report(done, len(trainings))
            finally:
                stop.set()

    def _trained(self, pixels: NDArray[np.uint8], part: _Part, random: np.random.Generator, stop: Event) -> _Network:
        """Return a network that is trained on images of an arm."""
        rows = part.trained
        network = _Network(self._torch, pixels, rows, self._design.classes, random)
        # The steps follow from the design: with fewer images, each is seen more often.
        steps = round(min(max(self._epochs * part.allowed / _BATCH, _LEAST_STEPS), _MOST_STEPS))
        batches = _batches(rows, min(max(part.allowed, _SMALLEST_BATCH), _BATCH), random)
        for step in range(steps):
            if stop.is_set():
                break
            batch = next(batches)
            network.step(pixels, batch, self._design.labels[batch], _rate(step / steps))
        return network


class _Part(NamedTuple):
    """The images of one network by number: trained on, how many of those the design allows, and tested on."""

    trained: NDArray[np.intp]
    allowed: int
    tested: NDArray[np.intp]


class _Network:
    """The network and its optimiser; its first weights come from ``random``, and nothing from PyTorch's own chance."""

    def __init__(
        self,
        torch: Any,  # noqa: ANN401 - a module
        pixels: NDArray[np.uint8],
        rows: NDArray[np.intp],
        classes: int,
        random: np.random.Generator,
    ) -> None:
        self._torch, self._random = torch, random
        self._functions = torch.nn.functional
        self._mean, self._deviation = _moments(pixels, rows)
        self._stride = 2 if pixels.shape[1] > _HALF else 1
        self._kernels, self._norms = [], []
        channels = pixels.shape[3]
        for count, side in _BLOCKS:
            # He et al. 2015: signals keep their size from layer to layer.
            kernels = random.normal(0, math.sqrt(2 / (channels * side * side)), (count, channels, side, side))
            self._kernels.append(self._leaf(kernels).to(memory_format=torch.channels_last).detach().requires_grad_())
            self._norms.append((self._leaf(np.ones(count)), self._leaf(np.zeros(count))))
            channels = count
        self._running = [(torch.zeros(count), torch.ones(count)) for count, _ in _BLOCKS]
        self._linear = self._leaf(random.normal(0, 1 / math.sqrt(2 * channels), (classes, 2 * channels)))
        self._bias = self._leaf(np.zeros(classes))
        decayed = [*self._kernels, self._linear]
        others = [*(value for pair in self._norms for value in pair), self._bias]
        groups = [{"params": decayed, "weight_decay": _DECAY}, {"params": others, "weight_decay": 0.0}]
        self._optimizer = torch.optim.AdamW(groups, lr=_RATE, foreach=False)

    def step(self, pixels: NDArray[np.uint8], rows: NDArray[np.intp], labels: NDArray[np.int32], rate: float) -> None:
        """Take one step of training on some images, each moved by chance; pixels beyond an edge repeat it."""
        torch, side = self._torch, pixels.shape[1]
        most = max(1, side // _SHIFT)
        down, right = self._random.integers(-most, most + 1, (2, len(rows), 1))
        ys, xs = (np.clip(np.arange(side) + moved, 0, side - 1) for moved in (down, right))
        moved = pixels[rows[:, None, None], ys[:, :, None], xs[:, None, :]]
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        with torch.enable_grad():
            logits = self._forward(moved, training=True)
            wanted = torch.from_numpy(labels.astype(np.int64))
            loss = self._functions.cross_entropy(logits, wanted, label_smoothing=_SMOOTHING)
            self._optimizer.zero_grad()
            loss.backward()
        self._optimizer.step()

    def scores(self, pixels: NDArray[np.uint8], rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the score of each class for images; shape (rows, classes)."""
        batches = np.split(rows, range(_TESTED_BATCH, len(rows), _TESTED_BATCH))
        with self._torch.no_grad():
            return np.concatenate([self._forward(pixels[batch], training=False).numpy() for batch in batches])

    def _forward(self, pixels: NDArray[np.uint8], *, training: bool) -> Any:  # noqa: ANN401 - a tensor
        """Return the scores (B, classes) of pictures (B, S, S, 3)."""
        functions = self._functions
        scaled = (pixels - self._mean) / self._deviation
        shown = self._torch.from_numpy(scaled).permute(0, 3, 1, 2)
        for place, (kernels, norm, running) in enumerate(zip(self._kernels, self._norms, self._running, strict=True)):
            stride = 1 if place else self._stride
            shown = functions.conv2d(shown, kernels, stride=stride, padding=kernels.shape[-1] // 2)
            shown = functions.relu(functions.batch_norm(shown, *running, *norm, training=training))
            if place + 1 < len(_BLOCKS):
                shown = functions.max_pool2d(shown, 2, ceil_mode=True)
        pooled = self._torch.cat([shown.mean((2, 3)), shown.amax((2, 3))], 1)
        return functions.linear(pooled, self._linear, self._bias)

    def _leaf(self, values: NDArray[np.float64]) -> Any:  # noqa: ANN401 - a tensor
        """Return a parameter that is trained."""
        return self._torch.from_numpy(values.astype(np.float32)).requires_grad_()


def _parts(design: Design, random: np.random.Generator) -> list[_Part]:
    """Return what each network of one repeat is trained and tested on."""
    if design.kind in {GROUPS, FOLDS}:
        half = _halves(design.labels, design.groups, design.classes, random)
        sides = [(half != side, half == side) for side in (0, 1)]
    else:
        sides = [(design.trained, design.tested)]
    parts = [
        _Part(rows := np.flatnonzero(design.trained & trained), len(rows), np.flatnonzero(design.tested & tested))
        for trained, tested in sides
    ]
    return [part for part in parts if len(part.tested)]


def _halves(
    labels: NDArray[np.int32], groups: NDArray[np.int32], classes: int, random: np.random.Generator
) -> NDArray[np.intp]:
    """Return the half of each image, 0 or 1, shape (n,): groups whole, and each class divided as evenly as they allow.

    Groups are placed one after another, the largest first, in the half that has fewer images of their classes.
    """
    _, group = np.unique(groups, return_inverse=True)
    order = random.permutation(group.max() + 1)
    counts = np.zeros((len(order), classes), np.int64)
    np.add.at(counts, (group, labels), 1)
    order = order[np.argsort(-counts[order].sum(1), kind="stable")]
    placed = np.zeros((2, classes), np.int64)
    half = np.empty(len(order), np.intp)
    for one in order:
        same = placed @ counts[one]
        side = int(same[0] > same[1]) if same[0] != same[1] else int(placed[0].sum() > placed[1].sum())
        half[one] = side
        placed[side] += counts[one]
    return half[group]


def _batches(rows: NDArray[np.intp], size: int, random: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """Yield batches of one size without end, from one order of all images after another."""
    waiting = rows[:0]
    while True:
        while len(waiting) < size:
            waiting = np.concatenate([waiting, random.permutation(rows)])
        yield waiting[:size]
        waiting = waiting[size:]


def _rate(done: float) -> float:
    """Return the learning rate where a part of the training is done: up in a line, down along a cosine."""
    if done < _WARM:
        return _RATE * (0.04 + 0.96 * done / _WARM)
    return _RATE * (1 + math.cos(math.pi * (done - _WARM) / (1 - _WARM))) / 2


def _moments(pixels: NDArray[np.uint8], rows: NDArray[np.intp]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the mean and the standard deviation of each channel of some images, shape (3,), from exact sums."""
    total, squares = np.zeros((2, pixels.shape[3]), np.int64)
    for batch in np.split(rows, range(_TESTED_BATCH, len(rows), _TESTED_BATCH)):
        values = pixels[batch].astype(np.int64)
        total += values.sum((0, 1, 2))
        squares += (values * values).sum((0, 1, 2))
    count = len(rows) * pixels.shape[1] * pixels.shape[2]
    mean = total / count
    variance = np.maximum(squares / count - mean * mean, 0)
    # Pictures of one colour have no deviation to divide by.
    return mean.astype(np.float32), (np.sqrt(variance) + 1).astype(np.float32)


def _predictions(scores: NDArray[np.float32], labels: NDArray[np.int32]) -> Predictions:
    """Return predictions from the scores (2, R, t, classes) of the arm's own form and of the originals."""
    own, originals = scores.argmax(3).astype(np.int32)
    true = np.broadcast_to(labels[None, :, None], (*own.shape, 1))
    of_true = np.take_along_axis(scores[0], true, 2)[..., 0]
    others = scores[0].copy()
    np.put_along_axis(others, true, -np.inf, 2)
    return Predictions(own, originals, of_true - others.max(2))


@contextmanager
def _one_thread(torch: Any) -> Iterator[None]:  # noqa: ANN401 - a module
    """Let PyTorch compute in one thread meanwhile: sums are rounded in one order on every machine."""
    before = torch.get_num_threads()
    _one(torch)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _one(torch: Any) -> None:  # noqa: ANN401 - a module
    """Let PyTorch compute in one thread, in this thread of Python."""
    torch.set_num_threads(1)


def check_torch() -> Any:  # noqa: ANN401 - a module without types
    """Import PyTorch.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        return import_module("torch")
    except ImportError:
        raise MissingExtraError("model='cnn' needs PyTorch: pip install 'icsys[torch]'") from None
