"""The steps of ``learn``: find images, make the arms, judge them, and put the result together."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from icsys.errors import UsageError
from icsys.learning.arm import FULL, SIZES
from icsys.learning.arms.make_arms import make_arms
from icsys.learning.arms.plan_arms import working_size
from icsys.learning.images.find_labelled import find_labelled
from icsys.learning.images.labelled_images import without_unusable
from icsys.learning.images.stratified_sample import stratified_sample
from icsys.learning.judge_arms import ArmJudgement
from icsys.learning.learn_settings import CNN, FEWEST_REPEATS
from icsys.learning.models.fixed_judge import FixedFeatureJudge
from icsys.learning.models.network_checks import network_checks
from icsys.learning.models.network_judge import NetworkJudge, check_torch
from icsys.learning.put_together import (
    Judged,
    arm_results,
    mild_arms,
    nothing_found,
    put_together,
    recommended_arm,
    what_images_tell,
)
from icsys.learning.statistics.resolution import smallest_loss_words
from icsys.learning.step_report import StepReport, StoppedError
from icsys.learning.time_plan import Clock
from icsys.learning.trial import try_out

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from icsys.engine.executor import Executor
    from icsys.learning.arm import Arm, ArmPictures
    from icsys.learning.arms.make_arms import MadeArms
    from icsys.learning.images.labelled_images import LabelledImages
    from icsys.learning.learn_progress import LearnProgress
    from icsys.learning.learn_settings import LearnSettings
    from icsys.learning.learned import Learned, NetworkCheck
    from icsys.learning.statistics.resolution import Resolution
    from icsys.learning.time_plan import Costs
    from icsys.sources.base import Source

MOST_JUDGED = 5000
"""Images that are judged at most where no number is given: time and memory grow faster than their number."""


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
        *,
        seed: int,
        progress: Callable[[LearnProgress], object],
    ) -> None:
        self._source, self._arms, self._settings = source, arms, settings
        self._executor, self._seed = executor, seed
        self._size = working_size(arms)
        self._repeats = FEWEST_REPEATS
        self._start = time.perf_counter()
        self._report = StepReport(progress, executor.stop)

    def run(self) -> Learned:
        """Do all steps."""
        if self._settings.model == CNN:
            check_torch()
        try:
            labelled = find_labelled(
                self._source,
                self._executor,
                self._settings,
                most=self._settings.images or MOST_JUDGED,
                seed=self._seed,
                report=self._report.pass_on,
            )
        except UsageError:
            if not self._executor.stop.is_set():
                raise
            return self._nothing()  # what lacks may be among the images that were not reached
        with tempfile.TemporaryDirectory(prefix="icsys-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            self._repeats = self._settings.repeats_of(len(labelled.tasks))
            self._report.note = "Trying out"
            costs = try_out(
                self._source,
                labelled,
                self._arms,
                self._executor,
                folder=folder / "trial",
                size=self._size,
                repeats=self._repeats,
            )
            if self._settings.images is None:
                labelled = self._fit_into_time(labelled, costs)
            return self._judge(labelled, costs, folder)

    def _nothing(self) -> Learned:
        """Return the result of work that ended before the images were known."""
        return nothing_found(self._source.shown, self._size, self._seed, time.perf_counter() - self._start)

    def _fit_into_time(self, labelled: LabelledImages, costs: Costs) -> LabelledImages:
        """Return as many images as can be judged in the time that is left."""
        left = 60 * self._settings.minutes - (time.perf_counter() - self._start)
        count = len(labelled.tasks)
        most = costs.most_images(left, count)
        if most == count:
            return labelled
        design = labelled.design
        strata = [
            (bool(tested), labelled.class_names[label])
            for tested, label in zip(design.tested, design.labels, strict=True)
        ]
        chosen = np.zeros(count, np.bool_)
        chosen[stratified_sample(strata, max(most, self._fewest(labelled)), self._seed)] = True
        few = without_unusable(labelled, chosen, self._source.shown)
        note = (
            f"{chosen.sum():,} of {labelled.images_found:,} images are judged, drawn at random (seed {self._seed}): as "
            f"many as this machine judges in {self._settings.minutes:g} min; --minutes or --images judges more."
        )
        return few._replace(notes=[note, *few.notes])

    def _fewest(self, labelled: LabelledImages) -> int:
        """Return how many images each class needs at least, in all."""
        return 3 * len(labelled.class_names)

    def _judge(self, labelled: LabelledImages, costs: Costs, folder: Path) -> Learned:
        """Make and judge the arms of chosen images."""
        count = len(labelled.tasks)
        self._report.clock = Clock(costs.total(count))
        self._report.clock.begin(costs.making(count))
        made = self._make(labelled, folder / "arms")
        labelled = labelled._replace(
            failures=[*labelled.failures, *made.failures], notes=[*labelled.notes, *made.notes]
        )
        judged = Judged(labelled, [], {}, {})
        told: Resolution | None = None
        network: list[NetworkCheck] = []
        try:
            self._report.check()
            if not made.usable.any():
                raise _none_usable(self._source, made)
            usable = without_unusable(labelled, made.usable, self._source.shown)
            pictures = _distinct(_pictures_of(made, _rows(labelled, usable)))
            judgement = ArmJudgement(pictures, usable.design, self._seed)
            judged = Judged(usable, pictures, judgement.kept, judgement.predictions)
            told = self._judge_all(judgement, judged, costs.judging(count))
            network = self._recheck(judged) if self._settings.model == CNN else []
        except StoppedError:
            pass
        return put_together(
            judged,
            told,
            network,
            source=self._source.shown,
            working_size=self._size,
            seed=self._seed,
            stopped=self._executor.stop.is_set(),
            seconds=time.perf_counter() - self._start,
        )

    def _make(self, labelled: LabelledImages, folder: Path) -> MadeArms:
        """Make the arms of all images."""
        folder.mkdir()
        return make_arms(
            self._source,
            labelled.tasks,
            self._arms,
            self._executor,
            folder=folder,
            size=self._size,
            report=self._report.of_making(sum(arm.codec is not None for arm in self._arms)),
        )

    def _judge_all(self, judgement: ArmJudgement, judged: Judged, expected: float) -> Resolution:
        """Judge all arms; what the images can tell is said as soon as that is known."""
        design, pictures = judged.labelled.design, judged.pictures
        mild = mild_arms(pictures)
        model = FixedFeatureJudge(
            _full(pictures),
            design,
            repeats=self._repeats,
            seed=self._seed,
            jobs=self._executor.jobs,
            report=self._report,
        )
        names = judgement.order(mild)
        told: Resolution | None = None
        for name in names:
            self._report.note = f"Judging {name}"
            if self._report.clock is not None:
                self._report.clock.begin(expected)
            judgement.judge(name, model)
            if name == [FULL, *mild][-1]:
                told = what_images_tell(judged, mild)
                self._report.say(smallest_loss_words(int(design.tested.sum()), told.resolves))
        assert told is not None  # noqa: S101 - the last of the first arms is among the names
        return told

    def _recheck(self, judged: Judged) -> list[NetworkCheck]:
        """Recheck the arms that matter with a small network."""
        self._report.note, self._report.clock = "Training networks", None
        design = judged.labelled.design
        model = NetworkJudge(
            _full(judged.pictures),
            design,
            repeats=self._repeats,
            seed=self._seed,
            jobs=self._executor.jobs,
            report=self._report,
        )
        best = recommended_arm(arm_results(judged))
        stopped = self._executor.stop.is_set
        return network_checks(model, design, judged.pictures, best.name if best else None, stopped)


def _none_usable(source: Source, made: MadeArms) -> UsageError:
    return UsageError(f"no image of {source.shown!r} can be used: {made.failures[0].message}")


def _full(pictures: Sequence[ArmPictures]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return the pictures in full."""
    return next(one.pixels for one in pictures if one.arm.name == FULL)


