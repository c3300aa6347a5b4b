"""Tables of settings: a dataclass whose fields carry their check, help text, group and metavar."""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Iterable
from contextlib import suppress
from functools import wraps
from numbers import Real
from typing import Any, NamedTuple, TypeVar, cast

from icsys.errors import UsageError

_Table = TypeVar("_Table")
_CLOSE = 0.6  # as difflib.get_close_matches: 1 for equal names, 0 for names without a letter in common
_MOST_CLOSEST = 3


class Check:
    """What a field accepts."""

    metavar: str = ""
    """What stands for the value in the help, such as N."""

    def read(self, text: str) -> object:
        """Return the value that a text on the command line means, unchecked: the text, or a number if it holds one."""
        return text

    def accept(self, name: str, value: Any) -> Any:  # noqa: ANN401 - a user can pass anything
        """Return the value in its usual form.

        Raises
        ------
        UsageError
            If the field ``name`` does not accept it; the text has the name, the value and what is expected.
        """
        raise NotImplementedError


class Needs(NamedTuple):
    """What another field must be so that a field has an effect: one of these values, or any given one.

    ``unless`` is a third field; with any value of it, the field has an effect, too.
    """

    field: str
    values: tuple[object, ...] = ()
    unless: str = ""

    def met_by(self, value: object) -> bool:
        """Return whether the other field has such a value."""
        return value in self.values if self.values else value is not None


def setting(default: object, check: Check, *, help: str, group: str, **more: object) -> Any:  # noqa: A002, ANN401
    """Declare a field of a table.

    Parameters
    ----------
    default
        Its value if left out. A field with the default None accepts None, too.
    help
        The text for the field in the help of the command, the reference and reports.
    group
        The heading that it has there.
    more
        Further metadata, such as ``metavar``, where the one of the check is not used; ``needs``, a :class:`Needs`; and
        ``off``, the name of an option that stands for one value of the field, that value, and its help text.
    """
    return dataclasses.field(default=default, metadata={"check": check, "help": help, "group": group, **more})


def unknown_names_refused(table: type[_Table]) -> type[_Table]:
    """Decorate a table: an unknown name raises the error that names what is close to it."""
    build = table.__init__

    @wraps(build)
    def checked(self: _Table, /, **values: object) -> None:
        try:
            build(self, **values)
        except TypeError:
            known = [field.name for field in dataclasses.fields(cast("Any", table))]
            for name in values:
                if name not in known:
                    expected = f"expected one of {', '.join(known)}{did_you_mean(name, known)}"
                    raise UsageError(f"unknown option {name!r}: {expected}") from None
            raise

    table.__init__ = checked  # type: ignore[method-assign, assignment]
    return table


def check_fields(table: Any) -> None:  # noqa: ANN401 - any frozen dataclass
    """Check all fields of a new table and put their values into their usual form."""
    for field in dataclasses.fields(table):
        value = getattr(table, field.name)
        if value is not None or field.default is not None:
            object.__setattr__(table, field.name, field.metadata["check"].accept(field.name, value))


class Choice(Check):
    """One of several names, in upper or lower case unless ``exact``."""

    def __init__(self, names: tuple[str, ...], *, exact: bool = False) -> None:
        self.names, self.exact = names, exact
        self.metavar = "|".join(names)

    def accept(self, name: str, value: object) -> str:
        """Return the listed name."""
        if isinstance(value, str):
            for choice in self.names:
                if value == choice or (not self.exact and value.strip().casefold() == choice.casefold()):
                    return choice
        raise UsageError(f"{name}={value!r}: expected one of {', '.join(self.names)}{did_you_mean(value, self.names)}")


class WholeNumber(Check):
    """A whole number from ``low`` to ``high``."""

    metavar = "N"

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    def read(self, text: str) -> int | str:
        """Return the number, or the text if it holds none."""
        return number_or_text(text)

    def accept(self, name: str, value: object) -> int:
        """Return the number as an int."""
        return whole_number(name, value, self.low, self.high)


