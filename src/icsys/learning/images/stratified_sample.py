"""A random sample in which classes keep their shares."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from icsys.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_TRAINED, _TESTED = 2, 1  # fewest images of a class


def stratified_sample(strata: Sequence[tuple[bool, str]], most: int, seed: int) -> list[int]:
    """Draw at most ``most`` images, and keep the shares of splits and of classes within them.

    Parameters
    ----------
    strata
        For each image, whether it is tested, and its class.
    most
        Images that are drawn at most; at least two of each class for training and one for tests, where there are.

    Returns
    -------
    list of int
        Places of the images drawn, rising; all if they are not more than ``most``.

    Raises
    ------
    UsageError
        If ``most`` is too few for all classes.
    """
    if len(strata) <= most:
        return list(range(len(strata)))
    members: defaultdict[tuple[bool, str], list[int]] = defaultdict(list)
    for place, stratum in enumerate(strata):
        members[stratum].append(place)
    keys = sorted(members)
    is_split = len({is_tested for is_tested, _ in keys}) > 1
    counts = np.array([len(members[key]) for key in keys])
    fewest = np.array([_TESTED if is_split and is_tested else _TRAINED for is_tested, _ in keys])
    fewest = np.minimum(fewest, counts)
    if fewest.sum() > most:
        classes = len({label for _, label in keys})
        raise UsageError(f"{most} images for {classes} classes: expected {fewest.sum()} or more (--images, --minutes)")
    generator = np.random.default_rng(seed)
    shares = shared_out(counts, fewest, most)
    drawn = [generator.permutation(members[key])[:share] for key, share in zip(keys, shares, strict=True)]
    return sorted(int(place) for some in drawn for place in some)


def shared_out(counts: NDArray[np.int64], fewest: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """Share a total out in proportion to counts: whole numbers from ``fewest`` to ``counts`` whose sum is the total.

    Shares are rounded down, and then the one that lies farthest below (or above) its exact value is changed by one.
    """
    exact = counts * (total / counts.sum())
    shares = np.clip(np.floor(exact).astype(np.int64), fewest, counts)
    while shares.sum() != total:
        rise = 1 if shares.sum() < total else -1
        free = shares < counts if rise > 0 else shares > fewest
        lacking = np.where(free, rise * (exact - shares), -np.inf)
        shares[int(lacking.argmax())] += rise
    return shares
