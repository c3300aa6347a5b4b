"""What a source of images is: it lists them with their outputs, and reads each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from icsys.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from icsys.options import Options
    from icsys.records.labels import Label

_NAMED = 10


@dataclass(frozen=True, slots=True)
class Place:
    """Where an image lies in a source that is no folder, and how it stood when it was listed.

    A kind of source adds what it needs to find the image again: plain data, which goes to other processes.

    Attributes
    ----------
    size
        In bytes; None where a list does not tell.
    mtime_ns
        Time of its last change in nanoseconds since 1970, or a number that changes when the image does; None where
        nothing tells, so that only its content can.
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
        Where it lies, for a source that is no folder.
    label
        Its class, where the source tells more of it than the path; None where the folder that it lies in is its class.
    sample
        What the names of all images of its sample begin with, before a dot; empty if it is the only one.
    done_sha256
        Hash of the source that the output was made from with the same options; None where it has to be made.
    """

    source: str
    output: str
    place: Place | None = None
    label: Label | None = None
    sample: str = ""
    done_sha256: str | None = None


Loaded = tuple[Task, bytes | ImageError | None]
"""A task with its bytes if they were read ahead, the error that reading ahead met, or None: the worker reads them."""


class Ignored(NamedTuple):
    """A file that is left alone: no image, hidden, a link, or no file at all."""

    source: str


class PassedOver(NamedTuple):
    """A folder below the source that is left alone with all that is in it: ICS has written its outputs there."""

    source: str


class Unreadable(NamedTuple):
    """A folder or file whose content cannot be listed or looked at."""

    source: str
    code: str
    message: str
    is_folder: bool = False


def passed_over_text(folders: Sequence[str]) -> str:
    """Say how many folders were passed over, which, and what reads them.

    Examples
    --------
    >>> passed_over_text(["out"])
    "1 output folder of ics passed over: 'out' (--include-outputs reads it)"
    """
    what, them = ("folder", "it") if len(folders) == 1 else ("folders", "them")
    names = ", ".join(map(repr, folders[:_NAMED])) + (", …" if len(folders) > _NAMED else "")
    return f"{len(folders)} output {what} of ics passed over: {names} (--include-outputs reads {them})"


Planned = Task | Ignored | PassedOver | Unreadable


class Source(Protocol):
    """Where images come from: a folder, or something that stands in the place of one.

    It is picklable, and what it reads in one process it reads in another.
    """

    @property
    def shown(self) -> str:
        """What messages and ``run.json`` call it: nothing in it is secret."""

    @property
    def classes(self) -> Sequence[str]:
        """The names of all classes by their numbers, where the source tells them; known once a plan has begun."""

    def plan(self, suffix: str) -> Iterator[Planned]:
        """List the images with their outputs, which take ``suffix``; always in the same order.

        Whoever only counts gives an empty suffix, and looks at no output.
        """

    def stat(self, task: Task) -> tuple[int | None, int | None]:
        """Return size and time of an image, as of a :class:`Place`; OSError if they cannot be told."""

    def load(self, tasks: Iterable[Task], options: Options) -> Iterator[Loaded]:
        """Pair each task with its bytes where only the order of the plan can read them; lazily, one at a time."""

    def head(self, task: Task, size: int) -> bytes:
        """Return the first bytes of an image, ``size`` or a few more of them; OSError if it cannot be read."""

    def read(self, task: Task, options: Options) -> tuple[bytes, int]:
        """Return the bytes of an image, no more of them than ``max_bytes``, and its time; 0 where nothing tells.

        Raises
        ------
        ImageError
            ``too_large``; ``changed`` if it is not what was listed any more; or what else is wrong with it.
        OSError
            If it cannot be read.
        """


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
