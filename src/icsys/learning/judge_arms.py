"""Judge all arms, one after another, in an order that shows early what the images can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.learning.arm import FULL
from icsys.learning.arms.random_part import random_part

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from icsys.learning.arm import ArmPictures
    from icsys.learning.design import Design, Judge, Predictions


class ArmJudgement:
    """The arms that a model has judged.

    Parameters
    ----------
    pictures
        Of all arms.
    design
        Which images are trained on and tested.
    seed
        Decides the arms that are a random part of the images.

    Attributes
    ----------
    predictions
        By name of the arm, of the arms judged so far.
    kept
        The images of each arm that is a part of them, by name.
    """

    def __init__(self, pictures: Sequence[ArmPictures], design: Design, seed: int) -> None:
        self._pictures = {one.arm.name: one for one in pictures}
        self._design = design
        self.predictions: dict[str, Predictions] = {}
        self.kept: dict[str, NDArray[np.bool_]] = {
            name: self._part(one, seed) for name, one in self._pictures.items() if one.arm.is_subset
        }

    def order(self, first: Sequence[str]) -> list[str]:
        """Return the names of the arms to judge: the reference, some that should come first, then the others."""
        names = [name for name, one in self._pictures.items() if one.arm.is_judged]
        return list(dict.fromkeys([FULL, *(name for name in first if name in names), *names]))

    def judge(self, name: str, model: Judge) -> None:
        """Train a model on an arm, and keep what it predicts."""
        kept = self.kept.get(name)
        pixels = self._pictures[name if kept is None else FULL].pixels
        self.predictions[name] = model.judge(pixels, kept)

    def _part(self, one: ArmPictures, seed: int) -> NDArray[np.bool_]:
        """Return the images of an arm that is a part of them: as many bytes in full as the arm it is held against."""
        full, aim = self._pictures[FULL].bytes, self._pictures[str(one.arm.as_small_as)].bytes
        return random_part(self._design, full, min(1.0, float(aim.sum() / full.sum())), seed)
