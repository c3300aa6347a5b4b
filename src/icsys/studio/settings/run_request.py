"""What a run is asked for, from the plain values of the page."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from icsys.errors import UsageError
from icsys.files.url import is_url
from icsys.run_settings import RunSettings
from icsys.setting_fields import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

_OF_THE_SOURCE = "input"  # the group of settings that decide what is read, which the opened source has already

_LONGEST = 2000  # characters of a path


def settings_from(given: object, begun: RunSettings) -> RunSettings:
    """Return the settings of a run.

    Parameters
    ----------
    given
        Plain values of settings by name; the others stay as the studio began with them.
    begun
        What the studio began with.

    Raises
    ------
    UsageError
        If a value is not accepted, or says anew how the source is read.
    """
    values = _table("settings", given)
    for field in fields(RunSettings):
        value = values.get(field.name)
        if value is None:
            continue
        check = field.metadata["check"]
        if isinstance(field.default, bool) and not isinstance(value, bool):
            raise UsageError(f"{field.name}={value!r}: expected true or false")
        if isinstance(check, Text) and not isinstance(value, str):
            raise UsageError(f"{field.name}={value!r}: expected a text")
        if field.metadata["group"] == _OF_THE_SOURCE and value != getattr(begun, field.name):
            name = field.name.replace("_", "-")
            raise UsageError(
                f"{field.name}={value!r}: the source is open already; open it with ics compress --studio --{name}"
            )
    return begun.replace(**{name: _usual(name, value) for name, value in values.items()})


def destination_from(given: object) -> str:
    """Return the place where a run writes, as it was named; ``~`` is the user's folder, as in a shell.

    Raises
    ------
    UsageError
        If it is no name.
    """
    if isinstance(given, str) and len(given) > _LONGEST:
        raise UsageError(f"destination: {len(given)} characters were given, expected at most {_LONGEST}")
    if not isinstance(given, str) or not given.strip() or "\0" in given or not _is_name(given):
        raise UsageError(f"destination={given!r}: expected the name of a folder")
    return given if is_url(given) else os.path.expanduser(given)  # noqa: PTH111 - a text stays as it was given


def _is_name(text: str) -> bool:
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


def _table(name: str, given: object) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise UsageError(f"{name}={given!r}: expected an object with {name} by name")
    return given


def _usual(name: str, value: object) -> object:
    """Return a value; that of the table for null, which takes a setting back."""
    defaults = {field.name: field.default for field in fields(RunSettings)}
    return defaults.get(name) if value is None else value
