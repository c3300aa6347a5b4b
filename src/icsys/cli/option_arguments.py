"""The options of the command line that stand in tables: each field of a table is one."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from icsys.setting_fields import Switch

if TYPE_CHECKING:
    from dataclasses import Field


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


def _with_default(text: str, value: object) -> str:
    """Return a help text with the default behind it, unless the text has it or there is none."""
    if value is None or value is False or "Default:" in text:
        return text
    return f"{text} Default: {'yes' if value is True else value}."
