"""Labels: the class of an image, which goes beside its path from every source to every output."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.layout import RESERVED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_NUMBER = 2**63 - 1
"""Largest number in a column of 64-bit integers."""

_UNLABELLED_NUMBER = -1  # datasets whose test images have no labels use it
_INTEGER = r"(?a)[+-]?\d{1,19}"
_LONGEST_FOLDER = 255  # bytes of a name, on the usual file systems
# Few runs meet such names, so these patterns are compiled when they are needed.
_UNFIT = (
    r'[/\\<>:"|?*\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]'
    r"|%(?=[0-9A-Fa-f]{2})"  # looks like an escape
    r"|^\.|[. ]\Z"  # hidden, or dropped by Windows
)
_DEVICES = r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\xb9\xb2\xb3])(?=[ .]|\Z)"


class Label(NamedTuple):
    """The class of an image.

    Attributes
    ----------
    name
        Name of the class in the source, or its number in digits; None if the image has no label.
    number
        Number of the class in the source; None if it has none.
    """

    name: str | None
    number: int | None = None


UNLABELLED = Label(None)
"""No label, whatever the folder of the image."""


def label_from(value: object, names: Sequence[str] = ()) -> Label:
    """Return the label in a value of a table or of JSON.

    Parameters
    ----------
    value
        A name or a number. -1, an empty name, and values of other types are no label.
    names
        Names of the classes by their numbers, if known.

    Examples
    --------
    >>> label_from("AC/DC"), label_from(1, ["cat", "dog"]), label_from(-1)
    (Label(name='AC/DC', number=None), Label(name='dog', number=1), Label(name=None, number=None))
    """
    if isinstance(value, bool):
        value = str(value).lower()
    elif isinstance(value, float) and value.is_integer():  # a column of integers with missing values
        value = int(value)
    elif isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    if isinstance(value, int):
        if value == _UNLABELLED_NUMBER:
            return UNLABELLED
        if abs(value) > MOST_NUMBER:
            return Label(str(value))
        return Label(names[value] if 0 <= value < len(names) else str(value), value)
    if isinstance(value, str) and value:
        return Label(value, names.index(value) if value in names else None)
    return UNLABELLED


def label_from_text(text: bytes) -> Label:
    r"""Return the label in a ``.cls`` file: a number in digits, or a name.

    Examples
    --------
    >>> label_from_text(b"10\n"), label_from_text(b"AC/DC")
    (Label(name='10', number=10), Label(name='AC/DC', number=None))
    """
    name = text.decode("utf-8-sig", "surrogateescape").rstrip("\r\n")
    return label_from(int(name) if re.fullmatch(_INTEGER, name.strip()) else name)


def label_of(path: str) -> str | None:
    """Return the class of an image by its path: the name of its folder; None without a folder.

    Examples
    --------
    >>> label_of("train/cat/a.png")
    'cat'
    """
    folder = path.rpartition("/")[0]
    return folder.rpartition("/")[2] if folder else None


def label_at(path: str, label: Label | None) -> Label:
    """Return the label of an image: from its source, or else from its path."""
    return Label(label_of(path)) if label is None else label


def columns_of(label: Label) -> dict[str, Any]:
    """Return a label as columns of the manifest; empty for no label."""
    if label.name is None:
        return {}
    return {"label": label.name} | ({} if label.number is None else {"label_number": label.number})


def from_columns(row: Mapping[str, Any]) -> Label:
    """Return the label in columns from :func:`columns_of`."""
    return Label(row.get("label"), row.get("label_number"))


def class_folder(name: str) -> str:
    """Return the name of the folder for the images of a class: valid on every file system, and not hidden.

    Characters that a file system refuses become ``%XX``; ``urllib.parse.unquote`` returns the name of the class. A name
    that is too long is cut, and ends with its hash.

    Examples
    --------
    >>> [class_folder(name) for name in ("cat", "AC/DC", "..", "100%", "%2F", "nul", "a.")]
    ['cat', 'AC%2FDC', '%2E%2E', '100%', '%252F', '%6Eul', 'a%2E']
    """
    folder = re.sub(_UNFIT, lambda found: escaped(found[0]), name)
    if folder.casefold() in RESERVED or re.match(_DEVICES, folder):
        folder = f"%{ord(folder[0]):02X}{folder[1:]}"
    data = folder.encode()
    if len(data) <= _LONGEST_FOLDER:
        return folder
    digest = "~" + hashlib.sha256(data).hexdigest()[:12]
    return data[: _LONGEST_FOLDER - len(digest)].decode(errors="ignore") + digest


def in_class_folder(path: str, label: Label) -> str:
    """Return the path of an image with the folder of its class as the last folder.

    Examples
    --------
    >>> in_class_folder("train/0.jpg", Label("AC/DC")), in_class_folder("cat/0.jpg", Label("cat"))
    ('train/AC%2FDC/0.jpg', 'cat/0.jpg')
    """
    if label.name is None or label_of(path) == label.name:
        return path
    folder, _, base = path.rpartition("/")
    own = class_folder(label.name)
    if folder.rpartition("/")[2] == own:
        return path
    return "/".join(part for part in (folder, own, base) if part)


def escaped(character: str) -> str:
    """Return a character as ``%XX`` for each byte; a lone surrogate stands for a byte that is not UTF-8 (PEP 383)."""
    errors = "surrogateescape" if "\udc80" <= character <= "\udcff" else "surrogatepass"
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", errors))
