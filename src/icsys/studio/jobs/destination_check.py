"""What a run would find at its destination, said before it starts; nothing is written."""

from __future__ import annotations

import os
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from icsys.choices import PACKINGS
from icsys.errors import ICSError
from icsys.files.locations import check_apart, parse_location, parse_source
from icsys.files.object_store import Objects
from icsys.files.rooted_path import RootedPath
from icsys.files.url import Url, shown
from icsys.layout import MANIFEST
from icsys.packs.local_packs import check_kind
from icsys.records.manifest import DONE, read_rows
from icsys.records.output_folders import is_output_folder
from icsys.records.palette_files import check_palette_files
from icsys.report.humanize import images_text
from icsys.results import IMAGE
from icsys.run.checks import check_format, check_places
from icsys.run.within_bytes.candidates import what_is_asked
from icsys.studio.jobs.job import problem_text
from icsys.studio.jobs.run_job import absolute

if TYPE_CHECKING:
    from icsys.files.locations import Location
    from icsys.studio.jobs.run_job import RunRequest

REFUSED = "refused"
"""What is said of a destination where a run could not begin."""

_NEW, _EMPTY, _REMOTE, _OTHERS, _GOES_ON = "new", "empty", "remote", "others", "goes on"


def destination_check(source: Location, request: RunRequest) -> dict[str, Any]:
    """Return what a run would do, as plain values.

    ``what`` is one of refused, new, empty, remote, others (a folder with files of others) and goes on (earlier outputs
    are there); ``text`` says it in sentences; ``folder`` is the whole path.
    """
    folder = absolute(request.destination)
    try:
        place, end = parse_source(source), parse_location(request.destination)
        check_apart(place, end)
        check_format(request.options, request.settings.shard)
        what, text = _REMOTE, "Outputs are written to this server."
        chooses = _what_it_chooses(request)
        if isinstance(end, Url):
            Objects(end)  # refuses what a run refuses; it connects to nothing
        else:
            _check_folder(check_places(place, end, packed=request.options.format in PACKINGS), request)
            what, text = _found_in(Path(end), request)
        text = f"{text} {chooses}".rstrip()
    except (ICSError, OSError) as error:
        what, text = REFUSED, problem_text(error)
    return {"what": what, "text": text, "folder": shown(folder)}


def _what_it_chooses(request: RunRequest) -> str:
    """Say what a run within a number of bytes chooses; UsageError if that is nothing. Empty without such a number."""
    settings, decided = request.settings, request.decided
    if settings.total_bytes is None or settings.from_learn is not None or decided is None:
        return ""
    asked = what_is_asked(request.options, decided, settings.total_bytes)
    words = [word for word, is_free in (("size", asked.free_size), ("colours", asked.free_colors)) if is_free]
    return f"It chooses {' and '.join(words)}, to keep within {settings.total_bytes:,} bytes."


def _check_folder(folder: RootedPath, request: RunRequest) -> None:
    """Refuse a folder in which this run could not begin for what it holds; a run that works there is met at the start.

    To try its lock is to hold it for a moment, in which a run would be refused.
    """
    if request.options.palette != "image":
        check_palette_files(folder, request.options)
    check_kind(folder, request.options.format)


def _found_in(folder: Path, request: RunRequest) -> tuple[str, str]:
    redo_all = request.settings.redo_all
    if not folder.is_dir():
        return _NEW, "A new folder."
    if is_output_folder(folder):
        return _GOES_ON, _earlier_text(folder, request)
    with os.scandir(folder) as entries:
        if next(entries, None) is None:
            return _EMPTY, "An empty folder."
    others = "outputs replace those of the same names" if redo_all else "they stay as they are"
    return _OTHERS, f"A folder with other files: {others}."


def _earlier_text(folder: Path, request: RunRequest) -> str:
    rows = _rows_by_options(folder)
    total = sum(rows.values())
    if not total:
        return "A run began here: this one goes on."
    if request.settings.redo_all:
        return f"{images_text(total)} here of earlier runs: all are made again."
    if not _is_known(request):
        return f"{images_text(total)} here of earlier runs: those of these settings stay, others are made again."
    same = rows[request.options.digest()]
    if same == total:
        return f"{images_text(same)} here already with these settings: they stay, and the others follow."
    if same:
        return f"{images_text(same)} here already with these settings; {total - same:,} with others are made again."
    return f"{images_text(total)} here with other settings: all are made again."


def _is_known(request: RunRequest) -> bool:
    """Return whether the options alone decide the bytes: no palette or budget is chosen by the run."""
    options, settings = request.options, request.settings
    chosen = options.palette != "image" or options.per == "dataset"
    return not (chosen or settings.total_bytes is not None or settings.from_learn is not None)


def _rows_by_options(folder: Path) -> Counter[str]:
    """Return the number of images in a manifest by the hash of their options."""
    manifest = RootedPath(folder) / MANIFEST
    status = manifest.status()
    return Counter() if status is None else _counted(str(folder), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4)
def _counted(folder: str, *_: int) -> Counter[str]:
    found = {
        row["file_name"]: row["options_hash"]
        for _, row in read_rows(RootedPath(folder) / MANIFEST)
        if row["status"] == DONE and row.get("kind", IMAGE) == IMAGE
    }
    return Counter(map(str, found.values()))
