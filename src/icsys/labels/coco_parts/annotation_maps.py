"""The maps of annotations of the pictures of one file, each made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.errors import ImageError
from icsys.image.view import drawn_on
from icsys.labels.coco_parts.coco_shapes import AnnotationMap

if TYPE_CHECKING:
    from icsys.image.view import View
    from icsys.labels.mapped_file import LabelRules


class AnnotationMaps:
    """Makes the map of each kind of picture once, because a dataset has few sizes.

    Parameters
    ----------
    rules
        What becomes of labels.
    resample
        As in :class:`~icsys.options.Options`.
    """

    def __init__(self, rules: LabelRules, resample: str = "box") -> None:
        self._rules, self._resample = rules, resample
        self._made: dict[tuple[View, str], AnnotationMap] = {}

    def of(self, name: str, view: View, stated: tuple[int, int] | None) -> AnnotationMap:
        """Return the map of a picture.

        Parameters
        ----------
        name
            As the file has it, for the error.
        view
            How it becomes its output.
        stated
            Its width and height as the file states them, in pixels; None if it states none.

        Raises
        ------
        ImageError
            ``label_size`` if the stated size contradicts the picture.
        """
        try:
            on = drawn_on(view, stated, self._rules.labels_on)
        except ImageError as error:
            raise ImageError(error.code, f"{name}: {error}") from None
        if (view, on) not in self._made:
            self._made[view, on] = AnnotationMap(view, on, self._rules.min_visibility, self._resample)
        return self._made[view, on]
