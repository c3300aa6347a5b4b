"""Files named one by one as a source; outputs keep the folders below the deepest folder that holds all files."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.errors import UsageError
from icsys.layout import OWN_PREFIX
from icsys.records.label import label_of
from icsys.sources.base import Task
from icsys.sources.folder import Folder
from icsys.sources.output_names import name_key, output_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ONE_KIND = (
    "expected one folder, or image files only; run ics compress for each folder, with an output folder of its own"
)


@dataclass(frozen=True, slots=True)
class Files(Folder):
    """Some files of a folder as a source, whatever their names; links among them are followed.

    Attributes
    ----------
    names
        The paths of the files below the folder, with forward slashes.
    """

    names: tuple[str, ...] = field(kw_only=True)

    @property
    def named(self) -> Sequence[str]:
        """See Folder."""
        return self.names

    @property
    def classes(self) -> Sequence[str]:
        """See Source: the names of the folders are the classes."""
        return ()

    def plan(self, suffix: str) -> Iterator[Task]:
        """List the files folder by folder; outputs of one folder are named as in a run over it."""
        together: dict[str, list[tuple[str, str]]] = defaultdict(list)
        below: dict[str, set[str]] = defaultdict(set)
        for path in self.names:
            folder, _, name = path.rpartition("/")
            together[name_key(folder)].append((folder, name))
            while folder:
                folder, _, name = folder.rpartition("/")
                below[name_key(folder)].add(name)
        for key, files in sorted(together.items()):
            outputs = output_names([name for _, name in files], suffix, below[key])
            for (folder, name), output in zip(files, outputs, strict=True):
                start = f"{folder}/" if folder else ""
                yield Task(start + name, start + output)

    def plan_by_class(self) -> Iterator[Task]:
        """List the files class by class: folders of one name together, wherever they lie."""
        yield from sorted(self.plan(""), key=lambda task: label_of(task.source) or "")


def open_files(paths: Iterable[Path], destination: Path) -> Files:
    """Return files as a source; each counts once.

    Raises
    ------
    UsageError
        If one does not exist, is no file, or cannot be read; or if the output folder holds one.
    """
    whole = sorted({_absolute(path) for path in paths})
    try:
        root = Path(os.path.commonpath([path.parent for path in whole]))
    except ValueError:
        raise UsageError(
            f"source {str(whole[0])!r} and {str(whole[-1])!r} lie on two drives: expected files of one drive"
        ) from None
    own = destination.resolve()
    for folder in sorted({path.parent for path in whole}):
        if own in (folder.resolve(), *folder.resolve().parents):
            raise UsageError(
                f"source {str(folder)!r} lies in destination {str(destination)!r}: expected an output folder that does "
                "not hold the files, so that no photo is overwritten"
            )
    return Files(root, destination, names=tuple(path.relative_to(root).as_posix() for path in whole))


def _absolute(path: Path) -> Path:
    """Return the absolute path of a file; a link as the last part stays a link."""
    try:
        is_file = path.is_file()
        exists = is_file or path.exists()
    except (OSError, ValueError):
        is_file = exists = False
    if not exists:
        raise UsageError(f"source {str(path)!r} does not exist: expected image files, and then the output folder")
    if not is_file:
        raise UsageError(f"source {str(path)!r} is {'a folder' if path.is_dir() else 'no file'}: {ONE_KIND}")
    if path.name.startswith(OWN_PREFIX):
        raise UsageError(f"source {str(path)!r} has a name that ics keeps for its own files: expected another name")
    if not os.access(path, os.R_OK):
        raise UsageError(f"source file {str(path)!r} cannot be read: permission denied")
    return (path.parent.resolve() if ".." in path.parts else path.parent.absolute()) / path.name
