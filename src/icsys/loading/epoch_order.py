"""The order of images in an epoch, divided among processes: a function of seed and epoch alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from icsys.errors import UsageError
from icsys.setting_fields import whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

Shuffle: TypeAlias = Literal["blocks"] | bool
"""A random order of all images, of blocks of neighbours, or the order that they have."""

BLOCK_IMAGES, WINDOW_BLOCKS = 32, 512
"""Neighbouring images of a block, and blocks that are mixed: 0.8 MB and 0.4 GB of 224 x 224 pixels of 4 bits."""

_ORDER, _WITHIN = 0, 10  # what random numbers are for; `random_changes` has 1 to 9


def random_numbers(seed: int, epoch: int, purpose: int) -> np.random.Generator:
    """Return the random numbers of an epoch for a purpose: those of one never depend on how many another takes."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, epoch, purpose))))


def check_shuffle(shuffle: object) -> Shuffle:
    """Return a way to shuffle.

    Raises
    ------
    UsageError
        If it is none.
    """
    if isinstance(shuffle, bool | np.bool_):
        return bool(shuffle)
    if isinstance(shuffle, str) and shuffle == "blocks":
        return "blocks"
    raise UsageError(f"shuffle={shuffle!r}: expected True, False or 'blocks'")


def order_of_epoch(count: int, shuffle: Shuffle, seed: int, epoch: int) -> NDArray[np.int64]:
    """Return all images in the order of an epoch, shape (count,).

    ``"blocks"`` is for data larger than memory on disks that seek slowly: blocks of 32 neighbouring images come in
    random order, and the images of each 512 that follow one another are mixed.
    """
    if not shuffle:
        return np.arange(count)
    if shuffle is True:
        return random_numbers(seed, epoch, _ORDER).permutation(count)
    blocks = random_numbers(seed, epoch, _ORDER).permutation(-(-count // BLOCK_IMAGES))
    random = random_numbers(seed, epoch, _WITHIN)
    windows = []
    for begin in range(0, len(blocks), WINDOW_BLOCKS):
        images = (blocks[begin : begin + WINDOW_BLOCKS, None] * BLOCK_IMAGES + np.arange(BLOCK_IMAGES)).reshape(-1)
        windows.append(random.permutation(images[images < count]))  # the last block may have fewer
    return np.concatenate([np.arange(0), *windows])


def images_of_process(count: int, world: int, *, drop_last: bool) -> int:
    """Return how many images each of ``world`` processes takes in an epoch."""
    return count // world if drop_last else -(-count // world)


def share_of_process(order: NDArray[np.int64], rank: int, world: int, *, drop_last: bool) -> NDArray[np.int64]:
    """Return the images of a process: every ``world``-th, equally many for each.

    Where they do not divide evenly, the last are left out or the first are given again, as PyTorch's
    ``DistributedSampler`` does it.
    """
    each = images_of_process(len(order), world, drop_last=drop_last)
    return np.resize(order, each * world)[rank::world] if len(order) else order


def check_world(rank: object, world: object) -> tuple[int, int]:
    """Return number and count of processes, checked.

    Raises
    ------
    UsageError
        If they are no numbers, or do not fit each other.
    """
    processes = whole_number("world", world, 1, 2**31 - 1)
    return whole_number("rank", rank, 0, processes - 1), processes
