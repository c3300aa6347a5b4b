"""A folder from end to end: plan, engine, results, summary."""

from __future__ import annotations

import os
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from threadpoolctl import threadpool_limits

from icsys.dataset.folder import Ignored, Task, Unreadable, plan_folder, write_whole
from icsys.dataset.reading import read_whole
from icsys.engine import ENGINES, Lost, available_cores, choose_engine
from icsys.engine.budget import Budget
from icsys.errors import ImageError, UsageError
from icsys.image.decode import unlimited
from icsys.options import ENGINES as ENGINE_NAMES
from icsys.options import OVERWRITES, Options, positive_number, whole_number
from icsys.pipeline import compress_image, prepare
from icsys.results import Compressed, Failed, Result, RunSummary, Skipped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from icsys.image.decode import Admit

_MOST_JOBS = 4096
_LONGEST_TIMEOUT = 10**6  # seconds
_SIGN_OF_LIFE = 0.5  # seconds
# Decoded pixels held at once, for each job: photos of up to 32 megapixels never wait for one another.
_BYTES_IN_FLIGHT = 128 * 2**20


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands.

    Attributes
    ----------
    result
        The image that was just done; None for the first call, before any is.
    summary
        The counts so far.
    total
        Images there are, skipped ones included; None until they are counted.
    note
        What goes on where no image does, in a few words.
    """

    result: Result | None
    summary: RunSummary
    total: int | None
    note: str = ""


def compress_folder(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    options: Options | None = None,
    *,
    jobs: int | None = None,
    engine: str | None = None,
    timeout: float | None = None,
    follow_links: bool = False,
    overwrite: str = "never",
    dry_run: bool = False,
    progress: Callable[[Progress], object] | None = None,
) -> RunSummary:
    """Compress every image below ``source`` into the same tree below ``destination``.

    Parameters
    ----------
    source
        A folder; it is only read.
    destination
        A folder; made if need be.
    options
        What becomes of each image; the defaults of :class:`~icsys.options.Options` if left out.
    jobs
        Images worked on at once; as many as there are cores if left out. It does not change the bytes.
    engine
        "threads", or "processes": for machines with more cores than threads can keep busy, and for images that may
        crash or hang who works on them. Threads if left out, or processes where there is a ``timeout``.
    timeout
        Seconds that one image may take; then its process is killed. An image that is late, or ends its process, is
        tried once more and then fails with the code ``timeout`` or ``crashed``; all others go on.
    follow_links
        Follow links to files and folders below ``source``, except one that leads back to a folder above it.
    overwrite
        "never" keeps outputs that exist and counts their images as skipped, "always" writes them anew.
    dry_run
        Plan, decode and compress, but write nothing.
    progress
        Called in the calling thread, before the first image and after every one.

    Returns
    -------
    RunSummary
        Counts, bytes, time, and the images that failed: a bad image never ends a run.

    Raises
    ------
    UsageError
        If the run cannot start; nothing was done then.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from icsys import Options, compress_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     photos = Path(folder, "Uncompressed", "cat")
    ...     photos.mkdir(parents=True)
    ...     Image.linear_gradient("L").save(photos / "a.tiff")
    ...     summary = compress_folder(photos.parent, Path(folder, "Compressed"), Options(strategy="SO"))
    ...     Path(folder, "Compressed", "cat", "a.png").exists()
    True
    >>> summary.compressed, summary.failed
    (1, 0)
    """
    start = time.perf_counter()
    options = options or Options()
    if not isinstance(options, Options):
        raise UsageError(f"options={options!r}: expected icsys.Options(...)")
    check_run(jobs=jobs, engine=engine, overwrite=overwrite, timeout=timeout)
    engine = choose_engine(engine, timeout=timeout)
    jobs = jobs or available_cores()
    source, destination = check_folders(source, destination)
    summary = RunSummary()
    report = progress or (lambda _: None)

    def tasks() -> Iterator[Task | Unreadable]:
        for planned in plan_folder(source, destination, f".{options.format}", follow_links=follow_links):
            if isinstance(planned, Ignored):
                summary.ignored += 1
            else:
                yield planned

    work = partial(
        _compress_one,
        source=source,
        destination=destination,
        options=options,
        keep_existing=overwrite == "never",
        dry_run=dry_run,
        # Processes share no count of bytes; each of them holds one image at a time.
        admit=Budget(_BYTES_IN_FLIGHT * jobs).hold if engine == "threads" else unlimited,
    )
    with _Count(source, destination, follow_links=follow_links) as count:
        loading = Progress(None, summary, None, note=f"Loading {options.strategy}, compiled once on its first run")
        _wait_for(partial(prepare, options), lambda: report(loading))
        report(Progress(None, summary, count.total))
        outcomes = ENGINES[engine](work, tasks(), jobs, partial(prepare, options), timeout)
        # Images run in parallel already: threads of the BLAS that is loaded by now would ask the cores twice.
        with threadpool_limits(1, user_api="blas"), closing(outcomes) as results:
            for outcome in results:
                result = _failed(outcome) if isinstance(outcome, Lost) else outcome
                summary.add(result)
                summary.seconds = time.perf_counter() - start
                report(Progress(result, summary, count.total))
    summary.seconds = time.perf_counter() - start
    return summary


def has_images(source: Path, destination: Path) -> bool:
    """Tell whether a run from ``source`` to ``destination`` would find an image."""
    return any(isinstance(planned, Task) for planned in plan_folder(source, destination, ""))


def check_run(*, jobs: int | None, engine: str | None, overwrite: str, timeout: float | None = None) -> None:
    """Refuse settings of a run that are not accepted.

    Raises
    ------
    UsageError
        If one is not; the text names it, its value and what was expected.
    """
    if jobs is not None:
        whole_number("jobs", jobs, 1, _MOST_JOBS)
    if timeout is not None:
        positive_number("timeout", timeout, _LONGEST_TIMEOUT)
    for name, value, choices in (("overwrite", overwrite, OVERWRITES), ("engine", engine, ENGINE_NAMES)):
        if value not in choices and not (name == "engine" and value is None):
            raise UsageError(f"{name}={value!r}: expected one of {', '.join(choices)}")


def check_folders(source: str | os.PathLike[str], destination: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Refuse folders that a run cannot start with, before anything is done.

    Raises
    ------
    UsageError
        If the source cannot be read, the destination cannot be written, or writing would touch the source.
    """
    for name, path in (("source", source), ("destination", destination)):
        if not os.fspath(path):
            raise UsageError(f"{name} '' names no folder: expected a path, or . for the current folder")
    source, destination = Path(source), Path(destination)
    if not source.exists():
        raise UsageError(f"source folder {str(source)!r} does not exist: expected a folder with photos")
    if not source.is_dir():
        raise UsageError(f"source {str(source)!r} is a file: expected a folder with photos")
    if not os.access(source, os.R_OK | os.X_OK):
        raise UsageError(f"source folder {str(source)!r} cannot be read: permission denied")
    if destination.resolve() in (source.resolve(), *source.resolve().parents):
        raise UsageError(
            f"source {str(source)!r} lies in destination {str(destination)!r}: expected two folders, "
            "so that no photo is overwritten"
        )
    nearest = next(folder for folder in (destination, *destination.absolute().parents) if folder.exists())
    if not nearest.is_dir():
        raise UsageError(
            f"destination {str(destination)!r}: {str(nearest)!r} is a file, expected a folder or a new name"
        )
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UsageError(f"destination {str(destination)!r} cannot be written: {str(nearest)!r} is read-only")
    return source, destination


