"""Everything in a source by its names, before any image is read."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from icsys.inspection.split_lists import NAMES
from icsys.results import ANNOTATION, MASK, SIDECAR, Failed
from icsys.sources.archives.source import Archives
from icsys.sources.base import Companion, PassedOver, Task, Unreadable
from icsys.sources.folder import Folder

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from icsys.sources.base import Source

_MASKS = re.compile(r"\bmasks\b")
_ANNOTATIONS = re.compile(r"\b(?:YOLO|VOC|LabelMe|Cityscapes|COCO|annotations|labels)\b")
_TABLES = frozenset({"metadata", "table"})
_STEP = 1000  # entries between two reports


@dataclass(slots=True)
class SourceListing:
    """The images of a source, and counts of everything else.

    Attributes
    ----------
    companions
        Number of files by kind and form.
    lists
        The companions that are lists of names.
    tables
        The companions that are tables with names of images.
    how_found, unclear
        Sentences on how companions were recognised, and on what may be one.
    """

    tasks: list[Task] = field(default_factory=list)
    companions: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    lists: list[Companion] = field(default_factory=list)
    tables: list[Companion] = field(default_factory=list)
    how_found: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()
    broken: list[Failed] = field(default_factory=list)
    ignored: int = 0
    outputs_passed_over: list[str] = field(default_factory=list)

    def add_companion(self, one: Companion) -> None:
        """Count a file that goes with images; keep it if it is about many."""
        self.companions[one.kind][one.form] += 1
        if one.form == NAMES:
            self.lists.append(one)
        elif one.form in _TABLES:
            self.tables.append(one)

    def found(self, kind: str) -> dict[str, Any]:
        """Return the number of companions of a kind and of each of its forms, and the sentences about them."""
        forms = self.companions[kind]
        sentences = {
            name: [one for one in some if _kind_of(one) == kind]
            for name, some in (("found", self.how_found), ("unclear", self.unclear))
        }
        return {"files": forms.total(), "forms": dict(sorted(forms.items())), **sentences}


def list_source(source: Source, stop: threading.Event, report: Callable[[int], object]) -> SourceListing:
    """List a source until ``stop`` is set; ``report`` is called with the number of images from time to time."""
    listing = SourceListing()
    if isinstance(source, Folder | Archives):
        listing.how_found, listing.unclear = source.layout.found, source.layout.unclear
    for number, planned in enumerate(source.plan("")):
        if stop.is_set():
            break
        if number % _STEP == 0:
            report(len(listing.tasks))
        if isinstance(planned, Task):
            listing.tasks.append(planned)
        elif isinstance(planned, Companion):
            listing.add_companion(planned)
        elif isinstance(planned, Unreadable):
            listing.broken.append(Failed(source=planned.source, code=planned.code, message=planned.message))
        elif isinstance(planned, PassedOver):
            listing.outputs_passed_over.append(planned.source)
        else:
            listing.ignored += 1
    return listing


def _kind_of(sentence: str) -> str:
    """Return the kind of companions that a sentence is about, by the words that it has."""
    return MASK if _MASKS.search(sentence) else ANNOTATION if _ANNOTATIONS.search(sentence) else SIDECAR


KINDS = {"masks": MASK, "annotations": ANNOTATION, "sidecars": SIDECAR}
"""Kinds of companions by their names in an inspection."""
