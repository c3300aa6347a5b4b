"""The images that a finished run was made from, as far as they are still at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.errors import ICSError
from icsys.files.rooted_path import is_below
from icsys.files.url import is_url
from icsys.sources.base import Task
from icsys.sources.folder import Folder
from icsys.sources.open_source import open_source

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from icsys.options import Options
    from icsys.sources.base import Source


class SourceImages:
    """Some images of a source by their names.

    Parameters
    ----------
    source
        As given to the run; one that is not there any more holds no image.
    destination
        The run's output folder.
    names
        The images that will be asked for.
    """

    def __init__(self, source: str | None, destination: Path, names: Collection[str]) -> None:
        self._works: dict[str, Task] = {}
        self._source: Source | None = None
        if source is None or not names:
            return
        try:
            self._source = open_source(source, destination)
        except ICSError:
            return
        if isinstance(self._source, Folder):
            self._works = {name: Task(name, "") for name in names if is_below(name)}
        else:
            tasks = (task for task in self._source.plan("") if isinstance(task, Task) and task.source in names)
            self._works = {task.source: Task(task.source, "", place=task.place) for task in tasks}

    def read(self, name: str, options: Options) -> bytes:
        """Return the bytes of an image; OSError or ICSError if it is not at hand."""
        if self._source is None or name not in self._works:
            raise FileNotFoundError(name)
        return self._source.read(self._works[name], options)[0]


def recorded_place(source: object) -> str | None:
    """Return the source that ``run.json`` tells of; not a URL, from which a page should not fetch unasked."""
    return source if isinstance(source, str) and not is_url(source) else None
