"""Names of images in shards of ours: held as text that is UTF-8, and turned back into what they were."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from icsys.records.labels import escaped
from icsys.sources.safe_names import safe_path

_UNHELD = re.compile(r"[\ud800-\udfff]|%(?=[0-9A-Fa-f]{2})")


def held(name: str) -> str:
    r"""Return a name as text that UTF-8 can hold; :func:`unheld` gives back the name.

    Examples
    --------
    >>> [held(name) for name in ("caf\udce9.png", "100%.png", "%2F.png")]
    ['caf%E9.png', '100%.png', '%252F.png']
    """
    return _UNHELD.sub(lambda found: escaped(found[0]), name)


def unheld(text: str) -> str:
    """Return the name that :func:`held` or ``WebDatasetFormat.member`` has made a text of."""
    return unquote_to_bytes(text).decode("utf-8", "surrogateescape")


def restored(text: str) -> str:
    """Return the path of an image by its name in a shard of ours, safe as any path is that comes out of an archive."""
    return safe_path(unheld(text), is_ours=True)
