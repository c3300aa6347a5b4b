"""One look at all masks and label files before the arrays are written: types of masks, all boxes, all classes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from icsys.errors import ImageError
from icsys.image.masks.mask_numbers import mask_dtype
from icsys.labels.boxes.box import BoxClass
from icsys.labels.boxes.class_names import class_names
from icsys.labels.boxes.coco_file import CocoFile, ImageFinder
from icsys.labels.boxes.one_image import reader_of
from icsys.packs.array_labels.box_store import BoxStore
from icsys.packs.array_labels.label_files import COCO, VOC, YOLO, box_form
from icsys.packs.array_labels.output_names import OutputNames
from icsys.packs.assignment import Stopped
from icsys.packs.companion_names import column_of
from icsys.results import MASK

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping

    from icsys.image.arrays.image_row import RowForm
    from icsys.packs.array_labels.label_files import LabelFiles
    from icsys.packs.companions import Companions
    from icsys.packs.read_arrays import FindsBytes

_Item = TypeVar("_Item")


class Survey(NamedTuple):
    """What the arrays of masks and boxes hold.

    Attributes
    ----------
    masks
        The type of the masks of each kind; kinds whose pixels have several numbers are left out.
    boxes
        All boxes; None where a dataset has none.
    source
        The kind of label files that boxes come from: "coco", "voc" or "yolo"; empty without boxes.
    """

    masks: dict[str, np.dtype[Any]]
    boxes: BoxStore | None
    source: str


NO_LABELS = Survey({}, None, "")
"""That of a dataset without masks and boxes."""


class Surveyor(NamedTuple):
    """Looks at all companions of images.

    Attributes
    ----------
    rows
        Returns the manifest rows of all images, split by split, in the order of the arrays.
    """

    rows: Callable[[], Iterator[dict[str, Any]]]
    form: RowForm
    files: LabelFiles
    companions: Companions
    finder: FindsBytes
    stop: threading.Event

    def survey(self) -> Survey:
        """Return what is there; its boxes are open until :meth:`~.box_store.BoxStore.close`.

        Raises
        ------
        Stopped
            If the run was stopped.
        OSError
            If a file is not as the manifest has it.
        """
        store = BoxStore()
        try:
            source = self._read_coco(store) if self.files.coco else ""
            if not source:
                source = next((form for form in (VOC, YOLO) if self.files.forms[form]), "")
                source = max((source, *self.files.forms), key=self.files.forms.__getitem__)
            masks = self._look(store, "" if source == COCO else source)
        except BaseException:
            store.close()
            raise
        if not source:
            store.close()
        return Survey(masks, store if source else None, source)

    def _read_coco(self, store: BoxStore) -> str:
        """Read the boxes of files of COCO; return "coco" if no other form has label files for more images."""
        names = OutputNames(store.database, enumerate(self._steadily(self.rows())))
        images: set[int] = set()
        for row in self.files.coco:
            try:
                with self.finder.open(row) as opened:
                    name = row["file_name"]
                    finder = ImageFinder(partial(names.find, name), partial(names.find_source, name))
                    file = CocoFile(opened, finder, (self.form.width, self.form.height))
                    if store.add(self._steadily(file.boxes())):
                        images |= set(file.images.values())
                        store.note_classes(file.classes.values())
            except ImageError:  # it was readable when it was written, so it has been changed since
                raise _changed(row) from None
        if images and len(images) >= max(self.files.forms.values(), default=0):
            return COCO
        store.clear()
        return ""

    def _look(self, store: BoxStore, form: str) -> dict[str, np.dtype[Any]]:
        """Note the boxes of label files of a form; return the types of masks."""
        names = self._class_names() if form == YOLO else {}
        store.note_classes(BoxClass(number, name) for number, name in names.items())
        found: dict[str, set[np.dtype[Any] | None]] = {kind: set() for kind in self.files.masks}
        if not form and not found:
            return {}
        for number, row in enumerate(self._steadily(self.rows())):
            for companion in self.companions.of(row):
                if companion.row["kind"] == MASK:
                    found[column_of(companion.name)].add(mask_dtype(self.finder.find(companion.row)))
                elif form and box_form(companion.row) == form:
                    self._add(store, number, companion.row, names)
        return {
            kind: np.dtype(np.uint16 if np.dtype(np.uint16) in types else np.uint8)
            for kind, types in found.items()
            if None not in types
        }

    def _add(self, store: BoxStore, number: int, row: Mapping[str, Any], names: Mapping[int, str]) -> None:
        read = reader_of(row["form"], self.form.width, self.form.height, names)
        assert read is not None  # noqa: S101 - it has such a form
        try:
            store.add([(number, box) for box in read(self.finder.find(dict(row)))])
        except ImageError:
            raise _changed(row) from None

    def _class_names(self) -> dict[int, str]:
        """Return the names of YOLO's classes; none if files contradict each other."""
        tables = [class_names(row["file_name"], self.finder.find(row)) for row in self.files.names]
        pairs = {pair for table in tables for pair in table.items()}
        return {} if len({number for number, _ in pairs}) < len(pairs) else dict(sorted(pairs))

    def _steadily(self, items: Iterator[_Item]) -> Iterator[_Item]:
        """Yield items until the run is stopped."""
        for item in items:
            if self.stop.is_set():
                raise Stopped
            yield item


def _changed(row: Mapping[str, Any]) -> OSError:
    return OSError(f"the labels in {row['file_name']!r} cannot be read: run again with --overwrite always")
