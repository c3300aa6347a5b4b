"""Read the source images of a finished run, if they are still available."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.errors import ICSError
from icsys.files.relative_names import is_below
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
    """Some images of a source, read by name.

    Parameters
    ----------
    source
        The source of the run; if it is gone, it holds no images.
    destination
        The run's output folder.
    names
        The images that may be read.
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
        """Return the bytes of an image; OSError or ICSError if it is not available."""
        if self._source is None or name not in self._works:
            raise FileNotFoundError(name)
        return self._source.read(self._works[name], options)[0]


def recorded_place(source: object) -> str | None:
    """Return the source in ``run.json``; None for a URL, because a page fetches nothing without a request."""
    return source if isinstance(source, str) and not is_url(source) else None
