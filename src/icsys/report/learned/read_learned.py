"""Results of ``ics learn`` read back from their file, which may be of others: every value is checked."""

from __future__ import annotations

import math
import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from icsys.errors import UsageError
from icsys.files.parsing import from_json
from icsys.learning.learned import Learned
from icsys.results import Failed

if TYPE_CHECKING:
    from pathlib import Path

    from icsys.files.rooted_path import RootedPath

_MOST_BYTES = 16 * 2**20
_Made = TypeVar("_Made")


def read_learned(path: Path | RootedPath) -> Learned:
    """Return the results in a file that ``ics learn`` has written.

    Raises
    ------
    UsageError
        If it cannot be read, or is not as ``ics learn`` writes it.
    """
    begin = f"{str(path)!r} "
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise UsageError(f"{begin}has more than {_MOST_BYTES} bytes: expected a file of ics learn")
        return _made(Learned, from_json(data), "the file")
    except OSError as error:
        raise UsageError(f"{begin}cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{begin}is not as ics learn writes it: {error}") from None


def _made(table: type[_Made], values: Any, where: str) -> _Made:  # noqa: ANN401 - any JSON
    """Return a row of a table from its values, others left out; ValueError names the one that does not fit."""
    if not isinstance(values, dict):
        raise ValueError(f"{where} is no table")  # noqa: TRY004 - of a file, not of a caller
    hints = typing.get_type_hints(table, localns={"Failed": Failed})
    read = {}
    for field in fields(table):  # type: ignore[arg-type] # all tables are dataclasses
        if field.name in values:
            read[field.name] = _value(hints[field.name], values[field.name], f"{where}: {field.name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{where} has no {field.name}")
    return table(**read)


def _value(hint: Any, value: Any, where: str) -> Any:  # noqa: ANN401 - any type, and any JSON
    """Return a value of a type; ValueError if it is none."""
    kind = typing.get_origin(hint)
    if kind is list and isinstance(value, list):
        (inner,) = typing.get_args(hint)
        return [_value(inner, one, f"{where}[{place}]") for place, one in enumerate(value)]
    if is_dataclass(hint) and isinstance(hint, type):
        return _made(hint, value, where)
    allowed = typing.get_args(hint) if kind is types.UnionType else (kind or hint,)
    if not any(_fits(typing.get_origin(one) or one, value) for one in allowed):
        raise ValueError(f"{where} is {value!r:.60}")
    return value


def _fits(kind: type, value: Any) -> bool:  # noqa: ANN401 - any JSON
    if kind is float:
        return type(value) in {int, float} and math.isfinite(value)
    return type(value) is kind
