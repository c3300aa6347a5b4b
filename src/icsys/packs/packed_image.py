"""One image of a pack: its bytes, its class and its facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from icsys.records.manifest import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping

REPEATED_COLUMNS: dict[str, type] = {
    name: COLUMNS[name].type
    for name in (
        *("source_path", "source_bytes", "source_sha256", "format", "mode", "source_width", "source_height"),
        *("width", "height", "orientation", "frames", "colors", "palette"),
        *("mse", "psnr", "ssim", "delta_e", "quality_target", "quality_met", "sha256", "warning"),
    )
}
"""Manifest columns that a pack repeats, with their types: all facts that source and options decide.

Times and versions are left out, so the same images always give the same packs.
"""


@dataclass(frozen=True, slots=True)
class PackedImage:
    """One image of a pack.

    Attributes
    ----------
    member
        Its name in the pack.
    data
        The bytes of its file.
    label
        The name of its class; None without a label.
    info
        Its facts from the manifest, by the names in :data:`REPEATED_COLUMNS`.
    number
        The number of its class; None without a label.
    """

    member: str
    data: bytes
    label: str | None
    info: Mapping[str, Any]
    number: int | None = None


def utf8(name: str) -> str:
    r"""Return a name as text that UTF-8 can encode: other bytes become ``\udcXX`` in letters, as in the manifest."""
    return name.encode("utf-8", "backslashreplace").decode()
