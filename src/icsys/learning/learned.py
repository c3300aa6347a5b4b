"""``Learned``: what a model keeps, as plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from icsys.results import Failed

KEEPS, LOSES, UNCLEAR, REFERENCE = "keeps", "loses", "unclear", "reference"
"""Verdicts: it keeps 99 % of the accuracy, it loses more, the images cannot tell, others are held against it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostImage:
    """An image that models recognise in full colour and not in a setting.

    Attributes
    ----------
    source
        Its path below the source.
    label, taken_for
        Name of its class, and of the class predicted in the setting.
    drop
        By how much the margin of the true class falls from full colour to the setting, mean over models.
    """

    source: str
    label: str
    taken_for: str
    drop: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Two classes that a setting confuses more often than full colour; counts are means over models."""

    label: str
    taken_for: str
    images: float
    images_in_full: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmResult:
    """What a model keeps of one setting. Accuracies are in percent, differences in points of percent.

    Attributes
    ----------
    name
        Name of the setting.
    width, height
        Most common size of its pictures, in pixels.
    colors
        Its number of colours; None for all.
    format
        ``png``, ``webp`` (lossy for settings of a codec), ``jpeg`` and so on.
    quality
        Quality of a lossy codec; None for others.
    images
        Number of images in the setting.
    bytes, bytes_per_image
        Of all its files; of one, mean.
    accuracy
        Trained and tested on the setting; None if it is not judged.
    difference, low, high
        Accuracy less that of full colour, and the interval that holds the true difference in 95 of 100 such datasets.
    accuracy_on_originals
        Trained on the setting, tested on full colour.
    verdict
        ``keeps``, ``loses``, ``unclear`` or ``reference``.
    as_small_as
        The setting whose bytes it keeps to; None for others.
    options
        Options of ``ics compress`` that make it; None if ICS does not write it.
    lost
        Images that full colour gets right and the setting gets wrong, the worst first.
    confusions
        Pairs of classes that it confuses more often, the most grown first.
    """

    name: str
    width: int
    height: int
    colors: int | None
    format: str
    images: int
    bytes: int
    bytes_per_image: float
    accuracy: float | None
    difference: float | None
    low: float | None
    high: float | None
    accuracy_on_originals: float | None
    verdict: str
    quality: int | None = None
    as_small_as: str | None = None
    options: dict[str, Any] | None = None
    lost: list[LostImage] = field(default_factory=list)
    confusions: list[Confusion] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class EqualBytes:
    """Two settings of equal bytes held against one another: a codec or a part of the images less few colours.

    ``p`` is the probability of a difference at least as large without a true one; ``adjusted_p`` holds for all such
    pairs together (Holm 1979).
    """

    arm: str
    other: str
    difference: float
    low: float
    high: float
    p: float
    adjusted_p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCheck:
    """What a small network, trained from scratch, keeps of a setting; accuracies as in :class:`ArmResult`."""

    name: str
    accuracy: float
    difference: float
    low: float
    high: float


@dataclass(slots=True, kw_only=True)
class Learned:
    """What a model keeps of a dataset; result of :func:`learn`.

    Attributes
    ----------
    source
        The source, without secrets.
    images
        Number of images that were judged.
    images_found
        Number of labelled images in the source; larger than ``images`` if a sample was judged.
    classes
        Names of the classes, by number.
    split
        How images were divided: ``test`` or ``validation`` (the folder's own), ``groups`` or ``folds``.
    is_optimistic
        Whether that split flatters.
    tested
        Number of images that models were tested on.
    majority
        Share of the largest class among them, in percent: the accuracy of always naming it.
    resolves
        The smallest loss, in points, that these images can exclude, with a probability of 80 %.
    loss_allowed
        The loss that ``keeps`` allows, in points: 1 % of the accuracy in full.
    images_needed
        About how many tested images would exclude a loss of more than that; None if it cannot be said.
    arms
        The settings, the reference first.
    contrasts
        Settings of equal bytes held against one another.
    recommended
        Name of the setting of the fewest bytes that keeps 99 %; None if the images cannot tell.
    command
        The command that makes it; empty without one.
    network
        What a small network keeps, where that was asked for.
    working_size
        Side of the pictures that models see, in pixels.
    repeats, seed
        Number of models of each setting, and the seed of all chance.
    failures
        Images that could not be used.
    notes
        What to know about the result, in sentences.
    seconds
        Duration.
    stopped
        Why it ended before all settings were judged; None if it did not.
    """

    source: str
    images: int
    images_found: int
    classes: list[str]
    split: str
    is_optimistic: bool
    tested: int
    majority: float
    resolves: float
    loss_allowed: float
    images_needed: int | None
    arms: list[ArmResult]
    recommended: str | None
    command: str
    working_size: int
    repeats: int
    seed: int
    contrasts: list[EqualBytes] = field(default_factory=list)
    network: list[NetworkCheck] = field(default_factory=list)
    failures: list[Failed] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    stopped: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        failures = [{"source": one.source, "code": one.code, "message": one.message} for one in self.failures]
        return asdict(self) | {"failures": failures}
