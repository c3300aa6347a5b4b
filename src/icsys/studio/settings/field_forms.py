"""What each option accepts, as plain values for the controls of the page."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from icsys.choices import MAX_COLORS
from icsys.color_and_size_checks import ColorCount, HexColor
from icsys.options import Options
from icsys.setting_fields import Choice, Number, Switch, WholeNumber

if TYPE_CHECKING:
    from dataclasses import Field

    from icsys.setting_fields import Check


def field_forms(table: type[Any] = Options) -> dict[str, dict[str, Any]]:
    """Return what each field of a table of options accepts.

    Each has ``help``, ``group``, ``default`` and ``kind``: choice (with ``choices``), whole and number (with ``low``
    and ``high``), switch, color or text. ``one_of`` names a set where one is given; ``needs``, ``formats`` and ``auto``
    say where it has an effect.
    """
    return {field.name: _form_of(field) for field in fields(table)}


def _form_of(field: Field[Any]) -> dict[str, Any]:
    data = field.metadata
    form = {"help": data["help"], "group": data["group"], "default": field.default, **_kind_of(data["check"])}
    for name in ("one_of", "auto", "formats"):
        if name in data:
            form[name] = data[name]
    if needs := data.get("needs"):
        form["needs"] = {"field": needs.field, "values": list(needs.values)}
    return form


def _kind_of(check: Check) -> dict[str, Any]:
    kinds: list[tuple[type[Check], str, dict[str, Any]]] = [
        (Choice, "choice", {"choices": list(getattr(check, "names", ()))}),
        (ColorCount, "whole", {"low": 1, "high": MAX_COLORS}),
        (WholeNumber, "whole", {"low": getattr(check, "low", 0), "high": getattr(check, "high", 0)}),
        (Number, "number", {"low": 0, "high": getattr(check, "high", 0)}),
        (Switch, "switch", {}),
        (HexColor, "color", {}),
    ]
    for one, kind, more in kinds:
        if isinstance(check, one):
            return {"kind": kind, **more}
    return {"kind": "text", "metavar": check.metavar}