class Number(Check):
    """A number above 0 and at most ``high``, or below it.

    Parameters
    ----------
    below
        Whether ``high`` itself is too much.
    example
        A value to show in the error.
    as_given
        Whether a whole number stays an int.
    """

    def __init__(
        self, high: float, metavar: str, *, below: bool = False, example: float | None = None, as_given: bool = False
    ) -> None:
        self.high, self.metavar = high, metavar
        self.below, self.example, self.as_given = below, example, as_given

    def read(self, text: str) -> float | str:
        """Return the number, or the text if it holds none."""
        return _float_or_text(text)

    def accept(self, name: str, value: Any) -> float:  # noqa: ANN401 - a user can pass anything
        """Return the number as a float."""
        if isinstance(value, Real) and not isinstance(value, bool):
            number = _nearest_float(value)
            if 0 < number < self.high or (number == self.high and not self.below):
                return cast("float", value) if self.as_given else number
        limit = "below" if self.below else "at most"
        example = "" if self.example is None else f", such as {self.example}"
        raise UsageError(f"{name}={value!r}: expected a number above 0 and {limit} {self.high}{example}")


class Fraction(Check):
    """A number from 0 to 1."""

    def __init__(self, metavar: str) -> None:
        self.metavar = metavar

    def read(self, text: str) -> float | str:
        """Return the number, or the text if it holds none."""
        return _float_or_text(text)

    def accept(self, name: str, value: Any) -> float:  # noqa: ANN401 - a user can pass anything
        """Return the number as a float."""
        if isinstance(value, Real) and not isinstance(value, bool):
            number = _nearest_float(value)
            if 0 <= number <= 1:
                return number
        raise UsageError(f"{name}={value!r}: expected a number from 0 to 1")


class Switch(Check):
    """True or false; if ``lenient``, any value that Python takes for one of them."""

    def __init__(self, *, lenient: bool = False) -> None:
        self.lenient = lenient

    def accept(self, name: str, value: object) -> bool:
        """Return the value as a bool."""
        if isinstance(value, bool) or self.lenient:
            return bool(value)
        raise UsageError(f"{name}={value!r}: expected true or false")


class Text(Check):
    """Any text."""

    def __init__(self, metavar: str) -> None:
        self.metavar = metavar

    def accept(self, name: str, value: object) -> str:
        """Return the text."""
        if isinstance(value, str):
            return value
        raise UsageError(f"{name}={value!r}: expected text ({self.metavar})")


def did_you_mean(given: object, names: Iterable[str]) -> str:
    """Return the end of an error about an unknown name: the names that are closest to it; empty if none is close.

    Letter case counts for nothing, and ``_`` is the same as ``-``.

    Examples
    --------
    >>> did_you_mean("--colours", ["--colors", "--size"]), did_you_mean("KM", ["SO", "MKM", "FKM"])
    ('; did you mean --colors?', '; did you mean MKM or FKM?')
    >>> did_you_mean("photo", ["SO", "MKM"])
    ''
    """
    from difflib import SequenceMatcher  # noqa: PLC0415 - for errors only

    word = _plain(str(given))
    likeness = {name: SequenceMatcher(None, word, _plain(name)).ratio() for name in names}
    best = max(likeness.values(), default=0.0)
    closest = [name for name, value in likeness.items() if value == best]
    return f"; did you mean {' or '.join(closest)}?" if best >= _CLOSE and len(closest) <= _MOST_CLOSEST else ""


def _plain(name: str) -> str:
    return name.strip().casefold().replace("_", "-").strip("-")


def whole_number(name: str, value: object, low: int, high: int) -> int:
    """Accept an integer, NumPy's included, from ``low`` to ``high``."""
    # NumPy's integers have __index__, too. So have bool, which is refused, and arrays, which raise TypeError.
    with suppress(TypeError):
        if not isinstance(value, bool) and low <= (number := operator.index(cast("Any", value))) <= high:
            return number
    raise UsageError(f"{name}={value!r}: expected a whole number from {low} to {high}")


def several(name: str, values: object, what: str) -> list[Any]:
    """Accept several values: a list, or anything else that gives values one by one, except text and bytes."""
    with suppress(TypeError):  # of an array without axes
        if isinstance(values, Iterable) and not isinstance(values, str | bytes):
            return list(values)
    raise UsageError(f"{name}={values!r}: expected {what}")


def _nearest_float(value: Real) -> float:
    """Return a number as a float; one that is too large for a float is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _float_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def number_or_text(text: str) -> int | str:
    """Return the whole number that ``text`` holds, or ``text`` itself for a check to refuse."""
    try:
        return int(text)
    except ValueError:
        return text
