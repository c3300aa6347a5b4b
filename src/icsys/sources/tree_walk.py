"""A plan of a tree of images: their outputs with names, and what goes with them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, cast

from icsys.sources.base import Companion, Ignored, Planned, Task, Unreadable
from icsys.sources.companions.find_annotations import kind_of_form
from icsys.sources.companions.layout import BY_CONTENT, NO_COMPANIONS, is_named
from icsys.sources.companions.pairing import NamedPicture, pair_files, stem_of
from icsys.sources.folder_entries import path_in
from icsys.sources.output_names import each_output_name, name_key
from icsys.sources.sorted_names import SortedNames

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

    from icsys.sources.companions.layout import CompanionLayout, PairRule
    from icsys.sources.folder_entries import FolderPlace

_MASK_SUFFIX = ".png"
_NO_PICTURE = "this mask has no picture of its stem, although the others of its folder have one"


class Contents(NamedTuple):
    """What a folder holds.

    Attributes
    ----------
    path
        Its path below the top of the tree.
    pictures, masks
        The names of its images.
    files
        The names of its annotations and sidecars, by the number of the rule.
    deeper
        The folders below it.
    """

    path: str
    pictures: SortedNames
    masks: SortedNames
    files: Mapping[int, SortedNames]
    deeper: list[FolderPlace]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeWalk(ABC):
    """The settings of a walk through a tree, which is a folder or lies in archives.

    Attributes
    ----------
    suffix
        Of the outputs of pictures; without one, outputs get no names.
    layout
        Which files go with images.
    images_only
        Whether companions are left out of the plan.
    """

    suffix: str
    layout: CompanionLayout = field(default=NO_COMPANIONS)
    images_only: bool = False

    @abstractmethod
    def _look(self, folder: FolderPlace) -> Generator[Planned, None, Contents]:
        """Return what a folder holds, and yield what is no image and goes with none."""

    @abstractmethod
    def _place(self, path: str) -> FolderPlace:
        """Return a folder by its path; OSError if it cannot be reached."""

    @abstractmethod
    def _form(self, path: str) -> str:
        """Return the form of a file from its content."""

    @abstractmethod
    def _task(self, folder: str, name: str, output: str) -> Task:
        """Return a picture by its folder, its name and the name of its output."""

    def _taken(self, together: Sequence[Contents]) -> Iterator[str]:
        """Yield the names in folders planned together that no output may have: those of the folders below."""
        return _below(together)

    def plan(self, folders: Sequence[FolderPlace]) -> Generator[Planned, None, list[list[FolderPlace]]]:
        """Plan folders with equal :func:`name_key`; return the folders below them, grouped in the same way."""
        together: list[Contents] = []
        for folder in folders:
            contents = yield from self._look(folder)
            together.append(contents)
        for contents, outputs in self._outputs(together):
            for name, output in zip(contents.pictures, outputs, strict=True):
                yield self._task(contents.path, name, output)
        if self.layout and not self.images_only:
            yield from self._masks(together)
            for contents in together:
                yield from self._annotations(contents, together)
        deeper: dict[str, list[FolderPlace]] = defaultdict(list)
        for contents in together:
            for place in contents.deeper:
                deeper[name_key(place.path.rpartition("/")[2])].append(place)
        return list(deeper.values())

    def _other(
        self, path: str, files: dict[int, SortedNames], is_file: Callable[[], bool]
    ) -> Iterator[Companion | Ignored]:
        """Add a file that is no image to those of its rule, or yield it as it is; ``is_file`` is asked late."""
        folder, _, name = path.rpartition("/")
        suffix = name[name.rfind(".") :].lower()
        rules = self.layout.folders.get(folder, ())
        number = next((number for number, rule in enumerate(rules) if suffix in rule.suffixes), None)
        about_many = self.layout.files.get(path)
        if (number is None and about_many is None) or not is_file():
            yield Ignored(path)
        elif about_many is not None:
            if not self.images_only:
                yield Companion(Task(path, path), *about_many)
        else:
            files[cast("int", number)].add(name)

    def _contents(
        self, folder: str, names: SortedNames, files: Mapping[int, SortedNames], deeper: list[FolderPlace]
    ) -> Contents:
        """Return what a folder holds, with its masks apart."""
        rules = self.layout.folders.get(folder, ())
        rule = next((rule for rule in rules if not rule.suffixes), None)
        pictures, masks = _split(folder, names, rule) if rule else (names, SortedNames())
        return Contents(folder, pictures, masks, files, deeper)

    def _outputs(self, together: Sequence[Contents]) -> Iterator[tuple[Contents, Iterable[str]]]:
        """Yield folders that are planned together, each with the names of its pictures' outputs; empty ones without."""
        if not self.suffix:
            for contents in together:
                yield contents, ("" for _ in contents.pictures)
            return
        reserved = [*self._taken(together), *self._companions_like(together)]
        one = together[0].pictures if len(together) == 1 else [name for each in together for name in each.pictures]
        outputs = each_output_name(one, self.suffix, reserved)
        for contents in together:
            yield contents, _take(outputs, len(contents.pictures))

    def _companions_like(self, together: Sequence[Contents]) -> Iterator[str]:
        """Yield the names of the outputs of companions that those of pictures could meet."""
        if self.suffix == _MASK_SUFFIX and any(len(contents.masks) and len(contents.pictures) for contents in together):
            yield from self._mask_outputs(together)
        for contents in together:
            for names in contents.files.values():
                yield from (name for name in names if name.lower().endswith(self.suffix))

    def _mask_outputs(self, together: Sequence[Contents]) -> Iterator[str]:
        names = [name for contents in together for name in contents.masks]
        return each_output_name(names, _MASK_SUFFIX, self._taken(together))

    def _masks(self, together: Sequence[Contents]) -> Iterator[Planned]:
        """Yield the masks of folders that are planned together."""
        outputs = self._mask_outputs(together)
        for contents in together:
            folder = contents.path
            if not len(contents.masks):
                continue
            rule = next(rule for rule in self.layout.folders[folder] if not rule.suffixes)
            own = _take(outputs, len(contents.masks))
            pairs = pair_files(contents.masks, rule.endings, self._pictures(rule, together))
            for (name, picture), output in zip(pairs, own, strict=True):
                path = path_in(folder, name)
                if picture is None:
                    yield Unreadable(path, "no_picture", _NO_PICTURE)
                else:
                    task = Task(path, path_in(folder, output) if self.suffix else path)
                    yield Companion(task, rule.kind, rule.form, self._picture_task(rule, picture))

    def _annotations(self, contents: Contents, together: Sequence[Contents]) -> Iterator[Planned]:
        """Yield the files of a folder that are about one picture each."""
        folder = contents.path
        for number, files in contents.files.items():
            rule = self.layout.folders[folder][number]
            pairs = pair_files(files, rule.endings, self._pictures(rule, together), whole_names=True)
            for name, picture in pairs:
                path = path_in(folder, name)
                if picture is None:
                    yield Ignored(path)
                    continue
                form = rule.form
                if form == BY_CONTENT:
                    form = self._form(path)
                kind = rule.kind if form == rule.form else kind_of_form(form)
                yield Companion(Task(path, path), kind, form, self._picture_task(rule, picture))

    def _picture_task(self, rule: PairRule, picture: NamedPicture) -> Task:
        return self._task(rule.pictures[picture.folder], picture.name, picture.output)

    def _pictures(self, rule: PairRule, together: Sequence[Contents]) -> Iterator[NamedPicture]:
        """Yield the pictures of a rule; folders at hand are not read again."""
        for number, folder in enumerate(rule.pictures):
            group = self.layout.alike.get(folder, (folder,))
            known = {contents.path for contents in together}
            read = together if known.issuperset(group) else [_end_of(self._look(self._place(path))) for path in group]
            for contents, outputs in self._outputs(read):
                if contents.path == folder:
                    for name, output in zip(contents.pictures, outputs, strict=True):
                        yield NamedPicture(number, name, output)
                else:
                    for _ in outputs:  # names are given in order
                        pass


