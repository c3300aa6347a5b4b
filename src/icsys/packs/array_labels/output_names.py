"""Images by the names that a file of COCO has for their outputs, kept on the disk and not in memory."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from icsys.layout import NO_SPLIT
from icsys.packs.arrays_format import folder_of_split
from icsys.sources.safe_names import is_image_name

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

_TABLE = """
create table images (
    number integer primary key, output blob, source blob, base blob, stem blob, source_base blob, source_stem blob
)
"""
_INDICES = ("output", "base", "stem", "source_base", "source_stem")
_DRIVE = re.compile(r"^(?:[A-Za-z][A-Za-z0-9+.-]*://|[A-Za-z]:/|/)")
_MOST = 1000  # images of one name that are compared


class OutputNames:
    """The images of a dataset by their outputs; those of :class:`~icsys.run.companions.picture_index.PictureIndex`.

    Parameters
    ----------
    database
        Where they are kept.
    rows
        The manifest rows of images, with their numbers.
    """

    def __init__(self, database: sqlite3.Connection, rows: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        self._database = database
        database.execute(_TABLE)
        values = ((number, *_columns(row)) for number, row in rows)
        database.executemany("insert into images values (?, ?, ?, ?, ?, ?, ?)", values)
        for column in _INDICES:
            database.execute(f"create index by_{column} on images ({column})")

    def find(self, file: str, name: str) -> int | None:
        """Return the number of the image whose output a written file means by a name; None if there is no such one.

        A name is a path from the folder of the file, from the top, or from the folder of its split; or else the end of
        the path of one output, perhaps without its suffix. Of several the one counts that lies in the split of the
        file, or whose folder the file is named after.
        """
        plain, parts = _parts(name)
        split = folder_of_split(file)
        for folder in (file.rpartition("/")[0], "" if split == NO_SPLIT else split, ""):
            found = self._select("output", posixpath.normpath(posixpath.join(folder, plain)))
            if found:
                return int(found[0][0])
        columns = ("base",) if is_image_name(plain) else ("base", "stem")  # a kept name of a source is no stem
        return self._best_of(columns, parts, file)

    def find_source(self, file: str, name: str) -> int | None:
        """Return the number of the image that a written file means by the name of its source, such as a URL."""
        return self._best_of(("source_base", "source_stem"), _parts(name)[1], file)

    def _best_of(self, columns: Sequence[str], parts: list[str], file: str) -> int | None:
        for column in columns if parts else ():
            found = self._select(column, parts[-1])
            if found:
                return _best(found, parts[:-1], file, of_source=column.startswith("source"))
        return None

    def _select(self, column: str, value: str) -> list[tuple[Any, ...]]:
        query = f"select number, output, source from images where {column} = ? limit {_MOST}"  # noqa: S608 - our own words
        return self._database.execute(query, (_bytes(value),)).fetchall()


def _parts(name: str) -> tuple[str, list[str]]:
    """Return a name as a path, and its parts."""
    plain = _DRIVE.sub("", name.replace("\\", "/").strip())
    return plain, [part for part in plain.split("/") if part not in {"", ".", ".."}]


def _best(found: list[tuple[Any, ...]], folders: list[str], file: str, *, of_source: bool) -> int | None:
    """Return the image whose folders have most of a name's last ones, if there is one such."""
    split = folder_of_split(file)

    def rank(row: tuple[Any, ...]) -> tuple[int, bool, int]:
        output = row[1].decode("utf-8", "surrogatepass")
        own = (row[2].decode("utf-8", "surrogatepass") if of_source else output).split("/")[:-1]
        same = 0
        for one, other in zip(reversed(own), reversed(folders), strict=False):
            if one != other:
                break
            same += 1
        return same, folder_of_split(output) == split, max((len(part) for part in own if part in file), default=0)

    ranks = list(map(rank, found))
    best = max(ranks)
    return int(found[ranks.index(best)][0]) if ranks.count(best) == 1 else None


def _columns(row: Mapping[str, Any]) -> tuple[bytes, ...]:
    paths = row["file_name"], row["source_path"]
    bases = [path.rpartition("/")[2] for path in paths]
    (base, source_base), (stem, source_stem) = bases, [one.rpartition(".")[0] or one for one in bases]
    return tuple(map(_bytes, (*paths, base, stem, source_base, source_stem)))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
