"""Words in the names of folders and files that tell masks, labels and pictures apart."""

from __future__ import annotations

import re

from icsys.sources.companions.layout import Endings

_MASKS = frozenset(
    {
        *("mask", "masks", "label", "labels", "annotation", "annotations", "annot", "annots", "anno", "ann"),
        *("segmentation", "segmentations", "seg", "segs", "segmap", "segmaps", "semseg", "semantic", "semantics"),
        *("segmentationclass", "segmentationclassaug", "segmentationclassraw", "segmentationobject"),
        *("gt", "gts", "groundtruth", "groundtruths", "gtfine", "gtcoarse", "target", "targets"),
        *("trimap", "trimaps", "stuffthingmaps", "pixelmaps", "labelmap", "labelmaps", "labelids", "parsing"),
        *("instance", "instances", "panoptic", "semanticrgb", "semsegmasks", "instanceids", "trainids", "matte"),
    }
)
_OTHER_LABELS = frozenset(
    {
        *("caption", "captions", "text", "texts", "txt", "prompt", "prompts", "tag", "tags", "description"),
        *("json", "jsons", "xml", "xmls", "bbox", "bboxes", "box", "boxes", "yolo", "voc", "labelme", "labeltxt"),
        *("keypoint", "keypoints", "pose", "poses", "polygon", "polygons", "obb", "metadata", "meta"),
    }
)
_PICTURES = frozenset(
    {
        *("image", "images", "img", "imgs", "picture", "pictures", "photo", "photos", "jpegimages", "jpgimages"),
        *("leftimg8bit", "rgb", "input", "inputs", "frame", "frames", "data", "raw", "color", "original", "originals"),
    }
)
_AT_END = re.compile(
    r"(?:[-_ .](?:masks?|labels?|annotations?|annot|segmentations?|gt|ground_?truths?|trimaps?)"
    r"|(?<=[a-z0-9])(?:Masks?|Labels?|Annotations?|Segmentations?|GT|Ground_?[Tt]ruths?|Trimaps?)|annot|_GroundTruth)$"
)
_BEFORE = re.compile(r"^(?:panoptic|masks?|labels?|seg|gt|annotations?)[-_ .]", re.IGNORECASE)

MASK_ENDINGS = tuple(
    separator + word
    for word in (
        *("mask", "masks", "label", "labels", "labelIds", "labelTrainIds", "instanceIds", "instances", "instance"),
        *("seg", "segmentation", "semantic", "panoptic", "gt", "groundtruth", "trimap", "annotation", "annotated", "L"),
    )
    for separator in ("_", "-", ".")
)
"""What the stems of masks end with that lie beside their pictures."""

MASK_WORDS = (
    *("mask", "label", "seg", "instance", "semantic", "panoptic", "gt.", "groundtruth", "trimap", "annot", "_l."),
)
"""In lower case: a name with one of :data:`MASK_ENDINGS` has one of them."""

PICTURE_ENDINGS = (
    *("_leftImg8bit", "_image", "_img", "_rgb", "_RGB", "_sat", "_photo", "_original", "_orig", "_im"),
    *("-image", "-img", "-rgb", ".image"),
)
"""What the stems of pictures end with where those of their masks end otherwise."""

_CUTS = re.compile(r"[-_. ]")
_MOST_CUTS = 4


def folder_words(name: str) -> str:
    """Return a name of a folder in lower case without separators."""
    return re.sub(r"[-_ .]", "", name).lower()


def is_mask_word(name: str) -> bool:
    """Return whether a folder of this name may hold masks.

    Examples
    --------
    >>> [is_mask_word(name) for name in ("masks", "Ground_Truth", "train_masks", "trainMasks", "trainannot", "mascot")]
    [True, True, True, True, True, False]
    """
    return folder_words(name) in _MASKS or before_mask_word(name) is not None or bool(_BEFORE.match(name))


def is_label_word(name: str) -> bool:
    """Return whether a folder of this name may hold labels of any kind."""
    return is_mask_word(name) or folder_words(name) in _OTHER_LABELS


def is_picture_word(name: str) -> bool:
    """Return whether a folder of this name holds the pictures where others hold what belongs to them."""
    return folder_words(name) in _PICTURES


def before_mask_word(name: str) -> str | None:
    """Return a name of a folder without the word of masks at its end; None if it has none, or nothing else.

    Examples
    --------
    >>> [before_mask_word(name) for name in ("train_masks", "trainannot", "masks")]
    ['train', 'train', None]
    """
    found = _AT_END.search(name)
    return name[: found.start()] if found and found.start() else None


def after_mask_word(name: str) -> str | None:
    """Return a name of a folder without the word of masks at its beginning; None if it has none.

    Examples
    --------
    >>> after_mask_word("panoptic_train2017")
    'train2017'
    """
    found = _BEFORE.match(name)
    return name[found.end() :] if found else None


def cuts(stem: str) -> list[tuple[str, str]]:
    """Return the ways to cut an ending off a stem, the empty one first.

    Examples
    --------
    >>> cuts("a_b_c")
    [('a_b_c', ''), ('a_b', '_c'), ('a', '_b_c')]
    """
    places = [found.start() for found in _CUTS.finditer(stem) if found.start()]
    return [(stem, ""), *((stem[:place], stem[place:]) for place in reversed(places[-_MOST_CUTS:]))]


def beginnings(stem: str) -> list[tuple[str, str]]:
    """Return a picture's stem with its ending, and without it if it has one of :data:`PICTURE_ENDINGS`."""
    return [(stem, ""), *((stem[: -len(one)], one) for one in PICTURE_ENDINGS if stem.endswith(one) and stem != one)]


def known_ending(stem: str) -> str:
    """Return which of :data:`MASK_ENDINGS` a stem ends with; empty for none."""
    return next((one for one in MASK_ENDINGS if stem.endswith(one) and stem != one), "")


BESIDE = tuple(Endings(file, picture) for file in MASK_ENDINGS for picture in ("", *PICTURE_ENDINGS))
"""The endings of masks beside their pictures, and of the pictures."""
