"""The manifest: one row of JSON for each image, and for each file that goes with images.

Its columns, their order, types and checks are in this file alone.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.files.bounded_lines import lines_of
from icsys.files.parsing import from_json
from icsys.files.relative_names import can_be_a_name, is_below
from icsys.layout import INDICES, PACKS, PIXELS, is_pack_name
from icsys.records.label import MOST_NUMBER
from icsys.results import COMPANIONS, IMAGE, ImageCounts, Measured, is_tiny

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from icsys.files.rooted_path import RootedPath

DONE, FAILED, STALE, LEFT_OUT = "compressed", "failed", "stale", "left_out"
"""Values of the column ``status``. Stale: the source of the output is gone, fails, or has another output now. Left out:
a rule of the run leaves the image out, so it has no output.
"""

_MOST = 2**63 - 1
_write_json = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps would make an encoder for every row


# JSON as ICS writes it. Whole numbers have at most 18 digits, so they are in range.
TEXT_JSON = r'"[^"\\\x00-\x1f]*+"'
"""Pattern of a text without escapes."""
# Paths without hidden names, and without a colon, which Windows refuses.
_NAME_JSON = r'(?!\.)[^"\\/:\x00-\x1f]++'
_PATH_JSON = f'"{_NAME_JSON}(?:/{_NAME_JSON})*+"'
_ARRAY_JSON = "|".join(map(re.escape, (INDICES, PIXELS)))
_PACK_JSON = rf'"(?:{PACKS}/[A-Za-z0-9_]+-[0-9]+\.[A-Za-z0-9_]+|[A-Za-z]+/(?:{_ARRAY_JSON}))"'
_SIZE_JSON = "[1-9][0-9]{0,17}"
_COUNT_JSON = f"(?:0|{_SIZE_JSON})"
_TIME_JSON = f"(?:{_COUNT_JSON}|[1-8][0-9]{{18}})"  # nanoseconds; until the year 2255
_FLAG_JSON = "(?:true|false)"
_FRACTION_JSON = rf"{_COUNT_JSON}(?:\.[0-9]{{1,20}})?(?:e-[0-9]{{1,3}})?"
ANY_JSON = f"(?:{TEXT_JSON}|null|{_FLAG_JSON}|-?Infinity|-?{_FRACTION_JSON})"
"""Pattern of a text without escapes, or another plain value."""


class ManifestColumn(NamedTuple):
    """A column of a row.

    Attributes
    ----------
    type
        Of its values.
    check
        Returns whether a value from the disk is accepted; None if ICS never reads the column back.
    missing
        The value to check in a row without the column.
    pattern
        Pattern of JSON values that ``check`` accepts, if paths are ASCII. Other values may be right, too.
    """

    type: type
    check: Callable[[Any], bool] | None = None
    missing: Any = None
    pattern: str = ANY_JSON


def _is_text(value: Any) -> bool:  # noqa: ANN401 - any JSON value, here and below
    return isinstance(value, str)


def _is_source(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, str) and (value.isascii() or can_be_a_name(value))


def _is_output(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, str) and is_below(value)


def _is_pack(value: Any) -> bool:  # noqa: ANN401
    return value is None or is_pack_name(value)


def _is_size(value: Any) -> bool:  # noqa: ANN401
    return type(value) is int and 1 <= value <= _MOST


def _is_count(value: Any) -> bool:  # noqa: ANN401
    return type(value) is int and 0 <= value <= _MOST


def _is_time(value: Any) -> bool:  # noqa: ANN401
    return type(value) is int and -_MOST <= value <= _MOST


def _is_error(value: Any) -> bool:  # noqa: ANN401
    return value is None or (type(value) in {float, int} and 0 <= value <= _MOST)


_TEXT, _SIZE = ManifestColumn(str, _is_text, None, TEXT_JSON), ManifestColumn(int, _is_size, None, _SIZE_JSON)
_FLAG = ManifestColumn(bool, lambda value: isinstance(value, bool), False, _FLAG_JSON)
_COUNT = ManifestColumn(int, _is_count, None, _COUNT_JSON)
_OUTPUT, _SOURCE = ManifestColumn(str, _is_output, None, _PATH_JSON), ManifestColumn(str, _is_source, None, TEXT_JSON)
_TIME = ManifestColumn(int, _is_time, None, _TIME_JSON)
_WARNING = ManifestColumn(str, _is_text, "", TEXT_JSON)
_STATUS = ManifestColumn(str, lambda value: value in (DONE, STALE), None, f'"(?:{DONE}|{STALE})"')
_IN_PACK = {
    "shard": ManifestColumn(str, _is_pack, None, _PACK_JSON),  # the pack that holds the file
    "member": ManifestColumn(str),  # its name there, if that cannot be found from the other columns
}

COLUMNS: dict[str, ManifestColumn] = {
    "file_name": _OUTPUT,
    "kind": ManifestColumn(str, lambda value: value == IMAGE, IMAGE, f'"{IMAGE}"'),
    "label": ManifestColumn(str, _is_text, "", TEXT_JSON),
    "label_number": ManifestColumn(
        int, lambda value: type(value) is int and abs(value) <= MOST_NUMBER, 0, f"-?{_COUNT_JSON}"
    ),
    "sample": ManifestColumn(str, _is_text, "", TEXT_JSON),
    "source_path": _SOURCE,
    "source_bytes": _SIZE,
    "source_sha256": _TEXT,
    "source_mtime_ns": _TIME,
    "format": ManifestColumn(str),
    "mode": ManifestColumn(str),
    "source_width": _SIZE,
    "source_height": _SIZE,
    "source_channels": _SIZE,
    "width": _SIZE,
    "height": _SIZE,
    "channels": _SIZE,
    "orientation": ManifestColumn(int),
    "frames": _SIZE,
    "colors": ManifestColumn(int, lambda value: value is None or _is_count(value), None, f"(?:null|{_COUNT_JSON})"),
    "palette": ManifestColumn(str),
    "bytes": _SIZE,
    "sha256": _TEXT,
    "mse": ManifestColumn(float, _is_error, None, f"(?:null|{_FRACTION_JSON})"),
    "psnr": ManifestColumn(float),
    "ssim": ManifestColumn(float),
    "delta_e": ManifestColumn(float),
    "quality_target": ManifestColumn(float),
    "quality_met": ManifestColumn(bool),
    "warning": _WARNING,
    "damaged": _FLAG,
    "kept_source": _FLAG,
    "tiny_output": _FLAG,
    "small_source": _FLAG,
    "options_hash": _TEXT,
    "tool_version": ManifestColumn(str),
    "status": _STATUS,
    **_IN_PACK,
}
"""The columns of an image's row, in their order. Rows of other versions may lack those with a ``missing`` value."""

