"""Names of companions in packs: what tells an image's mask, its annotations and its sidecars apart.

A name is lower case and ends like a file: ``mask.png``, ``txt``, ``polygons.json``. In WebDataset it follows the key of
the image; in Parquet it is the name of a column, without ``.png`` and with underscores for dots.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from icsys.packs.packed_image import REPEATED_COLUMNS
from icsys.records.import_pyarrow import NUMBER
from icsys.results import ANNOTATION, MASK
from icsys.sources.packed_companions import COMPANIONS_KEY

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_FORMS = {
    "yolo": "txt",
    "yolo_pose2": "txt",
    "yolo_pose3": "txt",
    "voc": "xml",
    "labelme": "labelme.json",
    "cityscapes": "polygons.json",
}
"""Names of annotations by their form; others, and sidecars, are named by their suffix."""

_FACTS = frozenset({"image", "label", NUMBER, COMPANIONS_KEY, *REPEATED_COLUMNS})
_OF_IMAGES = frozenset({"cls", "json", "png", "jpg", "jpeg", "webp", "npz", "gif", "bmp", "tif", "tiff"})
"""Names that belong to images and to their facts in WebDataset."""

_LONGEST = 40  # characters
_BETWEEN = "_-. "  # words
_ORDER = (MASK, ANNOTATION)


def in_order(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the companions of an image in their order in packs: masks, annotations, sidecars, each by its path.

    Where two would have one name, the earlier one has it.
    """
    return sorted(rows, key=lambda row: (*(row["kind"] != kind for kind in _ORDER), row["file_name"]))


def role_of(mask: str, image: str) -> str:
    """Return what tells a mask from the other masks of its image: the end of its name, or else its folder.

    Parameters
    ----------
    mask, image
        Paths of their outputs.

    Examples
    --------
    >>> role_of("SegmentationClass/a.png", "JPEGImages/a.png"), role_of("x/a_depth.png", "x/a.png")
    ('segmentationclass', 'depth')
    >>> role_of("gtFine/val/ulm/ulm_1_gtFine_labelIds.png", "leftImg8bit/val/ulm/ulm_1_leftImg8bit.png")
    'gtfine_labelids'
    """
    *folders, name = mask.split("/")
    *others, other = image.split("/")
    ending = _ending(name.rpartition(".")[0], other.rpartition(".")[0])
    if ending and not ending.isdigit():
        return ending
    own = [_plain(folder) for folder in folders if folder not in others]
    return next(filter(None, own), "mask")


def mask_names(roles: Collection[str], columns: Collection[str]) -> dict[str, str]:
    """Return the names of masks, without suffix, by their roles in a dataset: ``mask`` if all have one role.

    Parameters
    ----------
    columns
        Names of other companions as columns, which no mask can have.
    """
    if len(roles) == 1:
        return dict.fromkeys(roles, "mask")
    return {role: f"{role}_mask" if role in _FACTS or role in columns else role for role in roles}


def name_of(row: Mapping[str, Any], image: str) -> str:
    """Return the first choice for the name of an annotation or a sidecar: by its form, or by its suffix.

    Parameters
    ----------
    image
        Path of the output of its image.

    Examples
    --------
    >>> name_of({"form": "copy", "file_name": "x/a.Caption"}, "x/a.png")
    'caption'
    """
    if row["form"] in _FORMS:
        return _FORMS[row["form"]]
    base = row["file_name"].rpartition("/")[2]
    stem = image.rpartition("/")[2].rpartition(".")[0]
    rest = base[len(stem) + 1 :] if base.startswith(f"{stem}.") else base.rpartition(".")[2]
    return _plain(rest) or "file"


def names_of(
    rows: Sequence[Mapping[str, Any]], image: str, masks: Mapping[str, str], taken: Collection[str] = ()
) -> list[str]:
    """Return the names of the companions of an image, each different, as file name and as column.

    Parameters
    ----------
    rows
        Their manifest rows from :func:`in_order`.
    image
        Path of the output of the image.
    masks
        From :func:`mask_names`.
    taken
        Names that the sample of the image has for other files.

    Returns
    -------
    list of str
        A name that is taken gets the kind in front, such as ``sidecar.txt``, and then a number: ``sidecar_2.txt``; a
        mask gets the number alone: ``mask_2.png``. So does what could be mistaken for an image or its facts.
    """
    used = set(map(column_of, taken))
    names: list[str] = []
    for row in rows:
        if row["kind"] == MASK:
            base, end = masks[role_of(row["file_name"], image)], ".png"
            name = base + end
        else:
            name = name_of(row, image)
            base, end = row["kind"], "." + name.rpartition(".")[2]
            if _is_of_images(name, row["form"]):
                name = base + end
        number = 1
        while column_of(name) in used or (row["kind"] != MASK and column_of(name) in masks.values()):
            name = base + end if number == 1 and name != base + end else f"{base}_{(number := number + 1)}{end}"
        used.add(column_of(name))
        names.append(name)
    return names


def column_of(name: str) -> str:
    """Return the name of the column of a companion.

    Examples
    --------
    >>> column_of("mask.png"), column_of("polygons.json")
    ('mask', 'polygons_json')
    """
    return name.removesuffix(".png").replace(".", "_")


def _ending(stem: str, of_image: str) -> str:
    """Return what a stem has behind the beginning that it shares with the stem of its image; empty if it shares none.

    The shared beginning ends with the image's stem, or with a character between words.
    """
    if stem.startswith(of_image):
        return _plain(stem[len(of_image) :])
    shared = 0
    for place, (one, other) in enumerate(zip(stem, of_image, strict=False), 1):
        if one != other:
            break
        shared = place if one in _BETWEEN else shared
    return _plain(stem[shared:]) if shared else ""


def _is_of_images(name: str, form: str) -> bool:
    """Return whether a name could be that of an image, of its facts, or of their columns."""
    return form not in _FORMS and (name.rpartition(".")[2] in _OF_IMAGES or column_of(name) in _FACTS)


def _plain(text: str) -> str:
    """Return a text in lower case, of letters, digits, underscores and dots."""
    return re.sub(r"[^a-z0-9.]+", "_", text.lower()).strip("._")[:_LONGEST].strip("._")
