"""Locations: texts that are URLs or paths."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

from icsys.errors import UsageError
from icsys.files.url import Url, is_mangled, is_url, shown

WEB = frozenset({"http", "https"})
"""Protocols whose URLs have a query beside the path."""

_LONGEST = 80

Location = Url | str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""What names a source: a path, a URL, or several paths."""


def parse_location(place: Url | str | os.PathLike[str]) -> Url | str | os.PathLike[str]:
    """Return a :class:`Url` for the text of a URL, and a path unchanged; a ``file://`` URL becomes its path.

    Raises
    ------
    UsageError
        If it is neither text nor a path, or is a URL that was turned into a path, and so lost a slash.

    Examples
    --------
    >>> parse_location("s3://key:secret@bucket/small"), parse_location("small")
    (Url('s3://bucket/small'), 'small')
    """
    if isinstance(place, Url):
        return place
    given: object = place
    text: object = os.fspath(given) if isinstance(given, str | os.PathLike) else None
    if not isinstance(text, str):
        what = f"{shown(repr(given))[:_LONGEST]} of type {type(given).__name__}"
        raise UsageError(f"{what}: expected a path or a URL, as text or pathlib.Path")
    if "\0" in text:
        raise UsageError(f"{shown(text)!r} holds a NUL character: expected a path or a URL")
    if is_mangled(text):
        raise UsageError(f"{shown(text)!r} was a URL before it became a path: give it as text, with two slashes")
    if not is_url(text):
        return place
    if not text.strip().lower().startswith("file:///"):
        return Url(text)
    from urllib.request import url2pathname  # noqa: PLC0415 - takes a tenth of a second

    return url2pathname(text.strip()[len("file://") :])


def parse_source(source: Location) -> Url | str | os.PathLike[str] | tuple[str, ...]:
    """Return a URL or path as :func:`parse_location` does, and several paths as a tuple.

    Raises
    ------
    UsageError
        If there is none of several, or a URL among them.
    """
    if isinstance(source, Url | str | os.PathLike):
        return parse_location(source)
    given: object = source
    if isinstance(given, bytes) or not isinstance(given, Iterable):
        return parse_location(cast("str", given))  # which raises the error
    places = [parse_location(place) for place in source]
    if not places:
        raise UsageError("source [] names no file: expected paths of image files")
    if len(places) == 1:
        return places[0]
    for place in places:
        if isinstance(place, Url):
            raise UsageError(f"source {str(place)!r} is a URL among {len(places)} sources: expected it alone")
    return tuple(os.fspath(place) for place in places if not isinstance(place, Url))


def disk_path(place: str | os.PathLike[str], name: str, kind: str = "folder") -> Path:
    """Return the path of a folder or file on a disk; ``name`` is its name in messages.

    Raises
    ------
    UsageError
        If it is a URL, or an empty text, which Python would take for the current folder.
    """
    found = parse_location(place)
    if found == "":
        here = ", or . for the current folder" if kind == "folder" else ""
        raise UsageError(f"{name} '' names no {kind}: expected a path{here}")
    if isinstance(found, Url):
        raise UsageError(f"{name} {str(found)!r} is a URL: expected a {kind}; copy it there")
    return Path(found)


def overlap(one: Url, other: Url) -> bool:
    """Return whether one of two URLs lies in the other.

    Examples
    --------
    >>> overlap(Url("s3://bucket/a"), Url("s3a://bucket/a/b/")), overlap(Url("s3://bucket/a"), Url("s3://bucket/ab"))
    (True, False)
    """
    first, second = (
        (str(url) + ("" if url.protocol in WEB else url.query)).rstrip("/").replace("s3a://", "s3://", 1) + "/"
        for url in (one, other)
    )
    return first.startswith(second) or second.startswith(first)


def check_apart(source: object, destination: object) -> None:
    """Refuse a source and a destination if they are URLs and one lies in the other.

    Raises
    ------
    UsageError
        If they do: outputs would replace photos, or the next run would read them as photos.
    """
    if isinstance(source, Url) and isinstance(destination, Url) and overlap(source, destination):
        raise UsageError(
            f"source {str(source)!r} and destination {str(destination)!r} overlap: "
            "expected two separate places, so that no photo is overwritten and no output is read as a photo"
        )


def base_name(path: str) -> str:
    r"""Return the last part of a path.

    Examples
    --------
    >>> base_name("a/photos.zip"), base_name("C:\\photos\\a?.zip")
    ('photos.zip', 'a?.zip')
    """
    return path.replace("\\", "/").rpartition("/")[2]
