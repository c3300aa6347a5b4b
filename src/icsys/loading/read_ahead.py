"""Blocks of arrays read before their images are asked for, one after the other as they lie on the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from icsys.loading.epoch_order import BLOCK_IMAGES, WINDOW_BLOCKS, blocks_of_epoch

if TYPE_CHECKING:
    from icsys.loading.dataset import Dataset

_PAGE = 4096  # bytes; one of them brings a page of the disk into memory


class BlocksAhead:
    """Reads the blocks of an order of blocks, a window of them ahead.

    Without it, the images of a window would be read in their own, random order: a disk seeks for each of them. Only the
    indices of few colours are read ahead; they are what is large.

    Parameters
    ----------
    data
        The images.
    seed, epoch
        What the order was made from.
    """

    def __init__(self, data: Dataset, seed: int, epoch: int) -> None:
        self._stored = data.indices if data.bits else None
        blocks = blocks_of_epoch(len(data), seed, epoch)
        windows = (np.sort(blocks[begin : begin + WINDOW_BLOCKS]) for begin in range(0, len(blocks), WINDOW_BLOCKS))
        self._blocks = (int(block) for window in windows for block in window)
        self._reached = 0

    def reach(self, images: int) -> None:
        """Read what the first ``images`` of the order need, and a window more."""
        if self._stored is None:
            return
        wanted = -(-images // BLOCK_IMAGES) + 1 + WINDOW_BLOCKS  # one more: the last block may have fewer images
        for block in self._blocks:
            piece = self._stored[block * BLOCK_IMAGES : (block + 1) * BLOCK_IMAGES]
            piece.reshape(-1).view(np.uint8)[::_PAGE].max(initial=0)
            self._reached += 1
            if self._reached >= wanted:
                break
