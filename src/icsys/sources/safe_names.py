"""Names from archives, tables and servers, made safe as paths before use."""

from __future__ import annotations

import os
import re

from icsys.image.decode import IMAGE_SUFFIXES

LONGEST_NAME = 4000
"""Characters; no file system allows a longer path, and an archive can hold a name of gigabytes."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udc7f\udd00-\udfff]")
_DRIVE = re.compile(r"^([A-Za-z]):")


def safe_path(name: str, *, is_ours: bool = False) -> str:
    r"""Return a member's name as a path that stays below its folder.

    Backslashes separate like slashes, on every machine. Empty parts, ``.`` and ``..`` are left out, so an absolute path
    begins at that folder; a drive letter loses its colon. Control characters, characters that change the direction of
    writing, and surrogates that stand for no byte become ``%XX``.

    Parameters
    ----------
    is_ours
        Whether ICS has written the name: then backslashes and colons are parts of names, and stay if the system
        allows them.

    Examples
    --------
    >>> [safe_path(name) for name in ("./cat/a.jpg", "/etc/../../a.jpg", r"C:\photos\a.jpg", "a\n\x1b.jpg", "..")]
    ['cat/a.jpg', 'etc/a.jpg', 'C/photos/a.jpg', 'a%0A%1B.jpg', '']
    """
    if not is_ours or os.sep == "\\":
        name = name.replace("\\", "%5C" if is_ours else "/")
    parts = name.split("/")
    # Windows ignores dots and spaces at the end of a name: ".. " is "..".
    kept = [_CONTROL.sub(_escaped, part) for part in parts if part.strip(". ")]
    if kept and not (is_ours and os.sep == "/"):
        kept[0] = _DRIVE.sub(r"\1", kept[0])
    return "/".join(kept)


def safe_name(name: str) -> str:
    r"""Return a name with any characters, such as a key of an object store, as the name of one file or folder.

    Slashes of both kinds become ``%XX``, and so do names of only dots and blanks. An empty name, between two slashes of
    a key, becomes ``%2F``.

    Examples
    --------
    >>> [safe_name(name) for name in ("a.jpg", "a/b\\c.jpg", "..", "", "a\n.jpg")]
    ['a.jpg', 'a%2Fb%5Cc.jpg', '%2E%2E', '%2F', 'a%0A.jpg']
    """
    if not name.strip(". "):
        return "".join(f"%{ord(character):02X}" for character in name or "/")
    return safe_path(name.replace("/", "%2F").replace("\\", "%5C"))


def is_hidden(path: str) -> bool:
    """Return whether a name on a path begins with a dot."""
    return path.startswith(".") or "/." in path


def suffix_of(name: str) -> str:
    """Return the suffix of a name in lower case; a leading dot starts no suffix."""
    stem, dot, suffix = name.rpartition("/")[2].rpartition(".")
    return f".{suffix.lower()}" if dot and stem else ""


def is_image_name(name: str) -> bool:
    """Return whether a name has the suffix of an image; other files are recognised by their content."""
    return suffix_of(name) in IMAGE_SUFFIXES


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass"))
