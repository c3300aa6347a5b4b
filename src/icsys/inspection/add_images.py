"""From what was found out about each image to the counts, lists and table of an inspection."""

from __future__ import annotations

import heapq
from collections import Counter
from typing import TYPE_CHECKING

from icsys.inspection.inspection import MOST_SIZES, InspectedImage
from icsys.inspection.split_folders import SplitFolders, purpose_of
from icsys.results import Failed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from icsys.inspection.groups import Groups
    from icsys.inspection.image_facts import ImageFacts
    from icsys.inspection.inspection import Inspection
    from icsys.inspection.split_folders import FoundPlace
    from icsys.sources.base import Task

RANKED = 10
"""Images that are named as the darkest, and as the blurriest."""


def add_images(
    found: Inspection,
    tasks: Sequence[Task],
    lists: Mapping[str, str],
    facts: Sequence[ImageFacts],
    groups: Groups,
) -> None:
    """Fill an inspection with what was found out about the images and their groups.

    Parameters
    ----------
    tasks
        All images of the source, in its order.
    lists
        The splits of images that lie in the folder of no split, by their paths.
    facts
        What was found out, in the same order; of some of them if the inspection was stopped.
    """
    folders = SplitFolders({task.source.rpartition("/")[0] for task in tasks})
    labels = {task.source: task.label for task in tasks if task.label is not None}
    places = {}
    for one in facts:
        place = folders.place_of(one.source)
        if place.split is None and one.source in lists:
            place = place._replace(split=lists[one.source], purpose=purpose_of(lists[one.source]))
        label = labels.get(one.source)
        places[one.source] = place if label is None else place._replace(label=label.name)
    found.duplicates, found.near_duplicates = groups.exact, groups.near
    found.leaks = [group for group in groups.all if _is_leak(group, places)]
    numbers = [_numbers(found.duplicates), _numbers(found.near_duplicates)]
    found.table = [_image(one, places[one.source], *(known.get(one.source) for known in numbers)) for one in facts]
    found.broken += [
        Failed(source=one.source, code=one.failure[0], message=one.failure[1]) for one in facts if one.failure
    ]
    _count(found)


def _is_leak(group: Sequence[str], places: Mapping[str, FoundPlace]) -> bool:
    """Return whether images of a group lie in splits of different purposes."""
    return len({places[name].purpose for name in group} - {None}) > 1


def _numbers(groups: Sequence[Sequence[str]]) -> dict[str, int]:
    return {name: number for number, group in enumerate(groups, 1) for name in group}


def _image(one: ImageFacts, place: FoundPlace, duplicates: int | None, near: int | None) -> InspectedImage:
    info, seen = one.info, one.fingerprint
    return InspectedImage(
        one.source,
        place.label,
        place.split,
        info.format if info else None,
        info.mode if info else None,
        info.width if info else None,
        info.height if info else None,
        info.frames if info else None,
        one.size,
        one.sha256.hex(),
        f"{seen.hash:016x}" if seen else "",
        round(seen.light, 2) if seen else None,
        round(seen.sharpness, 2) if seen else None,
        duplicates,
        near,
        one.failure[0] if one.failure else None,
    )


def _count(found: Inspection) -> None:
    """Count the images of the table, and rank them."""
    table = found.table
    usable = [image for image in table if image.format is not None]
    found.images = len(table)
    found.bytes = sum(image.bytes or 0 for image in table)
    found.classes = dict(sorted(Counter(image.label for image in table if image.label is not None).items()))
    found.splits = dict(sorted(Counter(image.split for image in table if image.split is not None).items()))
    found.formats = dict(Counter(str(image.format) for image in usable).most_common())
    found.modes = dict(Counter(str(image.mode) for image in usable).most_common())
    found.sizes = dict(Counter(f"{image.width}x{image.height}" for image in usable).most_common(MOST_SIZES))
    found.animated = sum((image.frames or 0) > 1 for image in usable)
    for name, column in (("darkest", "light"), ("blurriest", "sharpness")):
        values = [(getattr(image, column), place) for place, image in enumerate(usable)]
        setattr(found, name, [(usable[place].source, value) for value, place in heapq.nsmallest(RANKED, values)])
