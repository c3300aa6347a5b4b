"""The questions of ``ics`` without arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from icsys.choices import AUTO, MAX_COLORS
from icsys.color.kmeans_strategies import STRATEGY_TABLE
from icsys.errors import UsageError
from icsys.options import DEFAULT_STEP, Options
from icsys.setting_fields import number_or_text

if TYPE_CHECKING:
    from collections.abc import Callable

_Answer = TypeVar("_Answer")


def ask_options() -> Options:
    """Ask for algorithm, colours and size on standard input; repeat a question until its answer is valid.

    Raises
    ------
    UsageError
        If the input ends before all questions are answered.
    """
    print("Choose the compression algorithm:")
    for name, strategy in STRATEGY_TABLE.items():
        print(f"  {name:<5} {strategy.summary}")
    chosen = _ask(
        "algorithm", f"Algorithm ({', '.join(STRATEGY_TABLE)}): ", lambda text: Options.from_dict({"strategy": text})
    )
    if STRATEGY_TABLE[chosen.strategy].fit is not None:
        chosen = _ask(
            "number of colours",
            f"Number of colours per image (1 to {MAX_COLORS}, or {AUTO} for as few as each image needs): ",
            lambda text: chosen.replace(colors=number_or_text(text)),
        )
    print("Make images smaller by a pixel step (5: width and height become 5 times smaller),")
    print("or give all images one final size such as 224x224 (each keeps its shape, and background fills the rest).")
    return _ask("step or size", f"Pixel step or final size [{DEFAULT_STEP}]: ", lambda text: _smaller(chosen, text))


def _ask(subject: str, question: str, read: Callable[[str], _Answer]) -> _Answer:
    """Ask until ``read`` accepts the answer; print its error otherwise."""
    while True:
        try:
            text = input(question)
        except (EOFError, RuntimeError):  # RuntimeError: standard input is closed
            print()
            raise UsageError(
                f"the input ended at the question about the {subject}: nothing was done; in scripts use ics compress"
            ) from None
        try:
            return read(text.strip())
        except UsageError as error:
            print(f"  {error}")


def _smaller(options: Options, text: str) -> Options:
    """Return the options with a step or a size; an empty text means the default step."""
    if not text:
        return options.replace(step=DEFAULT_STEP)
    number = number_or_text(text)
    if isinstance(number, int):
        return options.replace(step=number)
    try:
        # Padding gives all images the same size and cuts nothing off.
        return options.replace(size=text, fit="pad")
    except UsageError:
        raise UsageError(
            f"{text!r}: expected a whole number from 1 (pixel step) or WIDTHxHEIGHT such as 224x224 (final size)"
        ) from None
