"""Images in a folder tree: finding them and planning their outputs."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.dataset.naming import name_key, output_names
from icsys.dataset.whole import OURS
from icsys.image.decode import IMAGE_SUFFIXES, sniff

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD_BYTES = 64


@dataclass(frozen=True, slots=True)
class Task:
    """One image to do: paths below the source and the destination folder, with forward slashes."""

    source: str
    output: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A file that is left alone: no image, hidden, a link, or no file at all."""

    source: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A folder or file whose content cannot be listed or looked at."""

    source: str
    message: str


@dataclass(frozen=True, slots=True)
class _Found:
    """An entry of a folder, with the path below the source folder of the folder that it lies in."""

    folder: str
    name: str

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.name}" if self.folder else self.name


def plan_folder(source: Path, destination: Path, suffix: str) -> Iterator[Task | Ignored | Unreadable]:
    """List the images below ``source`` with their outputs, folder by folder, in the order of their names.

    The walk is lazy: one folder's names are held at a time. Sub-folders are kept, links are not followed,
    and ``destination`` is left out where it lies inside ``source``. Folders whose names differ in letter
    case or Unicode form only are planned together, because they are one folder on some file systems.

    Parameters
    ----------
    source, destination
        Folders; ``destination`` need not exist.
    suffix
        Of the outputs, with its dot.
    """
    yield from _plan([""], source, destination.resolve(), suffix)


def _plan(folders: list[str], source: Path, destination: Path, suffix: str) -> Iterator[Task | Ignored | Unreadable]:
    """Plan ``folders``, whose names are one to :func:`name_key`, and then what lies below them."""
    images: list[_Found] = []
    below: dict[str, list[_Found]] = defaultdict(list)
    for folder in folders:
        try:
            with os.scandir(source / folder) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield Unreadable(folder or ".", f"the folder cannot be listed: {error.strerror}")
            continue
        for entry in ordered:
            found = _Found(folder, entry.name)
            try:
                kind = _kind(entry)
            except OSError as error:
                yield Unreadable(found.path, f"the file cannot be read: {error.strerror}")
                continue
            if kind is _Kind.IMAGE:
                images.append(found)
            elif kind is _Kind.OTHER:
                yield Ignored(found.path)
            elif kind is _Kind.FOLDER and Path(entry.path).resolve() != destination:
                below[name_key(entry.name)].append(found)
    reserved = [found.name for twins in below.values() for found in twins]
    outputs = output_names([image.name for image in images], suffix, reserved)
    for image, output in zip(images, outputs, strict=True):
        yield Task(image.path, _Found(image.folder, output).path)
    for twins in below.values():
        yield from _plan([found.path for found in twins], source, destination, suffix)


class _Kind(Enum):
    """What an entry of a folder is to a run."""

    IMAGE = auto()
    FOLDER = auto()
    OTHER = auto()
    OURS = auto()


def _kind(entry: os.DirEntry[str]) -> _Kind:
    """Tell what an entry is: links are not followed, hidden files and folders are not entered."""
    if entry.name.startswith("."):
        return _Kind.OURS if entry.name.startswith(OURS) else _Kind.OTHER
    if entry.is_dir(follow_symlinks=False):
        return _Kind.FOLDER
    if entry.is_file(follow_symlinks=False) and _is_image(Path(entry.path)):
        return _Kind.IMAGE
    return _Kind.OTHER


def _is_image(path: Path) -> bool:
    """Tell by the suffix, or by the content of a file whose suffix says nothing."""
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return True
    with path.open("rb") as file:
        return sniff(file.read(_HEAD_BYTES)) is not None
