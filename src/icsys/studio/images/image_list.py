"""The images of the source that was opened, listed in the background while the page is shown already."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING

from icsys.errors import ImageError, UsageError
from icsys.records.label import label_at
from icsys.records.splits import standard_split
from icsys.sources.base import Companion, Task, Unreadable
from icsys.sources.folder import Folder
from icsys.studio.images.closed_folder import open_closed
from icsys.studio.images.file_versions import ReadFile, Versions, tells_versions, version_of, version_text
from icsys.studio.images.image_choice import ChosenImages, ImageChoice, ListedImage
from icsys.studio.images.streamed_files import StreamedFiles, is_streamed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from icsys.files.locations import Location
    from icsys.options import Options
    from icsys.run_settings import RunSettings
    from icsys.sources.base import Source

_AT_ONCE = 500  # images that are listed between two looks at whether the studio ends
_PAUSE = 20  # times what a look took, until the next
_MOST_CHOICES = 8  # choices of images that are kept


class ImageList:
    """The images of a source. Each has a number, which stays the same; at first that of its place in the list.

    Parameters
    ----------
    source
        A folder, an archive or a URL, as for :func:`~icsys.compress_folder`.
    destination
        A folder of outputs that is left out where it lies below the source.
    options, settings
        How the source is read.
    on_change
        Called, in any thread, when it turns out that the images are others by now: some came, went or changed.

    Raises
    ------
    UsageError
        If there is no such source.
    """

    def __init__(
        self,
        source: Location,
        destination: str,
        options: Options,
        settings: RunSettings,
        on_change: Callable[[], object] = int,
    ) -> None:
        self.source = open_closed(source, destination, settings, options)
        self._opened = source, destination, settings, options
        self._images: list[ListedImage] = []
        self._tasks: list[Task] = []
        self._streamed = StreamedFiles(self.source, self._tasks)
        self._chosen: OrderedDict[ImageChoice, ChosenImages] = OrderedDict()
        self._lock = threading.Lock()
        self._order: list[int] | None = None  # None while numbers are places
        self._versions = Versions(self._tell_change)
        self._on_change = on_change
        self.edition = 0
        """Another number once the images are others: what was found out about all of them holds no more."""
        self._looking: threading.Thread | None = None
        self._is_look_wanted, self._next_look = False, 0.0
        is_named = isinstance(self.source, Folder) and bool(self.source.named)
        self._may_list_again = not is_named and (isinstance(self.source, Folder) or tells_versions(self.source))
        self._may_look = is_named or self._may_list_again
        self._labels: Counter[str] = Counter()
        self._splits: Counter[str] = Counter()
        self.companions = 0
        """Files that go with images, such as masks, as far as they are listed."""
        self._stop, self._problem = threading.Event(), ""
        self._thread = threading.Thread(target=self._list, name="icsys list", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return len(self.present)

    @property
    def present(self) -> Sequence[int]:
        """The numbers of the images that are there, in the order of the source."""
        return range(len(self._images)) if self._order is None else self._order

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

    def numbers(self, choice: ImageChoice) -> Sequence[int]:
        """Return the numbers of the images that are chosen; what was found before is found at once."""
        if choice == ImageChoice():
            return self.present
        with self._lock:
            chosen = self._chosen.setdefault(choice, ChosenImages())
            self._chosen.move_to_end(choice)
            if len(self._chosen) > _MOST_CHOICES:
                self._chosen.popitem(last=False)
            numbers = self.present
            chosen.numbers.extend(choice.among(self._images, numbers[chosen.seen :]))
            chosen.seen = len(numbers)
            return chosen.numbers[:]

    def numbers_of(self, names: Iterable[str]) -> dict[str, int]:
        """Return the numbers of images by their paths, of listed images."""
        wanted, images = set(names), self._images
        return {images[number].task.source: number for number in self.present if images[number].task.source in wanted}

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
        try:
            version = version_of(self.source, self[number].task)
        except (ImageError, OSError):
            self._versions.note(number, "")
            raise
        self._versions.note(number, version)
        return version

    def size(self, number: int) -> int | None:
        """Return the bytes of the file of an image, 0 if it is gone; None if only its server knows.

        From now on, :meth:`look_again` finds out if that file becomes another one.
        """
        task = self[number].task
        if task.place is not None:
            return task.place.size
        try:
            size, time_ns = self.source.stat(task)
        except OSError:
            self._versions.note(number, "")
            return 0
        self._versions.note(number, version_text(size, time_ns))
        return size

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
        return open_closed(source, destination, begun.replace(masks=settings.masks, table=settings.table), options)

    def look_again(self) -> None:
        """Look, in the background, whether images came, went or changed since the source was listed.

        One look follows the one that goes on, and the longer that took, the later. Archives are not looked at, nor are
        web servers, whose pages tell neither sizes nor times.
        """
        if not self._may_look:
            return
        with self._lock:
            self._is_look_wanted = True
            if self._looking is None:
                self._looking = threading.Thread(target=self._look_while_wanted, name="icsys look again", daemon=True)
                self._looking.start()

    def wait_for_look(self, timeout: float | None = None) -> None:
        """Wait until no look of :meth:`look_again` goes on, or is to follow."""
        thread = self._looking
        if thread is not None:
            thread.join(timeout)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the whole source is listed."""
        self._thread.join(timeout)

    def close(self) -> None:
        """End the listing."""
        self._stop.set()
        self._thread.join()
        self.wait_for_look()
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
        image = _listed(task)
        with self._lock:
            self._labels[image.label] += 1
            self._splits[image.split] += 1
            self._tasks.append(task)
            self._images.append(image)

    def _look_while_wanted(self) -> None:
        self._thread.join()
        while not self._stop.wait(max(0, self._next_look - time.monotonic())):
            with self._lock:
                if not self._is_look_wanted:
                    self._looking = None
                    return
                self._is_look_wanted = False
            began = time.monotonic()
            self._look()
            self._next_look = time.monotonic() + _PAUSE * (time.monotonic() - began)

    def _look(self) -> None:
        try:
            if self._may_list_again:
                self._list_again()
        except Exception as error:  # noqa: BLE001 - shown on the page, which has the images of before
            self._take_problem(str(error) or type(error).__name__)
        for number in self._versions.known():
            if self._stop.is_set():
                return
            with suppress(ImageError, OSError):
                self.version(number)  # notes what has changed

    def _list_again(self) -> None:
        opened = open_closed(*self._opened)
        found, companions = list[ListedImage](), 0
        for number, planned in enumerate(opened.plan("")):
            if number % _AT_ONCE == 0 and self._stop.is_set():
                return
            if isinstance(planned, Task):
                found.append(_listed(planned))
            elif isinstance(planned, Companion):
                companions += 1
            elif isinstance(planned, Unreadable) and planned.is_folder and not isinstance(opened, Folder):
                raise OSError(None, planned.message)  # a server that does not answer has lost no images
        if self._is_as_before(found, companions):
            self._take_problem("")
            return
        numbers = {image.task.source: number for number, image in enumerate(self._images)}
        with self._lock:
            for image in found:
                number = numbers.setdefault(image.task.source, len(self._images))
                if number == len(self._images):
                    self._images.append(image)
                    self._tasks.append(image.task)
                else:
                    self._images[number] = image
            self._order = [numbers[image.task.source] for image in found]
            self._labels = Counter(image.label for image in found)
            self._splits = Counter(image.split for image in found)
            self.source, self.companions, self._problem = opened, companions, ""
            self._chosen.clear()
        self._tell_change()

    def _is_as_before(self, found: list[ListedImage], companions: int) -> bool:
        before = [self._images[number] for number in self.present]
        return (found, companions) == (before, self.companions)

    def _take_problem(self, text: str) -> None:
        if text != self._problem:
            self._problem = text
            self._tell_change()

    def _tell_change(self) -> None:
        self.edition += 1
        self._on_change()


def _listed(task: Task) -> ListedImage:
    label = label_at(task.source, task.label).name or ""
    top, slash, _ = task.source.partition("/")
    return ListedImage(task, label, (standard_split(top) or "") if slash else "")