def _rows(labelled: LabelledImages, usable: LabelledImages) -> list[int]:
    """Return the places of images that are left among all of them."""
    left = {task.source for task in usable.tasks}
    return [row for row, task in enumerate(labelled.tasks) if task.source in left]


def _distinct(pictures: Sequence[ArmPictures]) -> list[ArmPictures]:
    """Return pictures without smaller sizes that are no smaller: those of images that are small anyway."""
    full = next(one for one in pictures if one.arm.name == FULL)
    return [one for one in pictures if one.arm.chain != SIZES or (one.width, one.height) != (full.width, full.height)]


def _pictures_of(made: MadeArms, rows: Sequence[int]) -> list[ArmPictures]:
    """Return the pictures of some images, in rising order: the memory maps hold these alone afterwards."""
    if len(rows) == len(made.usable):
        return made.pictures
    return [one._replace(bytes=one.bytes[rows], pixels=_moved_up(one.pixels, rows)) for one in made.pictures]


def _moved_up(pixels: NDArray[np.uint8], rows: Sequence[int]) -> NDArray[np.uint8]:
    """Return some pictures, moved to the front of their file: copies of all arms would fill the memory."""
    if not len(pixels):
        return pixels
    for place, row in enumerate(rows):
        pixels[place] = pixels[row]
    return pixels[: len(rows)]
