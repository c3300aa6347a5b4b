"""Compare strategies on the same images: time, bytes and quality."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.choices import AUTO, MAX_COLORS
from icsys.color.kmeans_strategies import STRATEGY_TABLE
from icsys.engine import available_cores
from icsys.errors import UsageError
from icsys.files.locations import parse_location
from icsys.files.url import shown
from icsys.options import Options, check_options
from icsys.pipeline import load_packages
from icsys.report.comparison import Candidate, Comparison
from icsys.report.comparison_runner import ComparisonRunner
from icsys.report.example_images import MOST_EXAMPLES
from icsys.report.lossy_codecs import CODECS
from icsys.run.checks import check_places
from icsys.run_settings import RunSettings
from icsys.setting_fields import several, whole_number
from icsys.sources.companions.layout import CompanionSettings
from icsys.sources.open_source import open_source
from icsys.sources.random_sample import draw_sample

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from icsys.report.comparison import ComparisonProgress

MOST_SAMPLED = 10**7


_AS_USUAL = {
    name: Options().to_dict()[name]
    for name in ("palette", "format", "png", "jpeg_quality", "shard_images", "shard_bytes")
}


def compare_folder(
    source: str | os.PathLike[str],
    options: Options | None = None,
    *,
    colors: int | Sequence[int] = (32,),
    strategies: str | Sequence[str] = tuple(STRATEGY_TABLE),
    sample: int | None = None,
    jobs: int | None = None,
    include_outputs: bool = False,
    examples: int = 6,
    lossy: bool = True,
    progress: Callable[[ComparisonProgress], object] | None = None,
) -> Comparison:
    """Compare strategies, at one or several numbers of colours, on a sample of a folder's images.

    Each candidate does what a run does, from reading to writing, into a temporary folder that is removed at the end.
    The sources are read once before, so the time of the disk does not count. Then each output is decoded and compared
    with the output of SO, the resized picture in truecolour, so quality measures only the colour reduction. A
    comparison of a few seconds is repeated up to three times, and the fastest time of each candidate counts.

    JPEG and lossy WebP stand beside them: the same resized pixels at quality 75, and at the highest quality at which
    all outputs together take no more bytes than those of the first strategy, for each number of colours.

    Parameters
    ----------
    source
        A folder, or another source that :func:`~icsys.compress_folder` accepts; it is only read.
    options
        Options of all candidates; ``seed`` also draws the sample. Strategy, colours, and options of formats other than
        PNG are not used.
    colors
        Numbers of colours K, or one.
    strategies
        Names of strategies, or one; SO, the reference of the others, is always added.
    sample
        Images to draw; all of them if left out.
    jobs
        Images worked on at once; as many as there are cores if left out.
    include_outputs
        As for :func:`~icsys.compress_folder`.
    examples
        Images whose pixels are kept, to show them.
    lossy
        Whether to compare JPEG and WebP, too.
    progress
        Called in the calling thread after every image.

    Returns
    -------
    Comparison
        The results. An image that fails with one candidate counts for none, and is listed in ``failures``.

    Raises
    ------
    UsageError
        If a setting is not as above, the folder holds no image, or the temporary folder has no room.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from icsys import Options, compare_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.radial_gradient("L").save(Path(folder, "a.png"))
    ...     comparison = compare_folder(folder, Options(step=2), colors=[4, 16], strategies=["MKM"], lossy=False)
    >>> sorted(row.name for row in comparison.rows)
    ['MKM 16', 'MKM 4', 'SO']
    """
    options = check_options(options).replace(strategy="MKM", colors=Options().colors, **_AS_USUAL)
    candidates = plan_candidates(strategies, colors)
    RunSettings(jobs=jobs)  # checks the number
    if sample is not None:
        whole_number("sample", sample, 1, MOST_SAMPLED)
    whole_number("examples", examples, 0, MOST_EXAMPLES)
    with tempfile.TemporaryDirectory(prefix="icsys-") as folder:
        place = parse_location(source)
        destination = Path(str(check_places(place, folder)))
        origin = open_source(
            place, destination, include_outputs=include_outputs, companions=CompanionSettings(options=options)
        )
        draw = draw_sample(origin, sample, options.seed)
        codecs = CODECS if lossy else ()
        runner = ComparisonRunner(origin, Path(folder), options, candidates, jobs or available_cores(), codecs=codecs)
        runner.report = progress or runner.report
        runner.report_step("Loading")
        for candidate in candidates:
            load_packages(candidate.options(options))
        estimate = runner.expect(draw.tasks)
        start = time.perf_counter()
        rows, failures = runner.run(draw.tasks)
        kept = tuple(runner.examples(rows, examples))
        seconds = time.perf_counter() - start
    return Comparison(
        source=shown(source),
        options=options,
        rows=tuple(sorted(rows, key=lambda row: (row.bytes_out, row.seconds))),
        images=len(rows[0].scores) if rows else 0,
        found=draw.found,
        ignored=draw.ignored,
        outputs_passed_over=tuple(draw.outputs_passed_over),
        sample=None if sample is None or sample >= draw.found else sample,
        failures=(*draw.failures, *failures),
        jobs=runner.jobs,
        rounds=runner.rounds,
        estimate=estimate,
        seconds=seconds,
        examples=kept,
        lossy=lossy,
        left_out=tuple(runner.left_out.values()),
    )


def plan_candidates(strategies: str | Sequence[str], colors: int | Sequence[int]) -> list[Candidate]:
    """Return the candidates: SO first, then each strategy at each number of colours.

    Raises
    ------
    UsageError
        If a name or a number is invalid, or no strategy reduces colours.
    """
    strategies = [strategies] if isinstance(strategies, str) else several("strategies", strategies, "names")
    colors = [colors] if isinstance(colors, int | str) else several("colors", colors, "numbers of colours")
    names = {Options.from_dict({"strategy": name}).strategy for name in strategies}
    reducing = [name for name, strategy in STRATEGY_TABLE.items() if name in names and strategy.fit is not None]
    if not reducing or not colors:
        raise UsageError("nothing to compare: expected at least one strategy that reduces colours, and one K")
    if AUTO in map(str, colors):
        raise UsageError(f"colors={AUTO!r}: expected numbers of colours to compare, such as 8,16,32")
    ks = sorted({whole_number("colors", k, 1, MAX_COLORS) for k in colors})
    return [Candidate("SO", None), *(Candidate(name, k) for name in reducing for k in ks)]
