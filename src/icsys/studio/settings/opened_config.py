"""A config file that is opened into the page, read as ``--config`` reads it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from icsys.errors import UsageError
from icsys.files.url import hide_given
from icsys.records.config.config_file import config_in
from icsys.records.config.request import decided_values, request_of, table_fields
from icsys.studio.settings.opened_files import is_in_opened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from icsys.records.config.request import Request

_FILES = ("from_learn", "palette")  # options that may name a file which is read at once


def request_in(text: object, roots: Sequence[str], begun: Request) -> Request:
    """Return the options that the text of a config file holds.

    Parameters
    ----------
    roots
        The folders that the studio has opened: files that an option names are read below them only.
    begun
        What the studio began with; the files that it names were opened, too.

    Raises
    ------
    UsageError
        If it is no text, or a value is not accepted.
    """
    if not isinstance(text, str):
        raise UsageError(f"text: {type(text).__name__} was given, expected the text of a TOML file")
    values = config_in(text, table_fields())
    try:
        _check_files(values, roots, begun)
        return request_of(values, decided_values({}, values))
    except UsageError as error:
        raise UsageError(hide_given(str(error), values.values())) from None


def _check_files(values: Mapping[str, object], roots: Sequence[str], begun: Request) -> None:
    opened = {"palette": begun.options.palette, "from_learn": begun.settings.from_learn}
    for name in _FILES:
        value = values.get(name)
        # Other palettes are words, which end in no suffix.
        if not isinstance(value, str) or value == opened[name] or (name == "palette" and not Path(value).suffix):
            continue
        if not is_in_opened(value, roots):
            flag = name.replace("_", "-")
            raise UsageError(
                f"{name}={value!r}: the studio reads files of its source and destination only; open this one with "
                f"ics compress SRC DST --{flag} FILE --studio"
            )
