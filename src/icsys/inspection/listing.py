"""Everything in a source by its names, before any image is read."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from icsys.results import ANNOTATION, MASK, SIDECAR, Failed
from icsys.sources.base import Companion, PassedOver, Task, Unreadable

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from icsys.sources.base import Source

_STEP = 1000  # entries between two reports


@dataclass(slots=True)
class SourceListing:
    """The images of a source, and counts of everything else.

    Attributes
    ----------
    companions
        Number of files by kind and form.
    """

    tasks: list[Task] = field(default_factory=list)
    companions: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    broken: list[Failed] = field(default_factory=list)
    ignored: int = 0
    outputs_passed_over: list[str] = field(default_factory=list)

    def found(self, kind: str) -> dict[str, Any]:
        """Return the number of companions of a kind and of each of its forms."""
        forms = self.companions[kind]
        return {"files": forms.total(), "forms": dict(sorted(forms.items()))}


def list_source(source: Source, stop: threading.Event, report: Callable[[int], object]) -> SourceListing:
    """List a source until ``stop`` is set; ``report`` is called with the number of images from time to time."""
    listing = SourceListing()
    for number, planned in enumerate(source.plan("")):
        if stop.is_set():
            break
        if number % _STEP == 0:
            report(len(listing.tasks))
        if isinstance(planned, Task):
            listing.tasks.append(planned)
        elif isinstance(planned, Companion):
            listing.companions[planned.kind][planned.form] += 1
        elif isinstance(planned, Unreadable):
            listing.broken.append(Failed(source=planned.source, code=planned.code, message=planned.message))
        elif isinstance(planned, PassedOver):
            listing.outputs_passed_over.append(planned.source)
        else:
            listing.ignored += 1
    return listing


KINDS = {"masks": MASK, "annotations": ANNOTATION, "sidecars": SIDECAR}
"""Kinds of companions by their names in an inspection."""
