"""Find the files that are about many images: COCO's JSON, tables of file names, lists, and names of classes."""

from __future__ import annotations

import csv
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from icsys.errors import UsageError
from icsys.layout import TOP_FILES
from icsys.results import ANNOTATION, SIDECAR
from icsys.sources.companions.contents import first_lines, is_coco, is_yolo, names_images
from icsys.sources.companions.tree_files import name_suffix
from icsys.sources.folder_entries import path_in
from icsys.sources.safe_names import is_image_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from icsys.sources.companions.layout import PairRule
    from icsys.sources.companions.notes import Notes
    from icsys.sources.companions.tree_names import TreeNames

_SUFFIXES = frozenset({".json", ".jsonl", ".csv", ".parquet", ".txt", ".yaml", ".yml", ".names", ".data", ".pbtxt"})
_CLASS_NAMES = frozenset(
    {
        *(
            "classes.txt",
            "labels.txt",
            "class_names.txt",
            "classnames.txt",
            "label_names.txt",
            "predefined_classes.txt",
        ),
        *("data.yaml", "data.yml", "dataset.yaml", "dataset.yml", "labelmap.txt", "labels.names", "categories.txt"),
    }
)
_CLASS_SUFFIXES = frozenset({".names", ".data", ".pbtxt"})
_METADATA = ("metadata.jsonl", "metadata.csv")
_SPLITS = frozenset({"train", "val", "valid", "validation", "test", "trainval", "all", "list", "images", "files"})
_MOST_IN_FOLDER = 1000  # files of a folder that are looked into
_MOST_IN_TREE = 10_000
_MOST_FOLDERS = 64
_LINES = 12
_MOST_PARTS = 8  # names at the end of a path that are looked for
_RESOLVED = 0.8  # of the lines of a list
_STEM_SUFFIXES = (".jpg", ".png", ".jpeg", ".JPG", ".JPEG", ".tif", ".bmp", ".webp")


class TableSearch:
    """Looks for files about many images in a tree.

    Attributes
    ----------
    files
        Kind and form of what it found, by path.

    Parameters
    ----------
    rules
        Those of files about one image each, by folder.
    """

    def __init__(self, tree: TreeNames, rules: dict[str, tuple[PairRule, ...]], found: Notes, unclear: Notes) -> None:
        self._tree, self._rules = tree, rules
        self._found, self._unclear = found, unclear
        self._looked_at = 0
        self._lists = _ImageLists(tree, rules)
        self.files: dict[str, tuple[str, str]] = {}

    def run(self) -> None:
        """Look at all folders that may hold such files."""
        classes: list[str] = []
        for folder, seen in self._tree.folders.items():
            if not seen.suffixes & _SUFFIXES:
                continue
            paired = {suffix for rule in self._rules.get(folder, ()) for suffix in rule.suffixes}
            for name in self._candidates(folder, paired):
                path = path_in(folder, name)
                if path in TOP_FILES or path in self.files:  # the user has named it
                    continue
                if name.lower() in _CLASS_NAMES or name_suffix(name) in _CLASS_SUFFIXES:
                    classes.append(path)
                else:
                    self._look_at(folder, name)
        if self._rules or self.files:
            for path in classes:
                self.files[path] = SIDECAR, "copy"
                self._found.add(path, 1, "{count} file{s} with names of classes, {folders}: copied")

    def add_tables(self, table: str | None) -> None:
        """Add the tables that the user names.

        Raises
        ------
        UsageError
            If one does not lie below the source folder.
        """
        for text in table.split(",") if table else ():
            path = self._tree.files.below(text)
            if path is None:
                raise UsageError(
                    f"table={text!r}: expected the path of a CSV or JSON lines file below {self._tree.files.shown!r}"
                )
            self.files[path] = SIDECAR, "table"
            self._found.add(path, 1, "{count} table{s}, {folders}: named with --table")

    def _candidates(self, folder: str, paired: Collection[str]) -> Iterator[str]:
        """Yield the names of files that may be about many images; among labels of single images, only usual names."""
        names = (
            name
            for name in self._tree.names(folder)[1]
            if (suffix := name_suffix(name)) in _SUFFIXES
            and (suffix not in paired or name.lower() in _CLASS_NAMES or _stem(name) in _SPLITS)
        )
        for name in islice(names, _MOST_IN_FOLDER):
            self._looked_at += 1
            if self._looked_at <= _MOST_IN_TREE:
                yield name

    def _look_at(self, folder: str, name: str) -> None:
        path = path_in(folder, name)
        files = self._tree.files
        suffix = name_suffix(name)
        if suffix == ".json" and is_coco(files, path):
            self.files[path] = ANNOTATION, "coco"
            self._found.add(
                path, 1, "{count} file{s} of COCO annotations, {folders}: they have lists of images and of annotations"
            )
        elif name.lower() in _METADATA and names_images(files, path):
            self.files[path] = SIDECAR, "metadata"
            self._found.add(path, 1, "{count} table{s} of images, {folders}: they have a column of file names")
        elif name.lower() == "metadata.parquet":
            self._unclear.add(path, 1, "{folders} is left out: ics reads metadata.jsonl and metadata.csv only")
        elif suffix == ".csv" and self._lists.is_table(folder, first_lines(files, path)):
            self._unclear.add(
                path,
                1,
                "{count} table{s}, {folders}, with names of images: left out; with --table FILE the names follow the "
                "outputs",
            )
        elif suffix == ".txt" and self._lists.is_list(folder, first_lines(files, path)):
            self.files[path] = SIDECAR, "names"
            self._found.add(path, 1, "{count} list{s} of images, {folders}: their lines name images")


