"""What is counted while a file about many pictures is written, and the warning that it makes."""

from __future__ import annotations

from collections import Counter

from icsys.labels.picture_index import MappedCounts

_SHOWN = 3
_LONGEST = 80  # characters of a name


class Tally:
    """Counts of labels, and of what a warning names.

    Attributes
    ----------
    labels, dropped
        As of :class:`~icsys.labels.picture_index.MappedCounts`.
    """

    def __init__(self) -> None:
        self.labels = self.dropped = 0
        self._missing = 0
        self._notes: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}

    def miss(self, what: str, name: str) -> None:
        """Count a name that no picture answers to."""
        self._missing += 1
        self.note(f"{what} that no picture answers to, kept as they are", name)

    def note(self, what: str, example: str = "", count: int = 1) -> None:
        """Count something that the warning says, in the plural."""
        self._notes[what] += count
        examples = self._examples.setdefault(what, [])
        if example and len(examples) < _SHOWN and example not in examples:
            examples.append(example)

    def counts(self) -> MappedCounts:
        """Return all counts, and the warning."""
        notes = [self._sentence(what, count) for what, count in self._notes.items()]
        return MappedCounts(self.labels, self.dropped, self._missing, "; ".join(notes) or None)

    def _sentence(self, what: str, count: int) -> str:
        shown = [name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…" for name in self._examples[what]]
        more = ", …" if count > len(shown) else ""
        return f"{count} {what}" + (f": {', '.join(shown)}{more}" if shown else "")
