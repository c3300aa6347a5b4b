"""Correctness of models on images, drawn from a known truth."""

import numpy as np
from scipy.special import ndtri


class World:
    """Images with difficulties and models with luck, in which the true accuracy of each arm is known.

    A model is right where the sum of its parts is above 0: the image's ease (shared by all arms; part of it by the
    group), the luck of model and image (shared by all arms), and for each arm the image's own change, the model's
    change, and the change of both together.
    """

    def __init__(self, seed, images, *, group=1, repeats=3):
        self.random = np.random.default_rng(seed)
        self.groups = np.arange(images, dtype=np.int32) // group
        self.shape = repeats, images
        self.ease = self._of_images(1.0, 0.5)
        self.luck = 0.4 * self.random.standard_normal(self.shape)

    def _of_images(self, size, shared):
        of_groups = self.random.standard_normal(self.groups.max() + 1)[self.groups]
        own = self.random.standard_normal(self.shape[1])
        return size * (np.sqrt(shared) * of_groups + np.sqrt(1 - shared) * own)

    def arm(self, accuracy, *, images=0.3, models=0.03, both=0.3):
        """Return the correctness of an arm of this accuracy over all images and models, shape (R, t)."""
        change = self._of_images(images, 0.5)
        scatter = models * self.random.standard_normal((self.shape[0], 1))
        together = both * self.random.standard_normal(self.shape)
        spread = np.sqrt(1.0 + 0.4**2 + images**2 + models**2 + both**2)
        return self.ease + self.luck + change + scatter + together + spread * ndtri(accuracy) > 0
