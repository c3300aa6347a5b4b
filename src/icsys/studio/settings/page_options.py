"""Options that a page names: files among them are those of the source only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from icsys.color_and_size_checks import PALETTE_SUFFIXES
from icsys.errors import UsageError
from icsys.options import Options
from icsys.studio.settings.lies_in import lies_in

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
    if isinstance(source, str) and lies_in(name, source):
        return options
    raise UsageError(
        f"palette={name!r}: expected a file in the folder that the studio has opened, or the one that it began "
        "with; to use another, begin anew: ics compress --palette FILE --studio"
    )


def page_settings(settings: RunSettings, begun: RunSettings, source: Location) -> RunSettings:
    """Return settings of a run; UsageError if they name a cluster, or a file of ``ics learn`` outside of the source.

    A link to the page may hold settings of any origin, and a cluster gets all photos and gives what is run here.
    """
    if settings.address not in {None, begun.address}:
        raise UsageError(
            f"address={settings.address!r}: expected the cluster that the studio began with; to use another, begin "
            "anew: ics compress --address ADDRESS --studio"
        )
    name = settings.from_learn
    if name is None or name == begun.from_learn or (isinstance(source, str) and lies_in(name, source)):
        return settings
    raise UsageError(
        f"from_learn={name!r}: expected a file in the folder that the studio has opened, or the one that it began "
        "with; to use another, begin anew: ics compress --from-learn FILE --studio"
    )
