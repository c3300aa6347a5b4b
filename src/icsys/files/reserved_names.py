"""Reserved names: an output folder is refused if a link or something else has a name that ICS uses."""

from __future__ import annotations

import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from icsys.errors import UsageError
from icsys.files.links import LinkError, OtherFolderError, is_link
from icsys.layout import (
    CLUSTER_FOLDER,
    FILES,
    FOLDERS,
    LISTING_INFO,
    LOCK,
    PACK_INDEX,
    PACK_NAME,
    PACKS,
    SHARD_FILES,
    STAGED_PACKS,
    STATE_FOLDERS,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from icsys.files.rooted_path import RootedPath


def check_names(destination: RootedPath, *, packed: bool = False) -> None:
    """Refuse an output folder where a link or something else has a name that ICS uses.

    Parameters
    ----------
    packed
        Whether images are packed.

    Raises
    ------
    UsageError
        If such a name is a link, a folder instead of a file, or a file instead of a folder.
    """
    packed = packed or destination.at(PACK_INDEX).exists()
    _check(destination, "", FILES, (*FOLDERS, *((PACKS,) if packed else ())))
    for folder in (PACKS, STAGED_PACKS) if packed else ():
        names = (entry.name for entry in (destination / folder).entries())
        _check(destination, folder, filter(PACK_NAME.fullmatch, names), ())
    _check(destination, STATE_FOLDERS, (LISTING_INFO,), ())
    _check(destination, CLUSTER_FOLDER, (LOCK,), ())


@contextmanager
def refusing_links() -> Iterator[None]:
    """Turn LinkError and OtherFolderError, raised before any work, into UsageError."""
    try:
        yield
    except (LinkError, OtherFolderError) as error:
        raise UsageError(f"{error.filename!r}: {error.strerror}") from None


def check_state_folders(destination: RootedPath, shards: Iterable[str]) -> None:
    """Refuse state folders of shards, given by name, as :func:`check_names` refuses an output folder."""
    for name in shards:
        _check(destination, STATE_FOLDERS, (), (name,))
        _check(destination, f"{STATE_FOLDERS}/{name}", SHARD_FILES, ())


def _check(destination: RootedPath, folder: str, files: Iterable[str], folders: Iterable[str]) -> None:
    try:
        with destination.at(folder).held() as held:
            for names, is_right, kind in ((files, stat.S_ISREG, "file"), (folders, stat.S_ISDIR, "folder")):
                for name in names:
                    found = held.status(name)
                    if found is not None and (is_link(found) or not is_right(found.st_mode)):
                        shown = f"{folder}/{name}" if folder else name
                        what = "is a link" if is_link(found) else f"is not a {kind}"
                        raise UsageError(
                            f"destination {str(destination)!r}: {shown!r} {what}: expected a {kind} that ics wrote; "
                            "move it away, or name another destination"
                        )
    except (FileNotFoundError, NotADirectoryError):
        return
    except LinkError as error:
        raise UsageError(f"destination {str(destination)!r}: {error.filename!r}: {error.strerror}") from None
