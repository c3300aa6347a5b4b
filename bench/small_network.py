"""A small network for pictures, four convolutions and a linear layer, that the benchmarks of training share."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

LEVELS = 127.5
"""Half of the largest level: a level becomes level / 127.5 - 1."""

_WIDTHS = (32, 64, 128, 128)


def small_network(channels: int, classes: int) -> nn.Sequential:
    """Return a network from (n, channels, H, W), float32, H and W from 16, to scores (n, classes).

    Four convolutions of 3x3 with batch norm and ReLU, the first of stride 2 and each with half as many rows and columns
    as the one before; then the mean over the picture, and a linear layer.
    """
    layers: list[Any] = []
    for place, width in enumerate(_WIDTHS):
        layers += [] if place < 2 else [nn.MaxPool2d(2)]  # noqa: PLR2004 - the first two halve by their strides
        layers += [nn.Conv2d(channels, width, 3, stride=2 if place < 2 else 1, padding=1, bias=False)]  # noqa: PLR2004
        layers += [nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


def from_levels(pixels: torch.Tensor) -> torch.Tensor:
    """Return levels, uint8, as float32 from -1 to 1."""
    return pixels.float().div_(LEVELS).sub_(1)
