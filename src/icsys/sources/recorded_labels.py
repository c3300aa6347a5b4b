"""The labels of images in an output folder, as its manifest tells them: names of folders say less.

A folder may have the name of its class escaped or cut, tells no number, and has images that are not labelled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.files.parsing import LONGEST_JSON, read_json
from icsys.files.rooted_path import RootedPath
from icsys.layout import MANIFEST, RUN
from icsys.records.labels import Label, class_folder, from_columns, label_of
from icsys.records.manifest import DONE, from_line, read_rows
from icsys.records.output_folders import has_output_records, is_output_folder
from icsys.sources.base import Unreadable
from icsys.sources.output_names import name_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path


class ArchivedRecord(NamedTuple):
    """A manifest or ``run.json`` in an archive, with its path there."""

    path: str
    text: bytes


class _Part(NamedTuple):
    """An output folder, and the beginning of the paths in it that lie below one of its folders."""

    place: RootedPath
    beginning: str


class RecordedLabels:
    """What manifests tell of the labels of images, by their paths; memory follows what folders do not say."""

    def __init__(self) -> None:
        self._once: dict[Label, Label] = {}
        self._folders: dict[str, Label] = {}
        self._files: dict[str, Label] = {}
        self._samples: dict[str, str] = {}
        self._names: dict[str, str] = {}  # of folders by their keys
        self._alike: set[str] = set()
        self._by_key: dict[str, Label] = {}

    def read(self, folder: Path, below: str = "") -> None:
        """Take in what is told of a folder, whose images have paths that begin with that of a folder ``below``."""
        for path, row in _told_rows(folder):
            self._add(below + path, row)
        if self._alike:
            # Classes such as Cat and cat may lie in one folder here, whose name tells only one of them.
            for path, row in _told_rows(folder):
                if name_key((below + path).rpartition("/")[0]) in self._alike:
                    self._files[below + path] = self._by_key[name_key(below + path)] = from_columns(row)

    def add_lines(self, lines: Iterable[bytes], path_of: Callable[[str], str] = str) -> None:
        """Take in the lines of a manifest; ``path_of`` gives the path of an image by its name there."""
        for row in filter(None, map(from_line, lines)):
            if row["status"] == DONE:
                self._add(path_of(row["file_name"]), row)

    def _add(self, path: str, row: Mapping[str, Any]) -> None:
        """Take in what a line tells of an image."""
        if row.get("sample"):
            self._samples[path] = row["sample"]
        label = from_columns(row)
        label = self._once.setdefault(label, label)
        folder = path.rpartition("/")[0]
        is_its_folders = label.name is not None and label_of(path) in {label.name, class_folder(label.name)}
        if is_its_folders and folder not in self._folders:
            self._folders[folder] = label
            key = name_key(folder)
            if self._names.setdefault(key, folder) != folder:
                self._alike.add(key)
        if self._folders.get(folder, Label(label_of(path))) != label:
            self._files[path] = label

    def of(self, path: str) -> Label | None:
        """Return the label of an image; None where the name of its folder is all of it."""
        if not self._once:
            return None
        label = self._files.get(path)
        if label is None and self._alike:
            label = self._by_key.get(name_key(path))
        label = label or self._folders.get(path.rpartition("/")[0])
        return None if label is None or label == Label(label_of(path)) else label

    def sample_of(self, path: str) -> str:
        """Return the name of the sample that an image belongs to; empty if it is the only one of it."""
        return self._samples.get(path, "")


def archived_record(path: str, size: int, read: Callable[[int], bytes]) -> ArchivedRecord | Unreadable | None:
    """Return what an archive holds of the books of an output folder; None if a file is none of them.

    Parameters
    ----------
    read
        Returns the first bytes of the file, as many as are asked for.
    """
    base = path.rpartition("/")[2]
    if base not in {MANIFEST, RUN}:
        return None
    text = read(min(size, LONGEST_JSON))  # once: of some archives nothing can be read twice
    if not has_output_records(lambda name, most: text[:most] if name == base else b""):
        return None
    if size > LONGEST_JSON:
        return Unreadable(path, "too_large", f"what it tells of labels has {size} bytes: unpack the archive first")
    return ArchivedRecord(path, text)


def recorded_labels_of(folder: Path) -> Iterator[tuple[str, Label]]:
    """Return the paths of the images in a folder with their labels, as far as a manifest tells of them."""
    return ((path, from_columns(row)) for path, row in _told_rows(folder))


def _told_rows(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    part = _part_of(folder)
    if part is None:
        return
    try:
        for _, row in read_rows(part.place / MANIFEST):
            if row["status"] == DONE and row["file_name"].startswith(part.beginning):
                yield row["file_name"][len(part.beginning) :], row
    except OSError:  # whoever keeps it may keep it to himself
        return


def recorded_classes(folder: Path) -> list[str]:
    """Return the names of all classes by their numbers, where the run that has filled a folder knew them."""
    part = _part_of(folder)
    try:
        return classes_in(read_json(part.place / RUN)) if part else []
    except (OSError, ValueError):
        return []


def classes_in(record: Any) -> list[str]:  # noqa: ANN401 - whatever JSON says
    """Return the names of all classes out of what ``run.json`` says."""
    names = record.get("classes") if isinstance(record, dict) else None
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else []


def _part_of(folder: Path) -> _Part | None:
    """Return the output folder that a folder is, or that it lies in; None if it is neither."""
    whole = folder.absolute()
    if is_output_folder(whole):
        return _Part(RootedPath(whole), "")
    return _Part(RootedPath(whole.parent), f"{whole.name}/") if is_output_folder(whole.parent) else None
