"""``FixedFeatureJudge``: a kernel ridge on fixed features, which judges the pictures of an arm in seconds."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from icsys.errors import UsageError
from icsys.learning.design import Predictions
from icsys.learning.models.kernel_ridge import (
    class_targets,
    fill_kernel,
    fit_ridge,
    mean_squared_distance,
    scores_left_out,
    scores_of_others,
)
from icsys.learning.models.patch_features import COLOR_WEIGHT, PatchFeatures
from icsys.learning.models.work_steps import WorkSteps

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from icsys.learning.design import Design

    _Floats = NDArray[np.float32]
    _Pieces = list[Callable[[], object]]

# Work is cut into pieces of these sizes whatever the number of threads, so that sums round in the same way.
_PICTURES = 64
_ROWS = 512

_LEAST_SPREAD = 1e-3  # part of the spread of all features: one that hardly varies is not blown up


class FixedFeatureJudge:
    """A kernel ridge on fixed patch features; its models differ by the patches that were drawn.

    Every image whose group is left out is predicted in closed form, from one factorisation for each model; see
    :mod:`icsys.learning.models.patch_features` and :mod:`icsys.learning.models.kernel_ridge`.

    Parameters
    ----------
    full
        Shape (n, S, S, 3), uint8: the pictures in full, at the working size; it may be a memory map. Its features are
        computed once and held, so that many arms, or many parts of the images, are judged quickly.
    design
        Which images are trained on and tested on. Patches are drawn from the images that may be trained on. Where
        groups are left out in turn, these are all images: patches are drawn without labels.
    repeats
        Number of models.
    seed
        Equal seeds give equal predictions.
    jobs
        Number of threads; predictions do not depend on it.
    report
        Is called with the steps done and all steps of a call of :meth:`judge`, in the thread that called it.
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
    ) -> None:
        self._full = full
        self._design = design
        self._repeats = repeats
        self._jobs = jobs
        self._report = report
        self._extractor = PatchFeatures(full, np.flatnonzero(design.trained), repeats=repeats, seed=seed)
        self._full_features: _Floats | None = None

    @property
    def repeats(self) -> int:
        """Number of models that differ by chance alone."""
        return self._repeats

    def judge(self, pixels: NDArray[np.uint8], kept: NDArray[np.bool_] | None = None) -> Predictions:
        """Train on the pictures of an arm, and predict the tested images.

        Parameters
        ----------
        pixels
            Shape (n, S, S, 3), uint8: the pictures of the arm, at the working size. For the array of full pictures,
            or equal ones, the features are at hand.
        kept
            Shape (n,), bool: train on these images only; on all that the design allows if left out. Where groups are
            left out, an image that is not kept is predicted by the model trained without the kept images of its group.

        Raises
        ------
        UsageError
            The pictures have another shape than those in full, or no image is left to train on.
        """
        if pixels.shape != self._full.shape:
            message = f"pixels of shape {pixels.shape}: expected the shape of the full pictures, {self._full.shape}"
            raise UsageError(message)
        design = self._design
        train = np.flatnonzero(design.trained if kept is None else design.trained & kept)
        if not len(train):
            message = "kept: expected at least one image that may be trained on; keep more images"
            raise UsageError(message)
        with threadpool_limits(limits=1):
            return self._judged(pixels, train)

    def _judged(self, pixels: NDArray[np.uint8], train: NDArray[np.int64]) -> Predictions:
        same = pixels is self._full or _are_equal(pixels, self._full)
        computed = (self._full_features is None) + (not same)
        design, repeats = self._design, range(self._repeats)
        total = computed * len(_cut(len(pixels), _PICTURES)) + _Model.count_pieces(design, train, same) * len(repeats)
        steps = WorkSteps(total, self._jobs, self._report)
        if self._full_features is None:
            self._full_features = self._features(self._full, steps)
        full = self._full_features
        own = full if same else self._features(pixels, steps)
        colors = self._extractor.colors
        models = [_Model(design, train, own[repeat], None if same else full[repeat], colors) for repeat in repeats]
        del own  # models hold it as long as they need it
        steps.do([model.prepare for model in models])
        steps.do([piece for model in models for piece in model.kernel_pieces()])
        # A factorisation cannot be cut into pieces: threads without one fill the kernels of tested images meanwhile.
        steps.do([model.fit for model in models] + [piece for model in models for piece in model.tested_pieces()])
        steps.do([model.predict for model in models])
        return Predictions(
            np.stack([model.own_scores.argmax(axis=1) for model in models]).astype(np.int32),
            np.stack([model.original_scores.argmax(axis=1) for model in models]).astype(np.int32),
            np.stack([_margins(model.own_scores, design.labels[design.tested]) for model in models]),
        )

    def _features(self, pixels: NDArray[np.uint8], steps: WorkSteps) -> _Floats:
        """Features by each dictionary, shape (repeats, n, length)."""
        features = np.empty((self._repeats, len(pixels), self._extractor.length), np.float32)
        steps.do(
            [partial(self._extractor.compute, pixels[rows], features[:, rows]) for rows in _cut(len(pixels), _PICTURES)]
        )
        return features


