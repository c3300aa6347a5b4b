"""Names of outputs, decided from the names of the sources before any work starts."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from array import array
from collections import Counter
from typing import TYPE_CHECKING

from icsys.image.tiff.camera_raw import RAW_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


_MAX_NAME_BYTES = 255  # on the usual file systems
_FEW = 1000  # names


def name_key(name: str) -> str:
    """Return a key that two names share if some file system treats them as one.

    Windows and macOS ignore letter case, macOS also the Unicode form.

    Examples
    --------
    >>> name_key("Straße.PNG") == name_key("STRASSE.png")
    True
    """
    if name.isascii():  # as most names are: one form, and no letters that casefold differs in
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def output_names(names: Iterable[str], suffix: str, reserved: Iterable[str] = ()) -> list[str]:
    """Return a unique output name for every source name of one folder.

    A name keeps its stem and gets ``suffix``. If two outputs would be equal, all of them keep their whole
    name in front of ``suffix``; if that is not enough, ``~2``, ``~3`` … follow in the order of the names. A
    name too long for file systems is cut, and a hash of the name is added.
    The result does not depend on the order in which the names are given. Camera raw always keeps its whole name: it is
    refused, and the photo beside it gets the stem.

    Parameters
    ----------
    names
        File names; where folders of equal names are merged, a name may occur more than once.
    suffix
        With its dot, such as ``".png"``.
    reserved
        Names already in use, such as those of sub-folders.

    Returns
    -------
    list of str
        One output name for each of ``names``, in their order.

    Examples
    --------
    >>> output_names(["a.jpg", "a.png", "b.jpg"], ".png")
    ['a.jpg.png', 'a.png.png', 'b.png']
    >>> output_names(["a.jpg", "A.jpg"], ".png")
    ['a.jpg~2.png', 'A.jpg.png']
    >>> output_names(["a.jpg", "a.NEF"], ".png")
    ['a.png', 'a.NEF.png']
    """
    return list(each_output_name(list(names), suffix, reserved))


def each_output_name(names: Iterable[str], suffix: str, reserved: Iterable[str] = ()) -> Iterator[str]:
    """Yield what :func:`output_names` returns, in bounded memory as long as no two names meet.

    ``names`` is read several times, so it cannot be an iterator.
    """
    if _is_each_unique(names, suffix, reserved := list(reserved)):
        for name in names:
            yield _fitting(_stem(name), suffix) + suffix
    else:
        yield from _distinct(names, suffix, reserved)


def _is_each_unique(names: Iterable[str], suffix: str, reserved: Iterable[str]) -> bool:
    """Return whether the stems are enough, by 8 bytes a name; rarely False for names that do not meet."""
    keys = array("q", (hash(name_key(_fitting(_stem(name), suffix) + suffix)) for name in names))
    others = {hash(name_key(name)) for name in reserved}
    if len(keys) < _FEW:
        return len(others.union(keys)) == len(others) + len(keys)
    import numpy as np  # noqa: PLC0415 - only large folders need it

    ordered = np.frombuffer(keys, np.int64)
    ordered.sort()
    taken = np.array(sorted(others), np.int64)
    return not (ordered[1:] == ordered[:-1]).any() and not np.isin(taken, ordered, kind="sort").any()


def _distinct(names: Iterable[str], suffix: str, reserved: Iterable[str]) -> list[str]:
    """Return output names that are made distinct."""
    names = list(names)
    stems = [_fitting(_stem(name), suffix) for name in names]
    taken = {name_key(name) for name in reserved}
    whole = [_fitting(name, suffix) for name in names]
    outputs: dict[int, str] = {}
    # Plain names come before numbered ones, so that each number avoids all names before it.
    for chosen in (stems, whole):
        wanted = {i: name + suffix for i, name in enumerate(chosen) if i not in outputs}
        uses = Counter(map(name_key, wanted.values()))
        unique = {i: name for i, name in wanted.items() if uses[name_key(name)] == 1 and name_key(name) not in taken}
        outputs |= unique
        taken |= {name_key(name) for name in unique.values()}
    numbers: dict[str, int] = {}  # up to which all are taken, so that many names of one key take no time
    for i in sorted(set(range(len(names))) - outputs.keys(), key=lambda i: (names[i], i)):
        key = name_key(whole[i])
        number, output = numbers.get(key, 1), whole[i] + suffix
        while name_key(output) in taken:
            number += 1
            output = _fitting(names[i], f"~{number}{suffix}") + f"~{number}{suffix}"
        numbers[key] = number
        outputs[i] = output
        taken.add(name_key(output))
    return [outputs[i] for i in range(len(names))]


def _stem(name: str) -> str:
    """Drop the last suffix unless it is one of camera raw; a leading dot starts no suffix."""
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and stem and dot + suffix.lower() not in RAW_SUFFIXES else name


def _fitting(name: str, suffix: str) -> str:
    """Cut ``name`` so that it fits a file name with ``suffix``; a hash keeps cut names different."""
    if name.isascii() and len(name) + len(suffix) <= _MAX_NAME_BYTES and suffix.isascii():
        return name
    data = os.fsencode(name)
    room = _MAX_NAME_BYTES - len(os.fsencode(suffix))
    if len(data) <= room:
        return name
    digest = "~" + hashlib.sha256(data).hexdigest()[:12]
    cut = name
    while len(os.fsencode(cut)) > room - len(digest):
        cut = cut[:-1]
    return cut + digest
