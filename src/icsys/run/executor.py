"""Who works on the images of a run, whatever is to be done with them."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.color.scratch import Slots
from icsys.engine import ENGINE_TABLE
from icsys.engine.memory_budget import MemoryBudget
from icsys.image.decode import unlimited

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Generator

BYTES_IN_FLIGHT = 128 * 2**20
"""Decoded pixels held at once, for each job: photos of up to 32 megapixels never wait for one another."""


def threads_for(jobs: int, *, remote: bool = False) -> int:
    """Return how many threads share the slots of ``jobs`` images: while some compute, the others read and write.

    Half of them suffice for a disk. An answer of an object store takes longer than an image, so more of them wait.
    """
    return (8 if remote else 2) * jobs


class Crew(NamedTuple):
    """What is the same for all passes of a run over its images.

    Attributes
    ----------
    engine
        "threads" or "processes".
    jobs
        Images that are computed at once.
    timeout
        Seconds that one may take, in a process.
    remote
        Whether images come from a server, or outputs go to one.
    stop
        Ends the pass under way.
    """

    engine: str
    jobs: int
    timeout: float | None
    remote: bool
    stop: threading.Event

    @property
    def shares_memory(self) -> bool:
        """Whether all of it is in this process."""
        return self.engine == "threads"

    def team(self, work: Callable[..., Any], prepare: Callable[[], object]) -> Callable[..., Generator[Any]]:
        """Return who has something done with all of an iterable, in any order.

        Parameters
        ----------
        work
            Takes one of them; ``admit``, as :func:`~icsys.image.decode.decode_photo` does; and ``slots``, to be held
            while there is something to compute.
        prepare
            Called in every process before its first one.
        """
        if self.shares_memory:
            work = partial(work, admit=MemoryBudget(BYTES_IN_FLIGHT * self.jobs).hold, slots=Slots(self.jobs))
            workers = threads_for(self.jobs, remote=self.remote)
        else:  # processes share no locks; each of them holds one image at a time, and can be killed
            work, workers = partial(work, admit=unlimited, slots=nullcontext()), self.jobs
        more: dict[str, Any] = {} if self.timeout is None else {"timeout": self.timeout}
        if self.shares_memory:
            more["weigh"] = _bytes_held
        return partial(ENGINE_TABLE[self.engine], work, jobs=workers, prepare=prepare, stop=self.stop, **more)


def _bytes_held(item: tuple[object, object]) -> int:
    """Return how many bytes were read ahead: an item is a task, or what a pass makes of it, with its bytes or None."""
    _, data = item
    return len(data) if isinstance(data, bytes) else 0
