"""A walk through folders: their images with the names of their outputs, and what goes with them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, cast

from icsys.errors import code_of
from icsys.sources.base import Companion, Ignored, PassedOver, Planned, Task, Unreadable
from icsys.sources.companions.find_annotations import form_of, kind_of_form
from icsys.sources.companions.layout import BY_CONTENT, NO_COMPANIONS, is_named
from icsys.sources.companions.pairing import NamedPicture, pair_files, stem_of
from icsys.sources.folder_entries import EntryKind, FolderReader, path_in
from icsys.sources.labels_from_manifest import RecordedLabels
from icsys.sources.output_names import each_output_name, name_key
from icsys.sources.sorted_names import SortedNames

if TYPE_CHECKING:
    import os
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from icsys.sources.companions.layout import CompanionLayout, PairRule
    from icsys.sources.folder_entries import FolderPlace

_MASK_SUFFIX = ".png"
_NO_PICTURE = "this mask has no picture of its stem, although the others of its folder have one"


class Contents(NamedTuple):
    """What a folder holds.

    Attributes
    ----------
    pictures, masks
        The names of its images.
    files
        The names of its annotations and sidecars, by the number of the rule.
    deeper
        The folders below it.
    """

    place: FolderPlace
    pictures: SortedNames
    masks: SortedNames
    files: Mapping[int, SortedNames]
    deeper: list[FolderPlace]


@dataclass(frozen=True, slots=True)
class FolderWalk:
    """The settings of a walk through folders.

    Attributes
    ----------
    suffix
        Of the outputs of pictures; without one, outputs get no names.
    layout
        Which files go with images.
    images_only
        Whether companions are left out of the plan.
    """

    reader: FolderReader
    suffix: str
    labels: RecordedLabels
    layout: CompanionLayout = field(default=NO_COMPANIONS)
    images_only: bool = False

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
        return cls(reader, suffix, labels, layout, images_only)

    def plan(self, folders: Sequence[FolderPlace]) -> Generator[Planned, None, list[list[FolderPlace]]]:
        """Plan folders with equal :func:`name_key`; return the folders below them, grouped in the same way."""
        together: list[Contents] = []
        for folder in folders:
            contents = yield from self._look(folder)
            together.append(contents)
        for contents, outputs in self._outputs(together):
            for name, output in zip(contents.pictures, outputs, strict=True):
                yield self._task(contents.place.path, name, output)
        if self.layout and not self.images_only:
            yield from self._masks(together)
            for contents in together:
                yield from self._annotations(contents, together)
        deeper: dict[str, list[FolderPlace]] = defaultdict(list)
        for contents in together:
            for place in contents.deeper:
                deeper[name_key(place.path.rpartition("/")[2])].append(place)
        return list(deeper.values())

    def _look(self, folder: FolderPlace) -> Generator[Planned, None, Contents]:
        """Return what a folder holds, and yield what is no image and goes with none."""
        names, others, above, left_out = self.reader.read(folder)
        if left_out:
            yield left_out
        rules = self.layout.folders.get(folder.path, ())
        files: dict[int, SortedNames] = defaultdict(SortedNames)
        deeper: list[FolderPlace] = []
        for entry in others:
            path = path_in(folder.path, entry.name)
            try:
                kind = self.reader.kind(entry, above)
                if kind is EntryKind.IMAGE:
                    names.add(entry.name)
                elif kind is EntryKind.OTHER:
                    yield from self._other(path, entry, rules, files)
                elif kind is EntryKind.FOLDER:
                    entered = self.reader.enter(folder, entry, above)
                    if isinstance(entered, PassedOver):
                        yield entered
                    elif entered:
                        deeper.append(entered)
            except OSError as error:
                yield Unreadable(path, code_of(error), f"the file cannot be read: {error.strerror or error}")
        rule = next((rule for rule in rules if not rule.suffixes), None)
        pictures, masks = _split(folder.path, names, rule) if rule else (names, SortedNames())
        return Contents(folder, pictures, masks, files, deeper)

    def _other(
        self, path: str, entry: os.DirEntry[str], rules: Sequence[PairRule], files: dict[int, SortedNames]
    ) -> Iterator[Companion | Ignored]:
        """Add a file that is no image to those of its rule, or yield it as it is."""
        suffix = entry.name[entry.name.rfind(".") :].lower()
        number = next((number for number, rule in enumerate(rules) if suffix in rule.suffixes), None)
        about_many = self.layout.files.get(path)
        if (number is None and about_many is None) or not self._is_file(entry):
            yield Ignored(path)
        elif about_many is not None:
            if not self.images_only:
                yield Companion(Task(path, path), *about_many)
        else:
            files[cast("int", number)].add(entry.name)

    def _is_file(self, entry: os.DirEntry[str]) -> bool:
        return not entry.name.startswith(".") and entry.is_file(follow_symlinks=self.reader.follow_links)

    def _task(self, folder: str, name: str, output: str) -> Task:
        path = path_in(folder, name)
        own = path_in(folder, output) if output else path
        return Task(path, own, None, self.labels.of(path), self.labels.sample_of(path))

    def _outputs(self, together: Sequence[Contents]) -> Iterator[tuple[Contents, Iterable[str]]]:
        """Yield folders that are planned together, each with the names of its pictures' outputs; empty ones without."""
        if not self.suffix:
            for contents in together:
                yield contents, ("" for _ in contents.pictures)
            return
        reserved = [*_below(together), *self._companions_like(together)]
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
        return each_output_name(names, _MASK_SUFFIX, _below(together))

    def _masks(self, together: Sequence[Contents]) -> Iterator[Planned]:
        """Yield the masks of folders that are planned together."""
        outputs = self._mask_outputs(together)
        for contents in together:
            folder = contents.place.path
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
        folder = contents.place.path
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
                    form = form_of(self.reader.source / path)
                kind = rule.kind if form == rule.form else kind_of_form(form)
                yield Companion(Task(path, path), kind, form, self._picture_task(rule, picture))

    def _picture_task(self, rule: PairRule, picture: NamedPicture) -> Task:
        return self._task(rule.pictures[picture.folder], picture.name, picture.output)

    def _pictures(self, rule: PairRule, together: Sequence[Contents]) -> Iterator[NamedPicture]:
        """Yield the pictures of a rule; folders at hand are not read again."""
        for number, folder in enumerate(rule.pictures):
            group = self.layout.alike.get(folder, (folder,))
            known = {contents.place.path for contents in together}
            read = (
                together
                if known.issuperset(group)
                else [_end_of(self._look(self.reader.place(path))) for path in group]
            )
            for contents, outputs in self._outputs(read):
                if contents.place.path == folder:
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
