"""Source: a folder, archive or URL that images come from. Task: one image to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from icsys.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import BinaryIO

    from icsys.options import Options
    from icsys.records.label import Label

_NAMED = 10


@dataclass(frozen=True, slots=True)
class Place:
    """Where an image lies in an archive or behind a URL, with its size and time when it was listed.

    Each kind of source adds the fields that it needs to find the image again. It is plain data and picklable.

    Attributes
    ----------
    size
        In bytes; None if the list does not state it.
    mtime_ns
        Time of its last change in nanoseconds since 1970, or a number that changes with the image; None if neither is
        known: then only the content shows a change.
    """

    size: int | None
    mtime_ns: int | None


class Task(NamedTuple):
    """One image to do.

    Attributes
    ----------
    source, output
        Paths below the source and the destination folder, with forward slashes.
    place
        Where it lies in an archive or behind a URL; None in a folder.
    label
        Its class, if the source states more than the path; None if the name of its folder is its class.
    sample
        The common beginning of the names of its sample's images, before a dot; empty for a single image.
    done_sha256
        Hash of the source that an existing output with the same options was made from; None if there is no such output.
    redone
        Why an output of an earlier run is made again, as in :class:`~icsys.results.Compressed`.
    options_hash
        Hash of everything beside the source that decides the output's bytes; empty for an image, where the options do.
    """

    source: str
    output: str
    place: Place | None = None
    label: Label | None = None
    sample: str = ""
    done_sha256: str | None = None
    redone: str = ""
    options_hash: str = ""


class Companion(NamedTuple):
    """A file that goes with images: a mask, an annotation or a sidecar.

    Attributes
    ----------
    task
        Where it is, and the path of its output.
    kind
        One of :data:`~icsys.results.COMPANIONS`.
    form
        What it holds, which decides how it follows its images: ``mask``, ``yolo``, ``voc``, ``labelme``,
        ``cityscapes``, ``coco``, ``metadata``, ``table``, ``names`` (a list of images) or ``copy``.
    picture
        The image it belongs to; None if it is about many.
    """

    task: Task
    kind: str
    form: str
    picture: Task | None = None

    @property
    def source(self) -> str:
        """The path of the file itself: it decides the shard."""
        return self.task.source


Loaded = tuple[Task, bytes | ImageError | None]
"""A task with its bytes if they were read ahead, with the error of reading ahead, or with None: the worker reads."""


class Ignored(NamedTuple):
    """An entry that is no image to do: another kind of file, a hidden file, or a link."""

    source: str


class PassedOver(NamedTuple):
    """A folder below the source that is left out with its content: ICS has written its outputs there."""

    source: str


class Excluded(NamedTuple):
    """An image that a rule of the run leaves out, whatever it shows; ``rule`` and ``message`` are as in LeftOut."""

    task: Task
    rule: str
    message: str

    @property
    def source(self) -> str:
        """The path of the image: it decides the shard."""
        return self.task.source


class Unreadable(NamedTuple):
    """A folder or file that cannot be listed or read; it counts as a failure."""

    source: str
    code: str
    message: str
    is_folder: bool = False


def passed_over_text(folders: Sequence[str]) -> str:
    """Return a message with the number and names of folders that were passed over, and the option that reads them.

    Examples
    --------
    >>> passed_over_text(["out"])
    "1 output folder of ics passed over: 'out' (--include-outputs reads it)"
    """
    what, them = ("folder", "it") if len(folders) == 1 else ("folders", "them")
    names = some_names(folders, _NAMED)
    return f"{len(folders)} output {what} of ics passed over: {names} (--include-outputs reads {them})"


def some_names(names: Sequence[str], most: int, write: Callable[[str], str] = repr) -> str:
    """Return the first names for a message, with an ellipsis if there are more.

    Parameters
    ----------
    write
        Makes the text of a name.

    Examples
    --------
    >>> some_names(["a", "b", "c"], 2), some_names(["a"], 2, str)
    ("'a', 'b', …", 'a')
    """
    return ", ".join([*map(write, names[:most]), *["…"] * (len(names) > most)])


Planned = Task | Companion | Excluded | Ignored | PassedOver | Unreadable


class Source(Protocol):
    """Where images come from: a folder, archives or a URL.

    It is picklable and reads the same in every process.
    """

    @property
    def shown(self) -> str:
        """Its name in messages and ``run.json``, without secrets."""

    @property
    def classes(self) -> Sequence[str]:
        """The names of all classes by number, if the source states them; known once a plan has begun."""

    def plan(self, suffix: str) -> Iterator[Planned]:
        """List the images with their outputs, which get ``suffix``; always in the same order.

        An empty suffix is enough to count images; outputs then have no names of their own.
        """

    def stat(self, task: Task) -> tuple[int | None, int | None]:
        """Return size and time of an image as in :class:`Place`; OSError if that fails."""

    def load(self, tasks: Iterable[Task], options: Options) -> Iterator[Loaded]:
        """Pair each task with its bytes where only the order of the plan can read them; lazily, one at a time."""

    def head(self, task: Task, size: int) -> bytes:
        """Return the first bytes of an image, at least ``size`` if it has so many; OSError if it cannot be read."""

    def read(self, task: Task, options: Options) -> tuple[bytes, int]:
        """Return the bytes of an image, at most ``max_bytes``, and its time; 0 if that is unknown.

        Raises
        ------
        ImageError
            ``too_large``; ``changed`` if it differs from what was listed; or another code for what is wrong with it.
        OSError
            If it cannot be read.
        """

    def open(self, task: Task, options: Options) -> BinaryIO:
        """Return an image or another file as a file that can be read from any position; errors as in :meth:`read`."""


def read_loaded(source: Source, loaded: Loaded, options: Options) -> tuple[bytes, int]:
    """Return the bytes and the time of an image, as :meth:`Source.read` does: those read ahead, or read now.

    Raises
    ------
    ImageError, OSError
        As :meth:`Source.read`; an error of reading ahead is raised here.
    """
    task, data = loaded
    if data is None:
        return source.read(task, options)
    if isinstance(data, ImageError):
        raise data
    return data, source.stat(task)[1] or 0