COMPANION_COLUMNS: dict[str, ManifestColumn] = {
    "file_name": _OUTPUT,
    "kind": ManifestColumn(str, COMPANIONS.__contains__, None, f'"(?:{"|".join(COMPANIONS)})"'),
    "form": _TEXT,
    "picture": _SOURCE,
    "source_path": _SOURCE,
    "source_bytes": _COUNT,
    "source_sha256": _TEXT,
    "source_mtime_ns": _TIME,
    "width": ManifestColumn(int, _is_size, 1, _SIZE_JSON),  # only masks have a size
    "height": ManifestColumn(int, _is_size, 1, _SIZE_JSON),
    "labels": _COUNT,
    "dropped": _COUNT,
    "bytes": _COUNT,
    "sha256": _TEXT,
    "warning": _WARNING,
    "options_hash": _TEXT,
    "tool_version": ManifestColumn(str),
    "status": _STATUS,
    **_IN_PACK,
}
"""The columns of the row of a file that goes with images, in their order. The file may be empty."""


def _checks_of(columns: Mapping[str, ManifestColumn]) -> tuple[tuple[str, Callable[[Any], bool], Any], ...]:
    return tuple((name, column.check, column.missing) for name, column in columns.items() if column.check)


_CHECKS = {IMAGE: _checks_of(COLUMNS), **dict.fromkeys(COMPANIONS, _checks_of(COMPANION_COLUMNS))}


