"""What the original notebook did, written anew to compare with: the same steps, so also the same faults.

``python original.py STRATEGY COLORS SOURCE DESTINATION`` keeps one pixel in five, clusters pixels / 255, cuts the
result to 8 bits and saves 24-bit PNG files 0.png, 1.png, … in the order of the sorted names.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Pixels = NDArray[np.float64]

STEP = 5
_ROUNDS = 10
_BATCH = 100_000
_WHITE = 255


def shrink(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Keep one pixel in five of each row and column; the last row and column never count."""
    return image[0:-1:STEP, 0:-1:STEP, :]


def mkm(pixels: Pixels, colors: int) -> tuple[Pixels, NDArray[np.intp]]:
    """Ten rounds of K-means from random pixels, all distances at once; an empty cluster becomes NaN."""
    centers = pixels[np.random.default_rng(0).choice(len(pixels), colors, replace=False)]
    labels = np.zeros(len(pixels), np.intp)
    for _ in range(_ROUNDS):
        labels = np.sqrt(((pixels - centers[:, None]) ** 2).sum(axis=2)).argmin(axis=0)
        centers = np.array([pixels[labels == label].mean(axis=0) for label in range(colors)])
    return centers, labels


def fkm(pixels: Pixels, colors: int) -> tuple[Pixels, NDArray[np.intp]]:
    """Fit scikit-learn's KMeans with its defaults, which are one k-means++ start in today's versions and were ten."""
    from sklearn.cluster import KMeans  # noqa: PLC0415 - the other strategies start without it

    fitted = KMeans(n_clusters=colors).fit(pixels)
    return fitted.cluster_centers_, fitted.labels_


def mbkm(pixels: Pixels, colors: int) -> tuple[Pixels, NDArray[np.intp]]:
    """Fit scikit-learn's MiniBatchKMeans with the original's settings."""
    from sklearn.cluster import MiniBatchKMeans  # noqa: PLC0415 - see above

    fitted = MiniBatchKMeans(n_clusters=colors, random_state=0, batch_size=_BATCH, max_iter=_ROUNDS).fit(pixels)
    return fitted.cluster_centers_, fitted.labels_


CLUSTERINGS: dict[str, Callable[[Pixels, int], tuple[Pixels, NDArray[np.intp]]]] = {
    "MKM": mkm,
    "FKM": fkm,
    "MBKM": mbkm,
}


def compress(image: NDArray[np.uint8], strategy: str, colors: int) -> NDArray[np.uint8]:
    """Do one photo, shape (H, W, 3), uint8, with "SO" or one of the clusterings."""
    small = shrink(image)
    if strategy == "SO":
        return small
    centers, labels = CLUSTERINGS[strategy]((small / _WHITE).reshape(-1, 3), colors)
    # An index of 8 bits and a cut instead of rounding: two of the faults.
    few: NDArray[np.uint8] = (centers[labels.astype(np.uint8)] * _WHITE).astype(np.uint8)
    return few.reshape(small.shape)


def main(strategy: str, colors: str, source: str, destination: str) -> None:
    """Do every photo of a folder."""
    warnings.simplefilter("ignore", RuntimeWarning)  # means of empty clusters
    Path(destination).mkdir(parents=True, exist_ok=True)
    for count, path in enumerate(sorted(Path(source).iterdir())):
        with Image.open(path) as photo:
            few = compress(np.asarray(photo), strategy, int(colors))
        Image.fromarray(few).save(Path(destination, f"{count}.png"))


if __name__ == "__main__":
    main(*sys.argv[1:])
