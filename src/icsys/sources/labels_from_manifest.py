"""Labels of images from the manifest of an output folder, which states more than the names of its folders.

The name of a folder may be the name of a class escaped or cut, has no number, and may hold images without a label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.files.parsing import LONGEST_JSON, read_json
from icsys.files.rooted_path import RootedPath
from icsys.layout import MANIFEST, RUN
from icsys.records.label import Label, class_folder, from_columns, label_of
from icsys.records.manifest import from_line, is_done_image, read_rows, row_kind
from icsys.records.output_folders import has_output_records, is_output_folder
from icsys.results import COMPANIONS
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
    """An output folder, and the common beginning of the paths below one of its folders."""

    place: RootedPath
    beginning: str


class RecordedLabels:
    """Labels from manifests, by the paths of images; only a label that differs from its folder takes memory."""

    def __init__(self) -> None:
        self._once: dict[Label, Label] = {}
        self._folders: dict[str, Label] = {}
        self._files: dict[str, Label] = {}
        self._samples: dict[str, str] = {}
        self._names: dict[str, str] = {}  # of folders, by name_key
        self._alike: set[str] = set()
        self._by_key: dict[str, Label] = {}

    def read(self, folder: Path, below: str = "") -> None:
        """Add the labels of a folder; the paths of its images begin with ``below``."""
        for path, row in _done_rows(folder):
            self._add(below + path, row)
        if self._alike:
            # Classes such as Cat and cat may share a folder, whose name is that of only one.
            for path, row in _done_rows(folder):
                if name_key((below + path).rpartition("/")[0]) in self._alike:
                    self._files[below + path] = self._by_key[name_key(below + path)] = from_columns(row)

    def add_lines(self, lines: Iterable[bytes], path_of: Callable[[str], str] = str) -> None:
        """Add the lines of a manifest; ``path_of`` turns a name there into the path of an image."""
        for row in filter(None, map(from_line, lines)):
            if is_done_image(row):
                self._add(path_of(row["file_name"]), row)

    def _add(self, path: str, row: Mapping[str, Any]) -> None:
        """Add the label of an image from its row."""
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
        """Return the label of an image; None if the name of its folder is the whole label."""
        if not self._once:
            return None
        label = self._files.get(path)
        if label is None and self._alike:
            label = self._by_key.get(name_key(path))
        label = label or self._folders.get(path.rpartition("/")[0])
        return None if label is None or label == Label(label_of(path)) else label

    def sample_of(self, path: str) -> str:
        """Return the name of an image's sample; empty for a single image."""
        return self._samples.get(path, "")


def archived_record(path: str, size: int, read: Callable[[int], bytes]) -> ArchivedRecord | Unreadable | None:
    """Return a manifest or ``run.json`` of an output folder in an archive; None for other files.

    Parameters
    ----------
    read
        Takes a number of bytes and returns the first bytes of the file.
    """
    base = path.rpartition("/")[2]
    if base not in {MANIFEST, RUN}:
        return None
    text = read(min(size, LONGEST_JSON))  # once: a streamed archive cannot be read twice
    if not has_output_records(lambda name, most: text[:most] if name == base else b""):
        return None
    if size > LONGEST_JSON:
        return Unreadable(
            path,
            "too_large",
            f"this record of labels has {size} bytes: expected at most {LONGEST_JSON}; unpack the archive first",
        )
    return ArchivedRecord(path, text)


def recorded_labels_of(folder: Path) -> Iterator[tuple[str, Label]]:
    """Return the paths and labels of the images of a folder that are in its manifest."""
    return ((path, from_columns(row)) for path, row in _done_rows(folder))


def recorded_companions_of(folder: Path) -> Iterator[str]:
    """Return the paths of the masks, annotations and sidecars of a folder that are in its manifest."""
    return (path for path, row in _own_rows(folder) if row_kind(row) in COMPANIONS)


def _done_rows(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((path, row) for path, row in _own_rows(folder) if is_done_image(row))


def _own_rows(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the rows of the files below a folder, with their paths there; nothing if there is no manifest."""
    part = _part_of(folder)
    if part is None:
        return
    try:
        for _, row in read_rows(part.place / MANIFEST):
            name = row.get("file_name")  # failures and images left out have none
            if name is not None and name.startswith(part.beginning):
                yield name[len(part.beginning) :], row
    except OSError:  # an unreadable manifest counts as none
        return


def recorded_classes(folder: Path) -> list[str]:
    """Return the names of all classes by number from the ``run.json`` of a folder; none if it has none."""
    part = _part_of(folder)
    try:
        return classes_in(read_json(part.place / RUN)) if part else []
    except (OSError, ValueError):
        return []


def classes_in(record: Any) -> list[str]:  # noqa: ANN401 - whatever JSON says
    """Return the names of all classes from the content of ``run.json``."""
    names = record.get("classes") if isinstance(record, dict) else None
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else []


def _part_of(folder: Path) -> _Part | None:
    """Return the output folder that a folder is, or lies in; None if it is neither."""
    whole = folder.absolute()
    if is_output_folder(whole):
        return _Part(RootedPath(whole), "")
    return _Part(RootedPath(whole.parent), f"{whole.name}/") if is_output_folder(whole.parent) else None
