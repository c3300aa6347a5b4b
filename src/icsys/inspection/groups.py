"""Groups of duplicates: images with equal files, and images that show the same picture."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from threadpoolctl import threadpool_limits

from icsys.inspection.equal_files import equal_files, first_of_equal
from icsys.inspection.image_facts import collect_facts
from icsys.inspection.near_duplicates import find_near_duplicates
from icsys.inspection.small_pictures import SmallPictures
from icsys.sources.base import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from icsys.engine.executor import Executor
    from icsys.inspection.image_facts import ImageFacts
    from icsys.options import Options
    from icsys.sources.base import Source


class Groups(NamedTuple):
    """Groups of two and more images, by their paths, each in the order of the source.

    Attributes
    ----------
    exact
        Images whose files are equal.
    near
        Images that show the same picture, equal files of them included.
    all
        Both together: each image is in at most one of these groups.
    """

    exact: list[list[str]]
    near: list[list[str]]
    all: list[list[str]]


def find_groups(facts: Sequence[ImageFacts], pictures: SmallPictures, *, near: bool) -> Groups:
    """Find all groups of duplicates among images.

    Parameters
    ----------
    facts
        What was found out about each image, in the order of the source.
    pictures
        Reads pictures once more, to compare them.
    near
        Whether to search near duplicates, too.
    """
    first = first_of_equal((one.source, one.sha256) for one in facts)
    distinct = [one for one in facts if one.source not in first and one.fingerprint is not None]
    leaders = find_near_duplicates(distinct, pictures) if near else {}
    names = [one.source for one in facts]
    together = {name: leaders.get(first.get(name, name), first.get(name, name)) for name in names}
    in_exact = {name: first.get(name, name) for name in names}
    groups = _collected(names, together)
    return Groups(
        _collected(names, in_exact),
        [group for group in groups if len({in_exact[name] for name in group}) > 1],
        groups,
    )


def duplicate_groups(
    source: Source,
    executor: Executor,
    options: Options | None = None,
    *,
    near: bool = True,
    report: Callable[[int, int], object] = lambda *_: None,
) -> list[list[str]]:
    """Return the groups of images that are equal or near duplicates, by their paths, in the order of the source.

    Parameters
    ----------
    source
        All of its images are read.
    executor
        Reads and decodes them. What is found when it is stopped is not complete.
    options
        ``max_bytes`` is used where only files of equal size are read.
    near
        Whether to search near duplicates, too; otherwise only files of equal size are read.
    report
        Called with the number of images, or of pictures to be compared, and how many are done.

    Returns
    -------
    list of list of str
        Each image is in at most one group; a group has two and more.
    """
    tasks = [planned for planned in source.plan("") if isinstance(planned, Task)]
    names = [task.source for task in tasks]
    if not near:
        first = equal_files(source, executor, options)
        return _collected(names, {name: first.get(name, name) for name in names})
    with threadpool_limits(1, user_api="blas"):
        facts = collect_facts(tasks, source, executor, partial(report, len(tasks)))
        return find_groups(facts, SmallPictures(source, executor, tasks, report), near=True).all


def _collected(names: Sequence[str], leaders: Mapping[str, str]) -> list[list[str]]:
    """Return the names that have the same leader, as groups of two and more."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        found[leaders[name]].append(name)
    return [group for group in found.values() if len(group) > 1]