class _Model:
    """One model of an arm, in pieces of work: prepare; those of kernels; fit; predict."""

    own_scores: _Floats
    original_scores: _Floats

    def __init__(
        self, design: Design, train: NDArray[np.int64], own: _Floats, full: _Floats | None, colors: int
    ) -> None:
        """Features of all images in the form of the arm, and in full: None if these are the same.

        The last ``colors`` features are colours of cells.
        """
        self._colors = colors
        self._design = design
        self._train = train
        self._test, self._is_new = _tested(design, train)
        self._own: _Floats = own
        self._full = full
        self._groups = design.groups if design.is_optimistic else np.arange(len(design.groups), dtype=np.int32)

    @staticmethod
    def count_pieces(design: Design, train: NDArray[np.int64], same: bool) -> int:
        """Return the number of pieces of work."""
        test, is_new = _tested(design, train)
        rows = len(train), int(is_new.sum()), 0 if same else len(test)
        return 3 + sum(len(_cut(count, _ROWS)) for count in rows)

    def prepare(self) -> None:
        """Standardise the features of the training images, and make room for the kernels."""
        trained = self._own[self._train]
        self._center, self._scale = _standard(trained)
        self._scale[-self._colors :] *= COLOR_WEIGHT
        trained -= self._center
        trained *= self._scale
        self._trained = trained
        self._width = mean_squared_distance(trained)
        count = len(trained)
        self._kernel = np.empty((count, count), np.float32)
        self._new_kernel = np.empty((self._is_new.sum(), count), np.float32)
        self._full_kernel = np.empty((0 if self._full is None else len(self._test), count), np.float32)

    def kernel_pieces(self) -> _Pieces:
        """Fill the kernel of the training images, its lower triangle."""
        return [partial(self._fill_trained, rows) for rows in _cut(len(self._train), _ROWS)]

    def tested_pieces(self) -> _Pieces:
        """Fill the kernels of tested images that are not trained on, and of tested images in full."""
        new = self._test[self._is_new]
        pieces: _Pieces = [
            partial(self._fill, self._own, new[rows], self._new_kernel[rows]) for rows in _cut(len(new), _ROWS)
        ]
        if self._full is not None:
            pieces += [
                partial(self._fill, self._full, self._test[rows], self._full_kernel[rows])
                for rows in _cut(len(self._test), _ROWS)
            ]
        return pieces

    def _fill_trained(self, rows: slice) -> None:
        fill_kernel(self._trained[rows], self._trained[: rows.stop], self._width, self._kernel[rows, : rows.stop])

    def _fill(self, features: _Floats, images: NDArray[np.int64], out: _Floats) -> None:
        standard = features[images]
        standard -= self._center
        standard *= self._scale
        fill_kernel(standard, self._trained, self._width, out)

    def fit(self) -> None:
        """Train."""
        targets = class_targets(self._design.labels[self._train], self._design.classes)
        self._ridge = fit_ridge(self._kernel, targets, self._groups[self._train])

    def predict(self) -> None:
        """Score the tested images, in the form of the arm and in full."""
        groups = self._groups[self._test]
        scores = np.empty((len(self._test), self._design.classes), np.float32)
        if not self._is_new.all():
            again = self._test[~self._is_new]
            scores[~self._is_new] = scores_left_out(self._ridge)[np.searchsorted(self._train, again)]
        scores[self._is_new] = scores_of_others(self._ridge, self._new_kernel, groups[self._is_new])
        self.own_scores = scores
        self.original_scores = (
            scores if self._full is None else scores_of_others(self._ridge, self._full_kernel, groups)
        )


def _tested(design: Design, train: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the tested images, and which of them the model is not trained on."""
    test = np.flatnonzero(design.tested)
    return test, ~np.isin(test, train)


def _cut(count: int, most: int) -> list[slice]:
    """Cut rows into pieces of a fixed size."""
    return [slice(start, min(start + most, count)) for start in range(0, count, most)]


def _are_equal(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Whether pictures are equal; stops at the first piece that differs."""
    return all(np.array_equal(one[rows], other[rows]) for rows in _cut(len(one), _PICTURES))


def _standard(features: _Floats) -> tuple[_Floats, _Floats]:
    """Center and scale of each feature; a feature that is constant has scale 0."""
    first = features[0]
    sums = np.zeros((2, len(first)))
    for rows in _cut(len(features), _ROWS):
        apart = features[rows] - first  # near 0, so that few digits cancel
        sums += apart.sum(axis=0), np.einsum("ij,ij->j", apart, apart)
    mean, square = sums / len(features)
    spread = np.sqrt(np.maximum(square - mean * mean, 0))
    spread += _LEAST_SPREAD * np.sqrt(np.mean(spread * spread))
    scale = np.divide(1, spread, out=np.zeros_like(spread), where=spread > 0)
    return (first + mean).astype(np.float32), scale.astype(np.float32)


def _margins(scores: _Floats, labels: NDArray[np.int32]) -> _Floats:
    """Score of the true class less the best other."""
    places = np.arange(len(scores))
    others = scores.copy()
    others[places, labels] = -np.inf
    return scores[places, labels] - others.max(axis=1)
