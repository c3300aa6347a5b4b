"""What goes wrong in an arm: images that are no longer recognised, and classes that are confused more often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from icsys.learning.learned import Confusion, LostImage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from icsys.learning.design import Predictions

MOST_LOST, MOST_CONFUSIONS = 12, 5


def lost_images(
    full: Predictions,
    arm: Predictions,
    labels: NDArray[np.int32],
    sources: Sequence[str],
    classes: Sequence[str],
    *,
    most: int = MOST_LOST,
) -> list[LostImage]:
    """Return images that most models recognise in full and most do not in the arm, the largest fall of margin first.

    Images with an equal fall stand in the order of the tested images; of classes predicted equally often, the one with
    the lowest number is named.

    Parameters
    ----------
    full, arm
        Predictions for t tested images.
    labels
        Shape (t,), int32: number of the class of each.
    sources
        Path of each below the source.
    classes
        Names of the classes.
    most
        Number of images to return at most.
    """
    recognised, missed = _share_right(full, labels) > 0.5, _share_right(arm, labels) < 0.5  # noqa: PLR2004 - most
    drops = full.margins.mean(axis=0, dtype=np.float64) - arm.margins.mean(axis=0, dtype=np.float64)
    places = np.flatnonzero(recognised & missed)
    worst = places[np.argsort(-drops[places], kind="stable")][:most]
    return [
        LostImage(
            source=sources[place],
            label=classes[labels[place]],
            taken_for=classes[_most_named(arm.own[:, place], labels[place])],
            drop=float(drops[place]),
        )
        for place in worst
    ]


def grown_confusions(
    full: Predictions,
    arm: Predictions,
    labels: NDArray[np.int32],
    classes: Sequence[str],
    *,
    most: int = MOST_CONFUSIONS,
) -> list[Confusion]:
    """Return pairs of classes that the arm confuses more often than full colour does, the most grown first.

    Pairs that grew equally stand in the order of their classes. Parameters are those of :func:`lost_images`.
    """
    now, before = _confused(arm, labels, len(classes)), _confused(full, labels, len(classes))
    # whole numbers: equal growth stays equal
    grown = {pair: count * len(full.own) - before.get(pair, 0) * len(arm.own) for pair, count in now.items()}
    ranked = sorted((pair for pair in grown if grown[pair] > 0), key=lambda pair: (-grown[pair], pair))
    return [
        Confusion(
            label=classes[pair[0]],
            taken_for=classes[pair[1]],
            images=now[pair] / len(arm.own),
            images_in_full=before.get(pair, 0) / len(full.own),
        )
        for pair in ranked[:most]
    ]


def _share_right(predictions: Predictions, labels: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the share of the models that name the class of each image, shape (t,)."""
    return (predictions.own == labels).mean(axis=0)


def _most_named(named: NDArray[np.int32], label: int) -> int:
    """Return the wrong class that most models name."""
    found, counts = np.unique(named[named != label], return_counts=True)
    return int(found[counts.argmax()])


def _confused(predictions: Predictions, labels: NDArray[np.int32], classes: int) -> dict[tuple[int, int], int]:
    """Return how often models take an image of one class for another, by the numbers of both classes."""
    pairs = labels.astype(np.int64) * classes + predictions.own
    found, counts = np.unique(pairs[predictions.own != labels], return_counts=True)
    return {divmod(pair, classes): count for pair, count in zip(found.tolist(), counts.tolist(), strict=True)}
