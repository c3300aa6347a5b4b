"""The design of the experiment: which images a model is trained on, and which it is tested on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TEST, VALIDATION, GROUPS, FOLDS = "test", "validation", "groups", "folds"
"""Kinds of splits: the folder's own test or validation images; groups of images left out in turn; single images."""


class Design(NamedTuple):
    """Which images a model is trained on and tested on; n is the number of images.

    Attributes
    ----------
    labels
        Shape (n,), int32: number of the class of each image.
    classes
        Number of classes.
    trained
        Shape (n,), bool: images that a model may be trained on.
    tested
        Shape (n,), bool: images that it is tested on.
    groups
        Shape (n,), int32: number of the group of each image. A model that is tested on an image is trained on no image
        of its group, and groups are drawn whole where chance is computed.
    kind
        One of the kinds of splits. With TEST and VALIDATION, ``trained`` and ``tested`` have no image in common. With
        GROUPS and FOLDS both hold all images, and each group is left out in turn.
    """

    labels: NDArray[np.int32]
    classes: int
    trained: NDArray[np.bool_]
    tested: NDArray[np.bool_]
    groups: NDArray[np.int32]
    kind: str

    @property
    def is_optimistic(self) -> bool:
        """Whether the split flatters: images that were taken together may be both trained on and tested on."""
        return self.kind not in {TEST, VALIDATION}


class Predictions(NamedTuple):
    """What models predict for the tested images; R models that differ by chance alone, t tested images.

    Attributes
    ----------
    own
        Shape (R, t), int32: the class predicted for each tested image, in their order, in the form of the arm.
    originals
        Shape (R, t), int32: the class predicted for the same images in full, by the model trained on the arm.
    margins
        Shape (R, t), float32: score of the true class less the best other score, in the form of the arm.
    """

    own: NDArray[np.int32]
    originals: NDArray[np.int32]
    margins: NDArray[np.float32]


class Judge(Protocol):
    """A model that is trained on the pictures of an arm and tested on them; the same chance for every arm."""

    @property
    def repeats(self) -> int:
        """Number of models that differ by chance alone."""

    def judge(self, pixels: NDArray[np.uint8], kept: NDArray[np.bool_] | None = None) -> Predictions:
        """Train on the pictures of an arm, and predict the tested images.

        Parameters
        ----------
        pixels
            Shape (n, S, S, 3), uint8: the pictures of the arm, at the working size.
        kept
            Shape (n,), bool: train on these images only; on all that the design allows if left out.
        """
