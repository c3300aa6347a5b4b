"""``compress_folder``: checks its arguments, and runs on this machine or on a cluster."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, cast

from icsys.engine import available_cores
from icsys.options import Options, check_options
from icsys.run.local import run_locally
from icsys.run.progress_bar import ProgressBar
from icsys.run_settings import RunSettings

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from icsys.files.locations import Location
    from icsys.run.progress import Progress
    from icsys.run_settings import Duplicates, Engine, LabelsOn, Overwrite
    from icsys.selection import SplitShares
    from icsys.shard import Shard
    from icsys.summary import RunSummary


def compress_folder(
    source: Location,
    destination: str | os.PathLike[str],
    options: Options | None = None,
    *,
    jobs: int | None = None,
    engine: Engine | None = None,
    address: str | None = None,
    timeout: float | None = None,
    follow_links: bool = False,
    include_outputs: bool = False,
    ignore_zeros: bool = False,
    overwrite: Overwrite = "never",
    retry_failed: bool = False,
    dry_run: bool = False,
    prune: bool = False,
    shard: str | tuple[int, int] | None = None,
    split: str | Mapping[str, float] | None = None,
    min_side: int | None = None,
    max_aspect: float | None = None,
    drop_duplicates: Duplicates | None = None,
    total_bytes: int | str | None = None,
    from_learn: str | os.PathLike[str] | None = None,
    arm: str | None = None,
    masks: str = "auto",
    mask_pad: int = 255,
    labels_on: LabelsOn = "auto",
    min_visibility: float = 0.0,
    table: str | None = None,
    table_column: str | None = None,
    stop: threading.Event | None = None,
    progress: Callable[[Progress], object] | None = None,
) -> RunSummary:
    """Compress every image below ``source`` into the same tree below ``destination``.

    Parameters
    ----------
    source
        A folder; an image file, or a list of several; an archive of images, or a pattern of several: tar (also
        compressed), zip, WebDataset packs, Parquet; or the URL of a folder or archive, such as ``s3://bucket/photos``.
        It is only read. Outputs of several files keep the folders below the deepest one that holds all of them.
    destination
        A folder, which is made if needed; or a URL of an object store, such as ``s3://bucket/small``.
    options
        How each image is compressed; the defaults of :class:`~icsys.options.Options` if left out.
    jobs
        Images compressed at once; the number of cores if left out. It does not change the bytes. On a cluster: shards
        worked on at once; as many as the cluster has slots if left out.
    engine
        "auto" (default): threads, and beside them helper processes while many small images are left; "threads" only;
        "processes" (default with a ``timeout``) for images that may crash or hang a worker. "dask" or "ray" split a
        folder into shards, run them on the workers of a cluster, and merge them; all workers must see both folders
        under the same paths.
    address
        Address of a Dask scheduler or Ray cluster to join; a cluster is started on this machine if left out.
    timeout
        Seconds that one image may take; then its process is killed. An image that takes too long or crashes its process
        is tried once more. Then it fails with the code ``timeout`` or ``crashed``, and the run goes on.
    follow_links
        Follow links to files and folders below ``source``, except a link that leads back to a folder above it.
    include_outputs
        Also read output folders of other runs below ``source``. By default they are skipped; ``source`` itself may be
        an output folder.
    ignore_zeros
        Accept tar archives that were concatenated. By default they count as damaged; their images are read either way.
    overwrite
        "never": redo only images whose options or source have changed, and keep files that ICS did not write.
        "always": redo every image and replace such files, too.
    retry_failed
        Only retry the sources that failed in earlier runs.
    dry_run
        Plan, decode and compress, but write nothing.
    prune
        Remove stale outputs at the end of a run that has met all sources: files of ICS, unchanged, whose sources are
        gone or have other outputs now. With ``dry_run`` they are only named.
    shard
        Do one of N disjoint parts of the images, such as ``"2/4"`` or ``(2, 4)``. The hash of a source's path decides
        the part, so independent machines together do every image once. :func:`merge_shards` joins the parts.
    split
        Divide the images of each class at random among splits: names of folders with their shares, such as
        ``"train=80,val=10,test=10"`` or ``{"train": 0.8, "val": 0.2}``. Each class gets its shares up to rounding,
        duplicates stay together, and the seed of the options decides. The list of splits is kept in ``destination``:
        images that come later move no others.
    min_side
        Leave out images with a shorter side, in pixels of the source.
    max_aspect
        Leave out images whose longer side is more than this many times the shorter one.
    drop_duplicates
        "exact": leave out each image whose file equals that of an earlier one.
    total_bytes
        Choose size and colours so that all images in ``destination`` together take at most so many bytes: a number, or
        a text such as ``"500MB"`` or ``"1.5GiB"``. A size or a number of colours in ``options`` that is not the default
        is kept, and only the other is chosen. ``bytes_chosen`` of the summary says what was chosen.
    from_learn
        Take the options of a setting in a file of ``ics learn``. Those in ``options`` that are not the defaults must
        not contradict it. With ``total_bytes``: choose by the accuracy of its settings.
    arm
        The name of the setting; the recommended one if left out.
    masks
        Files that are masks, as a pattern of paths below ``source`` such as ``"gt/*.png"``, or several with commas;
        "auto" (default): found by the layout of the folders; "none": no file is one. Masks keep the values of their
        pixels.
    mask_pad
        Value of mask pixels outside the picture, 0 to 65535, with the fits pad and cover.
    labels_on
        The picture that masks and annotations were drawn on, if EXIF turns it: "upright", "stored", or "auto"
        (default): by the size that they state, upright if that does not tell.
    min_visibility
        Leave out a box or polygon if a smaller share of its area, 0 to 1, is left where the fit cover crops. 0: only if
        nothing is left.
    table
        A CSV or JSON lines table below ``source`` whose image names are to follow the outputs, or several with commas;
        ``metadata.csv`` and ``metadata.jsonl`` are found without it.
    table_column
        The column of ``table`` with the names of images; found among the usual names if left out.
    stop
        Set this event, from another thread or a signal handler, to end the run: images in progress get some seconds to
        finish. The run sets it itself when it cannot go on.
    progress
        Called in the calling thread, before the first image and after every image.

    Returns
    -------
    RunSummary
        Counts, bytes, time, and the failed images: a bad image never ends a run. A full disk and ``stop`` do; then
        ``stopped`` gives the reason, and the next run resumes.

    Raises
    ------
    UsageError
        If the run cannot start, or another run uses ``destination``; nothing was done then.
    MissingExtraError
        If the source or the options need a package that is not installed.

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
    settings = RunSettings(
        jobs=jobs,
        engine=engine,
        address=address,
        timeout=timeout,
        follow_links=follow_links,
        include_outputs=include_outputs,
        ignore_zeros=ignore_zeros,
        overwrite=overwrite,
        retry_failed=retry_failed,
        dry_run=dry_run,
        prune=prune,
        shard=cast("Shard | None", shard),  # RunSettings reads a text or a pair, too
        split=cast("SplitShares | None", split),  # likewise
        min_side=min_side,
        max_aspect=max_aspect,
        drop_duplicates=drop_duplicates,
        total_bytes=cast("int | None", total_bytes),  # likewise
        from_learn=cast("str | None", from_learn),
        arm=arm,
        masks=masks,
        mask_pad=mask_pad,
        labels_on=labels_on,
        min_visibility=min_visibility,
        table=table,
        table_column=table_column,
    )
    with progress.during_run() if isinstance(progress, ProgressBar) else nullcontext():
        return run_folder(source, destination, check_options(options), settings, stop=stop, progress=progress)


