"""What an inspection finds out about one image: its file is read and decoded once, to a small picture."""

from __future__ import annotations

import hashlib
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from threadpoolctl import threadpool_limits

from icsys.engine import Lost
from icsys.engine.executor import one_by_one
from icsys.files.failure_reason import failure_reason
from icsys.image.decode import decode_photo
from icsys.inspection.fingerprint import fingerprint_of
from icsys.options import Options
from icsys.sources.base import read_loaded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from icsys.engine.executor import Executor, Limits
    from icsys.image.decode import ImageInfo
    from icsys.inspection.fingerprint import Fingerprint
    from icsys.sources.base import Loaded, Source, Task

SMALL = 96
"""Pixels of the longer side of the small pictures."""

AS_SMALL = Options(strategy="SO", size=(SMALL, SMALL))
"""How images are decoded."""


class ImageFacts(NamedTuple):
    """What is found out about an image.

    Attributes
    ----------
    source
        Its path below the source.
    size
        Size of its file; None if it cannot be read.
    sha256
        Of its file; empty if it cannot be read.
    info
        What its header states; None for a broken image.
    fingerprint
        Of its pixels; None for a broken image.
    failure
        Code and message of a broken image; None for others.
    warning
        What is wrong with an image that can be used.
    """

    source: str
    size: int | None = None
    sha256: bytes = b""
    info: ImageInfo | None = None
    fingerprint: Fingerprint | None = None
    failure: tuple[str, str] | None = None
    warning: str | None = None


def collect_facts(
    tasks: Sequence[Task], source: Source, executor: Executor, report: Callable[[int], object]
) -> list[ImageFacts]:
    """Look at images on the workers of an executor; return what is found, in the order of the tasks.

    Images that are not looked at when the executor is stopped are left out. ``report`` is called with how many
    are done.
    """
    known: dict[str, ImageFacts] = {}
    executor = executor._replace(left=lambda: len(tasks) - len(known))
    worker: Callable[..., list[ImageFacts]] = partial(one_by_one, function=partial(_look_at_image, source=source))
    report(0)
    with closing(executor.map(worker, source.load(tasks, AS_SMALL), prepare_process_to_look)) as batches:
        for batch in batches:
            for one in batch:
                facts = _lost_facts(one) if isinstance(one, Lost) else one
                known[facts.source] = facts
            report(len(known))
    return [known[task.source] for task in tasks if task.source in known]


def _lost_facts(lost: Lost[Loaded]) -> ImageFacts:
    """Return what is known about an image that crashed its worker."""
    return ImageFacts(lost.item[0].source, failure=(lost.code, lost.message))


def prepare_process_to_look() -> None:
    """Let libraries use one thread for each image in a process that does nothing else."""
    threadpool_limits(1, user_api="blas")


def _look_at_image(loaded: Loaded, source: Source, limits: Limits) -> ImageFacts:
    """Look at one image. Any fault becomes its failure."""
    name, size, sha256 = loaded[0].source, None, b""
    try:
        data, _ = read_loaded(source, loaded, AS_SMALL)
        with limits.slots:
            size, sha256 = len(data), hashlib.sha256(data).digest()
            photo = decode_photo(data, AS_SMALL, limits.admit)
            return ImageFacts(name, size, sha256, photo.info, fingerprint_of(photo.pixels), None, photo.warning)
    except Exception as error:  # noqa: BLE001 - one image never ends the inspection
        return ImageFacts(name, size, sha256, failure=failure_reason(error))
