"""The options that a choice begins with: those of the user, or of the largest one of ``learn.json`` and the user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from icsys.errors import UsageError
from icsys.records.learn_file import read_learn_file
from icsys.records.learned_options import combined
from icsys.run.within_bytes.candidates import GEOMETRY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from icsys.options import Options
    from icsys.records.learn_file import LearnFile

_OPEN = {*GEOMETRY, "colors"}


def starting_options(
    options: Options, given: Mapping[str, Any], from_learn: str | None
) -> tuple[LearnFile | None, Options]:
    """Return the settings of a file of ics learn, if one is given, and the options before size and colours are chosen.

    Parameters
    ----------
    given
        Plain values of the options that the user decides.

    Raises
    ------
    UsageError
        If the file is not as ``ics learn`` writes it, has no setting to begin with, or ``given`` contradicts its
        settings in anything but size and colours.
    """
    if from_learn is None:
        return None, options
    learned = read_learn_file(from_learn)
    keeps_all = given.get("strategy") == "SO"
    arms = [arm for arm in learned.arms if arm.options and (arm.options.get("strategy") == "SO") == keeps_all]
    if not arms:
        kind = "all colours" if keeps_all else "a number of colours"
        raise UsageError(
            f"from_learn={from_learn!r}: no setting in {kind} has options, so there is nothing to begin with"
        )
    largest = max(arms, key=lambda arm: arm.width * arm.height)
    base = combined(learned, largest, given, free=_OPEN)
    return learned, base.replace(**{name: value for name, value in given.items() if name in _OPEN})
