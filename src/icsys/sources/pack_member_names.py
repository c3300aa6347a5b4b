"""Names of images in packs: written as valid UTF-8, and read back unchanged."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from icsys.records.label import escaped
from icsys.sources.safe_names import safe_path

_ESCAPED = re.compile(r"[\ud800-\udfff]|%(?=[0-9A-Fa-f]{2})")


def to_utf8_name(name: str) -> str:
    r"""Return a name as valid UTF-8: other bytes become ``%XX``, and ``%`` before two hex digits becomes ``%25``.

    :func:`from_utf8_name` returns the name again.

    Examples
    --------
    >>> [to_utf8_name(name) for name in ("caf\udce9.png", "100%.png", "%2F.png")]
    ['caf%E9.png', '100%.png', '%252F.png']
    """
    return _ESCAPED.sub(lambda found: escaped(found[0]), name)


def from_utf8_name(text: str) -> str:
    """Return the name that :func:`to_utf8_name` or ``WebDatasetFormat.member`` has escaped."""
    return unquote_to_bytes(text).decode("utf-8", "surrogateescape")


def path_in_pack(text: str) -> str:
    """Return the path of an image by its name in a pack, made safe like every path in an archive."""
    return safe_path(from_utf8_name(text), is_ours=True)
