"""The names of all that ICS keeps below an output folder, and the check that none of them is a link."""

from __future__ import annotations

import re
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from icsys.dataset.rooted import LinkError, OtherFolderError, is_link
from icsys.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from icsys.dataset.rooted import RootedPath

OURS = ".ics-"
"""How the names of files and folders begin that ICS keeps for itself."""

MANIFEST, FAILURES, RUN = "manifest.jsonl", "failures.jsonl", "run.json"
PALETTE, GIMP_PALETTE = "palette.json", "palette.gpl"
"""Beside the images of a run that share a palette."""

REPORT = "report.html"
"""The page that is made of a finished run, unless it gets another name."""

INDEX, PACKS = "shards.json", "data"
"""The file that tells of shards, and the folder in which they lie."""

CLAIMS, WRITTEN, LOCK = f"{OURS}claims", f"{OURS}written", f"{OURS}lock"
"""Outputs that are about to be written, hashes of those that were written, and the file that is locked."""

BOOKS, MERGED, DIVISION, DRIVER = f"{OURS}books", f"{OURS}merged", f"{OURS}division", f"{OURS}driver"
"""Folders: the books of shards, those of shards that are merged, those on their way there, and a cluster's lock."""

PARTS, STAGE = f"{OURS}parts", f"{OURS}shards"
"""Folders: images that are in no shard yet, and shards that are not in their places yet."""

STATE, PLAN, TURN, DIVIDED, LISTING = "shard.json", "plan.jsonl", "turn", "division.json", "listing.jsonl"
"""Files in the books of a shard, and in the folder of those of all shards."""

RESERVED = (MANIFEST, FAILURES, RUN, INDEX, PALETTE, GIMP_PALETTE)
"""Names at the top of an output folder that files of ours have, so that no folder of images can have them."""

_FILES = (*RESERVED, CLAIMS, WRITTEN, LOCK)
_FOLDERS = (BOOKS, MERGED, DIVISION, DRIVER, PARTS, STAGE)
_FILES_OF_A_SHARD = (MANIFEST, FAILURES, RUN, CLAIMS, WRITTEN, LOCK, STATE, PLAN, TURN)
BOOKS_FILES = frozenset({*_FILES_OF_A_SHARD, DIVIDED, LISTING})
"""The names of all files that are ever in the books of shards."""

_PACK = re.compile(r"\w+-\d+\.\w+", re.ASCII)


def is_pack_name(name: object) -> bool:
    """Tell whether something is the path of a shard below an output folder.

    Examples
    --------
    >>> is_pack_name("data/train-00000.tar"), is_pack_name("data/notes.txt")
    (True, False)
    """
    return (
        isinstance(name, str) and name.startswith(f"{PACKS}/") and _PACK.fullmatch(name[len(PACKS) + 1 :]) is not None
    )


def check_names(destination: RootedPath, *, packed: bool = False) -> None:
    """Refuse an output folder in which something else has a name that ICS uses.

    Parameters
    ----------
    packed
        Whether images are packed into shards.

    Raises
    ------
    UsageError
        If there is a link, a folder in the place of a file, or a file in the place of a folder.
    """
    packed = packed or destination.at(INDEX).exists()
    _check(destination, "", _FILES, (*_FOLDERS, *((PACKS,) if packed else ())))
    for folder in (PACKS, STAGE) if packed else ():
        names = (entry.name for entry in (destination / folder).entries())
        _check(destination, folder, filter(_PACK.fullmatch, names), ())
    _check(destination, BOOKS, (DIVIDED,), ())
    _check(destination, DRIVER, (LOCK,), ())


@contextmanager
def refusing_links() -> Iterator[None]:
    """Raise UsageError for a link that is met before any work is done, or for a folder that was exchanged."""
    try:
        yield
    except (LinkError, OtherFolderError) as error:
        raise UsageError(f"{error.filename!r}: {error.strerror}") from None


def check_books(destination: RootedPath, shards: Iterable[str]) -> None:
    """Refuse the books of shards, given by the names of their folders, as :func:`check_names` does."""
    for name in shards:
        _check(destination, BOOKS, (), (name,))
        _check(destination, f"{BOOKS}/{name}", _FILES_OF_A_SHARD, ())


def _check(destination: RootedPath, folder: str, files: Iterable[str], folders: Iterable[str]) -> None:
    try:
        with destination.at(folder).held() as held:
            for names, is_right, kind in ((files, stat.S_ISREG, "file"), (folders, stat.S_ISDIR, "folder")):
                for name in names:
                    found = held.status(name)
                    if found is not None and (is_link(found) or not is_right(found.st_mode)):
                        shown = f"{folder}/{name}" if folder else name
                        what = "is a link" if is_link(found) else f"is no {kind}"
                        raise UsageError(
                            f"destination {str(destination)!r} holds something named {shown!r} that {what}: ics keeps "
                            f"a {kind} of that name there, so move it away or name another destination"
                        )
    except (FileNotFoundError, NotADirectoryError):
        return
    except LinkError as error:
        raise UsageError(f"destination {str(destination)!r}: {error.filename!r}: {error.strerror}") from None
