"""One image of a pack: its bytes, its class and its facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

REPEATED_COLUMNS: dict[str, type] = {
    "source_path": str,
    "source_bytes": int,
    "source_sha256": str,
    "format": str,
    "mode": str,
    "source_width": int,
    "source_height": int,
    "width": int,
    "height": int,
    "orientation": int,
    "frames": int,
    "colors": int,
    "palette": str,
    "mse": float,
    "psnr": float,
    "ssim": float,
    "delta_e": float,
    "quality_target": float,
    "quality_met": bool,
    "sha256": str,
    "warning": str,
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
