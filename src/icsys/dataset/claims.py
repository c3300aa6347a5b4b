"""Outputs that a run is about to write, on the disk before any of them is.

After a crash they tell what may be ours though no line of the journal says so: a file that was renamed into its place
just before the end.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from icsys.dataset.manifest import to_line
from icsys.dataset.whole import OURS, sync_folder, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

CLAIMS = f"{OURS}claims"


def load_claims(destination: Path) -> set[str]:
    """Return the outputs that an earlier run has claimed and not accounted for."""
    try:
        names = json.loads((destination / CLAIMS).read_bytes())
    except (FileNotFoundError, ValueError, RecursionError):
        return set()
    return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()


def write_claims(destination: Path, outputs: Iterable[str]) -> None:
    """Claim these outputs and no others."""
    outputs = sorted(outputs)
    if outputs:
        write_whole(destination / CLAIMS, to_line(outputs))
    else:
        (destination / CLAIMS).unlink(missing_ok=True)
    sync_folder(destination)
