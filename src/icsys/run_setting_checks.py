"""Checks of settings of a run that are texts of a form: a shard, splits with shares, a path, a number of bytes."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from icsys.errors import UsageError
from icsys.setting_fields import Check
from icsys.shard import Shard, parse_shard

if TYPE_CHECKING:
    from icsys.selection import SplitShares

_MOST_BYTES = 2**60
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_BYTES = re.compile(r"(\d{1,20}(?:\.\d{1,20})?) ?([A-Za-z]{0,3})", re.ASCII)


class ShardText(Check):
    """A shard I/N, as text, pair or :class:`Shard`."""

    metavar = "I/N"

    def accept(self, name: str, value: object) -> Shard:  # noqa: ARG002 - parse_shard names it
        """Return the shard."""
        return parse_shard(value)


class SharesText(Check):
    """Names of splits with their shares, as text, as a table, or as :class:`SplitShares`."""

    metavar = "NAME=SHARE,..."

    def accept(self, name: str, value: object) -> SplitShares:  # noqa: ARG002 - parse_shares names it
        """Return the shares."""
        from icsys.selection import parse_shares  # noqa: PLC0415 - few runs need it

        return parse_shares(value)


class FilePath(Check):
    """The path of a file."""

    def __init__(self, metavar: str) -> None:
        self.metavar = metavar

    def accept(self, name: str, value: object) -> str:
        """Return the path as text."""
        path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
        if isinstance(path, str) and path and "\0" not in path:
            return path
        raise UsageError(f"{name}={value!r}: expected a path, as text or pathlib.Path")


class ByteCount(Check):
    """A number of bytes: a whole number, or a text such as 500MB or 1.5GiB; parts of a byte are left off.

    Examples
    --------
    >>> [ByteCount().accept("total_bytes", text) for text in ("500MB", "1.5 KiB", "2000", 2000)]
    [500000000, 1536, 2000, 2000]
    """

    metavar = "BYTES"

    def accept(self, name: str, value: object) -> int:
        """Return the number of bytes."""
        number = None
        if isinstance(value, str):
            match = _BYTES.fullmatch(value.strip())
            if match and match[2].casefold() in _UNITS:
                from decimal import Decimal  # noqa: PLC0415 - few runs need it

                number = int(Decimal(match[1]) * _UNITS[match[2].casefold()])
        elif hasattr(value, "__index__") and not isinstance(value, bool):  # NumPy's numbers, too
            number = int(value.__index__())
        if number is None or not 1 <= number <= _MOST_BYTES:
            raise UsageError(
                f"{name}={value!r}: expected a number of bytes above 0, such as 500MB, 1.5GiB or 500000000 (kB, MB, "
                "GB, TB count thousands; KiB, MiB, GiB, TiB count 1024)"
            )
        return number
