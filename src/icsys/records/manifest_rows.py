"""Rows of the manifest and of the failures: results as rows, a function for each kind, and two for the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from icsys.records.label import columns_of, label_at
from icsys.records.manifest import DONE, FAILED, LEFT_OUT, STALE, row_kind
from icsys.results import IMAGE, Failed, LeftOut

if TYPE_CHECKING:
    from collections.abc import Mapping

    from icsys.records.label import Label
    from icsys.results import CompanionWritten, Compressed


def image_row(
    result: Compressed, options_hash: str, tool_version: str, label: Label | None = None, sample: str = ""
) -> dict[str, Any]:
    """Return the row of a compressed image. Default label: the folder of the output.

    The image-folder loader of Hugging Face reads ``file_name`` and ``label``. It takes every column whose name ends in
    ``file_name`` for an image, so no other column may.
    """
    return {
        "file_name": result.output,
        "kind": IMAGE,
        **columns_of(label_at(result.output, label)),
        **({"sample": sample} if sample else {}),
        "source_path": result.source,
        "source_bytes": result.bytes_in,
        "source_sha256": result.source_sha256,
        "source_mtime_ns": result.source_mtime_ns,
        "format": result.format,
        "mode": result.mode,
        "source_width": result.source_width,
        "source_height": result.source_height,
        "source_channels": result.elements_in // (result.source_width * result.source_height),
        "width": result.width,
        "height": result.height,
        "channels": result.elements_out // (result.width * result.height),
        "orientation": result.orientation,
        "frames": result.frames,
        "colors": result.colors,
        "palette": result.palette or "",
        "bytes": result.bytes_out,
        "sha256": result.sha256,
        "mse": result.mse,
        **(result.measured.columns() if result.measured else {}),
        "warning": result.warning or "",
        "damaged": result.damaged,
        "kept_source": result.kept_source,
        "tiny_output": result.tiny_output,
        "small_source": result.small_source,
        "options_hash": options_hash,
        "tool_version": tool_version,
        "status": DONE,
    }


def companion_row(result: CompanionWritten, tool_version: str) -> dict[str, Any]:
    """Return the row of a file that goes with images; ``picture`` is empty if it is about many."""
    size = {} if result.width is None else {"width": result.width, "height": result.height}
    return {
        "file_name": result.output,
        "kind": result.kind,
        "form": result.form,
        "picture": result.picture,
        "source_path": result.source,
        "source_bytes": result.bytes_in,
        "source_sha256": result.source_sha256,
        "source_mtime_ns": result.source_mtime_ns,
        **size,
        "labels": result.labels,
        "dropped": result.dropped,
        "bytes": result.bytes_out,
        "sha256": result.sha256,
        "warning": result.warning or "",
        "options_hash": result.options_hash,
        "tool_version": tool_version,
        "status": DONE,
    }


def relabelled(row: Mapping[str, Any], label: Label) -> dict[str, Any]:
    """Return the row of an image with another label; a row of another kind has none and stays."""
    if row_kind(row) != IMAGE:
        return dict(row)
    rest = {name: value for name, value in row.items() if name not in {"label", "label_number", "kind"}}
    return {"file_name": rest.pop("file_name"), "kind": IMAGE, **columns_of(label), **rest}


def stale_row(output: str, source: str, data_bytes: int, sha256: str) -> dict[str, Any]:
    """Return the row of an output that ICS has written and whose other columns, its kind included, are unknown."""
    return {
        "file_name": output,
        "source_path": source,
        "source_bytes": 0,
        "source_mtime_ns": 0,
        "bytes": data_bytes,
        "sha256": sha256,
        "options_hash": "",
        "status": STALE,
    }


def failure_row(result: Failed, options_hash: str, tool_version: str) -> dict[str, Any]:
    """Return the row of an image, or of a file that goes with images, that failed."""
    return {
        "source_path": result.source,
        "kind": result.kind,
        **({"picture": result.picture} if result.picture else {}),
        "code": result.code,
        "message": result.message,
        "options_hash": options_hash,
        "tool_version": tool_version,
        "status": FAILED,
    }


def left_out_row(result: LeftOut, tool_version: str) -> dict[str, Any]:
    """Return the row of an image that a rule leaves out; ``code`` is the name of the setting."""
    return {
        "source_path": result.source,
        "kind": IMAGE,
        "code": result.rule,
        "message": result.message,
        "tool_version": tool_version,
        "status": LEFT_OUT,
    }


def failure_in(row: Mapping[str, Any]) -> Failed:
    """Return the failure in a row."""
    kind, picture = row_kind(row), row.get("picture")
    return Failed(
        source=row["source_path"],
        code=row["code"],
        message=row["message"],
        kind=kind,
        picture=picture if isinstance(picture, str) else "",
    )


def left_out_in(row: Mapping[str, Any]) -> LeftOut:
    """Return what a row says of an image that a rule leaves out."""
    return LeftOut(source=row["source_path"], rule=row["code"], message=row["message"])
