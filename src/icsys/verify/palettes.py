"""Verifies the files of shared palettes, against their hashes in ``run.json`` and against the images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from icsys.files.parsing import read_json
from icsys.layout import GIMP_PALETTE, PALETTE
from icsys.records.palette_files import load_palettes
from icsys.verify.fault import Fault, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from icsys.files.rooted_path import RootedPath
    from icsys.records.palette_files import Palettes

_FILES = PALETTE, GIMP_PALETTE


def palette_faults(
    destination: RootedPath, run: Mapping[str, Any], used: Mapping[str, set[str]], *, was_killed: bool
) -> Iterator[Fault]:
    """Yield the faults of ``palette.json`` and ``palette.gpl``.

    A run records their hashes at its end. Without these hashes (the run was killed, or an older version made it), the
    files must agree with each other and with the images.

    Parameters
    ----------
    run
        The content of ``run.json``.
    used
        Hashes of the palettes in use, by the name of the images' folder.
    was_killed
        Whether a run was killed, so palettes may exist that no image uses yet.
    """
    options = run.get("options", {})
    recorded = options.get("palette_sha256")
    palettes = _load(destination / PALETTE)
    if recorded and isinstance(recorded, dict) and (palettes is None or palettes.hash == options.get("palette_hash")):
        yield from _against_hashes(destination, recorded)
        return
    if not (destination / PALETTE).exists():
        if used:
            yield Fault(Finding.MISSING, PALETTE)
    elif palettes is None or not (was_killed or _is_used(palettes, options, used)):
        yield Fault(Finding.CHANGED, PALETTE)
    gimp = _load(destination / GIMP_PALETTE)
    if not (destination / GIMP_PALETTE).exists():
        if palettes is not None and not palettes.by_class:
            yield Fault(Finding.MISSING, GIMP_PALETTE)
    elif palettes is None or palettes.by_class:
        if gimp is None or not any(gimp.hash in hashes for hashes in used.values()):
            yield Fault(Finding.FOREIGN, GIMP_PALETTE)
    elif gimp is None or not np.array_equal(gimp.colors[""], palettes.colors[""]):
        yield Fault(Finding.CHANGED, GIMP_PALETTE)


def _against_hashes(destination: RootedPath, recorded: Mapping[str, Any]) -> Iterator[Fault]:
    for name in _FILES:
        path = destination / name
        if not path.exists():
            if name in recorded:
                yield Fault(Finding.MISSING, name)
        elif name not in recorded:
            yield Fault(Finding.FOREIGN, name)
        elif _sha256(path) != recorded[name]:
            yield Fault(Finding.CHANGED, name)


def _sha256(path: RootedPath) -> str | None:
    try:
        return path.sha256()
    except OSError:
        return None


def _load(path: RootedPath) -> Palettes | None:
    """Return the palettes in a file; None if it cannot be read, or its colours do not match its hash."""
    try:
        palettes = load_palettes(path)
        if path.name == PALETTE and read_json(path).get("hash") != palettes.hash:
            return None
    except (OSError, ValueError):  # a UsageError is a ValueError
        return None
    return palettes


def _is_used(palettes: Palettes, options: Mapping[str, Any], used: Mapping[str, set[str]]) -> bool:
    """Return whether these are the palettes of the last run, or of the images in each folder."""
    if options.get("palette_hash") == palettes.hash:
        return True
    if palettes.by_class:
        return all(palettes.hash_of(f"{folder}/" if folder else "") in hashes for folder, hashes in used.items())
    return not used or any(palettes.hash in hashes for hashes in used.values())
