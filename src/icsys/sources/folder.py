"""A folder as a source: find its images and plan their outputs."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from icsys.records.label import label_of
from icsys.sources.base import Loaded, Planned, Task
from icsys.sources.companions.layout import NO_COMPANIONS
from icsys.sources.labels_from_manifest import recorded_classes
from icsys.sources.read_file import open_regular, read_file

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from icsys.options import Options
    from icsys.sources.companions.layout import CompanionLayout
    from icsys.sources.folder_entries import FolderPlace


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as a source; ``destination`` is left out if it lies inside.

    Attributes
    ----------
    layout
        Which files go with images.
    """

    path: Path
    destination: Path
    follow_links: bool = False
    include_outputs: bool = False
    layout: CompanionLayout = NO_COMPANIONS

    @property
    def shown(self) -> str:
        """Its whole path."""
        return str(self.path.absolute())

    @property
    def named(self) -> Sequence[str]:
        """The files that the plan is for; empty for the whole folder."""
        return ()

    @property
    def classes(self) -> Sequence[str]:
        """See Source: the classes of the run that has made the folder."""
        return recorded_classes(self.path)

    def plan(self, suffix: str) -> Iterator[Planned]:
        """List the images as :func:`plan_folder` does."""
        return plan_folder(
            self.path,
            self.destination,
            suffix,
            follow_links=self.follow_links,
            include_outputs=self.include_outputs,
            layout=self.layout,
        )

    def plan_by_class(self) -> Iterator[Task]:
        """List the images as :func:`plan_by_class` does."""
        return plan_by_class(
            self.path,
            self.destination,
            follow_links=self.follow_links,
            include_outputs=self.include_outputs,
            layout=self.layout,
        )

    def stat(self, task: Task) -> tuple[int, int]:
        """See Source: the system answers faster than a stored list."""
        found = os.stat(f"{self.path}/{task.source}")  # noqa: PTH116 - a Path for each of a million files costs
        return found.st_size, found.st_mtime_ns

    def load(self, tasks: Iterable[Task], options: Options) -> Iterator[Loaded]:  # noqa: ARG002 - the workers read
        """Pair each task with None: the workers read."""
        return ((task, None) for task in tasks)

    def head(self, task: Task, size: int) -> bytes:
        """Read the beginning of a file."""
        with open_regular(self.path / task.source) as file:
            return file.read(size)

    def read(self, task: Task, options: Options) -> tuple[bytes, int]:
        """Read a file as :func:`~icsys.sources.read_file.read_file` does."""
        try:
            return read_file(f"{self.path}/{task.source}", options)
        except OSError:
            return read_file(self.path / task.source, options)  # its errors name the file as a Path does

    def open(self, task: Task, options: Options) -> BinaryIO:  # noqa: ARG002 - it takes no memory
        """Open a file."""
        return open_regular(self.path / task.source)


def plan_folder(
    source: Path,
    destination: Path,
    suffix: str,
    *,
    follow_links: bool = False,
    include_outputs: bool = False,
    layout: CompanionLayout = NO_COMPANIONS,
) -> Iterator[Planned]:
    """List the images below ``source`` with their outputs, folder by folder, in the order of their names.

    The walk is lazy: the names of one folder are in memory at a time. Outputs keep the sub-folders. ``destination`` is
    left out if it lies inside ``source``; other output folders below ``source`` are passed over. Folders whose names
    differ only in letter case or Unicode form are planned together, because some file systems treat them as one.

    Parameters
    ----------
    source, destination
        Folders; ``destination`` need not exist.
    suffix
        Suffix of the outputs, with its dot.
    follow_links
        Follow links to files and folders, except links to a folder above them.
    include_outputs
        Read other output folders, too.
    layout
        Which files go with images: they are no images of their own.
    """
    from icsys.sources.folder_walk import FolderWalk  # noqa: PLC0415 - files by name need no walk

    walk = FolderWalk.of(
        source, destination, suffix, follow_links=follow_links, include_outputs=include_outputs, layout=layout
    )
    # A list instead of recursion: folders may be nested deeper than Python's calls.
    waiting = [[walk.reader.top]]
    while waiting:
        below = yield from walk.plan(waiting.pop())
        waiting.extend(reversed(below))


def plan_by_class(
    source: Path,
    destination: Path,
    *,
    follow_links: bool = False,
    include_outputs: bool = False,
    layout: CompanionLayout = NO_COMPANIONS,
) -> Iterator[Task]:
    """List the images of :func:`plan_folder` class by class: folders of one name together, wherever they lie.

    The paths of all folders are in memory, and the names of one folder at a time.
    """
    from icsys.sources.folder_walk import FolderWalk  # noqa: PLC0415 - files by name need no walk

    walk = FolderWalk.of(
        source,
        destination,
        "",
        follow_links=follow_links,
        include_outputs=include_outputs,
        layout=layout,
        images_only=True,
    )
    waiting = [[walk.reader.top]]
    found: dict[str, list[list[FolderPlace]]] = defaultdict(list)
    while waiting:
        group = waiting.pop()
        labels, below = _look_through(walk.plan(group))
        for label in labels:
            found[label].append(group)
        waiting.extend(reversed(below))
    for label, groups in sorted(found.items()):
        for group in groups:
            for planned in walk.plan(group):
                if isinstance(planned, Task) and (label_of(planned.source) or "") == label:
                    yield planned


def _look_through(
    plan: Generator[Planned, None, list[list[FolderPlace]]],
) -> tuple[set[str], list[list[FolderPlace]]]:
    """Return the classes of the images in folders, and the folders below them."""
    labels: set[str] = set()
    while True:
        try:
            planned = next(plan)
        except StopIteration as end:
            return labels, end.value
        if isinstance(planned, Task):
            labels.add(label_of(planned.source) or "")
