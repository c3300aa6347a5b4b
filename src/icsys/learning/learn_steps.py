"""The steps of ``learn``: find images, make the arms, judge them, and put the result together."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from icsys.errors import UsageError
from icsys.learning.arm import FULL
from icsys.learning.arms.make_arms import make_arms
from icsys.learning.arms.plan_arms import working_size
from icsys.learning.images.find_labelled import find_labelled
from icsys.learning.images.labelled_images import without_unusable
from icsys.learning.images.stratified_sample import stratified_sample
from icsys.learning.judge_arms import ArmJudgement, StepReport, StoppedError
from icsys.learning.learn_progress import LearnProgress
from icsys.learning.learn_settings import CNN
from icsys.learning.learned import Learned
from icsys.learning.models.fixed_judge import FixedFeatureJudge
from icsys.learning.models.network_checks import network_checks
from icsys.learning.models.network_judge import NetworkJudge
from icsys.learning.put_together import (
    Judged,
    arm_results,
    contrasts,
    mild_arms,
    recommended_arm,
    what_images_tell,
)
from icsys.learning.time_plan import Clock, Costs, seconds_to_multiply
from icsys.options import Options
from icsys.records.command_text import command_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from icsys.engine.executor import Executor
    from icsys.learning.arm import Arm
    from icsys.learning.arms.make_arms import MadeArms
    from icsys.learning.images.labelled_images import LabelledImages
    from icsys.learning.learn_settings import LearnSettings
    from icsys.learning.learned import ArmResult, NetworkCheck
    from icsys.learning.statistics.resolution import Resolution
    from icsys.sources.base import Source, Task

MOST_JUDGED = 5000
"""Images that are judged at most where no number is given: time and memory grow faster than their number."""

DESTINATION = "Compressed"
"""The output folder in the command of a result."""

_TRIED = 48  # images that are tried out to expect the time of all
_SPARE = 2**28  # bytes that are left free on the disk
_INTERRUPTED = "interrupted"


class LearnSteps:
    """The steps of one judgement of a source.

    Parameters
    ----------
    source
        Opened with what goes with its images.
    arms
        What is judged, the reference first.
    executor
        Its jobs and stop are used.
    seed
        Of all that is left to chance.
    """

    def __init__(
        self,
        source: Source,
        arms: Sequence[Arm],
        settings: LearnSettings,
        executor: Executor,
        seed: int,
        progress: Callable[[LearnProgress], object],
    ) -> None:
        self._source, self._arms, self._settings = source, arms, settings
        self._executor, self._seed, self._progress = executor, seed, progress
        self._size = working_size(arms)
        self._start = time.perf_counter()
        self._clock: Clock | None = None
        self._report = StepReport(progress, executor.stop.is_set, self._seconds_left)

    def run(self) -> Learned:
        """Do all steps."""
        most = self._settings.images or MOST_JUDGED
        labelled = find_labelled(
            self._source, self._executor, self._settings, most=most, seed=self._seed, report=self._progress
        )
        with tempfile.TemporaryDirectory(prefix="icsys-", ignore_cleanup_errors=True) as name:
            costs = self._try_out(labelled, Path(name, "trial"))
            if self._settings.images is None:
                labelled = self._fit_into_time(labelled, costs)
            return self._judge(labelled, costs, Path(name, "arms"))

    def _judge(self, labelled: LabelledImages, costs: Costs, folder: Path) -> Learned:
        """Make and judge the arms of chosen images."""
        images = len(labelled.tasks)
        self._clock = Clock(costs.total(images))
        self._clock.begin(costs.making(images))
        made = self._make(labelled.tasks, folder)
        if self._executor.stop.is_set():
            return self._result(labelled, None)
        if not made.usable.any():
            raise UsageError(f"no image of {self._source.shown!r} can be used: {made.failures[0].message}")
        labelled = without_unusable(labelled, made.usable, self._source.shown)
        labelled = labelled._replace(failures=[*labelled.failures, *made.failures])
        kept = _rows_of(made, labelled)
        pictures = [
            one._replace(bytes=one.bytes[kept], pixels=one.pixels[kept] if len(one.pixels) else one.pixels)
            for one in made.pictures
        ]
        judgement = ArmJudgement(pictures, labelled.design, self._seed)
        judged = Judged(labelled, pictures, judgement.kept, judgement.predictions)
        try:
            told = self._judge_all(judgement, judged, costs.judging(images))
            network = self._recheck(judged) if self._settings.model == CNN else []
        except StoppedError:
            return self._result(labelled, judged if FULL in judgement.predictions else None)
        return self._result(labelled, judged, told, network)

    def _judge_all(self, judgement: ArmJudgement, judged: Judged, expected: float) -> Resolution:
        """Judge all arms; what the images can tell is said as soon as it is known."""
        design, pictures = judged.labelled.design, judged.pictures
        full = next(one for one in pictures if one.arm.name == FULL)
        mild = mild_arms(pictures)
        names = judgement.order(mild)
        report = Reporter(self._report)
        model = FixedFeatureJudge(
            full.pixels,
            design,
            repeats=self._settings.repeats,
            seed=self._seed,
            jobs=self._executor.jobs,
            report=report,
        )
        last = ([FULL, *mild])[-1]
        told: Resolution | None = None
        for name in names:
            report.note = f"Judging {name}"
            if self._clock is not None:
                self._clock.begin(expected)
            judgement.judge(name, model)
            if name == last:
                told = what_images_tell(judged, mild)
                self._say(resolution_text(told, int(design.tested.sum())))
        assert told is not None  # noqa: S101 - the last of the first arms is among them
        return told

    def _recheck(self, judged: Judged) -> list[NetworkCheck]:
        """Recheck the arms that matter with a small network."""
        self._clock = None
        report = Reporter(self._report)
        report.note = "Training networks"
        design = judged.labelled.design
        full = next(one for one in judged.pictures if one.arm.name == FULL)
        model = NetworkJudge(
            full.pixels,
            design,
            repeats=self._settings.repeats,
            seed=self._seed,
            jobs=self._executor.jobs,
            report=report,
        )
        best = recommended_arm(arm_results(judged))
        return network_checks(model, design, judged.pictures, best.name if best else None)

    def _try_out(self, labelled: LabelledImages, folder: Path) -> Costs:
        """Make and judge the arms of a few images, and return what that costs an image."""
        step = max(1, len(labelled.tasks) // _TRIED)
        tasks = labelled.tasks[::step]
        judged = sum(arm.is_judged for arm in self._arms)
        start = time.perf_counter()
        made = self._make(tasks, folder, quiet=True)
        making = (time.perf_counter() - start) / len(tasks)
        design = labelled.design
        full = next(one for one in made.pictures if one.arm.name == FULL)
        looking = 0.0
        if made.usable.any():
            looking = FixedFeatureJudge(full.pixels, few_images(len(tasks)), repeats=self._settings.repeats).seconds_to_look(
                full.pixels
            ) / len(tasks) / self._executor.jobs
        multiply = seconds_to_multiply() / min(self._executor.jobs, self._settings.repeats)
        return Costs(making, looking, multiply, judged, self._settings.repeats, float(design.trained.mean()))
