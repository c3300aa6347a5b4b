"""WebDataset packs: tar files in which the files of one sample share a key and follow one another.

The format is that of https://github.com/webdataset/webdataset. The key of a sample is the path of its files up to the
first dot of the name; the text after that dot gives the kind of the file.
"""

from __future__ import annotations

import os
import re
import tarfile
from typing import TYPE_CHECKING, BinaryIO

from icsys.packs.member_place import MemberPlace
from icsys.records.manifest import to_line
from icsys.sources.archives.tar_members import TarMembers
from icsys.sources.packed_companions import COMPANIONS_KEY

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from icsys.packs.packed_image import PackedImage
    from icsys.records.classes import Classes

_DRIVE = re.compile(r"^([A-Za-z]):")
_END = 2 * tarfile.BLOCKSIZE  # zeros at the end of a tar file; a whole record is filled
_LARGE = 8**11  # bytes; a larger size does not fit its field
_HEADER = tarfile.TarInfo().tobuf(tarfile.PAX_FORMAT)
_OWNER, _DATE, _TAIL = _HEADER[100:124], _HEADER[135:148], _HEADER[154:]  # between name, size and sum
_REST = sum(_OWNER) + sum(_DATE) + sum(_TAIL[2:]) + 8 * ord(" ")  # the sum counts its own field as eight spaces


class WebDatasetFormat:
    """Tar files for the ``webdataset`` package: an image, its class and its facts are three files with one key."""

    suffix = ".tar"

    def prepare(self) -> None:
        """Load nothing: Python's standard library is enough."""

    def member(self, file_name: str, sample: str = "") -> str:
        """Return the name of an image in a pack: its path, with ``%XX`` for characters that would change its key.

        Escaped are dots before the suffix, two underscores at the start (readers skip such names), line ends,
        backslashes, the colon of a Windows drive, bytes outside UTF-8, and the percent sign.
        ``urllib.parse.unquote_to_bytes`` turns the result back into the path. If several images share a ``sample``,
        the key of each is the name of the sample.

        Examples
        --------
        >>> WebDatasetFormat().member("v1.0/photo.of.cat.png")
        'v1.0/photo%2Eof%2Ecat.png'
        >>> WebDatasetFormat().member("v1.0/1.left.png", sample="1")
        'v1.0/1.left.png'
        """
        path, _, suffix = file_name.rpartition(".")
        above = path.rpartition("/")[0]
        beginning = f"{above}/{sample}." if above else f"{sample}."
        if sample and file_name.startswith(beginning):
            path, suffix = beginning[:-1], file_name[len(beginning) :]
            suffix = suffix.replace("%", "%25").replace("\n", "%0A").replace("\\", "%5C")
        path = path.replace("%", "%25").replace("\n", "%0A").replace("\\", "%5C")
        folder, slash, stem = _DRIVE.sub(r"\1%3A", path).rpartition("/")
        name = folder + slash + stem.replace(".", "%2E")
        if name.startswith("__"):
            name = "%5F" + name[1:]
        name = f"{name}.{suffix}"
        return name if name.isascii() else "".join(map(_escaped, name))

    def companion(self, member: str, name: str) -> str:
        """Return the name of a companion: the key of its image, a dot, and its own name.

        Examples
        --------
        >>> WebDatasetFormat().companion("cat/1.png", "mask.png")
        'cat/1.mask.png'
        """
        return f"{member.rpartition('.')[0]}.{name}"

    def is_facts(self, member: str) -> bool:
        """Return whether a name is that of a class number or of facts; some companions have such names, too."""
        return member.endswith((".cls", ".json"))

    def write(
        self,
        file: BinaryIO,
        images: Iterable[PackedImage],
        classes: Classes,  # noqa: ARG002 - each sample stands alone
        columns: Mapping[str, str],  # noqa: ARG002
    ) -> None:
        """Write each image with two more files, its class number (``.cls``) and its facts (``.json``), and companions.

        Images of one sample share one ``.cls``. The same images always give the same bytes.
        """
        size, labelled = 0, ""
        for image in images:
            parts = self.files_of(image, labelled)
            labelled = _key_of(image) if image.number is not None else labelled
            file.writelines(parts)
            size += sum(map(len, parts))
        file.write(bytes(_END + -(size + _END) % tarfile.RECORDSIZE))

    def files_of(self, image: PackedImage, labelled: str = "") -> list[bytes]:
        """Return the files of one image as they lie in a tar file.

        Parameters
        ----------
        labelled
            The key of the last image with a class number: another image of this sample has none of its own.
        """
        stem, key = image.member.rpartition(".")[0], _key_of(image)
        label = {} if image.label is None else {"label": image.label}
        parts = tar_member(image.member, image.data)
        if image.number is not None and key != labelled:
            parts += tar_member(f"{key}.cls", str(image.number).encode())
        beside = {one.name: one.facts for one in image.companions}
        facts = label | dict(image.info) | ({COMPANIONS_KEY: beside} if beside else {})
        parts += tar_member(f"{stem}.json", to_line(facts))
        for one in image.companions:
            parts += tar_member(one.member, one.data)
        return parts

    def places(self, file: BinaryIO) -> Generator[MemberPlace]:
        """Yield where each file lies, in order; only headers are read.

        Raises
        ------
        OSError
            If the pack cannot be read, or is not a tar file as ICS writes it.
        """
        end, tar = file.seek(0, os.SEEK_END), TarMembers(file)
        while (info := tar.next()) is not None and not tar.damage:
            if info.issparse():  # a few bytes may stand for any number of zeros
                raise OSError(f"{info.name!r} is a sparse file: expected a regular file, as ics writes")
            if info.isreg():
                if info.offset_data + info.size > end:  # checked before memory is taken
                    raise OSError(f"{info.name!r} extends beyond the end of the tar file")
                yield MemberPlace(info.name, info.offset_data, info.size)
        if tar.damage or tar.packed:
            raise OSError(f"not a complete tar file: {tar.damage or 'it is compressed'}")

    def read(self, file: BinaryIO) -> Generator[tuple[str, bytes]]:
        """Yield name and bytes of each file, in order; errors as for :meth:`places`."""
        for name, begin, size in self.places(file):
            file.seek(begin)
            yield name, file.read(size)


def _key_of(image: PackedImage) -> str:
    folder, slash, base = image.member.rpartition("/")
    return folder + slash + base.partition(".")[0]


def _escaped(character: str) -> str:
    """Escape a byte outside UTF-8, which Python represents as a lone surrogate (PEP 383)."""
    if not "\ud800" <= character <= "\udfff":
        return character
    errors = "surrogateescape" if "\udc80" <= character <= "\udcff" else "surrogatepass"
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", errors))


def tar_member(name: str, data: bytes) -> list[bytes]:
    """Return a file in a tar file: its header, its bytes, and zeros up to a whole block.

    The header is that of :mod:`tarfile`, whose defaults for owner and date are constants. ``tarfile`` makes it from
    some forty fields; for names of up to 100 ASCII characters only name, size and sum of the bytes change.
    """
    padding = bytes(-len(data) % tarfile.BLOCKSIZE)
    if not name.isascii() or len(name) > tarfile.LENGTH_NAME or len(data) >= _LARGE:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        return [info.tobuf(tarfile.PAX_FORMAT, tarfile.ENCODING, "surrogateescape"), data, padding]
    begin, digits = name.encode(), b"%011o" % len(data)
    total = b"%06o" % (sum(begin) + sum(digits) + _REST)
    header = b"".join((begin.ljust(tarfile.LENGTH_NAME, b"\0"), _OWNER, digits, _DATE, total, _TAIL))
    return [header, data, padding]
