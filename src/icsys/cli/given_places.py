"""Source and destination from the paths on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from icsys.errors import UsageError
from icsys.files.url import is_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from icsys.files.locations import Location

SOURCE, DESTINATION = "Uncompressed", "Compressed"
COMPARISON = "comparison.html"
"""The name of the page that compares strategies, where none is given."""

STREAM = "-"
"""The path that stands for standard input."""


def given_places(paths: Sequence[str], output: str | None) -> tuple[Location, str]:
    """Return source and destination.

    The destination is ``output``. Without it, the last of several paths is the destination, unless it names an image or
    an archive that exists; else ``Compressed`` is.

    Raises
    ------
    UsageError
        If ``output`` names an image, or standard output.
    """
    if output is not None and (output == STREAM or _is_source(output)):
        raise UsageError(
            f"--output {output!r}: expected the name of a folder; for one file, ics compress - < photo.jpg > small.png"
        )
    *before, last = paths or [SOURCE]
    if output is None and before and not _is_source(last):
        return _one_or_all(before), last
    return _one_or_all([*before, last]), DESTINATION if output is None else output


def check_source(source: Location, destination: str, command: str = "compress SRC DST") -> tuple[Location, str]:
    """Return source and destination; UsageError if the default source folder does not exist.

    Parameters
    ----------
    command
        What names another folder.
    """
    if source == SOURCE and not Path(SOURCE).exists():
        raise UsageError(f"there is no folder {source!r} here: {where_photos_go(command)}")
    return source, destination


def where_photos_go(command: str = "compress SRC DST") -> str:
    """Return what to do where there are no photos."""
    return f"put photos into {SOURCE}, name a folder (ics {command}), or try sample photos (ics demo)"


def _one_or_all(paths: list[str]) -> Location:
    return paths[0] if len(paths) == 1 else paths


def _is_source(path: str) -> bool:
    """Return whether a path names an image, or an archive that exists, and no folder."""
    # Few runs have several paths, and these modules are loaded for the run anyway.
    from icsys.sources.archives.archive_names import archive_suffix  # noqa: PLC0415
    from icsys.sources.safe_names import is_image_name  # noqa: PLC0415

    if is_url(path) or Path(path).is_dir():
        return False
    return is_image_name(path) or (bool(archive_suffix(path)) and Path(path).is_file())
