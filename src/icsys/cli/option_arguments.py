"""The options of the command line that stand in tables: each field of a table is one."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from icsys.setting_fields import Switch, number_or_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from dataclasses import Field


def add_tables(
    parser: argparse.ArgumentParser,
    tables: Sequence[Callable[[], Any]],
    has: Callable[[Field[Any]], object],
    *,
    groups: Mapping[str, Any] | None = None,
    defaults: Mapping[str, object] | None = None,
) -> Any:  # noqa: ANN401 - argparse has no public type for it
    """Add the options of tables in their groups, and the one that reads them from a file; return its group.

    An option that is not given leaves no trace in the result, so that a config file can give it.

    Parameters
    ----------
    has
        Whether the command has the option of a field.
    groups
        Groups that the parser has already, by their titles.
    defaults
        Defaults by name, to show in the help, where they are not those of the tables.
    """
    found = dict(groups or {})
    for table in tables:
        usual = table()
        for field in filter(has, fields(usual)):
            title = field.metadata["group"]
            group = found.get(title) or found.setdefault(title, parser.add_argument_group(title))
            if one_of := field.metadata.get("one_of"):
                group = found.get(one_of) or found.setdefault(one_of, group.add_mutually_exclusive_group())
            add_field(group, field, (defaults or {}).get(field.name, getattr(usual, field.name)))
    more = parser.add_argument_group("configuration")
    more.add_argument(
        "--config", metavar="FILE.toml", help="Read options from this file. The command line takes precedence."
    )
    return more


def add_field(group: Any, field: Field[Any], default: object) -> None:  # noqa: ANN401 - argparse has no public type for it
    """Add the option of a field of a table."""
    data, check = field.metadata, field.metadata["check"]
    group.add_argument(
        f"--{field.name.replace('_', '-')}",
        default=argparse.SUPPRESS,
        help=_with_default(data["help"], default),
        **(
            {"action": argparse.BooleanOptionalAction}
            if isinstance(check, Switch)
            else {"metavar": data.get("metavar", check.metavar), "type": check.read}
        ),
    )
    if off := data.get("off"):
        name, value, text = off
        group.add_argument(
            f"--{name}",
            dest=field.name,
            action="store_const",
            const=value,
            default=argparse.SUPPRESS,
            help=text,
        )


def words_between_commas(text: str) -> list[int | str]:
    """Return the words between commas, numbers as numbers."""
    return [number_or_text(word.strip()) for word in text.split(",")]


def _with_default(text: str, value: object) -> str:
    """Return a help text with the default behind it, unless the text has it or there is none."""
    if value is None or value is False or "Default:" in text:
        return text
    return f"{text} Default: {'yes' if value is True else value}."
