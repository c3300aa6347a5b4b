"""Options that a page names: files among them are those of the source only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from icsys.color_and_size_checks import PALETTE_SUFFIXES
from icsys.errors import UsageError
from icsys.options import Options

if TYPE_CHECKING:
    from icsys.files.locations import Location
    from icsys.run_settings import RunSettings


def page_options(values: dict[str, Any], begun: Options, source: Location) -> Options:
    """Return the options in plain values, as a request holds them.

    Parameters
    ----------
    values
        Options by name.
    begun
        The options that the studio began with: their palette file is that of the user.
    source
        The source that was opened.

    Raises
    ------
    UsageError
        If they are no options, or name a palette file outside of the source.
    """
    options = Options.from_dict(values)
    name = options.palette
    if not name.lower().endswith(PALETTE_SUFFIXES) or name == begun.palette:
        return options
    if isinstance(source, str) and _is_in(name, source):
        return options
    raise UsageError(
        f"palette={name!r}: expected a file in the folder that the studio has opened, or the one that it began "
        "with; to use another, begin anew: ics compress --palette FILE --studio"
    )


def page_settings(settings: RunSettings, begun: RunSettings, source: Location) -> RunSettings:
    """Return settings of a run; UsageError if they name a file of ``ics learn`` outside of the source."""
    name = settings.from_learn
    if name is None or name == begun.from_learn or (isinstance(source, str) and _is_in(name, source)):
        return settings
    raise UsageError(
        f"from_learn={name!r}: expected a file in the folder that the studio has opened, or the one that it began "
        "with; to use another, begin anew: ics compress --from-learn FILE --studio"
    )


def _is_in(name: str, folder: str) -> bool:
    try:
        return Path(name).resolve().is_relative_to(Path(folder).resolve(strict=True))
    except (OSError, ValueError, RuntimeError):  # no such folder, no name of a file, or links in a circle
        return False