def run_folder(
    source: Location,
    destination: str | os.PathLike[str],
    options: Options,
    settings: RunSettings,
    *,
    given: Mapping[str, Any] | None = None,
    stop: threading.Event | None = None,
    progress: Callable[[Progress], object] | None = None,
) -> RunSummary:
    """Compress a folder on this machine or on a cluster; see :func:`compress_folder`.

    Parameters
    ----------
    given
        The plain values of the options that the user decides. Default: the ones that are not the defaults.
    """
    stop, progress = stop or threading.Event(), progress or (lambda _: None)
    if given is None and (settings.from_learn is not None or settings.total_bytes is not None):
        from icsys.records.learned_options import given_options  # noqa: PLC0415 - few runs need it

        given = given_options(options)
    if settings.from_learn is not None and settings.total_bytes is None:
        from icsys.records.learned_options import options_of_arm  # noqa: PLC0415 - few runs need it

        options = options_of_arm(settings.from_learn, settings.arm, given or {})
        settings = settings.replace(from_learn=None, arm=None)
    if settings.on_cluster:
        from icsys.run.cluster import run_on_cluster  # noqa: PLC0415 - few runs need it

        return run_on_cluster(source, destination, options, settings, stop=stop, progress=progress)
    settings = settings.resolve(cores=available_cores())
    if settings.total_bytes is None:
        return run_locally(source, destination, options, settings, stop=stop, progress=progress)
    from icsys.run.within_bytes.within import BudgetJob, run_within_bytes  # noqa: PLC0415 - few runs need it

    def run(options: Options, settings: RunSettings, progress: Callable[[Progress], object]) -> RunSummary:
        return run_locally(source, destination, options, settings, stop=stop, progress=progress)

    return run_within_bytes(BudgetJob(source, destination, options, given or {}, settings, stop, progress, run))
