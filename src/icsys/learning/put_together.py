"""From the pictures and predictions of all arms to their results."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from icsys.learning.arm import COLORS, FULL
from icsys.learning.design import FOLDS
from icsys.learning.learned import KEEPS, REFERENCE, UNCLEAR, ArmResult, Learned
from icsys.learning.statistics.confusion import grown_confusions, lost_images
from icsys.learning.statistics.equal_bytes import equal_bytes
from icsys.learning.statistics.resolution import resolution
from icsys.learning.statistics.verdicts import alphas_of_arms, chains_of_arms, shows_learning, verdicts
from icsys.options import Options
from icsys.records.command_text import command_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from icsys.learning.arm import Arm, ArmPictures
    from icsys.learning.design import Predictions
    from icsys.learning.images.labelled_images import LabelledImages
    from icsys.learning.learned import Confusion, EqualBytes, LostImage, NetworkCheck
    from icsys.learning.statistics.resolution import Resolution
    from icsys.learning.statistics.verdicts import ArmVerdict

FEWEST_MILD = 16
"""Arms of so many colours and more are expected to lose little: they show what the images can tell."""

_DESTINATION = "Compressed"


_INTERRUPTED = "interrupted"


_CODEC_FORMATS = {"WebP": "webp", "JPEG": "jpeg"}


class Judged(NamedTuple):
    """All arms as they were made and judged.

    Attributes
    ----------
    labelled
        The images.
    pictures
        The pictures of each arm, the reference first.
    kept
        The images of the arms that are a part of them, by name.
    predictions
        By name of the arm; of the arms that were judged.
    """

    labelled: LabelledImages
    pictures: Sequence[ArmPictures]
    kept: Mapping[str, NDArray[np.bool_]]
    predictions: Mapping[str, Predictions]

    @property
    def arms(self) -> list[Arm]:
        """The arms that were judged, without the reference."""
        return [one.arm for one in self.pictures if one.arm.name in self.predictions and one.arm.name != FULL]

    @property
    def correct(self) -> dict[str, NDArray[np.bool_]]:
        """Whether each model names the class of each tested image, by arm, shape (R, t)."""
        labels = self.tested_labels
        return {name: found.own == labels for name, found in self.predictions.items()}

    @property
    def tested_labels(self) -> NDArray[np.int32]:
        """Number of the class of each tested image, shape (t,)."""
        design = self.labelled.design
        labels: NDArray[np.int32] = design.labels[design.tested]
        return labels

    @property
    def tested_groups(self) -> NDArray[np.int32]:
        """Number of the group of each tested image, shape (t,)."""
        design = self.labelled.design
        groups: NDArray[np.int32] = design.groups[design.tested]
        return groups


def mild_arms(pictures: Sequence[ArmPictures]) -> list[str]:
    """Return the names of the judged arms of many colours at the size of the reference, the first one at least."""
    chain = [one.arm for one in pictures if one.arm.chain == COLORS and one.arm.is_judged]
    many = [arm for arm in chain if arm.options and _number(arm) >= FEWEST_MILD]
    return [arm.name for arm in many or chain[:1]]


def what_images_tell(judged: Judged, mild: Sequence[str]) -> Resolution:
    """Return what the tested images can tell, from the reference and arms that lose little."""
    planned = [one.arm for one in judged.pictures if one.arm.is_judged and one.arm.name != FULL]
    levels = alphas_of_arms([arm.name for arm in planned], chains_of_arms(planned))
    alpha = levels[mild[0]] if mild else 1.0
    return resolution(judged.correct, FULL, mild, judged.tested_groups, alpha)


def arm_results(judged: Judged) -> list[ArmResult]:
    """Return the result of each arm, in their order."""
    planned = [one.arm for one in judged.pictures if one.arm.name != FULL]
    found = verdicts(judged.correct, FULL, chains_of_arms(planned), judged.tested_groups, labels=judged.tested_labels)
    return [_result(judged, one, found.get(one.arm.name)) for one in judged.pictures]


def contrasts(judged: Judged) -> list[EqualBytes]:
    """Return the arms of equal bytes held against one another."""
    pairs = [(arm.name, arm.as_small_as) for arm in judged.arms if arm.as_small_as]
    return equal_bytes(judged.correct, pairs, judged.tested_groups)


def recommended_arm(results: Sequence[ArmResult]) -> ArmResult | None:
    """Return the arm of the fewest bytes that keeps, among the arms that ``compress`` makes; None without one.

    An arm of no fewer bytes than the reference, such as small pictures beside large palettes, saves nothing.
    """
    most = next((one.bytes for one in results if one.verdict == REFERENCE), 0)
    keeping = [one for one in results if one.verdict == KEEPS and one.options is not None and one.bytes < most]
    return min(keeping, key=lambda one: one.bytes, default=None)


def put_together(
    judged: Judged,
    told: Resolution | None,
    network: Sequence[NetworkCheck],
    *,
    source: str,
    working_size: int,
    seed: int,
    stopped: bool,
    seconds: float,
) -> Learned:
    """Return the result.

    Parameters
    ----------
    told
        What the images can tell; None if the work was stopped before that was known.
    network
        What a small network keeps.
    source
        Name of the source, without secrets.
    stopped
        Whether the work ended before all arms were judged; then nothing is recommended.
    """
    labelled = judged.labelled
    design = labelled.design
    labels = judged.tested_labels
    results = arm_results(judged) if FULL in judged.predictions else []
    best = None if stopped else recommended_arm(results)
    repeats = next((len(one.own) for one in judged.predictions.values()), 0)
    return Learned(
        source=source,
        images=len(design.labels),
        images_found=labelled.images_found,
        classes=labelled.class_names,
        split=design.kind,
        is_optimistic=design.is_optimistic,
        tested=len(labels),
        majority=100 * float(np.bincount(labels).max() / len(labels)),
        resolves=told.resolves if told else 100.0,
        loss_allowed=told.loss_allowed if told else 0.0,
        images_needed=told.images_needed if told else None,
        arms=results,
        recommended=best.name if best else None,
        command=_command(source, best) if best else "",
        working_size=working_size,
        repeats=repeats,
        seed=seed,
        contrasts=contrasts(judged) if results else [],
        network=list(network),
        failures=labelled.failures,
        notes=[*labelled.notes, *_notes(judged, working_size)],
        seconds=seconds,
        stopped=_INTERRUPTED if stopped else None,
    )


def nothing_found(source: str, working_size: int, seed: int, seconds: float) -> Learned:
    """Return the result of work that was interrupted before the images were known."""
    return Learned(
        source=source,
        images=0,
        images_found=0,
        classes=[],
        split=FOLDS,
        is_optimistic=True,
        tested=0,
        majority=0.0,
        resolves=100.0,
        loss_allowed=0.0,
        images_needed=None,
        arms=[],
        recommended=None,
        command="",
        working_size=working_size,
        repeats=0,
        seed=seed,
        seconds=seconds,
        stopped=_INTERRUPTED,
    )


def _notes(judged: Judged, working_size: int) -> list[str]:
    """Return what to know of what was judged, and of arms that were not."""
    notes: list[str] = []
    full = judged.correct.get(FULL)
    if full is not None and not shows_learning(full, judged.tested_labels, judged.tested_groups):
        notes.append(
            "Always naming the largest class is not shown to lose more than 1 % of the accuracy in full. So no setting "
            "is said to keep 99 %: one without anything to learn could do so, too."
        )
    larger = [one.arm.name for one in judged.pictures if not one.arm.is_judged]
    if larger:
        side = f"{working_size}x{working_size}"
        notes.append(f"Not judged: {', '.join(larger)}. The model sees pictures of {side} pixels, no larger ones.")
    return notes


def _command(source: str, arm: ArmResult) -> str:
    """Return the command that makes an arm."""
    options = Options.from_dict(arm.options or {})
    return command_text("compress", [source, _DESTINATION], options, {})


def _result(judged: Judged, one: ArmPictures, found: ArmVerdict | None) -> ArmResult:
    """Return what is known of one arm."""
    arm = one.arm
    design = judged.labelled.design
    kept = judged.kept.get(arm.name)
    size = int(one.bytes.sum() if kept is None else one.bytes[kept].sum())
    predictions, full = judged.predictions.get(arm.name), judged.predictions[FULL]
    low, high = (None, None) if found is None else found.difference.interval()
    lost: list[LostImage] = []
    confusions: list[Confusion] = []
    if predictions is not None and arm.name != FULL:
        labels, names = judged.tested_labels, judged.labelled.class_names
        sources = [judged.labelled.tasks[row].source for row in np.flatnonzero(design.tested)]
        lost = lost_images(full, predictions, labels, sources, names)
        confusions = grown_confusions(full, predictions, labels, names)
    return ArmResult(
        name=arm.name,
        width=one.width,
        height=one.height,
        colors=_number(arm) if arm.options and arm.options.strategy != "SO" else None,
        format=_CODEC_FORMATS[arm.codec] if arm.codec else arm.options.format if arm.options else "png",
        images=len(design.labels) if kept is None else int(kept.sum()),
        bytes=size,
        bytes_per_image=size / len(design.labels),
        accuracy=None if predictions is None else _percent(predictions.own == judged.tested_labels),
        difference=_points(None if found is None else found.difference.mean),
        low=_points(low),
        high=_points(high),
        accuracy_on_originals=None if predictions is None else _percent(predictions.originals == judged.tested_labels),
        verdict=found.verdict if found else REFERENCE if arm.name == FULL else UNCLEAR,
        quality=one.quality,
        as_small_as=arm.as_small_as,
        options=arm.options.to_dict() if arm.options else None,
        lost=lost,
        confusions=confusions,
    )


def _number(arm: Arm) -> int:
    """Return the number of colours of an arm that options make; all arms have a number of their own."""
    assert arm.options is not None  # noqa: S101 - the caller checks
    assert isinstance(arm.options.colors, int)  # noqa: S101 - never "auto"
    return arm.options.colors


def _percent(right: NDArray[np.bool_]) -> float:
    return 100 * float(right.mean())


def _points(share: float | None) -> float | None:
    return None if share is None else 100 * share
