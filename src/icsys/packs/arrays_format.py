"""Arrays as a pack format: one folder of arrays for each split, where images have numbers and names."""

from __future__ import annotations

from icsys.layout import NO_SPLIT
from icsys.records.splits import standard_split


class ArraysFormat:
    """NumPy arrays of all images of a split; what goes with images stays in files of its own."""

    suffix = ".npy"

    def prepare(self) -> None:
        """Load nothing."""

    def member(self, file_name: str, sample: str = "") -> str:  # noqa: ARG002 - each image stands alone
        """Return the name of an image within its split.

        Examples
        --------
        >>> ArraysFormat().member("val/cat/1.png"), ArraysFormat().member("cat/1.png")
        ('cat/1.png', 'cat/1.png')
        """
        split = folder_of_split(file_name)
        return file_name if split == NO_SPLIT else file_name[len(split) + 1 :]

    def companion(self, member: str, name: str) -> str:
        """Return the name of a companion; none is in arrays."""
        return f"{member}.{name}"

    def is_facts(self, member: str) -> bool:  # noqa: ARG002
        """Return False: facts have files of their own."""
        return False


def folder_of_split(file_name: str) -> str:
    """Return the folder of the arrays with an image: the top folder of its path if it is a split.

    Examples
    --------
    >>> [folder_of_split(name) for name in ("val/cat/1.png", "cat/1.png", "1.png")]
    ['val', 'all', 'all']
    """
    top, slash, _ = file_name.partition("/")
    return top if slash and top.isascii() and standard_split(top) is not None else NO_SPLIT
