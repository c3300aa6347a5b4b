"""The images of the source that was opened, listed in the background while the page is shown already."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from icsys.errors import UsageError
from icsys.files.locations import parse_source
from icsys.records.label import label_at
from icsys.records.splits import standard_split
from icsys.sources.base import Companion, Task
from icsys.sources.companions.layout import CompanionSettings
from icsys.sources.folder import Folder
from icsys.sources.open_source import open_source
from icsys.studio.images.closed_folder import ClosedFolder
from icsys.studio.images.file_versions import ReadFile, version_of, version_text
from icsys.studio.images.streamed_files import StreamedFiles, is_streamed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from icsys.files.locations import Location
    from icsys.options import Options
    from icsys.run_settings import RunSettings
    from icsys.sources.base import Source

_AT_ONCE = 500  # images that are listed between two looks at whether the studio ends
_MOST_CHOICES = 8  # choices of images that are kept


class ListedImage(NamedTuple):
    """An image by its path below the source, with its class and its split; both are empty if it has none."""

    task: Task
    label: str
    split: str


@dataclass(frozen=True, slots=True)
class ImageChoice:
    """Which images a part of the grid shows; an empty text chooses all.

    Attributes
    ----------
    label, split
        The class, and the split.
    words
        A text that the path holds, in upper or lower case.
    """

    label: str = ""
    split: str = ""
    words: str = ""

    def among(self, images: list[ListedImage], first: int) -> Iterator[int]:
        """Yield the numbers of the chosen images, from a number on."""
        words = self.words.casefold()
        for number in range(first, len(images)):
            image = images[number]
            if (
                (not self.label or image.label == self.label)
                and (not self.split or image.split == self.split)
                and (not words or words in image.task.source.casefold())
            ):
                yield number


class _Chosen:
    """The images of a choice among the first ``seen`` of the list."""

    def __init__(self) -> None:
        self.seen, self.numbers = 0, list[int]()


class ImageList:
    """The images of a source. An image has the number of its place in the list, which stays the same.

    Parameters
    ----------
    source
        A folder, an archive or a URL, as for :func:`~icsys.compress_folder`.
    destination
        A folder of outputs that is left out where it lies below the source.
    options, settings
        How the source is read.

    Raises
    ------
    UsageError
        If there is no such source.
    """

    def __init__(self, source: Location, destination: str, options: Options, settings: RunSettings) -> None:
        self.source = _open(source, destination, settings, options)
        self._opened = source, destination, settings, options
        self._images: list[ListedImage] = []
        self._tasks: list[Task] = []
        self._streamed = StreamedFiles(self.source, self._tasks)
        self._chosen: OrderedDict[ImageChoice, _Chosen] = OrderedDict()
        self._lock = threading.Lock()
        self._labels: Counter[str] = Counter()
        self._splits: Counter[str] = Counter()
        self.companions = 0
        """Files that go with images, such as masks, as far as they are listed."""
        self._stop, self._problem = threading.Event(), ""
        self._thread = threading.Thread(target=self._list, name="icsys list", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, number: int) -> ListedImage:
        """Return an image; UsageError if there is none of this number."""
        if not 0 <= number < len(self._images):
            raise UsageError(f"image {number}: expected a number below {len(self._images)}")
        return self._images[number]

    @property
    def is_complete(self) -> bool:
        """Whether the whole source is listed."""
        return not self._thread.is_alive()

    @property
    def problem(self) -> str:
        """Why the list ends early; empty if it does not."""
        return self._problem

    @property
    def labels(self) -> dict[str, int]:
        """The number of images of each class, sorted by name."""
        with self._lock:
            found = list(self._labels.items())
        return dict(sorted(found))

    @property
    def splits(self) -> dict[str, int]:
        """The number of images of each split."""
        with self._lock:
            found = list(self._splits.items())
        return dict(sorted(found))

    def numbers(self, choice: ImageChoice) -> range | list[int]:
        """Return the numbers of the images that are chosen; what was found before is found at once."""
        if choice == ImageChoice():
            return range(len(self._images))
        with self._lock:
            chosen = self._chosen.setdefault(choice, _Chosen())
            self._chosen.move_to_end(choice)
            if len(self._chosen) > _MOST_CHOICES:
                self._chosen.popitem(last=False)
            count = len(self._images)
            chosen.numbers.extend(choice.among(self._images, chosen.seen))
            chosen.seen = count
            return chosen.numbers[:]

    def numbers_of(self, names: Iterable[str]) -> dict[str, int]:
        """Return the numbers of images by their paths, of listed images."""
        wanted = set(names)
        found = enumerate(self._images[:])
        return {image.task.source: number for number, image in found if image.task.source in wanted}

    def version(self, number: int) -> str:
        """Return a text that another one takes the place of once the file of an image changes, as a run sees it.

        It holds size and time, now; of a photo behind a URL, those of the list.

        Raises
        ------
        UsageError
            If there is no image of this number.
        ImageError
            ``changed`` if the file, or the archive that it lies in, is gone, or that archive is another one by now.
        OSError
            If the system does not tell.
        """
        return version_of(self.source, self[number].task)

    def read(self, number: int, options: Options) -> bytes:
        """Return the bytes of the file of an image; errors as of :meth:`file`."""
        return self.file(number, options).data

    def file(self, number: int, options: Options) -> ReadFile:
        """Return the bytes of the file of an image, and their version.

        Raises
        ------
        UsageError
            If there is no image of this number.
        ImageError, OSError
            If it cannot be read, is gone, or is a link by now.
        """
        task = self[number].task
        if task.place is None:
            data, time = self.source.read(task, options)
            return ReadFile(data, version_text(len(data), time))
        version = version_of(self.source, task)
        if is_streamed(task):
            return ReadFile(self._streamed.read(number, options), version)
        return ReadFile(self.source.read(task, options)[0], version)

    def opened_with(self, settings: RunSettings) -> Source:
        """Return the source as a run with other settings opens it: they may decide what is a mask; see ``masks``."""
        source, destination, begun, options = self._opened
        if (settings.masks, settings.table) == (begun.masks, begun.table):
            return self.source
        return _open(source, destination, begun.replace(masks=settings.masks, table=settings.table), options)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the whole source is listed."""
        self._thread.join(timeout)

    def close(self) -> None:
        """End the listing."""
        self._stop.set()
        self._thread.join()
        self._streamed.close()

    def _list(self) -> None:
        try:
            for number, planned in enumerate(self.source.plan("")):
                if number % _AT_ONCE == 0 and self._stop.is_set():
                    return
                if isinstance(planned, Task):
                    self._add(planned)
                elif isinstance(planned, Companion):
                    self.companions += 1
        except Exception as error:  # noqa: BLE001 - shown on the page, which has the images before it
            self._problem = str(error) or type(error).__name__

    def _add(self, task: Task) -> None:
        label = label_at(task.source, task.label).name or ""
        top, slash, _ = task.source.partition("/")
        split = (standard_split(top) or "") if slash else ""
        with self._lock:
            self._labels[label] += 1
            self._splits[split] += 1
            self._tasks.append(task)
            self._images.append(ListedImage(task, label, split))


def _open(source: Location, destination: str, settings: RunSettings, options: Options) -> Source:
    opened = open_source(
        parse_source(source),
        Path(destination),
        follow_links=settings.follow_links,
        include_outputs=settings.include_outputs,
        ignore_zeros=settings.ignore_zeros,
        companions=CompanionSettings.of(settings, options),
    )
    # Links among files that are named one by one are followed, as the user has named them.
    if isinstance(opened, Folder) and not opened.named and not settings.follow_links:
        return ClosedFolder.of(opened)
    return opened
