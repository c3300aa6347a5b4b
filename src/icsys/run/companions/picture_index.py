"""All images of a run by their names, for files that name many of them. It is kept on the disk, not in memory."""

from __future__ import annotations

import hashlib
import posixpath
import re
import sqlite3
from functools import partial
from typing import TYPE_CHECKING

from icsys.image.geometry import ResizeSettings
from icsys.image.view import View
from icsys.labels.picture_index import PictureFacts
from icsys.records.manifest import DONE, FAILED, LEFT_OUT
from icsys.results import IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from icsys.labels.picture_index import FindPicture
    from icsys.options import Options
    from icsys.sources.base import Task

_TABLE = """
create table pictures (
    source blob primary key, base blob, stem blob, output blob, width int, height int, turn int,
    planned int default 0, written int default 0
) without rowid
"""
_INDICES = ("create index by_base on pictures (base)", "create index by_stem on pictures (stem)")
_ROW = """
insert into pictures (source, base, stem, output, width, height, turn, written) values (?, ?, ?, ?, ?, ?, ?, 1)
on conflict (source) do update set output = excluded.output, width = excluded.width, height = excluded.height,
    turn = excluded.turn, written = 1
"""
_PLANNED = """
insert into pictures (source, base, stem, output, planned) values (?, ?, ?, ?, 1)
on conflict (source) do update set planned = 1
"""
_FIELDS = "source, output, width, height, turn, written"
_DRIVE = re.compile(r"^(?:[A-Za-z][A-Za-z0-9+.-]*://|[A-Za-z]:/|/)")
_SIDEWAYS = range(5, 9)  # EXIF orientations whose upright width is the stored height


class PictureIndex:
    """The images of a source, with their outputs and views.

    Parameters
    ----------
    options
        How they are compressed.
    """

    def __init__(self, options: Options) -> None:
        self._resize = ResizeSettings.of(options)
        # An empty name stands for a temporary file of the database, which is removed when it is closed.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(_TABLE)
        self._database.execute("begin")

    def close(self) -> None:
        """Remove the index."""
        self._database.close()

    def add_rows(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add the images of manifest rows, in the order of the journal; the last row of a source counts."""
        for row in rows:
            source = row["source_path"]
            if row["status"] in {FAILED, LEFT_OUT}:
                self._database.execute("delete from pictures where source = ?", (_bytes(source),))
            elif row["status"] == DONE and row.get("kind", IMAGE) == IMAGE:
                size = row["source_width"], row["source_height"], row.get("orientation") or 1
                self._database.execute(_ROW, (*_names(source), _bytes(row["file_name"]), *size))

    def add_planned(self, tasks: Iterable[Task]) -> None:
        """Add the images of a plan; of the others the sources are gone."""
        self._database.executemany(_PLANNED, ((*_names(task.source), _bytes(task.output)) for task in tasks))
        for index in _INDICES:
            self._database.execute(index)

    def digest(self) -> str:
        """Return a hash of all images, their outputs and their sizes."""
        found = hashlib.sha256()
        for row in self._database.execute(f"select {_FIELDS} from pictures where planned order by source"):  # noqa: S608
            found.update(repr(row).encode())
        return found.hexdigest()

    def finder(self, file: str) -> FindPicture:
        """Return a function that finds the image that a name means in a file.

        A name is a path from the folder of the file, or from the top of the source; or else the end of the path of one
        image. Of several the one counts whose folder the file is named after, such as ``train2017`` for
        ``instances_train2017.json``. A name may lack its suffix.

        Parameters
        ----------
        file
            Path of the file below the source.
        """
        return partial(self._find, file)

    def _find(self, file: str, name: str) -> PictureFacts | None:
        plain = _DRIVE.sub("", name.replace("\\", "/").strip())
        folder = file.rpartition("/")[0]
        for path in dict.fromkeys((posixpath.normpath(posixpath.join(folder, plain)), posixpath.normpath(plain))):
            found = self._select("source = ?", (_bytes(path),))
            if found:
                return self._facts(found[0])
        parts = [part for part in plain.split("/") if part not in {"", ".", ".."}]
        if not parts:
            return None
        for column in ("base", "stem"):
            found = self._select(f"{column} = ?", (_bytes(parts[-1]),))
            if found:
                return self._best(found, parts, file, has_suffix=column == "base")
        return None

    def _select(self, where: str, values: tuple[bytes, ...]) -> list[tuple[Any, ...]]:
        query = f"select {_FIELDS} from pictures where planned and {where} limit 1000"  # noqa: S608 - our own words
        return self._database.execute(query, values).fetchall()

    def _best(
        self, found: list[tuple[Any, ...]], parts: list[str], file: str, *, has_suffix: bool
    ) -> PictureFacts | None:
        """Return the image whose path has most of a name's last parts, if there is one such."""

        def common(row: tuple[Any, ...]) -> tuple[int, int]:
            path = _text(row[0]).split("/")
            if not has_suffix:
                path[-1] = path[-1].rpartition(".")[0]
            same = 0
            for one, other in zip(reversed(path), reversed(parts), strict=False):
                if one != other:
                    break
                same += 1
            return same, max((len(part) for part in path[:-1] if part in file), default=0)

        ranks = [common(row) for row in found]
        best = max(ranks)
        return self._facts(found[ranks.index(best)]) if ranks.count(best) == 1 else None

    def _facts(self, row: tuple[Any, ...]) -> PictureFacts:
        source, output, width, height, turn, written = row
        view = None
        if width is not None:
            stored = (height, width) if turn in _SIDEWAYS else (width, height)
            view = View.of(stored, turn, self._resize)
        return PictureFacts(_text(source), _text(output), view, bool(written))


def _names(source: str) -> tuple[bytes, bytes, bytes]:
    base = source.rpartition("/")[2]
    return _bytes(source), _bytes(base), _bytes(base.rpartition(".")[0] or base)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
