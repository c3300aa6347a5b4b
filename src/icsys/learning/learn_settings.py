"""``LearnSettings``: how ``ics learn`` works, beside the options of the images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from icsys.setting_fields import Choice, Number, Switch, Text, WholeNumber, check_fields, setting, unknown_names_refused

FIXED_FEATURES, CNN = "fixed", "cnn"
NEAR, EXACT, ALONE = "near", "exact", "none"
FEWEST_REPEATS = 3
_REPEATS = (700, 9), (2500, 5), (math.inf, FEWEST_REPEATS)  # models of so many images at most


@unknown_names_refused
@dataclass(frozen=True, slots=True, kw_only=True)
class LearnSettings:
    """How a dataset is judged."""

    minutes: float = setting(
        5.0,
        Number(10_000, "N"),
        group="learning",
        help="Judge as many images as can be judged in about this time. Default: 5.",
    )
    images: int | None = setting(
        None,
        WholeNumber(4, 10**6),
        group="learning",
        help="Judge this many images at most, chosen at random (see --seed). Default: as many as --minutes allows, at "
        "most 5000.",
    )
    repeats: int | None = setting(
        None,
        WholeNumber(FEWEST_REPEATS, 30),
        group="learning",
        help="Train this many models for each setting, which differ by chance alone, 3 to 30. Default: 9 for up to 700 "
        "images, 5 for up to 2500, else 3.",
    )
    group: str = setting(
        NEAR,
        Text("near|exact|none|PATTERN"),
        group="learning",
        help="Images that belong together and are left out together, where SRC has no split of its own: near "
        "duplicates (default), exact duplicates, none, or a regular expression such as 'patient_(\\d+)': images whose "
        "paths have the same text there.",
    )
    model: Literal["fixed", "cnn"] = setting(
        FIXED_FEATURES,
        Choice((FIXED_FEATURES, CNN)),
        group="learning",
        help="fixed: fixed features and a kernel ridge (default). cnn: a small network, too, for the settings that "
        "matter (needs PyTorch; takes minutes more).",
    )
    lossy: bool = setting(
        True,
        Switch(),
        group="learning",
        help="Judge WebP and JPEG at equal bytes, too.",
    )

    def repeats_of(self, images: int) -> int:
        """Return the number of models for each setting: few images need more, and time allows them."""
        return self.repeats or next(repeats for most, repeats in _REPEATS if images <= most)

    def __post_init__(self) -> None:
        """Check every field."""
        check_fields(self)
