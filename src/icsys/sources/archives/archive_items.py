"""What the lists of archives consist of: members with their places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from icsys.sources.base import Ignored, Place, Unreadable
from icsys.sources.labels_from_manifest import ArchivedRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from icsys.records.label import Label


@dataclass(frozen=True, slots=True)
class ArchivePlace(Place):
    """Where an image lies in an archive.

    Attributes
    ----------
    file
        The archive's path.
    number
        Of the member, from 0: of files, or of rows.
    start, length
        Where its bytes begin, and how many there are in the archive, compressed or not.
    method, crc
        Compression method and checksum, in a zip.
    streamed
        Whether the archive can only be read from its beginning on.
    """

    file: str
    number: int = 0
    start: int = 0
    length: int = 0
    method: int = 0
    crc: int = 0
    streamed: bool = False


class SampleGroup(NamedTuple):
    """A sample: images whose names begin with the sample's name and a dot.

    Attributes
    ----------
    name
        Of the sample.
    owner
        Distinguishes it from other samples of the same name.
    is_kept
        Whether its images keep the common name.
    """

    name: str
    owner: str
    is_kept: bool


class GoesWith(NamedTuple):
    """What a companion is, and the member that is its image, which comes before it."""

    kind: str
    form: str
    number: int


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive: an image, a companion of one, or any other.

    Attributes
    ----------
    path
        A safe path.
    place
        Where it lies.
    label
        As of a Task.
    group
        Its sample, if the kind of archive has samples.
    goes_with
        Of a companion in a pack of ICS; None for all others.
    is_image
        Whether it is an image, by its name or its first bytes, or such a companion.
    """

    path: str
    place: ArchivePlace
    label: Label | None = None
    group: SampleGroup | None = None
    goes_with: GoesWith | None = None
    is_image: bool = True


@dataclass(frozen=True, slots=True)
class ClassNames:
    """The names of classes by number; they hold for the images listed after it."""

    names: Sequence[str]


ArchiveItem = Member | ClassNames | ArchivedRecord | Ignored | Unreadable
"""What the list of an archive consists of."""