class _ImageLists:
    """Tells whether the lines of a text name images of a tree."""

    def __init__(self, tree: TreeNames, rules: dict[str, tuple[PairRule, ...]]) -> None:
        self._tree = tree
        masks = {folder for folder, own in rules.items() if any(rule.is_whole for rule in own)}
        self._folders = [path for path, seen in tree.folders.items() if seen.images and path not in masks]
        self._last: list[str] = []  # beginnings and ends of paths that were met, the last one first

    def is_list(self, folder: str, lines: list[str]) -> bool:
        """Return whether most of some lines name images: as whole lines, or as their first words."""
        lines = [line.strip() for line in lines]
        lines = [line for line in lines if line and not line.startswith("#")][:_LINES]
        if is_yolo(lines) and any("." in line for line in lines):  # the number of a class may be the stem of an image
            return False
        return bool(lines) and sum(self._names_image(folder, line) for line in lines) >= _RESOLVED * len(lines)

    def is_table(self, folder: str, lines: list[str]) -> bool:
        """Return whether most values in a column of some lines of CSV name images."""
        with suppress(csv.Error):
            rows = list(islice(csv.reader(lines), 1, _LINES + 1))  # the first has names of columns
            return any(self.is_list(folder, list(column)) for column in zip(*rows, strict=False))
        return False

    def _names_image(self, folder: str, line: str) -> bool:
        words = [line, *line.split()[:1]] if len(line.split()) > 1 else [line]
        return any(self._exists(folder, word.replace("\\", "/").removeprefix("./")) for word in words)

    def _exists(self, folder: str, text: str) -> bool:
        """Return whether a path or a stem is that of an image, as seen from a folder or from one above or beside it."""
        if not text or ".." in text.split("/") or len(text) > 1000:  # noqa: PLR2004 - no path is as long
            return False
        ends = [""] if is_image_name(text) else list(_STEM_SUFFIXES)
        if is_image_name(text):
            parts = text.strip("/").split("/")
            tails = ["/".join(parts[number:]) for number in range(max(0, len(parts) - _MOST_PARTS), len(parts))]
        else:
            tails = [text]
        starts = [*_and_above(folder), *self._near(folder)]
        is_file = self._tree.files.is_file
        return any(is_file(path_in(start, tail + end)) for tail in tails for start in starts for end in ends)

    def _near(self, folder: str) -> list[str]:
        """Return folders of images, those first that share most of their path with a folder."""
        parts = folder.split("/")

        def shared(path: str) -> int:
            own = path.split("/")
            return next((i for i, (a, b) in enumerate(zip(parts, own, strict=False)) if a != b), len(parts))

        near = sorted(self._folders, key=lambda path: -shared(path))[:_MOST_FOLDERS]
        return list(dict.fromkeys([*near, *(path.rpartition("/")[0] for path in near)]))


def _and_above(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
    yield ""


def _stem(name: str) -> str:
    return name.rpartition(".")[0].lower()