def _wait_for(work: Callable[[], object], sign_of_life: Callable[[], object]) -> None:
    """Do ``work`` in a thread and give signs of life meanwhile.

    Compilers swallow an interrupt that reaches them; here it reaches a thread that only waits.
    """
    failures: list[BaseException] = []

    def catch() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)

    thread = threading.Thread(target=catch, daemon=True)
    sign_of_life()
    thread.start()
    while thread.is_alive():
        thread.join(_SIGN_OF_LIFE)
        if thread.is_alive():
            sign_of_life()
    if failures:
        raise failures[0]


class _Count:
    """Counts the images of a run beside it, so that a run starts at once and the bar still knows its end."""

    def __init__(self, source: Path, destination: Path, *, follow_links: bool) -> None:
        self.total: int | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._count, args=(source, destination, follow_links), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _count(self, source: Path, destination: Path, follow_links: bool) -> None:
        images = 0
        for planned in plan_folder(source, destination, "", follow_links=follow_links):
            if self._over.is_set():
                return
            images += not isinstance(planned, Ignored)
        self.total = images


def _compress_one(
    planned: Task | Unreadable,
    *,
    source: Path,
    destination: Path,
    options: Options,
    keep_existing: bool,
    dry_run: bool,
    admit: Admit,
) -> Result:
    """Do one image; whatever is wrong with it becomes its result."""
    if isinstance(planned, Unreadable):
        return Failed(source=planned.source, code="io", message=planned.message)
    start = time.perf_counter()
    target = destination / planned.output
    if keep_existing and os.path.lexists(target):
        return Skipped(source=planned.source, output=planned.output, reason="the output exists")
    try:
        data = read_whole(source / planned.source, options)
        image = compress_image(data, options, admit=admit)
        if not dry_run:
            write_whole(target, image.data)
    except Exception as error:  # noqa: BLE001 - whatever happens to one image, the others go on
        code, message = _reason(error)
        return Failed(source=planned.source, code=code, message=message)
    info = image.source
    return Compressed(
        source=planned.source,
        output=planned.output,
        bytes_in=len(data),
        bytes_out=len(image.data),
        source_width=info.width,
        source_height=info.height,
        width=image.width,
        height=image.height,
        elements_in=info.width * info.height * info.channels,
        elements_out=image.width * image.height * image.channels,
        colors=image.colors,
        format=info.format,
        mode=info.mode,
        orientation=info.orientation,
        frames=info.frames,
        mse=image.mse,
        warning=image.warning,
        seconds=time.perf_counter() - start,
        kmeans_seconds=image.kmeans_seconds,
    )


def _failed(lost: Lost[Task | Unreadable]) -> Failed:
    """Return the result of an image that crashed or hung whoever worked on it."""
    return Failed(source=lost.item.source, code=lost.code, message=lost.message)


def _reason(error: Exception) -> tuple[str, str]:
    """Return the stable code and the sentence for what went wrong with one image."""
    match error:
        case ImageError():
            return error.code, str(error)
        case OSError():
            place = f": {error.filename}" if error.filename else ""
            return "io", f"{error.strerror or error}{place}"
        case MemoryError():
            return "memory", "not enough memory for this image"
        case _:
            return "internal", f"a fault of ics itself, please report it: {type(error).__name__}: {error}"
