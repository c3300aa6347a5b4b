"""Notes about options that do nothing beside the other options of a run."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from icsys.options import Options
from icsys.setting_fields import Needs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from icsys.records.config.request import Request


def no_effect(request: Request, given: Collection[str]) -> Iterator[str]:
    """Yield a note for each option that has no effect.

    Parameters
    ----------
    given
        The names of the options on the command line. Other options, of a file, count where they differ from their
        defaults: a file may hold all options.
    """
    values = {field.name: getattr(table, field.name) for table in request for field in fields(table)}
    for table in request:
        for field in fields(table):
            value = values[field.name]
            if value is False or (field.name not in given and value == field.default):
                continue
            formats = field.metadata.get("formats")
            for needs in (field.metadata.get("needs"), Needs("format", formats) if formats else None):
                if needs is None or (needs.unless and values[needs.unless] is not None):
                    continue
                if not needs.met_by(values[needs.field]):
                    option = _flag(field.name) if value is True else f"{_flag(field.name)} {value}"
                    yield f"note: {option} has no effect {_but(needs, values[needs.field])}"


def not_kept(request: Request, given: Mapping[str, object]) -> Iterator[str]:
    """Yield a note for each option that ``--total-bytes`` keeps on the command line, and changes on the page.

    On the page, and in Python and TOML, an option that has its default is left open.

    Parameters
    ----------
    given
        The options on the command line.
    """
    if request.settings.total_bytes is None or not given.get("studio"):
        return
    usual = Options()
    for name in ("colors", "step"):
        if name in given and getattr(request.options, name) == getattr(usual, name):
            yield (
                f"note: {_flag(name)} {given[name]} is the default, which the page takes for left open: a run of the "
                "page may choose another within --total-bytes"
            )


def _but(needs: Needs, found: object) -> str:
    """Return why an option has no effect, and with what it has one."""
    flag = _flag(needs.field)
    if not needs.values:
        return f"without {flag}"
    if isinstance(found, bool):
        return f"with {flag}" if found else f"without {flag}"
    *most, last = map(str, needs.values)
    names = f"{', '.join(most)} or {last}" if most else last
    return f"with {flag} {found}; it is for {flag} {names}"


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
