"""Tar archives, compressed or not, and WebDataset shards, which are tar archives of samples.

The images of a plain archive are read by their positions. A compressed one is read twice from beginning to end: for
the names, and for the images.
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
from icsys.records.label import UNLABELLED, Label, in_class_folder, label_from, label_from_text
from icsys.sources.archives.archive_items import ArchiveItem, ArchivePlace, GoesWith, Member, SampleGroup
from icsys.sources.archives.links import Links
from icsys.sources.archives.reader import ArchiveReader
from icsys.sources.archives.tar_hard_links import Content, MemberContents
from icsys.sources.archives.tar_members import TarMembers
from icsys.sources.base import Ignored, Place, Unreadable
from icsys.sources.labels_from_manifest import archived_record
from icsys.sources.pack_member_names import path_in_pack
from icsys.sources.packed_companions import StatedCompanion, stated_companions
from icsys.sources.safe_names import is_image_name, safe_path, suffix_of

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Iterator

    from icsys.options import Options
    from icsys.sources.archives.archive_access import ArchiveFiles

_HEAD = 64  # bytes
_BLOCK = 2**17  # bytes
_LONGEST_NOTES = {".cls": 2**16, ".json": 2**24}  # bytes
_LONGEST_KEPT = 2**8  # bytes of a note, for hard links in a compressed archive
_MOST_OF_A_SAMPLE = 100  # files


class TarReader(ArchiveReader):
    """Reads tar archives: plain ones member by member, compressed ones as a stream."""

    def list_members(self, files: ArchiveFiles, path: str, known: Place) -> Iterator[ArchiveItem]:
        """List the images sample by sample."""
        with files.open(path) as file, MemberContents() as contents, Links(follow=self.follow_links) as links:
            tar = TarMembers(file, ignore_zeros=self.ignore_zeros)
            archive = ArchivePlace(None, known.mtime_ns, file=path, streamed=tar.packed)
            sample = _Sample("")
            damage: Exception | None = None
            try:
                while (info := tar.next()) is not None:
                    name = safe_path(info.name)
                    content = _content(name, info, tar, contents)
                    if isinstance(content, Content):
                        if sample.is_other(name):
                            yield from sample.members()
                            sample = _Sample(name)
                        place = _place_of(content, archive)
                        links.add_file(name, place, is_image=content.is_image)
                        if not sample.takes(name, content, place):
                            record = None if info.islnk() else archived_record(name, info.size, partial(tar.read, info))
                            yield from [record] if record else []
                            if not sample.keeps(name, place):
                                yield Member(name, place, is_image=False)
                    elif content is not None and not (info.issym() and links.add_link(name, info.linkname)):
                        yield content
            except Exception as error:  # noqa: BLE001 - the images before the damage come first
                damage = error
            yield from sample.members()
            yield from links.followed(lambda _: False)  # add_file has looked at all of them
            if damage is not None:
                raise damage
            if tar.damage:
                raise ImageError("broken", tar.damage)

    def read_member(self, files: ArchiveFiles, place: ArchivePlace, options: Options) -> bytes:
        """Read an image: of a plain archive by its place, of a compressed one by all that lies before it."""
        if place.streamed:
            with self.open_stream(files, place.file) as stream:
                return stream.read(place, options)
        check_bytes(place.length, options)
        return _whole(files.read_range(place.file, place.start, place.length, place), place.length)

    def read_blocks(self, files: ArchiveFiles, place: ArchivePlace) -> Iterator[bytes]:
        """Read a file of a plain archive by its place."""
        if place.streamed:
            yield from super().read_blocks(files, place)
            return
        for start in range(0, place.length, _BLOCK):
            size = min(_BLOCK, place.length - start)
            yield _whole(files.read_range(place.file, place.start + start, size, place), size)

    @contextmanager
    def open_stream(self, files: ArchiveFiles, path: str) -> Iterator[_TarStream]:
        """Open a compressed archive."""
        with files.open(path) as file:
            yield _TarStream(TarMembers(file))


def _place_of(content: Content, archive: ArchivePlace) -> ArchivePlace:
    return replace(archive, size=content.size, number=content.number, start=content.start, length=content.size)


def _content(
    name: str, info: tarfile.TarInfo, tar: TarMembers, names: MemberContents
) -> Content | Ignored | Unreadable | None:
    """Return the content of a member, for a hard link that of the earlier file it names; None for a folder."""
    if info.isdir():
        return None
    if info.islnk():
        target = safe_path(info.linkname)
        found = names.get(target)
        if found is None:
            return Unreadable(name, "broken", f"a hard link to {target!r}: expected a file before it in the archive")
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
    """Return why a file cannot be used though it may be an image or a label; empty if it can."""
    if found.has_holes:
        return "a file with holes in a tar archive: expected a whole one"
    if found.is_note and found.note is None:
        return "a hard link to a long note in a compressed archive: expected a file"
    if name.endswith(".cls") and not found.is_note and not found.is_image:
        return f"a label of {found.size} bytes: expected a name or a number"
    return ""


def _look(name: str, info: tarfile.TarInfo, tar: TarMembers) -> Content:
    """Return the content of a member by its first bytes; the text of notes, which may hold labels, is read whole."""
    content = Content(tar.number, info.offset_data, info.size)
    if info.sparse is not None or not info.isreg():
        return content._replace(is_file=info.sparse is not None or info.isreg(), has_holes=info.sparse is not None)
    if sniff(tar.read(info, _HEAD)) is not None:
        return content._replace(is_image=True)
    if info.size <= _LONGEST_NOTES.get(suffix_of(name), -1):
        return content._replace(is_note=True, note=tar.read(info, info.size))
    return content


class _Sample:
    """Neighbouring files with one key, the path up to the first dot of the name: a sample of WebDataset.

    Its label comes from ``.cls`` or ``.json``; the folder counts only without them.
    """

    def __init__(self, name: str) -> None:
        self._key = _key(name)
        self._images: list[Member] = []
        self._files = 0
        self._number: Label | None = None
        self._name: Label | None = None
        self._is_ours = False
        self._stated: dict[str, tuple[StatedCompanion, str]] = {}  # with the beginning of its image's name, by name
        self._companions: list[tuple[str, ArchivePlace]] = []
        self._is_label = False  # the last file, and nothing else
        self._others: list[tuple[str, ArchivePlace, bool]] = []  # each with whether it is only a label

    def is_other(self, name: str) -> bool:
        """Return whether a file belongs to another sample."""
        return _key(name) != self._key or len(self._images) >= _MOST_OF_A_SAMPLE

    def takes(self, name: str, content: Content, place: ArchivePlace) -> bool:
        """Add a file; return whether it is an image, or a companion."""
        self._files += 1
        if name in self._stated:
            self._companions.append((name, place))
            return True
        if content.is_image or is_image_name(name):
            self._images.append(Member(name, place))
            return True
        self._is_label = content.note is not None and self._read_note(name, content.note)
        return False

    def keeps(self, name: str, place: ArchivePlace) -> bool:
        """Add the last file, which is neither; return whether the sample has room for it."""
        is_kept = len(self._others) < _MOST_OF_A_SAMPLE
        if is_kept:
            self._others.append((name, place, self._is_label))
        return is_kept

    def _read_note(self, name: str, text: bytes) -> bool:
        """Read what a file says of the sample; return whether it says its label alone."""
        if name.endswith(".cls"):
            self._number = label_from_text(text)
            return True
        try:
            note = from_json(text)
        except ValueError:
            return False
        if isinstance(note, dict):
            is_ours = {"source_path", "source_sha256", "sha256"} <= note.keys()
            self._is_ours = self._is_ours or is_ours
            if note.get("label") is not None or is_ours:
                self._name = label_from(note.get("label"))
            if is_ours:
                stem = name.removesuffix(".json")
                self._stated |= {f"{stem}.{one}": (about, stem) for one, about in stated_companions(note).items()}
        return isinstance(note, dict) and note.keys() == {"label"}

    def _label(self) -> Label | None:
        """Return the name from ``.json`` with the number from ``.cls``, or the one that there is."""
        if self._name is None or self._number is None:
            return self._number if self._name is None else self._name
        is_text = self._name.name is not None and self._name.number is None
        return self._name._replace(number=self._number.number) if is_text else self._name

    def members(self) -> Iterator[Member | Ignored]:
        """Return the images with their final paths, their companions, and all other files."""
        label = self._label()
        own = path_in_pack if self._is_ours else str  # see webdataset.member
        for image in self._images:
            group = SampleGroup(own(self._key).rpartition("/")[2], self._images[0].place.file, self._is_kept())
            yield Member(in_class_folder(own(image.path), label or UNLABELLED), image.place, label, group)
        numbers = {image.path.rpartition(".")[0]: image.place.number for image in self._images}
        for name, place in self._companions:
            about, stem = self._stated[name]
            if stem in numbers:
                yield Member(about.path, place, goes_with=GoesWith(about.kind, about.form, numbers[stem]))
            else:
                yield Ignored(name)
        yield from self._other_members(label)

    def _other_members(self, label: Label | None) -> Iterator[Member | Ignored]:
        """Return the other files, in the folder of the image; what states only its label or its facts is ignored."""
        for name, place, is_label in self._others:
            if not self._images:
                yield Member(name, place, is_image=False)
            elif self._is_ours or is_label:
                yield Ignored(name)
            else:
                group = SampleGroup(self._key.rpartition("/")[2], self._images[0].place.file, self._is_kept())
                yield Member(in_class_folder(name, label or UNLABELLED), place, group=group, is_image=False)

    def _is_kept(self) -> bool:
        """Return whether names have parts between key and suffix, or several images share their notes."""
        has_parts = any("." in image.path[len(self._key) + 1 :] for image in self._images)
        has_notes = self._files > len(self._images)
        return self._files > 1 and (has_parts or (has_notes and len(self._images) > 1))


def _key(name: str) -> str:
    folder, slash, base = name.rpartition("/")
    return folder + slash + base.partition(".")[0]


class _TarStream:
    """A compressed archive: its images are read in the order of their bytes."""

    def __init__(self, tar: TarMembers) -> None:
        self._tar = tar
        self._info: tarfile.TarInfo | None = None
        self._data: bytes | None = None  # of the last image: hard links give it several names

    def read(self, place: ArchivePlace, options: Options) -> bytes:
        """Go on to an image and read it."""
        while self._tar.number < place.number:
            self._data, self._info = None, self._tar.next()
            if self._info is None:
                break
        if self._info is None or (self._tar.number, self._info.size) != (place.number, place.size):
            raise ImageError("changed", "the archive changed after it was listed: run again when it holds still")
        check_bytes(self._info.size, options)
        if self._data is None:
            self._data = self._tar.read(self._info, self._info.size)
        return _whole(self._data, self._info.size)


def _whole(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise ImageError("broken", f"the archive ends after {len(data)} of its {size} bytes")
    return data
