"""WebDataset shards: tar files in which the files of one sample share a key and follow one another.

The format is that of https://github.com/webdataset/webdataset: the key of a sample is the path of its files up to the
first dot of the name, and what comes after that dot says what the file is.
"""

from __future__ import annotations

import io
import os
import re
import tarfile
from typing import TYPE_CHECKING, BinaryIO

from icsys.records.manifest import to_line

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from icsys.packs.sample import Sample
    from icsys.records.classes import Classes

SUFFIX = ".tar"
_DRIVE = re.compile(r"^([A-Za-z]):")


def member(file_name: str, sample: str = "") -> str:
    """Return the name of an image in a shard: its path, with ``%XX`` for what would end or hide its key.

    The key of an image among several of a ``sample`` ends where the name of the sample does.

    Those are dots before the suffix, two underscores at the very beginning (readers skip such names), line ends,
    backslashes and what looks like a drive of Windows, bytes that are no UTF-8, and the percent sign itself.
    ``urllib.parse.unquote_to_bytes`` gives back the path.

    Examples
    --------
    >>> member("v1.0/photo.of.cat.png")
    'v1.0/photo%2Eof%2Ecat.png'
    >>> member("v1.0/1.left.png", sample="1")
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
    return "".join(map(_escaped, f"{name}.{suffix}"))


def _escaped(character: str) -> str:
    """Escape a byte that is no UTF-8, which reaches Python as a lone surrogate (PEP 383)."""
    if not "\ud800" <= character <= "\udfff":
        return character
    errors = "surrogateescape" if "\udc80" <= character <= "\udcff" else "surrogatepass"
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", errors))


def write(file: BinaryIO, samples: Iterable[Sample], classes: Classes) -> None:  # noqa: ARG001 - samples tell theirs
    """Write images, each with ``.cls``, the number of its class, and ``.json``, what is told of it.

    Images of one sample share ``.cls``, and the names of their files begin with its key.

    Nothing but the samples decides the bytes.
    """
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        labelled = ""
        for sample in samples:
            stem = sample.member.rpartition(".")[0]
            folder, slash, base = sample.member.rpartition("/")
            key = folder + slash + base.partition(".")[0]
            label = {} if sample.label is None else {"label": sample.label}
            _add(tar, sample.member, sample.data)
            if sample.number is not None and key != labelled:
                _add(tar, f"{key}.cls", str(sample.number).encode())
                labelled = key
            _add(tar, f"{stem}.json", to_line(label | dict(sample.info)))


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)  # no owner, no date: those of tarfile's own defaults are fixed
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def read(file: BinaryIO) -> Generator[tuple[str, bytes]]:
    """Yield the images of a shard with their names, in their order.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    try:
        end = file.seek(0, os.SEEK_END)
        file.seek(0)
        with tarfile.open(fileobj=file, mode="r:") as tar:
            for info in tar:
                if info.issparse():  # a few bytes that stand for any number of zeros
                    raise OSError(f"{info.name!r} has a hole, such as ics writes none")
                if info.isreg() and not info.name.endswith((".cls", ".json")):
                    if info.offset_data + info.size > end:  # before memory is taken for it
                        raise OSError(f"{info.name!r} goes on behind the end of the shard")
                    file.seek(info.offset_data)
                    yield info.name, file.read(info.size)
    except (tarfile.TarError, ValueError, OverflowError) as error:
        raise OSError(f"no whole tar file: {error}") from error


def prepare() -> None:
    """Load nothing: Python has all of it."""
