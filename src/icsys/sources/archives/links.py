"""Symbolic links in an archive, followed to files and folders of the same archive."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import astuple
from typing import TYPE_CHECKING

from icsys.files.parsing import from_json
from icsys.sources.archives.archive_items import ArchivePlace, Member
from icsys.sources.base import Ignored, Unreadable
from icsys.sources.safe_names import is_hidden, is_image_name, safe_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

_LONGEST_CHAIN = 40  # links to links; systems have the same limit
_MOST = 1_000_000  # names that links make; few bytes can make very many


class Links:
    """The files and links of an archive by name, in a temporary database; empty if links are not followed."""

    def __init__(self, *, follow: bool) -> None:
        self._follows, self._left = follow, _MOST
        if not follow:
            return
        # A database without a name is a temporary file, deleted when it is closed.
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
        self._db.execute("CREATE TABLE names (name BLOB PRIMARY KEY, place TEXT, is_image, target BLOB) WITHOUT ROWID")
        self._db.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._follows:
            self._db.close()

    def add_file(self, name: str, place: ArchivePlace, *, is_image: bool | None) -> None:
        """Store a file, and whether its first bytes are those of an image; None if they were not checked."""
        if self._follows:
            row = _bytes(name), json.dumps(astuple(place)), is_image
            self._db.execute("INSERT OR REPLACE INTO names VALUES (?, ?, ?, NULL)", row)

    def add_link(self, name: str, target: str) -> bool:
        """Store a link with its target; return whether links are followed."""
        if self._follows:
            self._db.execute("INSERT OR REPLACE INTO names VALUES (?, NULL, NULL, ?)", (_bytes(name), _bytes(target)))
        return self._follows

    def followed(self, look: Callable[[ArchivePlace], bool]) -> Iterator[Member | Ignored | Unreadable]:
        """Return the targets of all links; ``look`` returns whether a file is an image by its first bytes."""
        if not self._follows:
            return
        for name, target in self._db.execute("SELECT name, target FROM names WHERE target IS NOT NULL ORDER BY name"):
            path = _text(name)
            if is_hidden(path):
                yield Ignored(path)
            else:
                yield from self._follow(path, _joined(path, _text(target)), {"", *_folders(path)}, look)

    def _follow(
        self, name: str, target: str | None, above: set[str], look: Callable[[ArchivePlace], bool]
    ) -> Iterator[Member | Ignored | Unreadable]:
        """Return the target of a link: a file, or all files of a folder; folders ``above`` the link are left out."""
        real = None if target is None else self._resolved(target, 0)
        if real is None:
            yield Unreadable(name, "io", "the target of the link is not in the archive")
            return
        row = self._db.execute("SELECT place, is_image FROM names WHERE name = ?", [_bytes(real)]).fetchone()
        if row is not None:
            place = ArchivePlace(*from_json(row[0]))
            is_image = is_image_name(name) or (look(place) if row[1] is None else bool(row[1]))
            yield Member(name, place, is_image=is_image)
            return
        if real in above:
            yield Ignored(name)
            return
        inside, found = _bytes(f"{real}/"), False
        rows = "SELECT name, target FROM names WHERE name > ? AND name < ? ORDER BY name"
        for child, link in self._db.execute(rows, (inside, inside[:-1] + b"0")):
            found = True
            self._left -= 1
            if self._left < 0:
                raise ValueError(f"its links make more than {_MOST} names")
            path = _text(child)
            within = set(_folders(path, len(real) + 1))
            if within & above:
                continue
            inner = name + path[len(real) :]
            if is_hidden(inner):
                yield Ignored(inner)
            else:
                onward = path if link is None else _joined(path, _text(link))
                yield from self._follow(inner, onward, {*above, real, *within}, look)
        if not found:
            yield Unreadable(name, "io", "the target of the link is not in the archive")

    def _resolved(self, path: str, depth: int) -> str | None:
        """Return a path with all links resolved; None if that fails."""
        if depth > _LONGEST_CHAIN:
            return None
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            begin = "/".join(parts[:count])
            row = self._db.execute("SELECT target FROM names WHERE name = ?", [_bytes(begin)]).fetchone()
            if row is not None and row[0] is not None:
                target = _joined(begin, "/".join([_text(row[0]), *parts[count:]]))
                return None if target is None else self._resolved(target, depth + 1)
        return path


def _folders(path: str, start: int = 0) -> Iterator[str]:
    """Return the folders of a path, from the character ``start`` on."""
    while (start := path.find("/", start)) >= 0:
        yield path[:start]
        start += 1


def _joined(link: str, target: str) -> str | None:
    """Return the path that a link leads to; None if that lies out of the archive."""
    if target.startswith("/"):
        return None
    parts = link.split("/")[:-1]
    for part in target.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return safe_path("/".join(parts))


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
