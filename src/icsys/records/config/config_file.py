"""The file of ``--config``: a TOML file with options by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from icsys.errors import UsageError
from icsys.files.parsing import from_toml, read_toml
from icsys.files.url import shown
from icsys.setting_fields import Switch, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from dataclasses import Field
    from pathlib import Path


def read_config(path: Path, table: Mapping[str, Field[Any]]) -> dict[str, Any]:
    """Return the options that a file holds by name, with dashes or underscores; their values are not checked yet.

    Parameters
    ----------
    table
        The fields that it may hold.

    Raises
    ------
    UsageError
        If it cannot be read, or holds another name.
    """
    what = f"config file {str(path)!r}"
    try:
        return _options_in(what, lambda: read_toml(path), table)
    except OSError as error:
        raise UsageError(f"{what} cannot be read: {error.strerror}") from error


def config_in(text: str, table: Mapping[str, Field[Any]]) -> dict[str, Any]:
    """Return the options that the text of such a file holds, as :func:`read_config` does."""
    return _options_in("config file", lambda: from_toml(text), table)


def _options_in(what: str, read: Callable[[], dict[str, Any]], table: Mapping[str, Field[Any]]) -> dict[str, Any]:
    try:
        values = read()
    except ValueError as error:
        raise UsageError(f"{what} cannot be read as TOML: {error}") from error
    values = {name.replace("-", "_"): value for name, value in values.items()}
    for name, value in values.items():
        if name not in table:
            raise UsageError(
                f"{what}: unknown option {name!r}{did_you_mean(name, table)} (ics compress --help-all shows all "
                "options)"
            )
        if isinstance(table[name].metadata["check"], Switch) and not isinstance(value, bool):
            raise UsageError(f"{what}: {name}={shown(value)!r}, expected true or false")
    return values
