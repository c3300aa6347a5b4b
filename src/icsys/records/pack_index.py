"""``shards.json``: the packs of an output folder, and whether they are in their places."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from icsys.choices import MAX_COLORS, PACKINGS
from icsys.color_and_size_checks import MAX_SIDE
from icsys.errors import UsageError
from icsys.files.atomic import write_json
from icsys.files.parsing import from_json, read_json
from icsys.files.relative_names import is_below
from icsys.layout import INDICES, MANIFEST, PACK_INDEX, PIXELS, UNPACKED, is_pack_name
from icsys.records.manifest import is_done_image, read_rows
from icsys.records.run_json import read_run

if TYPE_CHECKING:
    from icsys.files.rooted_path import RootedPath
    from icsys.records.classes import Classes

STATES = ("empty", "written", "complete")


@dataclass(frozen=True, slots=True)
class Pack:
    """A file of many images, and their companions; ``name`` is its path below the destination."""

    name: str
    images: int
    bytes: int
    sha256: str
    companions: int = 0


@dataclass(slots=True, kw_only=True)
class PackIndex:
    """Content of ``shards.json``, where ``packs`` has the key ``shards``.

    Attributes
    ----------
    format
        Format of the packs.
    state
        "empty": no pack is written. "written": all are written, but not yet in their places. "complete": all are in
        their places.
    shard_images, shard_bytes
        Most images, and most bytes of images, in one pack.
    classes
        Names of the classes in the order of their numbers.
    numbers
        Numbers of the classes; empty for 0, 1, 2 …
    are_named
        Whether there are names. Otherwise ``classes`` has the numbers in digits.
    packs
        The packs.
    old
        Packs of earlier runs that no new pack replaces.
    files
        Companions that are single files beside the packs, because they are about many images; while packs move into
        their places, also those of earlier runs.
    form
        Of arrays, width and height of the images in pixels, and entries of a palette, 0 for arrays of pixels; else
        empty.
    labels_sha256
        Of arrays, the hash of the files that their masks and boxes come from; empty if there are none.
    """

    format: str
    state: str = "empty"
    shard_images: int = 0
    shard_bytes: int = 0
    classes: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    are_named: bool = True
    packs: list[Pack] = field(default_factory=list)
    old: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    form: list[int] = field(default_factory=list)
    labels_sha256: str = ""

    def take(self, classes: Classes) -> None:
        """Set the classes of the images."""
        self.classes, self.are_named = classes.names, classes.are_named
        self.numbers = [] if classes.are_counted else classes.numbers

    @property
    def array(self) -> str:
        """Of arrays, the file with the images of a split."""
        return PIXELS if self.form[2:] == [0] else INDICES

    def to_dict(self) -> dict[str, Any]:
        """Return the values for ``shards.json``; it says nothing of companions, or arrays, if there are none."""
        values = {"shards" if name == "packs" else name: value for name, value in asdict(self).items()}
        for values_of in (values, *values["shards"]):
            for name in ("companions", "files", "form", "labels_sha256"):
                if name in values_of and not values_of[name]:
                    del values_of[name]
        return values


def load_pack_index(destination: RootedPath) -> PackIndex | None:
    """Return the index of an earlier run; None if there is none, UsageError if ICS has not written it."""
    path = destination / PACK_INDEX
    try:
        return _index_of(read_json(path))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{str(path)!r} is not what ics has written ({error}): expected another destination") from None


def is_of_packs(destination: RootedPath) -> bool:
    """Return whether a folder holds packs, or is to hold some.

    ``shards.json`` says so; where that is lost, the record of the last run does, and where there is none, an image that
    lies in a pack, and images that wait to be packed.
    """
    if (destination / PACK_INDEX).exists():
        return True
    options = read_run(destination).get("options")
    if options is not None:
        return options.get("format") in PACKINGS
    return (destination / UNPACKED).exists() or _has_packed_image(destination)


def is_pack_index_lost(destination: RootedPath) -> bool:
    """Return whether a folder holds packs and no ``shards.json``."""
    return not (destination / PACK_INDEX).exists() and is_of_packs(destination)


def lost_pack_index(destination: RootedPath) -> UsageError:
    """Return the error about a folder without the ``shards.json`` that it had."""
    return UsageError(
        f"destination {str(destination)!r} holds packs of an earlier run, and {PACK_INDEX}, which lists them, is "
        "lost: put that file back from a copy, or name another destination"
    )


def _has_packed_image(destination: RootedPath) -> bool:
    """Return whether the first image of a manifest lies in a pack; all of them do, or none."""
    try:
        done = (row for _, row in read_rows(destination / MANIFEST) if is_done_image(row))
        return "shard" in next(done, {})
    except OSError:
        return False


def class_table(text: bytes) -> list[str]:
    """Return the names of classes by their numbers from the text of a ``shards.json``, up to the first gap.

    Empty if the classes have no names, or the text is not from ICS.
    """
    try:
        index = _index_of(from_json(text))
    except (ValueError, TypeError, KeyError):
        return []
    if not index.are_named:
        return []
    numbers = index.numbers or range(len(index.classes))
    return [name for i, (number, name) in enumerate(zip(numbers, index.classes, strict=True)) if number == i]


def _index_of(values: dict[str, Any]) -> PackIndex:
    """Return the index in JSON values; ValueError, TypeError or KeyError if they are no index."""
    packs = [Pack(**pack) for pack in values["shards"]]
    index = PackIndex(packs=packs, **{name: value for name, value in values.items() if name != "shards"})
    _check(index)
    return index


def _check(index: PackIndex) -> None:
    """Raise ValueError for unexpected values: files are removed, and a module is loaded, by names in the index."""
    numbers = [
        index.shard_images,
        index.shard_bytes,
        *(n for pack in index.packs for n in (pack.images, pack.bytes, pack.companions)),
        *index.numbers,
    ]
    names = [*index.old, *(pack.name for pack in index.packs)]
    lists = (index.classes, index.numbers, index.old, index.files, index.form)
    if not (
        all(isinstance(values, list) for values in lists)
        and index.format in PACKINGS
        and index.state in STATES
        and (not index.form or _is_form(index.form))
        and all(type(number) is int for number in numbers)
        and index.are_named in {True, False}
        and len(index.numbers) in {0, len(index.classes)}
        and all(
            isinstance(text, str)
            for text in (*index.classes, *index.files, index.labels_sha256, *(pack.sha256 for pack in index.packs))
        )
        and all(map(is_pack_name, names))
        and all(is_below(str(name)) for name in index.files)
    ):
        raise ValueError("a value has another type or range")


def _is_form(form: object) -> bool:
    """Return whether something is the form of arrays; memory is taken for images of this size."""
    if not isinstance(form, list) or len(form) != 3 or any(type(number) is not int for number in form):  # noqa: PLR2004
        return False
    return 0 < form[0] <= MAX_SIDE and 0 < form[1] <= MAX_SIDE and 0 <= form[2] <= MAX_COLORS


def save_pack_index(destination: RootedPath, index: PackIndex) -> None:
    """Write the index onto the disk."""
    write_json(destination / PACK_INDEX, index.to_dict())
    destination.sync()
