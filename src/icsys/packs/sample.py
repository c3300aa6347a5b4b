"""One image among the many of a shard: its bytes, its class, and what is told of it beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

INFO: dict[str, type] = {
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
"""Columns of the manifest that a shard repeats, with their types: all that the source and the options decide.

Times and versions are left out, so that the same images give the same shards whenever they are made.
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One image of a shard.

    Attributes
    ----------
    member
        The name by which the shard knows it.
    data
        The bytes of its file.
    label
        The name of its class; None where it is not labelled.
    info
        What the manifest tells of it, by the names in :data:`INFO`.
    number
        Of its class; None where it is not labelled.
    """

    member: str
    data: bytes
    label: str | None
    info: Mapping[str, Any]
    number: int | None = None


def utf8(name: str) -> str:
    r"""Return a name as text that UTF-8 can hold: bytes that are no text stand as ``\udcXX``, as in the manifest."""
    return name.encode("utf-8", "backslashreplace").decode()
