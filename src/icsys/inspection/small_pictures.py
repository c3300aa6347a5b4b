"""Reads small pictures of some images once more."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from icsys.engine import Lost
from icsys.engine.executor import one_by_one
from icsys.image.decode import decode_photo
from icsys.inspection.image_facts import prepare_process_to_look
from icsys.options import Options
from icsys.sources.base import read_loaded

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from icsys.engine.executor import Executor, Limits
    from icsys.sources.base import Loaded, Source, Task


AS_COMPARED = Options(strategy="SO", size=(192, 192))
"""How images are decoded to be compared: twice the size of what is looked at first, to show what is small."""


class SmallPictures:
    """The images of a source as small pictures, read when they are needed.

    Parameters
    ----------
    tasks
        All images of the source, in its order.
    executor
        Reads and decodes them.
    report
        Called with the number of pictures to be compared, and how many are done.
    """

    def __init__(
        self, source: Source, executor: Executor, tasks: Sequence[Task], report: Callable[[int, int], object]
    ) -> None:
        self._source, self._tasks, self.report = source, tasks, report
        self._executor = executor._replace(left=lambda: None)

    @property
    def is_stopped(self) -> bool:
        """Whether the work is to end."""
        return self._executor.stop.is_set()

    def load(self, names: Collection[str]) -> dict[str, NDArray[np.uint8]]:
        """Return the pictures of some images, (H, W) or (H, W, 3) uint8; what cannot be read is left out."""
        tasks = (task for task in self._tasks if task.source in names)
        worker = partial(one_by_one, function=partial(_picture, source=self._source))
        loaded = self._source.load(tasks, AS_COMPARED)
        found: dict[str, NDArray[np.uint8]] = {}
        with closing(self._executor.map(worker, loaded, prepare_process_to_look)) as batches:
            for one in chain.from_iterable(batches):
                if not isinstance(one, Lost) and one[1] is not None:
                    found[one[0]] = one[1]
        return found


def _picture(loaded: Loaded, source: Source, limits: Limits) -> tuple[str, NDArray[np.uint8] | None]:
    """Return the path of an image and its small picture; None if it cannot be read."""
    try:
        data, _ = read_loaded(source, loaded, AS_COMPARED)
        with limits.slots:
            return loaded[0].source, decode_photo(data, AS_COMPARED, limits.admit).pixels
    except Exception:  # noqa: BLE001 - it was read before, and has changed since
        return loaded[0].source, None
