"""The ways to find a palette that the K-means benchmark compares, all of one shape.

Each takes an image (H, W, 3) uint8, the number of colours and a seed, does the work from that array to a palette
and the index of every pixel, and returns the palette (n, 3) uint8. It is timed as a whole.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

import icsys
from judge import pack, round_palette, unpack

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

EFFORTS = ("fast", "balanced", "best")
ONE_FIT = "KMeans(n_init=1), all pixels"
BEST_OF_TEN = "KMeans(n_init=10), distinct colours"
LIBIMAGEQUANT = "libimagequant, defaults"
# OpenCV stops after this many rounds, or when no centre moved further than this (of 255).
_OPENCV_ROUNDS, _OPENCV_MOVE = 100, 1.0
_BYTES = 255


@dataclass(frozen=True, slots=True)
class Clusterer:
    """A way to find a palette: its name in the table, its function, and the package without which it cannot run."""

    name: str
    function: Callable[[NDArray[np.uint8], int, int], NDArray[np.uint8]]
    package: str = "icsys"

    @property
    def installed(self) -> bool:
        """Tell whether its package can be imported."""
        return find_spec(self.package) is not None


def has_option(name: str) -> bool:
    """Tell whether ``icsys.quantize`` takes the option ``name``."""
    return name in inspect.signature(icsys.quantize).parameters


def _mkm(image: NDArray[np.uint8], colors: int, seed: int, **options: str) -> NDArray[np.uint8]:
    settings: dict[str, Any] = options
    return icsys.quantize(image, colors, strategy="MKM", seed=seed, **settings).palette


def _one_fit(image: NDArray[np.uint8], colors: int, seed: int, dtype: str = "float64") -> NDArray[np.uint8]:
    from sklearn.cluster import KMeans  # noqa: PLC0415 - every library is imported by its own contender

    pixels = image.reshape(-1, 3).astype(dtype)
    return round_palette(KMeans(colors, n_init=1, random_state=seed).fit(pixels).cluster_centers_)


def _best_of_ten(image: NDArray[np.uint8], colors: int, seed: int) -> NDArray[np.uint8]:
    from sklearn.cluster import KMeans  # noqa: PLC0415 - see above

    codes, inverse, counts = np.unique(pack(image), return_inverse=True, return_counts=True)
    fitted = KMeans(colors, n_init=10, random_state=seed).fit(unpack(codes), sample_weight=counts)
    fitted.labels_[inverse]  # the index of every pixel is part of the work
    return round_palette(fitted.cluster_centers_)


def _mini_batch(image: NDArray[np.uint8], colors: int, seed: int) -> NDArray[np.uint8]:
    from sklearn.cluster import MiniBatchKMeans  # noqa: PLC0415 - see above

    estimator = MiniBatchKMeans(colors, random_state=seed, batch_size=100_000, max_iter=10)
    return round_palette(estimator.fit(image.reshape(-1, 3) / _BYTES).cluster_centers_ * _BYTES)


def _median_cut(image: NDArray[np.uint8], colors: int, seed: int) -> NDArray[np.uint8]:
    del seed  # nothing in it is random
    few = Image.fromarray(image).quantize(colors, method=Image.Quantize.MEDIANCUT, kmeans=1)
    np.asarray(few)
    return np.array(few.getpalette(), np.uint8).reshape(-1, 3)


def _opencv(image: NDArray[np.uint8], colors: int, seed: int) -> NDArray[np.uint8]:
    import cv2  # noqa: PLC0415 - see above

    cv2.setRNGSeed(seed)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, _OPENCV_ROUNDS, _OPENCV_MOVE)
    pixels = image.reshape(-1, 3).astype(np.float32)
    # The stubs ask for labels to start from; None, as documented, lets OpenCV make them.
    search: Any = cv2.kmeans
    _, _, centers = search(pixels, colors, None, stop, 1, cv2.KMEANS_PP_CENTERS)
    return round_palette(centers)


def _libimagequant(image: NDArray[np.uint8], colors: int, seed: int, dithering: float = 1.0) -> NDArray[np.uint8]:
    import imagequant  # type: ignore[import-untyped]  # noqa: PLC0415 - see above

    del seed  # nothing in it can be seeded
    # Its function for Pillow images does the same a little slower.
    height, width, _ = image.shape
    data = Image.fromarray(image).convert("RGBA").tobytes()
    indices, flat = imagequant.quantize_raw_rgba_bytes(
        data, width, height, dithering_level=dithering, max_colors=colors
    )
    np.frombuffer(indices, np.uint8)
    return np.array(flat, np.uint8).reshape(-1, 4)[:colors, :3]


def clusterers() -> list[Clusterer]:
    """Return everything to compare, in the order of the table."""
    if has_option("effort"):
        ours = [Clusterer(f"MKM, {effort}", partial(_mkm, effort=effort)) for effort in EFFORTS]
    else:
        ours = [Clusterer("MKM", _mkm)]
    return [
        *ours,
        Clusterer(ONE_FIT, _one_fit, "sklearn"),
        Clusterer(f"{ONE_FIT}, float32", partial(_one_fit, dtype="float32"), "sklearn"),
        Clusterer(BEST_OF_TEN, _best_of_ten, "sklearn"),
        Clusterer("MiniBatchKMeans as in the original", _mini_batch, "sklearn"),
        Clusterer("Pillow, median cut + k-means", _median_cut, "PIL"),
        Clusterer("OpenCV kmeans", _opencv, "cv2"),
        Clusterer(LIBIMAGEQUANT, _libimagequant, "imagequant"),
        Clusterer("libimagequant, no dithering", partial(_libimagequant, dithering=0.0), "imagequant"),
    ]
