"""Which names are those of archives, and where in a dataset of many the images of each go."""

from __future__ import annotations

import re

from icsys.files.locations import base_name

READERS = {
    **dict.fromkeys((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tbz2", ".tar.xz", ".txz"), "tar"),
    ".zip": "zip",
    ".parquet": "parquet",
}
"""Which module reads a kind of archive, by its suffix."""

SUFFIXES = tuple(READERS)
"""Of the archives that are read."""

_SHARD = re.compile(r"(?:.*[-_.])?\d+(?:-of-\d+)?", re.DOTALL)
_SPLIT = re.compile(r"(\w+)-\d+-of-\d+\.parquet", re.DOTALL)


def archive_suffix(name: str) -> str:
    """Return the suffix by which a name is that of an archive; an empty text if it is not.

    Examples
    --------
    >>> [archive_suffix(name) for name in ("a.TAR.GZ", "photos.zip", "a.jpg", ".zip")]
    ['.tar.gz', '.zip', '', '']
    """
    base = base_name(name).lower()
    fitting = [suffix for suffix in SUFFIXES if base.endswith(suffix) and base != suffix]
    return max(fitting, key=len, default="")


def folder_of(path: str) -> str:
    """Return the folder for the images of one archive among many, by its path below what holds them.

    A number at the end of a name says that it is a shard, which gives no folder, as ``data`` at the top does not;
    ``train-00000-of-00009.parquet`` is, to Hugging Face, one of the split ``train``.

    Examples
    --------
    >>> paths = "train/000.tar", "train/cat.zip", "data/x-00001.tar", "data/test-00000-of-00002.parquet"
    >>> [folder_of(path) for path in paths]
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
