"""A line of the manifest for every image: its columns, and how they are written as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from icsys.files.bounded_lines import lines_of
from icsys.files.parsing import from_json
from icsys.files.relative_names import can_be_a_name, is_below
from icsys.layout import is_pack_name
from icsys.records.labels import MOST_NUMBER, columns_of, label_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from icsys.files.rooted_path import RootedPath
    from icsys.records.labels import Label
    from icsys.results import Compressed, Failed

DONE, FAILED, STALE = "compressed", "failed", "stale"
"""What the column ``status`` says; stale is an output whose source is gone, fails, or has another output now."""

_MOST = 2**63 - 1
_TEXTS = ("source_sha256", "sha256", "options_hash")
_COUNTS = (
    *("source_bytes", "source_width", "source_height", "source_channels"),
    *("width", "height", "channels", "frames", "bytes"),
)


def image_row(
    result: Compressed, options_hash: str, tool_version: str, label: Label | None = None, sample: str = ""
) -> dict[str, Any]:
    """Return the line of an image that was written.

    ``file_name`` and ``label`` are the names by which Hugging Face's image-folder loader knows them; nothing else
    may end in ``file_name``, because that loader would take it for another image. Without a ``label`` the folder is it.
    """
    return {
        "file_name": result.output,
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
        "kept_source": result.kept_source,
        "options_hash": options_hash,
        "tool_version": tool_version,
        "status": DONE,
    }


def relabelled(row: Mapping[str, Any], label: Label) -> dict[str, Any]:
    """Return the line of an image with another label."""
    rest = {name: value for name, value in row.items() if name not in {"label", "label_number"}}
    return {"file_name": rest.pop("file_name"), **columns_of(label), **rest}


def stale_row(output: str, source: str, data_bytes: int, sha256: str) -> dict[str, Any]:
    """Return the line of an output of which no more is known than that ICS has written it."""
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
    """Return the line of an image that failed."""
    return {
        "source_path": result.source,
        "code": result.code,
        "message": result.message,
        "options_hash": options_hash,
        "tool_version": tool_version,
        "status": FAILED,
    }


def to_line(row: Mapping[str, Any] | list[str]) -> bytes:
    r"""Write a row as a line of JSON in UTF-8.

    A name that is not UTF-8 reaches Python with a lone surrogate for every byte that is not (PEP 383); JSON has an
    escape for those, so ``json.loads`` and ``os.fsencode`` give back its very bytes.

    Examples
    --------
    >>> to_line({"source_path": "caf\u00e9/caf\udce9.jpg"})
    b'{"source_path": "caf\xc3\xa9/caf\\udce9.jpg"}\n'
    """
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def from_line(line: bytes) -> dict[str, Any] | None:
    """Read a row; None for a line that a crash has torn, or that is none of ours or was changed by somebody else.

    The columns that a run needs are as :func:`image_row`, :func:`failure_row` and :func:`stale_row` write them, and
    the names of files in them lead down from the output folder. A last line may lack its end.
    """
    try:
        row = from_json(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and _is_ours(row) else None


def _is_ours(row: dict[str, Any]) -> bool:
    """Tell whether the columns of a row are there and of their types."""
    get = row.get
    source = get("source_path")
    if not isinstance(source, str) or not (source.isascii() or can_be_a_name(source)):
        return False
    if get("status") == FAILED:
        return isinstance(get("code"), str) and isinstance(get("message"), str)
    name, pack = get("file_name"), get("shard")
    if not isinstance(name, str) or not is_below(name) or not (pack is None or is_pack_name(pack)):
        return False
    if get("status") == STALE and get("options_hash") == "":
        numbers = all(_is_count(get(name)) for name in ("source_bytes", "source_mtime_ns", "bytes"))
        return numbers and isinstance(get("sha256"), str)
    return (
        get("status") in (DONE, STALE)
        and all(isinstance(get(name), str) for name in _TEXTS)
        and all(_is_count(get(name), least=1) for name in _COUNTS)
        and _is_count(get("source_mtime_ns"), least=-_MOST)
        and (get("mse") is None or (type(get("mse")) in {float, int} and 0 <= row["mse"] <= _MOST))
        and (get("colors") is None or _is_count(get("colors")))
        and all(isinstance(get(name, ""), str) for name in ("label", "sample", "warning"))
        and type(get("label_number", 0)) is int
        and abs(get("label_number", 0)) <= MOST_NUMBER
        and isinstance(get("kept_source", False), bool)
    )


def _is_count(value: object, *, least: int = 0) -> bool:
    """Tell whether something is a whole number that files and images can have."""
    return type(value) is int and least <= value <= _MOST


def read_rows(path: RootedPath) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read the lines of a file with their positions, those left out that cannot be read; none if there is no file."""
    return ((position, row) for position, row in read_all_rows(path) if row is not None)


def read_all_rows(path: RootedPath) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Do what :func:`read_rows` does, with None for lines that cannot be read."""
    try:
        file = path.open()
    except (FileNotFoundError, NotADirectoryError):
        return
    with file:
        for position, line in lines_of(file):
            yield position, from_line(line)
