"""COCO's JSON: object detection, segmentation, keypoints, captions and panoptic, for any number of annotations.

The file is read twice, item by item: first its images, then everything. What is not known is written as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

from icsys.errors import ImageError
from icsys.labels.coco_parts.annotation_maps import AnnotationMaps
from icsys.labels.coco_parts.coco_shapes import AnnotationMap, unmapped_keys
from icsys.labels.coco_parts.json_items import JsonPart, JsonPartsWriter, JsonPlace, json_like, json_parts
from icsys.labels.numbers import finite
from icsys.labels.picture_index import FindPicture, MappedCounts, PictureFacts, renamed
from icsys.labels.tally import Tally

if TYPE_CHECKING:
    from icsys.labels.mapped_file import LabelRules

_REMOVED, _ELSEWHERE, _KEPT = "removed", "elsewhere", "kept"


def map_coco(
    read: BinaryIO, write: BinaryIO, find: FindPicture, rules: LabelRules, *, beside: str, resample: str
) -> MappedCounts:
    """Write a COCO file for the outputs of its pictures.

    Names and sizes of images follow the outputs, and shapes are mapped. Images without an output are left out with
    their annotations. Images that no picture answers to are kept as they are, and so are their annotations.

    Parameters
    ----------
    read
        The file, which is read twice from its present position; seekable.
    write
        What is written to, in UTF-8.
    find
        Finds pictures by ``file_name``, or where there is none by ``coco_url``.
    rules
        What becomes of labels.
    beside
        The folder of the file in the source, with forward slashes.
    resample
        As in :class:`~icsys.options.Options`: which pixels of run-length masks are taken.

    Raises
    ------
    ImageError
        ``label_broken`` if it is no COCO file, ``label_size`` if an image has another size than the file states.
    """
    job = _CocoJob(find, rules, beside, resample)
    begin = read.tell()
    job.read_images(read)
    read.seek(begin)
    job.write_all(read, write)
    return job.tally.counts()


class _CocoJob:
    """The work on one file.

    Attributes
    ----------
    tally
        What is counted.
    """

    def __init__(self, find: FindPicture, rules: LabelRules, beside: str, resample: str) -> None:
        self.tally = Tally()
        self._find, self._beside = find, beside
        self._images: dict[Any, AnnotationMap | str] = {}
        self._maps = AnnotationMaps(rules, resample)

    def read_images(self, file: BinaryIO) -> None:
        """Find the pictures of all images."""
        for part in json_parts(file):
            if part.key == "images" and part.place is JsonPlace.ITEM:
                self._note_image(_object(part))
            elif part.key == "images":
                if part.place is JsonPlace.VALUE:
                    break
                if part.place is JsonPlace.END:
                    return
        raise ImageError("label_broken", "it is no COCO file: expected an object with a list of images")

    def write_all(self, read: BinaryIO, write: BinaryIO) -> None:
        """Write all parts in their order."""
        writer = JsonPartsWriter(write)
        for part in json_parts(read):
            if part.place is not JsonPlace.ITEM or part.key not in {"images", "annotations"}:
                writer.write(part)
                continue
            value = _object(part)
            changed = self._image(value) if part.key == "images" else self._annotation(value)
            if changed is None:
                continue
            writer.write(part, json_like(value, part.text) if changed else None)
        writer.finish()

    def _note_image(self, image: dict[str, Any]) -> None:
        name, number = image.get("file_name"), image.get("id")
        facts = self._facts(image)
        name = facts.source_path if facts is not None and name is None else name
        if isinstance(number, dict | list):
            raise ImageError("label_broken", f"the image {name!r} has the id {number!r}: expected a number or a text")
        if number in self._images:
            self.tally.note("images share their id with another", str(number))
        if facts is None:
            self.tally.miss("images", str(name))
            self._images[number] = _KEPT
        elif facts.is_elsewhere:
            self._images[number] = _ELSEWHERE
        elif not facts.is_written or facts.view is None:
            self.tally.note("images without an output, or of unknown size, are left out", str(name))
            self._images[number] = _REMOVED
        else:
            self._images[number] = self._maps.of(str(name), facts.view, _stated_size(image))

    def _facts(self, image: dict[str, Any]) -> PictureFacts | None:
        """Find the picture of an image by its name, or by its URL, which is all that LVIS has."""
        name = image.get("file_name")
        name = image.get("coco_url") if name is None else name
        return self._find(name) if isinstance(name, str) else None

    def _image(self, image: dict[str, Any]) -> bool | None:
        """Change an image; return whether it has changed, None if it is left out."""
        name, facts = image.get("file_name"), self._facts(image)
        if facts is None:
            return False
        if facts.is_elsewhere or not facts.is_written or facts.view is None:
            return None
        if name is None:
            self.tally.note("images are found by coco_url, which is kept", str(image["coco_url"]))
        else:
            image["file_name"] = renamed(name, facts, self._beside)
        for key, side in zip(("width", "height"), facts.view.output, strict=True):
            if image.get(key) is not None:
                image[key] = side
        return True

    def _annotation(self, annotation: dict[str, Any]) -> bool | None:
        """Change an annotation, and count it; return whether it has changed, None if it is left out."""
        number = annotation.get("image_id")
        found = self._images.get(number) if not isinstance(number, dict | list) else None
        segments = annotation.get("segments_info")
        count = len(segments) if isinstance(segments, list) else 1
        if found is None:
            self.tally.note("annotations name no image of the file and are kept as they are", f"image_id {number!r}")
        if found in {_REMOVED, _ELSEWHERE}:
            self.tally.dropped += count if found == _REMOVED else 0
            return None
        if not isinstance(found, AnnotationMap):
            self.tally.labels += count
            return False
        for key in unmapped_keys(annotation):
            self.tally.note("values are kept that may be places in the picture and are not mapped", f"{key!r}")
        if isinstance(segments, list):
            self._panoptic(annotation, segments, found)
            return True
        return True if self._has_mapped(annotation, found) else None

    def _has_mapped(self, annotation: dict[str, Any], shapes: AnnotationMap, *, is_segment: bool = False) -> bool:
        """Map an annotation, or a segment of a panoptic one, and count it; return whether it stays."""
        try:
            share = shapes.apply(annotation)
        except ValueError as error:
            self.tally.note("annotations are left out that cannot be read", f"id {annotation.get('id')!r} ({error})")
            share = 0.0
        stays = share > 0 if is_segment else shapes.is_enough(share)
        self.tally.labels += stays
        self.tally.dropped += not stays
        return stays

    def _panoptic(self, annotation: dict[str, Any], segments: list[Any], shapes: AnnotationMap) -> None:
        """Map the segments of a panoptic annotation; all that the mask may show are kept, however little is left.

        The name of the mask stays, because a mask is a PNG before and after.
        """
        if not all(isinstance(segment, dict) for segment in segments):
            raise ImageError("label_broken", f"segments_info of image {annotation['image_id']!r}: expected objects")
        annotation["segments_info"] = [one for one in segments if self._has_mapped(one, shapes, is_segment=True)]


def _stated_size(image: dict[str, Any]) -> tuple[int, int] | None:
    """Return the width and height that an image states; None if it states none."""
    sides = [image.get(key) for key in ("width", "height")]
    if sides == [None, None]:
        return None
    whole = [int(side) for side in map(finite, sides) if side is not None and side % 1 == 0]
    if len(whole) < len(sides):
        raise ImageError(
            "label_broken", f"{image['file_name']}: it states {sides[0]!r}x{sides[1]!r} pixels: expected whole numbers"
        )
    return whole[0], whole[1]


def _object(part: JsonPart) -> dict[str, Any]:
    if not isinstance(part.value, dict):
        raise ImageError("label_broken", f"{part.key} holds {part.text[:60]}: expected objects")
    return part.value