def row_kind(row: Mapping[str, Any]) -> str:
    """Return the kind of the file that a row is about; rows of older versions are about images."""
    kind: str = row.get("kind", IMAGE)
    return kind


def is_done_image(row: Mapping[str, Any]) -> bool:
    """Return whether a row is that of an image with an output that is up to date."""
    return row.get("status") == DONE and row.get("kind", IMAGE) == IMAGE


def is_damaged(row: Mapping[str, Any]) -> bool:
    """Return whether the source of an image's row lacks pixels; rows of older versions have warnings of damage only."""
    return bool(row.get("damaged", row.get("warning")))


def counts_of(row: Mapping[str, Any]) -> ImageCounts:
    """Return what the row of a compressed image adds to a summary."""
    return ImageCounts(
        row["source_bytes"],
        row["bytes"],
        row["source_width"] * row["source_height"] * row["source_channels"],
        row["width"] * row["height"] * row["channels"],
        row["frames"] > 1,
        is_damaged(row),
        bool(row.get("warning")) and not is_damaged(row),
        row.get("kept_source", False),
        row.get("colors"),
        Measured.from_columns(row),
        is_tiny(row["source_width"], row["source_height"], row["width"], row["height"]),
        row.get("small_source", False),
    )


def to_line(row: Mapping[str, Any] | list[str]) -> bytes:
    r"""Return a row as a line of JSON in UTF-8.

    Names that are not UTF-8 have a lone surrogate for each such byte (PEP 383). JSON escapes these, so ``json.loads``
    and ``os.fsencode`` return the same bytes.

    Examples
    --------
    >>> to_line({"source_path": "caf\u00e9/caf\udce9.jpg"})
    b'{"source_path": "caf\xc3\xa9/caf\\udce9.jpg"}\n'
    """
    return (_write_json(row) + "\n").encode("utf-8", "backslashreplace")


def from_line(line: bytes) -> dict[str, Any] | None:
    """Return the row in a line; None if a crash has cut the line off, or ICS has not written it.

    The columns of the row have the types that the functions of ``manifest_rows.py`` write, and their paths stay below
    the output folder. A last line may lack its end.
    """
    try:
        row = from_json(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and _is_ours(row) else None


def _is_ours(row: dict[str, Any]) -> bool:
    """Return whether the columns of a row are there, and of their types."""
    get = row.get
    status, kind = get("status"), get("kind", IMAGE)
    checks = _CHECKS.get(kind) if isinstance(kind, str) else None
    if checks is None:
        return False
    if status in (FAILED, LEFT_OUT):
        texts = isinstance(get("code"), str) and isinstance(get("message"), str)
        return texts and _is_source(get("source_path")) and (status == FAILED or ("file_name" not in row))
    if status == STALE and get("options_hash") == "":
        names = _is_source(get("source_path")) and _is_output(get("file_name")) and _is_pack(get("shard"))
        numbers = all(_is_count(get(name)) for name in ("source_bytes", "source_mtime_ns", "bytes"))
        return names and numbers and isinstance(get("sha256"), str)
    for name, check, missing in checks:  # noqa: SIM110 - for millions of rows, and faster than a generator
        if not check(get(name, missing)):
            return False
    return True


def read_rows(path: RootedPath) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows of a file with their positions, without lines that are no rows; nothing if there is no file."""
    return ((position, row) for position, row in read_all_rows(path) if row is not None)


def read_all_rows(path: RootedPath) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Yield what :func:`read_rows` does, and None for each line that is no row."""
    return ((position, from_line(line)) for position, line in _lines(path))


def read_lines(path: RootedPath) -> Iterator[bytes]:
    """Yield the lines of a file, whether they are rows or not; nothing if there is no file."""
    return (line for _, line in _lines(path))


def _lines(path: RootedPath) -> Iterator[tuple[int, bytes]]:
    try:
        file = path.open()
    except (FileNotFoundError, NotADirectoryError):
        return
    with file:
        yield from lines_of(file)
