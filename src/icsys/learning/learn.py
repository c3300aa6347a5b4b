"""``learn``: what a model keeps of a dataset with few colours, fewer pixels, or fewer images."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Literal

from icsys.choices import AUTO
from icsys.engine import available_cores
from icsys.engine.executor import Executor
from icsys.errors import UsageError
from icsys.files.locations import parse_source
from icsys.files.url import Url
from icsys.inspection.inspect_folder import NOWHERE
from icsys.learning.arms.plan_arms import plan_arms
from icsys.learning.learn_settings import NEAR, LearnSettings
from icsys.learning.learn_steps import LearnSteps
from icsys.options import Options, check_options
from icsys.run_settings import RunSettings
from icsys.sources.companions.layout import CompanionSettings
from icsys.sources.open_source import open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from icsys.files.locations import Location
    from icsys.learning.learn_progress import LearnProgress
    from icsys.learning.learned import Learned

COLORS_JUDGED = (128, 64, 32, 16, 8, 4, 2)
"""Numbers of colours that are judged where none are given."""


def learn(
    source: Location,
    options: Options | None = None,
    *,
    colors: Sequence[int] = COLORS_JUDGED,
    minutes: float = 5.0,
    images: int | None = None,
    repeats: int | None = None,
    group: str = NEAR,
    model: Literal["fixed", "cnn"] = "fixed",
    lossy: bool = True,
    jobs: int | None = None,
    follow_links: bool = False,
    include_outputs: bool = False,
    ignore_zeros: bool = False,
    masks: str = AUTO,
    table: str | None = None,
    stop: threading.Event | None = None,
    progress: Callable[[LearnProgress], object] | None = None,
) -> Learned:
    """Find out what a model keeps of a dataset with classes, at fewer colours, pixels and bytes.

    Settings (forms of the dataset) are made as :func:`~icsys.compress_folder` makes them. On each, a kernel ridge on
    fixed patch features is trained and tested; differences to full colour are paired by image. It stands in for a model
    of the user's: what it keeps on images like these, not what another network keeps.

    Parameters
    ----------
    source
        A folder with a folder for each class, or another source that :func:`~icsys.compress_folder` accepts and that
        states classes. Images of a test split, else of a validation split, are tested; without one, groups of images
        are left out in turn.
    options
        How images are compressed; ``colors`` is not used. The size of these options is that of the reference; 64x64
        pixels at most if they are left out. The seed decides all that is left to chance.
    colors
        Numbers of colours to judge.
    minutes
        About how long it may take: with more images than can be judged in this time, a random sample is judged.
    images
        Judge this many images at most, whatever time it takes.
    repeats
        Models of each setting, which differ by chance alone, at least 3; if left out, 9 for up to 700 images, 5 for up
        to 2,500, else 3.
    group
        Images that are left out together: "near" (near duplicates), "exact" (equal files), "none", or a regular
        expression of paths.
    model
        "cnn": a small network is trained, too, on the settings that matter.
    lossy
        Whether WebP and JPEG are judged, too.
    jobs
        Number of threads; the number of cores if left out. Figures do not depend on it.
    follow_links, include_outputs, ignore_zeros, masks
        As for :func:`~icsys.inspect_folder`.
    table
        A CSV or JSON lines table below the source with a column of classes beside file names, or several with commas;
        ``metadata.csv`` and ``metadata.jsonl`` are found without it.
    stop
        Set this event, from another thread or a signal handler, to end the work; what was judged is returned.
    progress
        Called in the calling thread with how far the work is.

    Returns
    -------
    Learned
        Accuracies, differences with intervals, verdicts, and the setting of the fewest bytes that keeps 99 %.

    Raises
    ------
    UsageError
        If the source cannot be opened, has no image or fewer than two classes, or a value is not accepted.
    MissingExtraError
        If the source or the model needs a package that is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from PIL import Image
    >>> from icsys import learn
    >>> noise = np.random.default_rng(0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name, level in (("dark", 60), ("light", 190)):
    ...         Path(folder, name).mkdir()
    ...         for number in range(12):
    ...             pixels = noise.normal(level, 30, (32, 32, 3)).clip(0, 255).astype(np.uint8)
    ...             Image.fromarray(pixels).save(Path(folder, name, f"{number}.png"))
    ...     found = learn(folder, colors=[16, 2], lossy=False)
    >>> found.images, found.classes, found.arms[0].name, found.arms[0].accuracy > 95
    (24, ['dark', 'light'], 'full', True)
    """
    settings = LearnSettings(minutes=minutes, images=images, repeats=repeats, group=group, model=model, lossy=lossy)
    run = RunSettings(
        jobs=jobs,
        follow_links=follow_links,
        include_outputs=include_outputs,
        ignore_zeros=ignore_zeros,
        masks=masks,
        table=table,
    )
    return learn_source(
        source,
        check_options(options),
        settings,
        colors=colors,
        given_geometry=options is not None,
        run=run,
        stop=stop,
        progress=progress,
    )


def learn_source(
    source: Location,
    options: Options,
    settings: LearnSettings,
    *,
    colors: Sequence[int] = COLORS_JUDGED,
    given_geometry: bool,
    run: RunSettings,
    stop: threading.Event | None = None,
    progress: Callable[[LearnProgress], object] | None = None,
) -> Learned:
    """Judge a source as :func:`learn` does.

    Parameters
    ----------
    given_geometry
        Whether the size of ``options`` is that of the reference; otherwise it is 64x64 pixels at most.
    run
        Its jobs, and how the source is read, are used.
    """
    if run.on_cluster:
        raise UsageError(f"engine={run.engine!r}: models are trained on this machine; expected one of auto, threads")
    run = run.resolve(cores=available_cores())
    arms = plan_arms(options, colors, lossy=settings.lossy, given_geometry=given_geometry)
    place = parse_source(source)
    opened = open_source(
        place,
        NOWHERE,
        follow_links=run.follow_links,
        include_outputs=run.include_outputs,
        ignore_zeros=run.ignore_zeros,
        companions=CompanionSettings.of(run, options),
    )
    assert run.jobs is not None  # noqa: S101 - it is resolved
    executor = Executor("threads", run.jobs, None, isinstance(place, Url), stop or threading.Event())
    steps = LearnSteps(opened, arms, settings, executor, seed=options.seed, progress=progress or (lambda _: None))
    return steps.run()
