"""A walk through folders: their images with the names of their outputs, and what goes with them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from icsys.errors import code_of
from icsys.sources.base import PassedOver, Planned, Task, Unreadable
from icsys.sources.companions.find_annotations import form_of
from icsys.sources.companions.tree_files import FolderFiles
from icsys.sources.folder_entries import EntryKind, FolderReader, path_in
from icsys.sources.labels_from_manifest import RecordedLabels
from icsys.sources.sorted_names import SortedNames
from icsys.sources.tree_walk import TreeWalk

if TYPE_CHECKING:
    import os
    from collections.abc import Generator
    from pathlib import Path

    from icsys.sources.companions.layout import CompanionLayout
    from icsys.sources.folder_entries import FolderPlace
    from icsys.sources.tree_walk import Contents


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderWalk(TreeWalk):
    """A walk through folders; see :class:`TreeWalk` for its settings."""

    reader: FolderReader
    labels: RecordedLabels

    @classmethod
    def of(
        cls,
        source: Path,
        destination: Path,
        suffix: str,
        *,
        follow_links: bool,
        include_outputs: bool,
        layout: CompanionLayout,
        images_only: bool = False,
    ) -> FolderWalk:
        """Return the walk through a folder; without a suffix, labels are not needed."""
        labels = RecordedLabels()
        reader = FolderReader.of(
            source,
            destination,
            follow_links=follow_links,
            include_outputs=include_outputs,
            labels=labels if suffix else None,
        )
        if suffix:
            labels.read(source)
        return cls(reader=reader, suffix=suffix, labels=labels, layout=layout, images_only=images_only)

    def _look(self, folder: FolderPlace) -> Generator[Planned, None, Contents]:
        """Return what a folder holds, and yield what is no image and goes with none."""
        names, others, above, left_out = self.reader.read(folder)
        if left_out:
            yield left_out
        files: dict[int, SortedNames] = defaultdict(SortedNames)
        deeper: list[FolderPlace] = []
        for entry in others:
            path = path_in(folder.path, entry.name)
            try:
                kind = self.reader.kind(entry, above)
                if kind is EntryKind.IMAGE:
                    names.add(entry.name)
                elif kind is EntryKind.OTHER:
                    yield from self._other(path, files, partial(self._is_file, entry))
                elif kind is EntryKind.FOLDER:
                    entered = self.reader.enter(folder, entry, above)
                    if isinstance(entered, PassedOver):
                        yield entered
                    elif entered:
                        deeper.append(entered)
            except OSError as error:
                yield Unreadable(path, code_of(error), f"the file cannot be read: {error.strerror or error}")
        return self._contents(folder.path, names, files, deeper)

    def _is_file(self, entry: os.DirEntry[str]) -> bool:
        return not entry.name.startswith(".") and entry.is_file(follow_symlinks=self.reader.follow_links)

    def _place(self, path: str) -> FolderPlace:
        return self.reader.place(path)

    def _form(self, path: str) -> str:
        return form_of(FolderFiles(self.reader), path)

    def _task(self, folder: str, name: str, output: str) -> Task:
        path = path_in(folder, name)
        own = path_in(folder, output) if output else path
        return Task(path, own, None, self.labels.of(path), self.labels.sample_of(path))
