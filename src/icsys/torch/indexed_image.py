"""An image of few colours as tensors: indices and a palette, one image or a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torchvision import tv_tensors

from icsys.choices import WHITE
from icsys.color_and_size_checks import rgb_of
from icsys.errors import UsageError
from icsys.setting_fields import several
from icsys.torch.argument_checks import short_repr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RGB, RGBA = 3, 4
"""Channels of a picture, or columns of a palette."""

_PAIRS, _PAIR = "pairs of an IndexedImage and a target, at least one", 2

LEVELS = 255
"""The highest level of a channel; as alpha, opaque."""


class Palette(tv_tensors.TVTensor):
    """A palette tensor; torchvision's transforms leave it unchanged."""


class IndexedImage(NamedTuple):
    """An image of few colours, or a batch of them.

    Torchvision's geometric transforms (v2) accept it: they move indices like masks, without mixing them.

    Attributes
    ----------
    indices
        Shape (H, W) or (B, H, W), uint8, or int32 above 256 colours.
    palette
        Shape (n, 3) or (B, n, 3), uint8; 4 instead of 3 if an entry, in a batch of any image, is not opaque.
    """

    indices: torch.Tensor
    palette: torch.Tensor

    def to_rgb(self, background: str = WHITE) -> torch.Tensor:
        """Return the pixels, shape (3, H, W) or (B, 3, H, W), uint8, over a background ``#RRGGBB``."""
        palette, levels_below = self.palette.as_subclass(torch.Tensor), rgb_of(background)
        if palette.shape[-1] == RGBA:
            below = torch.tensor(levels_below, dtype=torch.int32, device=palette.device)
            wide = palette.to(torch.int32)
            levels, opacity = wide[..., :RGB], wide[..., RGB:]
            mixed = levels * opacity + below * (LEVELS - opacity)
            palette = ((mixed + LEVELS // 2) // LEVELS).to(torch.uint8)
        return self._pixels(palette)

    def to_rgba(self) -> torch.Tensor:
        """Return the pixels, shape (4, H, W) or (B, 4, H, W), uint8; opaque if the palette has no alpha."""
        palette = self.palette.as_subclass(torch.Tensor)
        if palette.shape[-1] == RGB:
            palette = torch.nn.functional.pad(palette, (0, 1), value=LEVELS)
        return self._pixels(palette)

    def _pixels(self, palette: torch.Tensor) -> torch.Tensor:
        """Give every pixel its row of a palette."""
        indices = self.indices.as_subclass(torch.Tensor).long()
        if palette.ndim == 2:  # noqa: PLR2004 - no batch
            pixels = palette[indices]
        else:
            pixels = palette[torch.arange(len(palette), device=palette.device)[:, None, None], indices]
        return tv_tensors.Image(pixels.movedim(-1, -3).contiguous())


def collate(batch: Sequence[tuple[IndexedImage, Any]]) -> tuple[IndexedImage, Any]:
    """Make one batch of indexed images of one size, for ``DataLoader(collate_fn=collate)``.

    Parameters
    ----------
    batch
        Images with their targets.

    Returns
    -------
    IndexedImage, targets
        Indices of shape (B, H, W), palettes of shape (B, n, 3) with n of the longest one (shorter ones are filled
        with black, which no index uses), and the targets collated by PyTorch's default.

    Raises
    ------
    UsageError
        If there are no images, or others.
    """
    pairs = several("batch", batch, _PAIRS)
    if not pairs or not all(isinstance(pair, tuple | list) and len(pair) == _PAIR for pair in pairs):
        raise UsageError(f"batch={short_repr(batch)}: expected {_PAIRS}")
    images = [image for image, _ in pairs]
    for image in images:
        if not isinstance(image, IndexedImage):
            raise UsageError(f"batch with {short_repr(image)}: expected {_PAIRS}")
    channels = max(image.palette.shape[1] for image in images)
    palettes = torch.zeros((len(images), max(len(image.palette) for image in images), channels), dtype=torch.uint8)
    for whole, image in zip(palettes, images, strict=True):
        whole[: len(image.palette), RGB:] = LEVELS  # opaque
        whole[: len(image.palette), : image.palette.shape[1]] = image.palette
    indices = torch.stack([image.indices for image in images])
    targets = torch.utils.data.default_collate([target for _, target in pairs])
    return IndexedImage(tv_tensors.Mask(indices), Palette(palettes)), targets


def to_indexed_image(indices: NDArray[np.integer], palette: NDArray[np.uint8]) -> IndexedImage:
    """Convert indices, shape (H, W), and a palette, shape (n, 3) or (n, 4), to tensors."""
    # PyTorch supports few operations on uint16.
    wide = indices if indices.dtype == np.uint8 else indices.astype(np.int32)
    return IndexedImage(tv_tensors.Mask(torch.from_numpy(wide)), Palette(torch.from_numpy(palette)))
