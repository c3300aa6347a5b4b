"""Options that a page names: it may name files in the folders that were opened, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from icsys.color_and_size_checks import PALETTE_SUFFIXES
from icsys.errors import UsageError
from icsys.files.url import shown
from icsys.options import Options
from icsys.studio.settings.opened_files import is_in_opened, opened_place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from icsys.files.rooted_path import RootedPath
    from icsys.run_settings import RunSettings


def page_options(values: dict[str, Any], begun: Options, roots: Sequence[str]) -> Options:
    """Return the options in plain values, as a request holds them.

    Parameters
    ----------
    values
        Options by name.
    begun
        The options that the studio began with: their palette file is that of the user.
    roots
        The folders that were opened.

    Raises
    ------
    UsageError
        If they are no options, or name a palette file outside of these folders.
    """
    options = Options.from_dict(values)
    name = options.palette
    if not names_file(values) or name == begun.palette or is_in_opened(name, roots):
        return options
    raise UsageError(_refusal("palette", name))


def palette_place(options: Options, begun: Options, roots: Sequence[str]) -> RootedPath | None:
    """Return where the palette file of options is read; None for that of the user, which is read by its name.

    Raises
    ------
    UsageError
        If it is not opened.
    """
    name = options.palette
    if name == begun.palette:
        return None
    place = opened_place(name, roots)
    if place is None:
        raise UsageError(_refusal("palette", name))
    return place


def names_file(values: dict[str, Any]) -> bool:
    """Return whether options name a file, so that to check them is to ask the file system."""
    palette = values.get("palette")
    return isinstance(palette, str) and palette.lower().endswith(PALETTE_SUFFIXES)


def page_settings(settings: RunSettings, begun: RunSettings, roots: Sequence[str]) -> RunSettings:
    """Return settings of a run; UsageError if they name a cluster, or a file of ``ics learn`` that is not opened.

    A link to the page may hold settings of any origin, and a cluster gets all photos and gives what is run here.
    """
    if settings.address not in {None, begun.address}:
        raise UsageError(
            f"address={settings.address!r}: expected the cluster that the studio began with; to use another, begin "
            "anew: ics compress --address ADDRESS --studio"
        )
    name = settings.from_learn
    if name is None or name == begun.from_learn or is_in_opened(name, roots):
        return settings
    raise UsageError(_refusal("from_learn", name))


def _refusal(name: str, value: str) -> str:
    return (
        f"{name}={shown(value)!r}: the studio reads files of its source and destination only, as they were opened; "
        f"begin anew with this one: ics compress SRC DST --{name.replace('_', '-')} FILE --studio"
    )
