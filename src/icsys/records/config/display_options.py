"""``Display``: what the command prints about a run."""

from __future__ import annotations

from dataclasses import dataclass

from icsys.errors import UsageError
from icsys.setting_fields import Switch, check_fields, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Display:
    """What the command prints about a run, as a table such as :class:`~icsys.options.Options`."""

    json: bool = setting(
        False,
        Switch(),
        group="run",
        help="Print one JSON object on standard output. Progress goes to standard error.",
        compared=True,
    )
    verbose: bool = setting(
        False, Switch(), group="run", help="Print a line for every image, with its K-means time.", one_of="lines"
    )
    quiet: bool = setting(
        False,
        Switch(),
        group="run",
        help="Print failures and errors only; with --json the object, too.",
        one_of="lines",
    )

    def __post_init__(self) -> None:
        """Check every field, then that they go together."""
        check_fields(self)
        if self.quiet and self.verbose:
            raise UsageError("quiet and verbose were given together: expected at most one of them")
