"""A random part of the images: what the bytes of few colours would buy in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from icsys.learning.design import Design


def random_part(design: Design, full: NDArray[np.int64], aim: float, seed: int) -> NDArray[np.bool_]:
    """Return a random part of the training images whose files take about a share of their bytes.

    Each class keeps the same share of its images, and at least one.

    Parameters
    ----------
    full
        Shape (n,), int64: size of the file of each image in full.
    aim
        The share of the bytes of all training images, above 0 and at most 1.
    seed
        Decides which images.

    Returns
    -------
    ndarray
        Shape (n,), bool: the images that are kept.
    """
    order = np.random.default_rng(seed).permutation(len(design.labels))
    kept = np.zeros(len(design.labels), bool)
    for label in range(design.classes):
        own = order[(design.labels == label)[order] & design.trained[order]]
        if len(own):
            grown = np.cumsum(full[own])
            number = int(np.searchsorted(grown, aim * grown[-1], side="right"))
            kept[own[: max(1, number)]] = True
    return kept
