"""Recognise the form of an annotation, a table or a list from a few bytes of its content."""

from __future__ import annotations

import csv
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from icsys.files.parsing import from_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from icsys.sources.companions.tree_files import TreeFiles

_HEAD = 1 << 16  # bytes
_LONGEST = 1 << 24
_FEW_LINES = 50
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_ANY_NUMBER = rf"{_NUMBER}|[+-]?(?:[nN]a[nN]|[iI]nf(?:inity)?)"  # labels have such by mistake
_YOLO_LINE = re.compile(rf"\s*\d+(?:\.0*)?(?:\s+{_NUMBER}){{4,}}\s*", re.ASCII)
_LARGEST_SHARE = 2.0  # shapes may reach over the edge of their picture; numbers of pixels are larger
_LIST_KEYS = re.compile(rb'"(images|annotations)"\s*:\s*\[')
_JSON_PARTS = re.compile(r'"(?P<key>[^"\\]*+)"\s*+:|"[^"\\]*+(?:\\.[^"\\]*+)*+"|(?P<bracket>[\[\]{}])', re.DOTALL)
_COCO_KEYS = frozenset({"categories", "info", "licenses", "type"})
_IMAGES_ALONE = re.compile(rb'"images"\s*:\s*\[\s*\{[^{}]*"file_name"\s*:')
_FILE_NAME = re.compile(r"(?:.*_)?file_name")
_KEYPOINTS = re.compile(rb"^kpt_shape:\s*(?:\[\s*\d+\s*,\s*([23])\s*\]|-[ ]*\d+\s*-[ ]*([23])\s*$)", re.MULTILINE)


def first_lines(files: TreeFiles, path: str) -> list[str]:
    """Return some lines at the beginning of a text file; none if it is no text.

    The last line is left out where it may be cut off; of a first line that is longer, the whole words count.
    """
    data = files.head(path, _HEAD)
    if b"\0" in data:
        return []
    lines = data.decode("utf-8-sig", "surrogateescape").splitlines()
    if len(data) < _HEAD:
        return lines[:_FEW_LINES]
    return lines[:-1][:_FEW_LINES] or [line.rpartition(" ")[0] for line in lines]


def is_yolo(lines: Iterable[str]) -> bool | None:
    """Return whether lines are those of YOLO: the number of a class, then shares of width and height.

    Returns
    -------
    bool or None
        None for no line, which tells nothing.

    Examples
    --------
    >>> is_yolo(["0 0.5 0.5 1 1"]), is_yolo(["0 12 30 55 80"]), is_yolo(["two cats"]), is_yolo([])
    (True, False, False, None)
    """
    rows = [line.partition("#")[0] for line in lines]
    rows = [row for row in rows if row.strip()]
    if not rows:
        return None
    return all(_YOLO_LINE.fullmatch(row) and _are_shares(row) for row in rows)


def _are_shares(row: str) -> bool:
    values = [abs(float(value)) for value in row.split()[1:5]]
    return max(values) <= _LARGEST_SHARE


def is_numeric(lines: Iterable[str]) -> bool:
    """Return whether most words of a text are numbers, as in labels of any format, and not in captions.

    Examples
    --------
    >>> is_numeric(["Car 0.0 0 -1.58 587.01 173.33"]), is_numeric(["0 nan inf 1"]), is_numeric(["a photo of 2 cats"])
    (True, True, False)
    """
    words = [word for line in lines for word in re.split(r"[\s,;]+", line) if word]
    return 2 * sum(re.fullmatch(_ANY_NUMBER, word) is not None for word in words) > len(words)


def text_form(files: TreeFiles, path: str) -> str | None:
    """Return the form of a text beside a picture: ``yolo``, ``copy`` for words, ``numbers``; None if empty."""
    lines = first_lines(files, path)
    found = is_yolo(lines)
    if found is None:
        return None
    return "yolo" if found else "numbers" if is_numeric(lines) else "copy"


def pose_form(files: TreeFiles, path: str) -> str | None:
    """Return the form of the labels that a YAML file of YOLO describes, if it states the numbers of a keypoint."""
    stated = _KEYPOINTS.search(files.head(path, _HEAD))
    return None if stated is None else f"yolo_pose{(stated[1] or stated[2]).decode()}"


def xml_form(files: TreeFiles, path: str) -> str:
    """Return the form of an XML file: ``voc`` if its root is that of VOC, else ``copy``."""
    head = files.head(path, _HEAD)
    is_voc = re.match(rb"(?:\xef\xbb\xbf)?\s*(?:<[?!][^>]*>\s*)*<annotation[\s/>]", head)
    return "voc" if is_voc else "copy"


def json_form(files: TreeFiles, path: str) -> str:
    """Return the form of a JSON file about one picture: ``labelme``, ``cityscapes``, or ``copy`` for any other."""
    keys = top_keys(files.head(path, _HEAD))
    if "shapes" in keys | _later_keys(files, path, keys):
        return "labelme"
    return "cityscapes" if {"imgHeight", "imgWidth", "objects"} <= keys else "copy"


def _later_keys(files: TreeFiles, path: str, keys: set[str]) -> set[str]:
    """Return the keys of a file that holds its picture as text, which may come before the shapes."""
    if "imageData" not in keys:
        return set()
    with suppress(ValueError, RecursionError):
        record = from_json(files.head(path, _LONGEST))
        return set(record) if isinstance(record, dict) else set()
    return set()


def top_keys(data: bytes) -> set[str]:
    """Return the keys of the outermost table in the beginning of a JSON text.

    Examples
    --------
    >>> sorted(top_keys(b'{"a": [{"b": 1}], "c": "d", "e'))
    ['a', 'c']
    """
    keys, depth = set[str](), 0
    for found in _JSON_PARTS.finditer(data.decode("utf-8-sig", "replace")):
        if found["key"] is not None:
            if depth == 1:
                keys.add(found["key"])
        elif found["bracket"]:
            depth += 1 if found["bracket"] in "[{" else -1
    return keys


def is_coco(files: TreeFiles, path: str) -> bool:
    """Return whether a JSON file is one of COCO: it has lists of images and of annotations, or names of images alone.

    Both are looked for in the text up to where they are found, in blocks, because the lists may be large.
    """
    head = files.head(path, _HEAD)
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] != b"{":
        return False
    keys = top_keys(head)
    if not keys & {"images", "annotations", *_COCO_KEYS}:
        return False
    if keys & _COCO_KEYS and _IMAGES_ALONE.search(head):
        return True
    found = set(_LIST_KEYS.findall(head))
    if b"images" not in found and b"annotations" not in found:
        return False
    before = b""
    for block in files.blocks(path):
        found.update(_LIST_KEYS.findall(before + block))
        before = block[-64:]
        if found == {b"images", b"annotations"}:
            break
    return found == {b"images", b"annotations"}


def names_images(files: TreeFiles, path: str) -> bool:
    """Return whether a ``metadata.jsonl`` or ``metadata.csv`` has a column with names of images, as ``file_name``."""
    if path.lower().endswith(".csv"):
        with suppress(csv.Error, StopIteration):
            return any(map(_FILE_NAME.fullmatch, next(csv.reader(first_lines(files, path)))))
        return False
    for line in first_lines(files, path):
        if line.strip():
            with suppress(ValueError, RecursionError):
                row = from_json(line)
                return isinstance(row, dict) and any(map(_FILE_NAME.fullmatch, row))
            return False
    return False
