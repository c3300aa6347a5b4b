"""``Display``: what the command prints about a run."""

from __future__ import annotations

from dataclasses import dataclass

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
    verbose: bool = setting(False, Switch(), group="run", help="Print a line for every image, with its K-means time.")

    def __post_init__(self) -> None:
        """Check every field."""
        check_fields(self)
