"""Options that a run within a number of bytes keeps, though they have their default values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from icsys.errors import UsageError
from icsys.records.learned_options import given_options
from icsys.run.within_bytes.candidates import GEOMETRY

if TYPE_CHECKING:
    from collections.abc import Collection

    from icsys.options import Options

KEPT = (*GEOMETRY, "colors")
"""Options that such a run chooses, unless the user decides them."""


def kept_from(given: object, begun: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the names of options that a run keeps, in one order.

    Parameters
    ----------
    given
        A list of names; None for what the studio began with.
    begun
        What the command line named.

    Raises
    ------
    UsageError
        If it holds anything else.
    """
    if given is None:
        return begun
    if not isinstance(given, list) or not all(name in KEPT for name in given):
        raise UsageError(f"kept={given!r}: expected a list of names among {', '.join(KEPT)}")
    return tuple(name for name in KEPT if name in given)


def decided_in(options: Options, kept: Collection[str]) -> dict[str, Any]:
    """Return the plain values of the options that the user decides, as a command line that names them does.

    An option counts where it differs from its default, or is kept.
    """
    return given_options(options) | {name: value for name, value in options.to_dict().items() if name in kept}
