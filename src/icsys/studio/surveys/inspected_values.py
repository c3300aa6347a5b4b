"""An inspection as plain values for the page: counts, and the first examples of what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from icsys.inspection.inspection import Inspection

MOST_NAMED = 20
"""Broken files, groups and counts that are named one by one."""

_IN_A_GROUP = 10


def inspected_values(found: Inspection, number_of: Callable[[str], int | None]) -> dict[str, Any]:
    """Return what the page shows of an inspection.

    Parameters
    ----------
    number_of
        Returns the number of an image by its path; None if it is in no list.
    """

    def named(names: Sequence[str]) -> list[dict[str, Any]]:
        return [{"name": name, "image": number_of(name)} for name in names]

    def groups(all_groups: Sequence[Sequence[str]]) -> dict[str, Any]:
        shown = [{"count": len(group), "images": named(group[:_IN_A_GROUP])} for group in all_groups[:MOST_NAMED]]
        return {"groups": len(all_groups), "images": sum(map(len, all_groups)), "first": shown}

    return {
        "images": found.images,
        "bytes": found.bytes,
        "seconds": found.seconds,
        "classes": _most(found.classes),
        "splits": _most(found.splits),
        "formats": _most(found.formats),
        "modes": _most(found.modes),
        "sizes": _size_words(found),
        "animated": found.animated,
        "duplicates": groups(found.duplicates),
        "near_duplicates": groups(found.near_duplicates),
        "leaks": groups(found.leaks),
        "broken": {
            "images": len(found.broken),
            "first": [
                {"name": one.source, "image": number_of(one.source), "code": one.code, "message": one.message}
                for one in found.broken[:MOST_NAMED]
            ],
        },
        "darkest": named([name for name, _ in found.darkest]),
        "blurriest": named([name for name, _ in found.blurriest]),
        "masks": _companions(found.masks),
        "annotations": _companions(found.annotations),
        "sidecars": _companions(found.sidecars),
        "ignored": found.ignored,
    }


def _most(counts: Mapping[str, int]) -> dict[str, Any]:
    """Return how many names there are, and the most common ones with their numbers of images."""
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_NAMED]
    return {"names": len(counts), "first": [list(item) for item in most]}


def _companions(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values.get(name) for name in ("files", "forms", "found", "unclear")}


def _size_words(found: Inspection) -> str:
    """Return the sizes of the images in words.

    Examples
    --------
    >>> from icsys.inspection.inspection import InspectedImage, Inspection
    >>> table = [InspectedImage("a.png", None, None, width=640, height=480)]
    >>> _size_words(Inspection("photos", sizes={"640x480": 1}, table=table))
    'all 640 x 480'
    """
    sizes = [(image.width, image.height) for image in found.table if image.width and image.height]
    distinct = set(sizes)
    if not distinct:
        return ""
    first = next(iter(found.sizes), "").replace("x", " x ")
    if len(distinct) == 1:
        return f"all {first}"
    areas = sorted(distinct, key=lambda size: size[0] * size[1])
    smallest, largest = ("{} x {}".format(*areas[place]) for place in (0, -1))
    return f"{smallest} to {largest}, most often {first}"
