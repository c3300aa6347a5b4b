"""``Request``: all options of a run, built from values by name."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.files.url import shown
from icsys.options import Options
from icsys.records.config.display_options import Display
from icsys.run_settings import RunSettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import Field

TABLES = (Options, RunSettings, Display)
"""All options of ``ics compress``, in the order in which ``--print-options`` prints them."""


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

    def to_toml(self) -> str:
        """Return all that is set as the text of a config file."""
        import tomli_w  # noqa: PLC0415 - few runs need it

        return tomli_w.dumps(self.to_dict())


def table_fields(tables: tuple[type[Any], ...] = TABLES) -> dict[str, Field[Any]]:
    """Return the fields of tables by name."""
    return {field.name: field for table in tables for field in fields(table)}


def decided_values(given: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of images that the user decides: given ones, and others of a config file.

    An option of a file counts where it differs from its default, as a file may hold all options.
    """
    default = Options().to_dict()
    differing = {name: value for name, value in config.items() if default.get(name) != value}
    own = {field.name for field in fields(Options)}
    return {name: value for name, value in {**differing, **given}.items() if name in own}


def request_of(values: dict[str, Any], decided: dict[str, Any]) -> Request:
    """Build the tables, each from its own values; options of images may come from a setting of a file of ics learn.

    Parameters
    ----------
    decided
        The options of images that the user decides, beside such a setting.

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
