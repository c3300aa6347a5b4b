"""Exact duplicates: images whose files have the same bytes."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from contextlib import closing
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from icsys.engine import Lost
from icsys.engine.executor import one_by_one
from icsys.errors import ImageError
from icsys.options import Options
from icsys.sources.base import Task, read_loaded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from icsys.engine.executor import Executor, Limits
    from icsys.sources.base import Loaded, Source


def equal_files(source: Source, executor: Executor, options: Options | None = None) -> dict[str, str]:
    """Return the images whose files equal that of an earlier image, with the first such image, by their paths.

    Only files whose size another file has, too, are read. A file that cannot be read equals none.

    Parameters
    ----------
    source
        Its order decides which image is the first.
    executor
        Reads the files.
    options
        ``max_bytes`` is used.

    Returns
    -------
    dict
        From each path to that of its first image, which itself is no key; in the order of the source. What is found
        when the executor is stopped is not complete.
    """
    options = options or Options()
    tasks = _with_equal_sizes(source)
    worker = partial(one_by_one, function=partial(_hash_image, source=source, options=options))
    hashes: dict[str, bytes] = {}
    with closing(executor.map(worker, source.load(tasks, options), _nothing)) as batches:
        for found in chain.from_iterable(batches):
            if not isinstance(found, Lost):
                hashes.update([found])
    return first_of_equal((task.source, hashes.get(task.source, b"")) for task in tasks)


def first_of_equal(hashes: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """Return the paths whose hash an earlier path has, too, with the first such path; an empty hash equals none.

    Examples
    --------
    >>> first_of_equal([("a", b"1"), ("b", b"2"), ("c", b"1"), ("d", b"1"), ("e", b""), ("f", b"")])
    {'c': 'a', 'd': 'a'}
    """
    first: dict[bytes, str] = {}
    return {path: first[digest] for path, digest in hashes if digest and first.setdefault(digest, path) != path}


def _with_equal_sizes(source: Source) -> Sequence[Task]:
    """Return the images whose files may equal another: all of one size, or all if a size is unknown."""
    tasks: list[Task] = []
    sizes: dict[int | None, list[int]] = defaultdict(list)
    for task in source.plan(""):
        if isinstance(task, Task):
            try:
                size, _ = source.stat(task)
            except OSError:
                continue
            sizes[size].append(len(tasks))
            tasks.append(task)
    if None in sizes:
        return tasks
    return [tasks[place] for place in sorted(chain.from_iterable(some for some in sizes.values() if len(some) > 1))]


def _hash_image(loaded: Loaded, source: Source, options: Options, limits: Limits) -> tuple[str, bytes]:
    """Return the path of an image and the SHA-256 of its file; empty if it cannot be read."""
    task = loaded[0]
    try:
        data, _ = read_loaded(source, loaded, options)
    except (ImageError, OSError, MemoryError):
        return task.source, b""
    with limits.slots:
        return task.source, hashlib.sha256(data).digest()


def _nothing() -> None:
    """Prepare nothing: a process needs no package to hash files."""
