"""Tar archives, compressed or not, and WebDataset shards, which are tar archives of samples.

A plain one is read from the middle. A compressed one is read twice from its beginning to its end: for the names, and
for the images.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from icsys.errors import ImageError
from icsys.files.parsing import from_json
from icsys.image.decode import sniff
from icsys.image.limits import check_bytes
from icsys.records.labels import UNLABELLED, Label, in_class_folder, label_from, label_from_text
from icsys.sources.archives.links import Links
from icsys.sources.archives.member_index import Group, Listed, Member, Slot
from icsys.sources.archives.tar_names import Content, Names
from icsys.sources.archives.tar_reader import TarReader
from icsys.sources.base import Ignored, Place, Unreadable
from icsys.sources.recorded_labels import book_in
from icsys.sources.safe_names import is_image_name, safe_path, suffix_of
from icsys.sources.utf8_names import restored

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Iterator

    from icsys.options import Options
    from icsys.sources.archives.store import Store

_HEAD = 64  # bytes
_LONGEST_NOTES = {".cls": 2**16, ".json": 2**24}  # bytes
_LONGEST_KEPT = 2**8  # bytes of one that hard links of a compressed archive may name
_MOST_OF_A_SAMPLE = 100  # files


def find(
    store: Store, path: str, known: Place, *, ignore_zeros: bool = False, follow_links: bool = False
) -> Iterator[Listed]:
    """List the images of an archive in their order, sample by sample; what is wrong with it is raised at the end."""
    with store.open(path) as file, Names() as names, Links(follow=follow_links) as links:
        tar = TarReader(file, ignore_zeros=ignore_zeros)
        place = Slot(None, known.mtime_ns, file=path, streamed=tar.packed)
        sample = _Sample("")
        damage: Exception | None = None
        try:
            while (info := tar.next()) is not None:
                name = safe_path(info.name)
                content = _content(name, info, tar, names)
                if isinstance(content, Content):
                    if sample.is_other(name):
                        yield from sample.images()
                        sample = _Sample(name)
                    slot = _slot(place, content)
                    links.add_file(name, slot, is_image=content.is_image)
                    if not sample.takes(name, content, slot):
                        book = None if info.islnk() else book_in(name, info.size, partial(tar.read, info))
                        yield from [book] if book else []
                        yield Ignored(name or ".")
                elif content is not None and not (info.issym() and links.add_link(name, info.linkname)):
                    yield content
        except Exception as error:  # noqa: BLE001 - what was found before is told first
            damage = error
        yield from sample.images()
        yield from links.followed(lambda _: False)  # all of them were looked at
        if damage is not None:
            raise damage
        if tar.damage:
            raise ImageError("broken", tar.damage)


def _slot(place: Slot, content: Content) -> Slot:
    return replace(place, size=content.size, number=content.number, start=content.start, length=content.size)


def _content(name: str, info: tarfile.TarInfo, tar: TarReader, names: Names) -> Content | Ignored | Unreadable | None:
    """Return what a file holds, a hard link what the file before it holds that it names; None for a folder."""
    if info.isdir():
        return None
    if info.islnk():
        target = safe_path(info.linkname)
        found = names.get(target)
        if found is None:
            return Unreadable(name, "broken", f"a hard link to {target!r}, which does not lie before it in the archive")
        if found.is_note and found.note is None and not tar.packed:
            found = found._replace(note=tar.read_at(found.start, found.size))
    else:
        found = _look(name, info, tar)
    names.put(name, found if tar.packed and len(found.note or b"") <= _LONGEST_KEPT else found._replace(note=None))
    if not found.is_file:
        return Ignored(name or ".")
    problem = _problem(name, found)
    return Unreadable(name, "unsupported", problem) if problem else found


def _problem(name: str, found: Content) -> str:
    """Return why a file cannot be taken, though it may be an image or tell of one; empty if it can."""
    if found.has_holes:
        return "a file with holes in a tar archive: expected a whole one"
    if found.is_note and found.note is None:
        return "a hard link to a long note in a compressed archive: expected a file"
    if name.endswith(".cls") and not found.is_note and not found.is_image:
        return f"a label of {found.size} bytes: expected a name or a number"
    return ""


def _look(name: str, info: tarfile.TarInfo, tar: TarReader) -> Content:
    """Look at a member: what it is, by its first bytes, and all of it where it is a note."""
    content = Content(tar.number, info.offset_data, info.size)
    if info.sparse is not None or not info.isreg():
        return content._replace(is_file=info.sparse is not None or info.isreg(), has_holes=info.sparse is not None)
    if sniff(tar.read(info, _HEAD)) is not None:
        return content._replace(is_image=True)
    if info.size <= _LONGEST_NOTES.get(suffix_of(name), -1):
        return content._replace(is_note=True, note=tar.read(info, info.size))
    return content


class _Sample:
    """Files that follow one another and share a key: the path up to the first dot of the name.

    What ``.cls`` or ``.json`` tells of the class is its label, and no folder says anything against that.
    """

    def __init__(self, name: str) -> None:
        self._key = _key(name)
        self._images: list[Member] = []
        self._files = 0
        self._number: Label | None = None
        self._name: Label | None = None
        self._is_ours = False

    def is_other(self, name: str) -> bool:
        """Tell whether a file belongs to another sample."""
        return _key(name) != self._key or len(self._images) >= _MOST_OF_A_SAMPLE

    def takes(self, name: str, content: Content, slot: Slot) -> bool:
        """Take in a file, and tell whether it is an image."""
        self._files += 1
        if content.is_image or is_image_name(name):
            self._images.append(Member(name, slot))
            return True
        if content.note is not None:
            self._read_note(name, content.note)
        return False

    def _read_note(self, name: str, text: bytes) -> None:
        if name.endswith(".cls"):
            self._number = label_from_text(text)
            return
        try:
            told = from_json(text)
        except ValueError:
            return
        if isinstance(told, dict):
            self._is_ours = {"source_path", "source_sha256", "sha256"} <= told.keys()
            if told.get("label") is not None or self._is_ours:
                self._name = label_from(told.get("label"))

    def _label(self) -> Label | None:
        """Return the name that ``.json`` tells with the number that ``.cls`` does, or either of them."""
        if self._name is None or self._number is None:
            return self._number if self._name is None else self._name
        is_text = self._name.name is not None and self._name.number is None
        return self._name._replace(number=self._number.number) if is_text else self._name

    def images(self) -> Iterator[Member]:
        """Return the images by the paths that they are to have."""
        label = self._label()
        own = restored if self._is_ours else str  # see webdataset.member
        for image in self._images:
            owner = f"{self._images[0].slot.number} {image.slot.file}"
            group = Group(own(self._key).rpartition("/")[2], owner, self._is_kept())
            yield Member(in_class_folder(own(image.path), label or UNLABELLED), image.slot, label, group)

    def _is_kept(self) -> bool:
        """Tell whether names have parts between key and suffix, or several images share what is told of them."""
        has_parts = any("." in image.path[len(self._key) + 1 :] for image in self._images)
        has_notes = self._files > len(self._images)
        return self._files > 1 and (has_parts or (has_notes and len(self._images) > 1))


def _key(name: str) -> str:
    folder, slash, base = name.rpartition("/")
    return folder + slash + base.partition(".")[0]


def cut(store: Store, slot: Slot, options: Options) -> bytes:
    """Read an image out of an archive that is not compressed."""
    check_bytes(slot.length, options)
    return _whole(store.cut(slot.file, slot.start, slot.length, slot), slot.length)


@contextmanager
def unroll(store: Store, path: str) -> Iterator[_Roll]:
    """Open a compressed archive."""
    with store.open(path) as file:
        yield _Roll(TarReader(file))


class _Roll:
    """A compressed archive whose images are read in the order in which their bytes lie there."""

    def __init__(self, tar: TarReader) -> None:
        self._tar = tar
        self._info: tarfile.TarInfo | None = None
        self._data: bytes | None = None  # of the image that was read last, which more than one name may have

    def read(self, slot: Slot, options: Options) -> bytes:
        """Go on to an image and read it."""
        while self._tar.number < slot.number:
            self._data, self._info = None, self._tar.next()
            if self._info is None:
                break
        if self._info is None or (self._tar.number, self._info.size) != (slot.number, slot.size):
            raise ImageError("changed", "the archive changed after it was listed: run again when it holds still")
        check_bytes(self._info.size, options)
        if self._data is None:
            self._data = self._tar.read(self._info, self._info.size)
        return _whole(self._data, self._info.size)


def _whole(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise ImageError("broken", f"the archive ends after {len(data)} of its {size} bytes")
    return data
