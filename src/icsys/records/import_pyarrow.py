"""Names and imports that reading and writing Parquet files of images share."""

from __future__ import annotations

from typing import Any

from icsys.errors import MissingExtraError

NUMBER = "label_number"
"""Column of class numbers that do not fit a ClassLabel; ``label`` has the names."""


def load_pyarrow(what: str) -> tuple[Any, Any]:
    """Return pyarrow and its Parquet module; ``what`` needs them, for the error.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError(f"{what} needs pyarrow: pip install 'icsys[parquet]'") from None
    return pa, parquet
