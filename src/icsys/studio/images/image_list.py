"""The images of the source that was opened, listed in the background while the page is shown already."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from icsys.errors import ImageError, UsageError
from icsys.files.locations import parse_source
from icsys.records.label import label_at
from icsys.records.splits import standard_split
from icsys.sources.base import Task
from icsys.sources.companions.layout import CompanionSettings
from icsys.sources.folder import Folder
from icsys.sources.open_source import open_source

if TYPE_CHECKING:
    from icsys.files.locations import Location
    from icsys.options import Options
    from icsys.run_settings import RunSettings

_AT_ONCE = 500  # images that are listed between two looks at whether the studio ends


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

    def has(self, image: ListedImage) -> bool:
        """Return whether an image is chosen."""
        return (
            (not self.label or image.label == self.label)
            and (not self.split or image.split == self.split)
            and (not self.words or self.words.casefold() in image.task.source.casefold())
        )


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
        self.source = open_source(
            parse_source(source),
            Path(destination),
            follow_links=settings.follow_links,
            include_outputs=settings.include_outputs,
            ignore_zeros=settings.ignore_zeros,
            companions=CompanionSettings.of(settings, options),
        )
        self._is_closed = isinstance(self.source, Folder) and not settings.follow_links
        self._images: list[ListedImage] = []
        self._labels: Counter[str] = Counter()
        self._splits: Counter[str] = Counter()
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
        return dict(sorted(self._labels.items()))

    @property
    def splits(self) -> dict[str, int]:
        """The number of images of each split."""
        return dict(sorted(self._splits.items()))

    def numbers(self, choice: ImageChoice) -> range | list[int]:
        """Return the numbers of the images that are chosen."""
        count = len(self._images)
        if choice == ImageChoice():
            return range(count)
        return [number for number in range(count) if choice.has(self._images[number])]

    def read(self, number: int, options: Options) -> bytes:
        """Return the bytes of the file of an image.

        Raises
        ------
        UsageError
            If there is no image of this number.
        ImageError, OSError
            If it cannot be read, or is a link by now that leads out of the source.
        """
        task = self[number].task
        if self._is_closed and not self._has(task.source):
            raise ImageError("changed", "the file is a link by now that leads out of the source: open the studio again")
        return self.source.read(task, options)[0]

    def _has(self, name: str) -> bool:
        """Return whether a file of the folder lies in it, with all links followed."""
        return Path(self.source.shown, name).resolve().is_relative_to(Path(self.source.shown).resolve())

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the whole source is listed."""
        self._thread.join(timeout)

    def close(self) -> None:
        """End the listing."""
        self._stop.set()
        self._thread.join()

    def _list(self) -> None:
        try:
            for number, planned in enumerate(self.source.plan("")):
                if number % _AT_ONCE == 0 and self._stop.is_set():
                    return
                if isinstance(planned, Task):
                    self._add(planned)
        except Exception as error:  # noqa: BLE001 - shown on the page, which has the images before it
            self._problem = str(error) or type(error).__name__

    def _add(self, task: Task) -> None:
        label = label_at(task.source, task.label).name or ""
        top, slash, _ = task.source.partition("/")
        split = (standard_split(top) or "") if slash else ""
        self._labels[label] += 1
        self._splits[split] += 1
        self._images.append(ListedImage(task, label, split))
