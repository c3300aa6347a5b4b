"""What was learned, in sentences: the same ones for the terminal and for the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.learning.design import FOLDS, GROUPS, TEST, VALIDATION
from icsys.learning.learned import KEEPS, LOSES, REFERENCE, UNCLEAR
from icsys.learning.statistics.resolution import EVERY_LOSS, smallest_loss_words
from icsys.ratio_words import times_text
from icsys.report.humanize import bytes_text, images_text, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from icsys.learning.learned import ArmResult, EqualBytes, Learned

MINUS = "\N{MINUS SIGN}"  # for a page; terminals show a hyphen
NOT_JUDGED = "not judged"
VERDICT_WORDS = {KEEPS: "keeps 99 %", LOSES: "loses more", UNCLEAR: "cannot tell", REFERENCE: "reference"}
"""Verdicts as people read them."""

STAND_IN = (
    "This is about a stand-in for a model, fixed features and a kernel ridge, on images like these: it shows what "
    "compression does to them, and a network of your own can differ."
)
FLATTERS = "This split flatters: images that were taken together can be both trained on and tested on."

_SPLITS = {
    TEST: "Models were tested on the {} of the source's own test split, and trained on the others.",
    VALIDATION: "Models were tested on the {} of the source's own validation split, and trained on the others.",
    GROUPS: "Each group of images was left out in turn: models were trained on the others, and tested on it.",
    FOLDS: "Each image was left out in turn: models were trained on the others, and tested on it.",
}
_SMALLEST_P = 0.001


def verdict_words(arm: ArmResult) -> str:
    """Return the verdict on a setting in words."""
    return NOT_JUDGED if arm.accuracy is None else VERDICT_WORDS.get(arm.verdict, arm.verdict)


def percent_text(value: float | None) -> str:
    """Format a share in percent, such as "83.1 %"; "-" where there is none."""
    return "-" if value is None else f"{value:.1f} %"


def points_text(value: float | None, *, minus: str = "-") -> str:
    """Format a difference in points with its sign, such as "+0.3" or "-2.2"; "-" where there is none.

    Examples
    --------
    >>> [points_text(value) for value in (0.31, -2.24, -0.04, None)]
    ['+0.3', '-2.2', '0.0', '-']
    """
    if value is None:
        return "-"
    text = f"{abs(value):.1f}"
    if float(text) == 0:
        return text
    return f"{'+' if value > 0 else minus}{text}"


def interval_text(low: float | None, high: float | None, *, minus: str = "-") -> str:
    """Format an interval of a difference, such as "[-3.1, -1.3]"; empty where there is none."""
    if low is None or high is None:
        return ""
    return f"[{points_text(low, minus=minus)}, {points_text(high, minus=minus)}]"


def p_text(p: float) -> str:
    """Format a probability, such as "0.031" or "< 0.001"."""
    return f"< {_SMALLEST_P}" if p < _SMALLEST_P else f"{p:.3f}"


def rounded_text(count: int) -> str:
    """Format an estimated count with two digits, such as "8,900".

    Examples
    --------
    >>> [rounded_text(count) for count in (8901, 1960, 95, 7)]
    ['8,900', '2,000', '95', '7']
    """
    return f"{round(count, 2 - len(str(count))):,}"


def palette_text(arm: ArmResult) -> str:
    """Return the colours of a setting, or the quality of its lossy codec."""
    if arm.quality is not None:
        return f"q {arm.quality}"
    return "all" if arm.colors is None else f"{arm.colors:,}"


def arm_of(learned: Learned, name: str | None) -> ArmResult | None:
    """Return the setting of this name; None if there is none."""
    return next((arm for arm in learned.arms if arm.name == name), None)


def reference_of(learned: Learned) -> ArmResult | None:
    """Return the setting that others are held against; None if it was not judged."""
    found = (arm for arm in learned.arms if arm.verdict == REFERENCE and arm.accuracy is not None)
    return next(found, None)


def can_resolve(learned: Learned) -> bool:
    """Return whether these images can exclude any loss."""
    return learned.resolves < EVERY_LOSS


def resolution_words(learned: Learned) -> str:
    """Return what these images can resolve, in sentences."""
    first, allowed = smallest_loss_words(learned.tested, learned.resolves), learned.loss_allowed
    if not can_resolve(learned):
        return first
    if learned.resolves <= allowed:
        return f"{first} Keeping 99 % allows a loss of {allowed:.1f} points, so they are enough to tell."
    if learned.images_needed is None:
        return f"{first} Keeping 99 % allows a loss of {allowed:.1f} points."
    needed = rounded_text(learned.images_needed)
    return (
        f"{first} Keeping 99 % allows {allowed:.1f} points: about {needed} tested images would be needed to exclude "
        "more than that, fewer for a setting that changes few predictions."
    )


def recommendation_words(learned: Learned, *, minus: str = "-") -> str:
    """Return what is recommended, or why nothing is, in a sentence."""
    arm, full = arm_of(learned, learned.recommended), reference_of(learned)
    if arm is None:
        return _nothing_recommended(learned)
    if full is None or arm is full or arm.accuracy is None or full.accuracy is None:
        return f"Recommended: {printable(arm.name)}, {bytes_text(arm.bytes_per_image)} an image."
    sizes = full.bytes_per_image, arm.bytes_per_image
    difference = f"{points_text(arm.difference, minus=minus)} points {interval_text(arm.low, arm.high, minus=minus)}"
    return (
        f"{printable(arm.name)} keeps 99 % of the accuracy, with the fewest bytes of all that do: "
        f"{bytes_text(sizes[1])} an image instead of {bytes_text(sizes[0])}, {times_text(*sizes)}. Its accuracy is "
        f"{percent_text(arm.accuracy)} instead of {percent_text(full.accuracy)}, a difference of {difference.strip()}."
    )


def _nothing_recommended(learned: Learned) -> str:
    judged = [arm for arm in learned.arms if arm.accuracy is not None and arm.verdict != REFERENCE]
    if reference_of(learned) is None:
        return "No setting is recommended: none was judged."
    if not judged:
        return "No setting is recommended: none was judged beside the reference."
    if all(arm.verdict == LOSES for arm in judged):
        return "No setting is recommended: each one that was judged loses more than 1 % of the accuracy."
    if any(arm.verdict == KEEPS for arm in judged):
        return "No setting is recommended: none that ics writes in fewer bytes is shown to keep 99 % of the accuracy."
    return "No setting is recommended: these images cannot tell whether one keeps 99 % of the accuracy."


def split_words(learned: Learned) -> str:
    """Return what was trained on and tested on, in sentences."""
    if not learned.images:
        return "No images were found until then."
    sample = f" of {learned.images_found:,}" if learned.images_found > learned.images else ""
    classes = "1 class" if len(learned.classes) == 1 else f"{len(learned.classes):,} classes"
    how = _SPLITS.get(learned.split, "{} were tested.").format(images_text(learned.tested))
    text = (
        f"{learned.images:,}{sample} images of {classes}. {how} Always naming the largest class would be right "
        f"for {percent_text(learned.majority)} of them."
    )
    return f"{text} {FLATTERS}" if learned.is_optimistic else text


def contrast_words(contrast: EqualBytes, *, minus: str = "-") -> str:
    """Return two settings of equal bytes held against one another, in a line."""
    difference = points_text(contrast.difference, minus=minus)
    interval = interval_text(contrast.low, contrast.high, minus=minus)
    names = f"{printable(contrast.arm)} less {printable(contrast.other)}"
    return f"{names}: {difference} points {interval}, p {p_text(contrast.adjusted_p)}"


def part_words(learned: Learned) -> Iterator[str]:
    """Yield how many images there are in the settings that are a part of them, in a sentence each."""
    full = reference_of(learned)
    for arm in learned.arms:
        if full is not None and arm.images < full.images:
            yield (
                f"{printable(arm.name)} is a random part of the images in full, {arm.images:,} of {full.images:,}; its "
                "bytes count over all of them."
            )


def ended_words(learned: Learned) -> Iterator[str]:
    """Yield what to know about the result: notes, an early end, failures."""
    yield from (printable(note) for note in learned.notes)
    if learned.stopped:
        yield f"Stopped before all settings were judged: {printable(learned.stopped).rstrip('.')}."
    if learned.failures:
        yield f"Left out of every setting, because they could not be used: {images_text(len(learned.failures))}."
