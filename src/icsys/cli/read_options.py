"""From the command line and a config file to ``Options``, ``RunSettings`` and ``Display``."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from icsys.cli.display_options import Display
from icsys.errors import UsageError
from icsys.files.url import hide_given, shown
from icsys.learning.learn_settings import LearnSettings
from icsys.options import Options
from icsys.run_settings import RunSettings
from icsys.setting_fields import Switch, did_you_mean

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from dataclasses import Field

_Made = TypeVar("_Made")
TABLES = (Options, RunSettings, Display)
"""All options of ``ics compress``, in the order in which ``--print-options`` prints them."""

LEARN_TABLES = (LearnSettings, *TABLES)
"""All options that ``ics learn`` reads from a file: its own, and those of ``ics compress``, so a file fits both."""


class Request(NamedTuple):
    """All options of a run."""

    options: Options
    settings: RunSettings = RunSettings()
    display: Display = Display()

    def to_dict(self) -> dict[str, Any]:
        """Return all that is set, as plain JSON and TOML values; jobs, engine and timeout only where they are given."""
        display = {field.name: getattr(self.display, field.name) for field in fields(Display)}
        values = self.options.to_dict() | self.settings.given() | display
        return {name: shown(value) if isinstance(value, str) else value for name, value in values.items()}


def table_fields(tables: tuple[type[Any], ...] = TABLES) -> dict[str, Field[Any]]:
    """Return the fields of tables by name."""
    return {field.name: field for table in tables for field in fields(table)}


def read_options(arguments: argparse.Namespace) -> Request:
    """Combine defaults, config file and command line; the later ones win.

    Raises
    ------
    UsageError
        If a value is not accepted, or the config file cannot be read.
    """
    return read_values(arguments, TABLES, lambda given, config: request_of(config | given, _decided(given, config)))


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
    """Return the options of images that the user decides: those of the command line, and others of a file.

    An option of a file counts where it differs from its default, as a file may hold all options.
    """
    return _decided(*_given(arguments, TABLES))


def _given(arguments: argparse.Namespace, tables: tuple[type[Any], ...]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values of the command line, and those of the config file that it does not replace."""
    table = table_fields(tables)
    given = {name: value for name, value in vars(arguments).items() if name in table}
    config = _read_config(Path(arguments.config), table) if arguments.config else {}
    # Only one of step, scale and size can hold: the command line replaces whichever a config file has.
    replaced = {table[name].metadata.get("one_of") for name in given} - {None}
    return given, {name: value for name, value in config.items() if table[name].metadata.get("one_of") not in replaced}


def _decided(given: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    default = Options().to_dict()
    differing = {name: value for name, value in config.items() if default.get(name) != value}
    own = {field.name for field in fields(Options)}
    return {name: value for name, value in (differing | given).items() if name in own}


def request_of(values: dict[str, Any], decided: dict[str, Any]) -> Request:
    """Build the tables, each from its own values; options of images may come from an arm of a file of ics learn.

    Parameters
    ----------
    decided
        The options of images that the user decides, beside such an arm.

    Raises
    ------
    UsageError
        If a value is not accepted.
    """
    own = [{f.name: values[f.name] for f in fields(table) if f.name in values} for table in TABLES]
    settings = RunSettings(**own[1])
    if settings.from_learn is not None and settings.total_bytes is None:
        from icsys.records.learned_options import options_of_arm  # noqa: PLC0415 - few runs need it

        options = options_of_arm(settings.from_learn, settings.arm, decided)
        settings = settings.replace(from_learn=None, arm=None)  # the options say it all
    else:
        options = Options.from_dict(own[0])
    if options.palette != "image":
        from icsys.records.palette_files import with_file  # noqa: PLC0415 - few runs need it

        options, _ = with_file(options, colors_given="colors" in values)
    return Request(options, settings, Display(**own[2]))


def _read_config(path: Path, table: dict[str, Field[Any]]) -> dict[str, Any]:
    """Read a TOML file that holds options by name, with dashes or underscores."""
    from icsys.files.parsing import read_toml  # noqa: PLC0415 - few runs need it

    try:
        values = read_toml(path)
    except OSError as error:
        raise UsageError(f"config file {str(path)!r} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"config file {str(path)!r} cannot be read as TOML: {error}") from error
    values = {name.replace("-", "_"): value for name, value in values.items()}
    for name, value in values.items():
        if name not in table:
            raise UsageError(
                f"config file {str(path)!r}: unknown option {name!r}{did_you_mean(name, table)} "
                "(ics compress --help-all shows all options)"
            )
        if isinstance(table[name].metadata["check"], Switch) and not isinstance(value, bool):
            raise UsageError(f"config file {str(path)!r}: {name}={shown(value)!r}, expected true or false")
    return values
