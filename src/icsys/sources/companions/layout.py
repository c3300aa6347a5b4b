"""What goes with the images of a folder, as plain data: the files that are masks, annotations and sidecars."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from icsys.choices import AUTO
from icsys.options import Options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from icsys.run_settings import RunSettings

_NO_FOLDERS: Mapping[str, tuple[PairRule, ...]] = {}
_NO_FILES: Mapping[str, tuple[str, str]] = {}
_ALONE: Mapping[str, tuple[str, ...]] = {}


class CompanionSettings(NamedTuple):
    """What decides which files go with images; see :class:`~icsys.run_settings.RunSettings`.

    Attributes
    ----------
    options
        The limits are used where content is read.
    """

    masks: str = AUTO
    table: str | None = None
    options: Options = Options()

    @classmethod
    def of(cls, settings: RunSettings, options: Options) -> CompanionSettings:
        """Return those of a run."""
        return cls(settings.masks, settings.table, options)


class Endings(NamedTuple):
    """What the stems of a file and of its picture end with, after a common beginning."""

    file: str
    picture: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRule:
    """How files of a folder belong to pictures, by their names.

    Attributes
    ----------
    kind, form
        As in :class:`~icsys.sources.base.Companion`; a form of :data:`BY_CONTENT` differs from file to file.
    pictures
        The folders of the pictures.
    suffixes
        The suffixes of the files, in lower case; empty for images.
    endings
        The first with which a picture is found counts.
    is_whole
        Whether all images of the folder are masks, those without a picture too.
    patterns
        Paths of the masks as the user named them; empty for all that have one of the endings.
    """

    kind: str
    form: str
    pictures: tuple[str, ...]
    suffixes: frozenset[str] = frozenset()
    endings: tuple[Endings, ...] = (Endings(""),)
    is_whole: bool = False
    patterns: tuple[str, ...] = ()


BY_CONTENT = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionLayout:
    """Which files of a source folder go with its images.

    It is plain data and picklable. Paths are below the source folder, with forward slashes.

    Attributes
    ----------
    folders
        The rules of each folder that holds files about one image each.
    files
        Kind and form of each file about many images.
    alike
        For a folder of pictures, all folders whose outputs are named together with its own; without an entry, none but
        itself.
    found
        How files were recognised, as sentences.
    unclear
        What may be masks or labels and is not taken for them, as sentences with a remedy.
    """

    folders: Mapping[str, tuple[PairRule, ...]] = field(default_factory=lambda: _NO_FOLDERS)
    files: Mapping[str, tuple[str, str]] = field(default_factory=lambda: _NO_FILES)
    alike: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _ALONE)
    found: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Return whether anything goes with images."""
        return bool(self.folders or self.files)


NO_COMPANIONS = CompanionLayout()


def is_named(path: str, patterns: Sequence[str]) -> bool:
    """Return whether a path, or a folder above it, matches one of several patterns.

    ``*`` stands for any characters, slashes too.

    Examples
    --------
    >>> [is_named("gt/train/a.png", [pattern]) for pattern in ("gt", "gt/*.png", "*_mask.png", "g")]
    [True, True, False, False]
    """
    while path:
        if any(fnmatchcase(path, pattern) for pattern in patterns):
            return True
        path = path.rpartition("/")[0]
    return False
