"""What Parquet files of images share, whether they are read or written."""

from __future__ import annotations

from typing import Any

from icsys.errors import MissingExtraError

NUMBER = "label_number"
"""The column of numbers that no ClassLabel can hold, beside the names in ``label``."""


def load_pyarrow(what: str) -> tuple[Any, Any]:
    """Return the modules that something needs, which an error names.

    Raises
    ------
    MissingExtraError
        If they are not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError(f"{what} needs pyarrow: pip install 'icsys[parquet]'") from None
    return pa, parquet