def _split(folder: str, names: SortedNames, rule: PairRule) -> tuple[SortedNames, SortedNames]:
    """Return the names of pictures and of masks."""
    if rule.is_whole:
        return SortedNames(), names
    pictures, others, masks = SortedNames(), SortedNames(), SortedNames()
    endings = tuple({ending.file for ending in rule.endings})
    for name in names:
        may_be = is_named(path_in(folder, name), rule.patterns) if rule.patterns else stem_of(name).endswith(endings)
        (others if may_be else pictures).add(name)
    if rule.patterns:
        return pictures, others
    alone = []
    for name, picture in pair_files(others, rule.endings, (NamedPicture(0, one, "") for one in pictures)):
        if picture:
            masks.add(name)
        else:
            alone.append(name)
    for name in alone:
        pictures.add(name)
    return pictures, masks


def _below(together: Iterable[Contents]) -> Iterator[str]:
    """Yield the names of the folders in folders."""
    return (place.path.rpartition("/")[2] for contents in together for place in contents.deeper)


def _take(names: Iterator[str], count: int) -> Iterator[str]:
    """Yield some of several names; the others stay."""
    return (next(names) for _ in range(count))


def _end_of(look: Generator[Planned, None, Contents]) -> Contents:
    """Return what a generator returns."""
    while True:
        try:
            next(look)
        except StopIteration as end:
            return end.value
