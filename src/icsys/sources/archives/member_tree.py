"""The members of archives as one tree of files: what goes with images is found in it as in a folder."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.errors import ImageError
from icsys.image.decode import IMAGE_SUFFIXES
from icsys.image.limits import check_bytes
from icsys.sources.archives.reader import reader_for
from icsys.sources.base import Task
from icsys.sources.companions.find_annotations import form_of
from icsys.sources.companions.survey import survey_companions
from icsys.sources.companions.tree_files import name_suffix
from icsys.sources.folder_entries import FolderPlace, path_in
from icsys.sources.output_names import name_key
from icsys.sources.safe_names import safe_path
from icsys.sources.sorted_names import SortedNames
from icsys.sources.tree_walk import TreeWalk

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from icsys.options import Options
    from icsys.sources.archives.archive_access import ArchiveFiles
    from icsys.sources.archives.member_index import MemberIndex
    from icsys.sources.base import Planned
    from icsys.sources.companions.layout import CompanionLayout, CompanionSettings
    from icsys.sources.tree_walk import Contents


@dataclass(frozen=True, slots=True)
class MemberFiles:
    """The members of archives, see :class:`~icsys.sources.companions.tree_files.TreeFiles`.

    Companions in packs are left out: the packs say what they are.
    """

    shown: str
    index: MemberIndex
    archive_files: ArchiveFiles

    def folders(self) -> Iterator[tuple[str, list[str]]]:
        """See TreeFiles; folders that hold only folders come last."""
        met, above = set[str](), {""}
        for folder, group in groupby(self.index.files(), key=itemgetter(0)):
            met.add(folder)
            yield folder, [name for _, name in group]
            while folder := folder.rpartition("/")[0]:
                above.add(folder)
        for folder in sorted(above - met):
            yield folder, []

    def names(self, folder: str) -> tuple[SortedNames, SortedNames]:
        """See TreeFiles."""
        images, others = SortedNames(), SortedNames()
        for name, is_image in self.index.files_in(folder):
            (images if is_image and name_suffix(name) in IMAGE_SUFFIXES else others).add(name)
        return images, others

    def head(self, path: str, size: int) -> bytes:
        """See TreeFiles."""
        head = b""
        for block in self.blocks(path):
            head += block
            if len(head) >= size:
                break
        return head[:size]

    def blocks(self, path: str) -> Iterator[bytes]:
        """See TreeFiles."""
        found = self.index.find(path)
        if found is None:
            return
        place = found[1]
        try:
            yield from reader_for(place.file).read_blocks(self.archive_files, place)
        except (ImageError, OSError):
            return

    def read(self, path: str, options: Options) -> bytes:
        """See TreeFiles."""
        found = self.index.find(path)
        if found is None:
            raise FileNotFoundError(path)
        place = found[1]
        check_bytes(place.size or 0, options)
        return reader_for(place.file).read_member(self.archive_files, place, options)

    def is_file(self, path: str) -> bool:
        """See TreeFiles."""
        return self.index.find(safe_path(path)) is not None

    def below(self, text: str) -> str | None:
        """See TreeFiles: a path in the archives."""
        return safe_path(text) if self.is_file(text) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberWalk(TreeWalk):
    """A walk through the members of archives; see :class:`TreeWalk` for its settings."""

    files: MemberFiles

    def plan_all(self) -> Iterator[Planned]:
        """Plan all members, folder by folder."""
        for folders in self.files.index.alike_folders():
            yield from self.plan([self._place(folder) for folder in folders])

    def _look(self, folder: FolderPlace) -> Generator[Planned, None, Contents]:
        names, files = SortedNames(), defaultdict[int, SortedNames](SortedNames)
        for name, is_image in self.files.index.files_in(folder.path):
            if is_image:
                names.add(name)
            else:
                yield from self._other(path_in(folder.path, name), files, lambda: True)
        return self._contents(folder.path, names, files, [])

    def _place(self, path: str) -> FolderPlace:
        return FolderPlace(path, Path())

    def _form(self, path: str) -> str:
        return form_of(self.files, path)

    def _task(self, folder: str, name: str, output: str) -> Task:
        path = path_in(folder, name)
        return Task(path, path_in(folder, output) if output else path)

    def _taken(self, together: Sequence[Contents]) -> Iterator[str]:
        key = name_key(together[0].path).encode("utf-8", "surrogateescape")
        return iter(self.files.index.taken(key))


def find_companions(files: MemberFiles, settings: CompanionSettings) -> CompanionLayout:
    """Return what goes with the images of archives, and let the index plan it from now on."""
    layout = survey_companions(files, settings)
    if layout:

        def plan(suffix: str) -> Iterator[Planned]:
            return MemberWalk(files=files, suffix=suffix, layout=layout).plan_all()

        files.index.follow_tree(plan)
    return layout
