"""From the command line and a config file to ``Options``, ``RunSettings`` and ``Display``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from icsys.errors import UsageError
from icsys.files.url import hide_given
from icsys.learning.learn_settings import LearnSettings
from icsys.records.config.config_file import read_config
from icsys.records.config.request import TABLES, Request, decided_values, request_of, table_fields

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

_Made = TypeVar("_Made")
LEARN_TABLES = (LearnSettings, *TABLES)
"""All options that ``ics learn`` reads from a file: its own, and those of ``ics compress``, so a file fits both."""


def read_options(arguments: argparse.Namespace) -> Request:
    """Combine defaults, config file and command line; the later ones win.

    Raises
    ------
    UsageError
        If a value is not accepted, or the config file cannot be read.
    """
    return read_values(
        arguments, TABLES, lambda given, config: request_of(config | given, decided_values(given, config))
    )


def read_values(
    arguments: argparse.Namespace,
    tables: tuple[type[Any], ...],
    make: Callable[[dict[str, Any], dict[str, Any]], _Made],
) -> _Made:
    """Return what ``make`` makes of the values of the command line, and of those of the config file beside them.

    Raises
    ------
    UsageError
        As above; secrets of the config file are hidden in its text.
    """
    given, config = _given(arguments, tables)
    try:
        return make(given, config)
    except UsageError as error:
        raise UsageError(hide_given(str(error), config.values())) from None


def decided_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options of images that the user decides, of the command line and of a file."""
    return decided_values(*_given(arguments, TABLES))


def _given(arguments: argparse.Namespace, tables: tuple[type[Any], ...]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values of the command line, and those of the config file that it does not replace."""
    table = table_fields(tables)
    given = {name: value for name, value in vars(arguments).items() if name in table}
    config = read_config(Path(arguments.config), table) if arguments.config else {}
    # Only one of step, scale and size can hold: the command line replaces whichever a config file has.
    replaced = {table[name].metadata.get("one_of") for name in given} - {None}
    return given, {name: value for name, value in config.items() if table[name].metadata.get("one_of") not in replaced}
