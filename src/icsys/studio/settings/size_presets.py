"""Sizes that many sets of photos have, as presets that come with the page."""

from __future__ import annotations

from typing import Any, NamedTuple


class SizePreset(NamedTuple):
    """A name, and the options that it changes."""

    name: str
    options: dict[str, Any]


SIZE_PRESETS = (
    SizePreset("One fifth", {"step": 5}),
    SizePreset("Icons: 32 × 32, padded", {"size": "32x32", "fit": "pad"}),  # noqa: RUF001 - as sizes are written
    SizePreset("As CIFAR: 32 × 32, cropped", {"size": "32x32", "fit": "cover"}),  # noqa: RUF001
    SizePreset("64 × 64, cropped", {"size": "64x64", "fit": "cover"}),  # noqa: RUF001
    SizePreset("As ImageNet: 224 × 224, cropped", {"size": "224x224", "fit": "cover"}),  # noqa: RUF001
    SizePreset("256 at most on both sides", {"size": "256x256", "fit": "contain"}),
)
"""Other options stay as they are."""
