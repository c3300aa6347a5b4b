"""Which images of a list are shown: by class, split, and words of their paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from icsys.sources.base import Task


class ListedImage(NamedTuple):
    """An image by its path below the source, with its class and its split; both are empty if it has none."""

    task: Task
    label: str
    split: str


@dataclass(frozen=True, slots=True)
class ImageChoice:
    """Which images a part of the grid shows; an empty text chooses all.

    Attributes
    ----------
    label, split
        The class, and the split.
    words
        A text that the path holds, in upper or lower case.
    """

    label: str = ""
    split: str = ""
    words: str = ""

    def among(self, images: list[ListedImage], numbers: Sequence[int]) -> Iterator[int]:
        """Yield those of these numbers whose images are chosen."""
        words = self.words.casefold()
        for number in numbers:
            image = images[number]
            if (
                (not self.label or image.label == self.label)
                and (not self.split or image.split == self.split)
                and (not words or words in image.task.source.casefold())
            ):
                yield number


class ChosenImages:
    """The images of a choice among the first ``seen`` of the list."""

    def __init__(self) -> None:
        self.seen, self.numbers = 0, list[int]()
