"""One image among the many of a shard: its bytes, its class, and what is told of it beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from icsys.records.manifest import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping

INFO: dict[str, type] = {
    name: COLUMNS[name].type
    for name in (
        *("source_path", "source_bytes", "source_sha256", "format", "mode", "source_width", "source_height"),
        *("width", "height", "orientation", "frames", "colors", "palette"),
        *("mse", "psnr", "ssim", "delta_e", "quality_target", "quality_met", "sha256", "warning"),
    )
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
