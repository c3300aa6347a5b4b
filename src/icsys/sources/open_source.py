"""Open a source by its text: a folder, files, archives, or a URL of a folder or archives."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.choices import AUTO
from icsys.errors import UsageError
from icsys.files.locations import parse_source
from icsys.files.url import Url, shown
from icsys.layout import DATASET
from icsys.records.output_folders import is_output_folder
from icsys.run_settings import NONE
from icsys.sources.archive_patterns import expand_braces, find_archives, folder_of_pattern, is_pattern
from icsys.sources.archives.archive_names import ARCHIVE_SUFFIXES, archive_suffix, folder_for_archive
from icsys.sources.folder import Folder
from icsys.sources.safe_names import is_image_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from icsys.files.locations import Location
    from icsys.sources.base import PassedOver, Source
    from icsys.sources.companions.layout import CompanionSettings

_KINDS = (
    "expected a folder with photos, image files, or an archive of them: .tar, .tar.gz, .tar.bz2, .tar.xz, .zip or "
    ".parquet"
)


def open_source(
    source: Location,
    destination: Path,
    *,
    follow_links: bool = False,
    include_outputs: bool = False,
    ignore_zeros: bool = False,
    companions: CompanionSettings | None = None,
) -> Source:
    """Return the source that a text names, or files that several texts name; only names are read.

    To find what goes with the images of a folder, a zip or a plain tar, the beginnings of a few files are read, too.

    A folder that holds archives and no image stands for its archives. The images of each of several archives go into
    the output folder that ``folder_for_archive`` returns.

    Parameters
    ----------
    source
        A folder, an image file, an archive, or a pattern of files with ``*``, ``?``, ``[]`` or ``{000..099}``; the URL
        of a folder or of archives; or several files or patterns.
    destination
        The output folder; it is left out if it lies in a source folder.
    follow_links, include_outputs
        As for :class:`~icsys.sources.folder.Folder`.
    ignore_zeros
        As for :class:`~icsys.sources.archives.source.Archives`.
    companions
        How to find masks, annotations and sidecars; None to take every image for a picture.

    Raises
    ------
    UsageError
        If there is no such source, or it cannot be read; or if masks or tables are named that are not there.
    MissingExtraError
        If a URL needs a package that is not installed.
    """
    place = parse_source(source)
    if isinstance(place, Url):
        _check_no_names(companions, source)
        from icsys.sources.remote.open_remote import open_remote  # noqa: PLC0415 - an extra

        return open_remote(place, include_outputs=include_outputs, ignore_zeros=ignore_zeros, follow_links=follow_links)
    if isinstance(place, tuple):
        files = [file for text in place for file in _files_of(text)]
        opened = _local_files(
            files[0].parent, files, None, destination, ignore_zeros=ignore_zeros, follow_links=follow_links
        )
        return _with_companions(opened, companions, source)
    text = os.fspath(place)
    path = Path(text)
    if path.is_dir():
        _check_readable(path)
        _refuse_arrays(path)
        folder = Folder(path, destination, follow_links, include_outputs)
        found, passed_over = find_archives(folder) if _holds_only_archives(folder) else ([], [])
        inside = [path / name for name in found]
        if not found:
            return _surveyed(folder, companions) if companions else folder
        archives = _local_archives(
            path, inside, path, passed_over, ignore_zeros=ignore_zeros, follow_links=follow_links
        )
        return _with_companions(archives, companions, source)
    files = _files_of(text)
    root = None if path.exists() else folder_of_pattern(text)
    opened = _local_files(path, files, root, destination, ignore_zeros=ignore_zeros, follow_links=follow_links)
    return _with_companions(opened, companions, source)


def _refuse_arrays(folder: Path) -> None:
    """Refuse a folder of arrays: its images are no files."""
    if (folder / DATASET).is_file():
        from icsys.records.dataset_json import holds_arrays  # noqa: PLC0415 - few runs need it

        if holds_arrays(folder):
            raise UsageError(
                f"source {str(folder)!r} holds arrays that ics compress wrote: expected the photos that they were made "
                "from; icsys.load reads arrays"
            )


def _with_companions(opened: Source, settings: CompanionSettings | None, source: Location) -> Source:
    """Return archives with what goes with their images; other sources as they are."""
    from icsys.sources.archives.source import Archives  # noqa: PLC0415 - few runs need it

    if settings and not (isinstance(opened, Archives) and opened.find_companions(settings)):
        _check_no_names(settings, source)
    return opened


def _surveyed(folder: Folder, settings: CompanionSettings) -> Folder:
    """Return a folder with what goes with its images."""
    from icsys.sources.companions.survey import survey_companions  # noqa: PLC0415 - some runs list nothing
    from icsys.sources.companions.tree_files import FolderFiles  # noqa: PLC0415
    from icsys.sources.folder_entries import FolderReader  # noqa: PLC0415 - likewise

    reader = FolderReader.of(
        folder.path, folder.destination, follow_links=folder.follow_links, include_outputs=folder.include_outputs
    )
    return replace(folder, layout=survey_companions(FolderFiles(reader), settings))


def _check_no_names(settings: CompanionSettings | None, source: Location) -> None:
    """Refuse masks and tables that the user names, in a source where none are looked for."""
    for name, value in (("masks", settings.masks), ("table", settings.table)) if settings else ():
        if value not in {None, AUTO, NONE}:
            raise UsageError(
                f"{name}={value!r} with source {shown(source)!r}: expected a folder of images, a zip archive or an "
                "uncompressed tar archive as source"
            )


def _files_of(text: str) -> list[Path]:
    """Return the file that a text names, or all that it names as a pattern."""
    path = Path(text)
    if path.exists():
        return [path]
    if not is_pattern(text):
        beside = next((str(path) + suffix for suffix in ARCHIVE_SUFFIXES if Path(str(path) + suffix).is_file()), None)
        hint = f"; there is an archive {beside!r}" if beside else ""
        if is_image_name(text):
            raise UsageError(
                f"source file {text!r} does not exist: expected image files; --output names the folder of the outputs, "
                "and ics compress - < photo.jpg > small.png writes one file"
            )
        raise UsageError(f"source folder {text!r} does not exist: {_KINDS}{hint}")
    import glob  # noqa: PLC0415 - few runs need it

    files: list[Path] = []
    for pattern in expand_braces(text):
        matches = sorted(glob.glob(pattern))  # noqa: PTH207 - an absolute pattern, too
        if not matches:
            raise UsageError(f"source {text!r}: no file matches {pattern!r}")
        files.extend(map(Path, matches))
    return files


def _local_files(
    shown: Path, files: list[Path], root: Path | None, destination: Path, *, ignore_zeros: bool, follow_links: bool
) -> Source:
    """Return files on this system as a source: all of them archives, or none."""
    is_archive = [bool(archive_suffix(file.name)) for file in files]
    if all(is_archive):
        return _local_archives(shown, files, root, ignore_zeros=ignore_zeros, follow_links=follow_links)
    if any(is_archive):
        archive = files[is_archive.index(True)]
        raise UsageError(f"source {str(archive)!r} is an archive among other files: expected one kind; run each alone")
    from icsys.sources.files import open_files  # noqa: PLC0415 - few runs need it

    return open_files(files, destination)


def _holds_only_archives(folder: Folder) -> bool:
    """Return whether a folder holds archives and no name of an image; mostly the first name decides.

    A plan would read all names of the folder, only to answer this.
    """
    found, own = False, folder.destination.resolve()
    waiting = [folder.path]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        below = Path(entry.path)
                        if below.resolve() != own and (folder.include_outputs or not is_output_folder(below)):
                            waiting.append(below)
                    elif is_image_name(entry.name):
                        return False
                    found = found or bool(archive_suffix(entry.name))
        except OSError:
            continue
    return found


def _local_archives(
    shown: Path,
    files: list[Path],
    root: Path | None,
    passed_over: Iterable[PassedOver] = (),
    *,
    ignore_zeros: bool,
    follow_links: bool,
) -> Source:
    """Return archives on this system as a source, with their output folders if they lie below ``root``."""
    from icsys.sources.archives.archive_access import LocalFiles  # noqa: PLC0415
    from icsys.sources.archives.source import Archives  # noqa: PLC0415 - few runs need it

    for file in files:
        _check_readable(file)
    placed = ((str(file), folder_for_archive(file.relative_to(root).as_posix()) if root else "") for file in files)
    return Archives(
        str(shown.absolute()),
        LocalFiles(),
        tuple(placed),
        tuple(passed_over),
        ignore_zeros=ignore_zeros,
        follow_links=follow_links,
    )


def _check_readable(path: Path) -> None:
    what = "folder" if path.is_dir() else "archive"
    if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
        raise UsageError(f"source {what} {str(path)!r} cannot be read: permission denied")
