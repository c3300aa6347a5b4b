"""Pictures by the names that files about many pictures give them, and the names that these get for the outputs."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from icsys.image.view import View

_ELSEWHERE = re.compile(r"(?:[a-z]:)?[\\/]|[a-z][a-z0-9+.-]+:/", re.IGNORECASE)
_SEPARATOR = re.compile(r"[\\/]+")


class PictureFacts(NamedTuple):
    """One picture of a source.

    Attributes
    ----------
    source_path
        Where it lies in the source, with forward slashes.
    output_path
        Where its output lies, or would lie, in the same way.
    view
        How it becomes its output; None if that is unknown, as of a picture that failed.
    is_written
        Whether it has an output.
    is_elsewhere
        Whether another file, that of its split, says the same of it: then nothing is lost where it is left out.
    """

    source_path: str
    output_path: str
    view: View | None
    is_written: bool
    is_elsewhere: bool = False


class FindPicture(Protocol):
    """Finds a picture by the name that a file gives it."""

    def __call__(self, name: str) -> PictureFacts | None:
        """Return the picture; None if no picture answers to the name.

        Parameters
        ----------
        name
            As the file has it: a path or a stem, relative to the file, to some other folder, or absolute.
        """


class MappedCounts(NamedTuple):
    """What became of a file about many pictures.

    Attributes
    ----------
    labels
        Number of labels that were written: annotations, rows or lines.
    dropped
        Number of labels that were left out: cropped away, or of a picture without an output.
    missing
        Number of names that no picture answers to; they are kept as they are.
    warning
        What its reader should know; None otherwise.
    """

    labels: int = 0
    dropped: int = 0
    missing: int = 0
    warning: str | None = None


def renamed(name: str, facts: PictureFacts, beside: str = "") -> str:
    r"""Return the name of the output of a picture, in the manner of the name that a file gives the picture.

    A name is relative to some folder: that which is left of the source path without the components of the name. The
    new name is relative to the same folder, or has as many of the last components of the output path if the output
    lies elsewhere. Backslashes and a leading ``./`` are kept. A name with ``..`` is relative to the folder of the file.
    An absolute path or a URL would lead back to the source; it becomes relative to the folder of the file.

    A name without the suffix of its picture is a stem, and stays one. A name with some other suffix gets that of the
    output. An identifier that is only the beginning of a stem is kept, as long as the output begins with it too.

    Parameters
    ----------
    name
        As the file has it.
    facts
        The picture that it names.
    beside
        The folder of the file, relative to the source and with forward slashes; empty for the top.

    Examples
    --------
    >>> facts = PictureFacts("images/train/000.jpg", "images/train/000.png", None, True)
    >>> [renamed(name, facts, "lists") for name in ("train/000.jpg", "000", r".\000.jpg", "/data/images/train/000.jpg")]
    ['train/000.png', '000', '.\\000.png', '../images/train/000.png']
    """
    parts = [part for part in _SEPARATOR.split(name) if part not in {"", "."}]
    if not parts:
        return name
    slash = "\\" if "\\" in name and "/" not in name else "/"
    last = _last_component(parts[-1], facts)
    folder, _, _ = facts.output_path.rpartition("/")
    if _ELSEWHERE.match(name) or ".." in parts:
        written = posixpath.relpath(posixpath.join("/", folder, last), posixpath.join("/", beside))
        is_below = not written.startswith("../")
        return (("./" if is_below and _ELSEWHERE.match(name) else "") + written).replace("/", slash)
    start = name[: len(name) - len(name.lstrip("./\\"))] if name.startswith((".\\", "./")) else ""
    source = facts.source_path.split("/")
    root = source[: max(0, len(source) - len(parts))]
    output = [*folder.split("/"), last] if folder else [last]
    kept = output[len(root) :] if output[: len(root)] == root else output[-len(parts) :]
    return start + slash.join(kept)


def _last_component(given: str, facts: PictureFacts) -> str:
    """Return the file name, or the stem, of the output, whichever a name gives of the picture."""
    source, output = (path.rpartition("/")[2] for path in (facts.source_path, facts.output_path))
    stem, _, _ = source.rpartition(".")
    output_stem, _, _ = output.rpartition(".")
    key = given.casefold()
    if key == stem.casefold():
        return output_stem
    if key == source.casefold() or key.rpartition(".")[0] == stem.casefold():
        return output
    return given if output_stem.casefold().startswith(key) else output_stem
