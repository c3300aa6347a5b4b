"""Kernel ridge regression, and what it predicts for images whose group is left out, from one factorisation.

K is the kernel of m training images, Y their targets, G the inverse of K + penalty I, and a = G Y are the weights of
the model. The model that is trained without the images F predicts ``Y[F] - inv(G[F, F]) a[F]`` for them: the block form
of the leave-one-out formula (Rifkin and Lippert, Notes on regularized least squares, 2007). Its weights are
``a - G[:, F] inv(G[F, F]) a[F]``, which are zero on F; their product with the kernel of any other picture with the
training images scores that picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys.errors import ICSError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    _Floats = NDArray[np.float32]

PENALTY = 0.02
"""What is added to the diagonal of a kernel, whose own entries there are 2."""

_BLOCK = 256  # rows and columns that are factorised at once
_ROWS = 512  # handled at once where a copy is made


class Ridge(NamedTuple):
    """A trained model; m training images, c classes.

    Attributes
    ----------
    inverse
        Shape (m, m), float32: of the kernel with the penalty.
    weights
        Shape (m, c), float32: of each training image, for the score of each class.
    targets
        Shape (m, c), float32: 1 for the class of an image, -1 for the others.
    groups
        Shape (m,): number of the group of each training image.
    """

    inverse: _Floats
    weights: _Floats
    targets: _Floats
    groups: NDArray[np.int32]


def class_targets(labels: NDArray[np.int32], classes: int) -> _Floats:
    """Return 1 for the class of each image and -1 for the others, shape (m, classes), float32."""
    targets = np.full((len(labels), classes), -1, np.float32)
    targets[np.arange(len(labels)), labels] = 1
    return targets


def mean_squared_distance(features: _Floats) -> float:
    """Return the mean squared distance of two rows of standardised features, at least a little above 0."""
    mean = features.mean(axis=0)
    total = 2.0 * (sum(float(np.vdot(row, row)) for row in features) / len(features) - float(np.vdot(mean, mean)))
    return total if total > np.finfo(np.float32).tiny else 1.0


def fill_kernel(one: _Floats, other: _Floats, width: float, out: _Floats) -> None:
    """Fill in ``exp(-|a - b|^2 / width) + 1`` of each row a of one and each row b of other.

    The constant is a bias: it lets the model add a number to the score of each class.

    Parameters
    ----------
    one, other
        Shapes (p, d) and (q, d), float32.
    width
        In squared units of the features; see :func:`mean_squared_distance`.
    out
        Shape (p, q), float32.
    """
    scale = np.float32(1 / width)
    np.matmul(one, other.T, out=out)
    out *= 2 * scale
    out -= (np.einsum("ij,ij->i", one, one) * scale)[:, None]
    out -= np.einsum("ij,ij->i", other, other) * scale
    np.minimum(out, 0, out=out)  # rounding: no distance is negative
    np.exp(out, out=out)
    out += 1


def fit_ridge(kernel: _Floats, targets: _Floats, groups: NDArray[np.int32], penalty: float = PENALTY) -> Ridge:
    """Train a model.

    Parameters
    ----------
    kernel
        Shape (m, m), float32, rows contiguous: its lower triangle is read. It is overwritten.
    targets
        Shape (m, c), float32.
    groups
        Shape (m,): number of the group of each training image.
    penalty
        Added to the diagonal.

    Raises
    ------
    ICSError
        The kernel is not positive definite.
    """
    kernel[np.diag_indices_from(kernel)] += np.float32(penalty)
    try:
        _invert(kernel)
    except np.linalg.LinAlgError as error:
        message = f"penalty={penalty}: expected a positive definite kernel; use a larger penalty"
        raise ICSError(message) from error
    return Ridge(kernel, kernel @ targets, targets, groups)


def _invert(matrix: _Floats) -> None:
    """Replace a positive definite matrix by its inverse; only its lower triangle is read.

    A blocked Cholesky factorisation, the inverse W of its factor, and the product of W with itself, as in LAPACK's
    potrf and potri: SciPy's wrappers of these let no other thread of Python run meanwhile, products of NumPy do.
    """
    blocks = [slice(start, min(start + _BLOCK, len(matrix))) for start in range(0, len(matrix), _BLOCK)]
    for own in blocks:  # above the diagonal lie any bits, and NumPy refuses a signalling NaN even there
        matrix[own, own] = np.tril(matrix[own, own])
    inverses = []
    for place, own in enumerate(blocks):
        inverses.append(np.tril(np.linalg.inv(np.linalg.cholesky(matrix[own, own]))))
        matrix[own.stop :, own] = matrix[own.stop :, own] @ inverses[-1].T
        for later in blocks[place + 1 :]:
            matrix[later.start :, later] -= matrix[later.start :, own] @ matrix[later, own].T
    for place, own in enumerate(blocks):
        row = matrix[own, : own.start].copy()
        for earlier in blocks[:place]:
            matrix[own, earlier] = row[:, earlier.start :] @ matrix[earlier.start : own.start, earlier]
        matrix[own, : own.start] = -inverses[place] @ matrix[own, : own.start]
        matrix[own, own] = inverses[place]
    for own in blocks:
        matrix[own, : own.stop] = matrix[own.start :, own].T @ matrix[own.start :, : own.stop]
    for own in blocks:
        matrix[own, own.stop :] = matrix[own.stop :, own].T


def scores_left_out(model: Ridge) -> _Floats:
    """Return the scores of each training image by the model trained without its group, shape (m, c), float32."""
    scores = model.targets - model.weights / model.inverse.diagonal()[:, None]
    for members in _larger_groups(model.groups):
        scores[members] = 0 if len(members) == len(scores) else model.targets[members] - _removed(model, members)
    return scores


def scores_of_others(model: Ridge, kernel: _Floats, groups: NDArray[np.int32]) -> _Floats:
    """Return the scores of other pictures, each by the model trained without the group of the picture.

    Parameters
    ----------
    model
        Trained on m images.
    kernel
        Shape (t, m), float32: of each picture with the training images.
    groups
        Shape (t,): number of the group of each picture; it may be one without a training image.

    Returns
    -------
    numpy.ndarray
        Shape (t, c), float32.
    """
    scores = kernel @ model.weights
    numbers, first, counts = np.unique(model.groups, return_index=True, return_counts=True)
    place = np.minimum(np.searchsorted(numbers, groups), len(numbers) - 1)
    single = np.flatnonzero((numbers[place] == groups) & (counts[place] == 1))
    for start in range(0, len(single), _ROWS):
        rows = single[start : start + _ROWS]
        members = first[place[rows]]
        inverses = model.inverse[members]
        share = np.einsum("ij,ij->i", kernel[rows], inverses) / inverses[np.arange(len(rows)), members]
        scores[rows] -= share[:, None] * model.weights[members]
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    for members in _larger_groups(model.groups):
        number = model.groups[members[0]]
        rows = order[np.searchsorted(ordered, number) : np.searchsorted(ordered, number, side="right")]
        if len(members) == len(model.groups):
            scores[rows] = 0
        elif len(rows):
            scores[rows] -= kernel[rows] @ model.inverse[:, members] @ _removed(model, members)
    if len(numbers) == 1:  # one training image, or one group: nothing is left to train on
        scores[groups == numbers[0]] = 0
    return scores


def _removed(model: Ridge, members: NDArray[np.int64]) -> _Floats:
    """``inv(G[F, F]) a[F]``."""
    block = model.inverse[np.ix_(members, members)].astype(np.float64)
    return np.linalg.solve(block, model.weights[members].astype(np.float64)).astype(np.float32)


def _larger_groups(groups: NDArray[np.int32]) -> Iterator[NDArray[np.int64]]:
    """Places of the members of each group of two and more."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=groups[order[:1]] - 1))
    return (members for members in np.split(order, starts[1:]) if len(members) > 1)
