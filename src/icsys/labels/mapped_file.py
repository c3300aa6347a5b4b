"""What a reader of annotations takes and returns, whatever the format."""

from __future__ import annotations

from typing import NamedTuple

from icsys.image.view import AUTO


class LabelRules(NamedTuple):
    """The settings that decide what becomes of labels; see :class:`~icsys.run_settings.RunSettings`."""

    labels_on: str = AUTO
    min_visibility: float = 0.0
    mask_pad: int = 255


class MappedFile(NamedTuple):
    """A file of labels for one output.

    Attributes
    ----------
    data
        Its bytes.
    labels
        Number of labels in it.
    dropped
        Number of labels that were left out.
    warning
        What its reader should know; None otherwise.
    """

    data: bytes
    labels: int = 0
    dropped: int = 0
    warning: str | None = None


def with_file_name(path: str, file_name: str) -> str:
    r"""Return a path whose last part is replaced; folders before it, divided by either slash, are kept.

    Examples
    --------
    >>> [with_file_name(path, "a.png") for path in ("JPEGImages/a.jpg", "C:\\photos\\a.jpg", "a.jpg")]
    ['JPEGImages/a.png', 'C:\\photos\\a.png', 'a.png']
    """
    return path[: max(path.rfind("/"), path.rfind("\\")) + 1] + file_name
