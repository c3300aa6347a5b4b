"""One image of a pack: its bytes, its class and its facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from icsys.records.manifest import COLUMNS
from icsys.sources.pack_member_names import to_utf8_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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


IMAGES, TEXTS, BINARIES = "image", "string", "binary"
"""What a column of companions holds."""


class NotTextError(Exception):
    """A companion in a column of texts is no text in UTF-8; ``column`` is its name."""

    def __init__(self, column: str) -> None:
        super().__init__(f"the column {column!r} holds other bytes than text in UTF-8")
        self.column = column


@dataclass(frozen=True, slots=True)
class PackedCompanion:
    """One companion of an image of a pack.

    Attributes
    ----------
    member
        Its name in the pack.
    name
        Its name in the sample, from :mod:`icsys.packs.companion_names`.
    path
        The path of its output.
    kind, form
        As in :class:`~icsys.sources.base.Companion`.
    data
        The bytes of its file.
    """

    member: str
    name: str
    path: str
    kind: str
    form: str
    data: bytes

    @property
    def facts(self) -> dict[str, str]:
        """What is needed to make a file of it again."""
        return {"kind": self.kind, "form": self.form, "path": to_utf8_name(self.path)}


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
    companions
        Its masks, annotations and sidecars, in their order.
    """

    member: str
    data: bytes
    label: str | None
    info: Mapping[str, Any]
    number: int | None = None
    companions: Sequence[PackedCompanion] = ()


def utf8(name: str) -> str:
    r"""Return a name as text that UTF-8 can encode: other bytes become ``\udcXX`` in letters, as in the manifest."""
    return name.encode("utf-8", "backslashreplace").decode()
