"""A source some of whose images are left out, and whose outputs lie in a folder for each split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.records.label import UNLABELLED
from icsys.sources.base import Companion, Excluded, Task, Unreadable
from icsys.sources.folder import Folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import BinaryIO

    from icsys.options import Options
    from icsys.records.split_list import SplitTable
    from icsys.sources.base import Loaded, Planned, Source


_DIVIDED = frozenset({"coco", "metadata", "table"})  # forms of files about many images


class SelectedSource:
    """Another source, with some of its images left out, and with its outputs in the folders of splits.

    The output of an image, and that of each file about it alone, has the name of the split before its whole path, so
    ``masks/a.png`` becomes ``train/masks/a.png`` beside ``train/images/a.png``, as loaders expect of a dataset in
    folders. COCO files and tables are written once for each split, with what they say of its images, at
    ``train/annotations.json``. A list of images, or a file that is copied, keeps its path.

    Parameters
    ----------
    whole
        The other source.
    splits
        The split of each image; None to leave outputs where they are.
    excluded
        The rule that leaves out an image, and a sentence that says so, by the paths of such images.
    """

    def __init__(self, whole: Source, splits: SplitTable | None, excluded: Mapping[str, tuple[str, str]]) -> None:
        self.whole, self._splits, self._excluded = whole, splits, excluded

    def __reduce__(self) -> tuple[object, ...]:
        """Leave out what only a plan needs: workers only read."""
        return SelectedSource, (self.whole, None, {})

    @property
    def shown(self) -> str:
        """See Source."""
        return self.whole.shown

    @property
    def classes(self) -> Sequence[str]:
        """See Source."""
        return self.whole.classes

    @property
    def has_splits(self) -> bool:
        """Whether outputs lie in the folders of splits."""
        return self._splits is not None

    def plan(self, suffix: str) -> Iterator[Planned]:
        """List what the other source lists; images that are left out are :class:`Excluded`."""
        for planned in self.whole.plan(suffix):
            if self._splits is not None and isinstance(planned, Companion) and planned.form in _DIVIDED:
                for split in self._splits.names:
                    yield planned._replace(task=planned.task._replace(output=f"{split}/{planned.task.output}"))
            else:
                yield self._selected(planned)

    def plan_by_class(self) -> Iterator[Task]:
        """List the images of a folder class by class, without any that is left out."""
        assert isinstance(self.whole, Folder)  # noqa: S101 - palettes of classes need a folder
        selected = map(self._selected, self.whole.plan_by_class())
        return (planned for planned in selected if isinstance(planned, Task))

    def _selected(self, planned: Planned) -> Planned:
        """Return an entry with the output that it has here."""
        match planned:
            case Task() if planned.source in self._excluded:
                return Excluded(planned, *self._excluded[planned.source])
            case Task() if self._splits is not None:
                return self._in_split(planned, self._splits.of(planned.source))
            case Companion(picture=Task() as picture) if picture.source in self._excluded:
                return planned  # a companion goes with its image, which has no output
            case Companion(task, picture=Task() as picture) if self._splits is not None:
                split = self._splits.of(picture.source)
                placed = self._in_split(picture, split)
                if isinstance(placed, Task):
                    return planned._replace(task=task._replace(output=f"{split}/{task.output}"), picture=placed)
                return Unreadable(task.source, placed.code, placed.message)
        return planned

    @staticmethod
    def _in_split(task: Task, split: str | None) -> Task | Unreadable:
        """Return an image with its output in the folder of its split."""
        if split is None:
            return Unreadable(task.source, "changed", "it came while the run began; the next run takes it up")
        # The folder of the split is no class.
        label = UNLABELLED if task.label is None and "/" not in task.output else task.label
        return task._replace(output=f"{split}/{task.output}", label=label)

    def stat(self, task: Task) -> tuple[int | None, int | None]:
        """See Source."""
        return self.whole.stat(task)

    def load(self, tasks: Iterable[Task], options: Options) -> Iterator[Loaded]:
        """See Source."""
        return self.whole.load(tasks, options)

    def head(self, task: Task, size: int) -> bytes:
        """See Source."""
        return self.whole.head(task, size)

    def read(self, task: Task, options: Options) -> tuple[bytes, int]:
        """See Source."""
        return self.whole.read(task, options)

    def open(self, task: Task, options: Options) -> BinaryIO:
        """See Source."""
        return self.whole.open(task, options)


def whole_of(source: Source) -> Source:
    """Return the source that another one selects from, or the source itself."""
    return source.whole if isinstance(source, SelectedSource) else source
