"""Archives by the suffixes of their names, and the output folder of each of several archives."""

from __future__ import annotations

import re

from icsys.files.locations import base_name

READERS = {
    **dict.fromkeys((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tbz2", ".tar.xz", ".txz"), "tar"),
    ".zip": "zip",
    ".parquet": "parquet",
}
"""Kinds of archives by suffix; the module ``KIND_reader`` reads each."""

ARCHIVE_SUFFIXES = tuple(READERS)
"""The suffixes of the archives that ICS reads."""

_SHARD = re.compile(r"(?:.*[-_.])?\d+(?:-of-\d+)?", re.DOTALL)
_SPLIT = re.compile(r"(\w+)-\d+-of-\d+\.parquet", re.DOTALL)


def archive_suffix(name: str) -> str:
    """Return the suffix that makes a name an archive's; an empty text for other names.

    Examples
    --------
    >>> [archive_suffix(name) for name in ("a.TAR.GZ", "photos.zip", "a.jpg", ".zip")]
    ['.tar.gz', '.zip', '', '']
    """
    base = base_name(name).lower()
    fitting = [suffix for suffix in ARCHIVE_SUFFIXES if base.endswith(suffix) and base != suffix]
    return max(fitting, key=len, default="")


def folder_for_archive(path: str) -> str:
    """Return the output folder for the images of one of several archives, from its path below their common folder.

    A number at the end of a name marks one pack of many, which gets no folder of its own; nor does a top folder
    ``data``. ``train-00000-of-00009.parquet`` belongs to the split ``train``, as Hugging Face names it.

    Examples
    --------
    >>> paths = "train/000.tar", "train/cat.zip", "data/x-00001.tar", "data/test-00000-of-00002.parquet"
    >>> [folder_for_archive(path) for path in paths]
    ['train', 'train/cat', '', 'test']
    """
    folder, _, name = path.rpartition("/")
    parts = [part for part in folder.split("/") if part]
    parts = parts[1:] if parts[:1] == ["data"] else parts
    stem = name[: len(name) - len(archive_suffix(name))]
    if split := _SPLIT.fullmatch(name):
        parts.append(split[1])
    elif not _SHARD.fullmatch(stem):
        parts.append(stem)
    return "/".join(parts)
