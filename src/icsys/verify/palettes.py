"""The files of palettes that images share, held against what the run noted of them and what the images use."""

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


def faults_of_palettes(
    destination: RootedPath, run: Mapping[str, Any], used: Mapping[str, set[str]], *, is_open: bool
) -> Iterator[Fault]:
    """Find what is wrong with ``palette.json`` and ``palette.gpl``.

    A run notes their hashes at its end. Where it was killed before, or an older version has noted none, they have to
    agree with themselves, with one another and with what the images have.

    Parameters
    ----------
    run
        What ``run.json`` tells.
    used
        Hashes of the palettes that images have, by the name of the folder that they lie in.
    is_open
        Whether a run was killed, so that there may be palettes that no image has yet.
    """
    options = run.get("options", {})
    noted = options.get("palette_sha256")
    palettes = _load(destination / PALETTE)
    if noted and isinstance(noted, dict) and (palettes is None or palettes.hash == options.get("palette_hash")):
        yield from _against_hashes(destination, noted)
        return
    if not (destination / PALETTE).exists():
        if used:
            yield Fault(Finding.MISSING, PALETTE)
    elif palettes is None or not (is_open or _is_used(palettes, options, used)):
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


def _against_hashes(destination: RootedPath, noted: Mapping[str, Any]) -> Iterator[Fault]:
    for name in _FILES:
        path = destination / name
        if not path.exists():
            if name in noted:
                yield Fault(Finding.MISSING, name)
        elif name not in noted:
            yield Fault(Finding.FOREIGN, name)
        elif _sha256(path) != noted[name]:
            yield Fault(Finding.CHANGED, name)


def _sha256(path: RootedPath) -> str | None:
    try:
        return path.sha256()
    except OSError:
        return None


def _load(path: RootedPath) -> Palettes | None:
    """Read a file; None where there is none that can be read, or its colours are not those that it has the hash of."""
    try:
        palettes = load_palettes(path)
        if path.name == PALETTE and read_json(path).get("hash") != palettes.hash:
            return None
    except (OSError, ValueError):  # a UsageError is a ValueError
        return None
    return palettes


def _is_used(palettes: Palettes, options: Mapping[str, Any], used: Mapping[str, set[str]]) -> bool:
    """Tell whether these are the palettes of the last run, or of images in each folder."""
    if options.get("palette_hash") == palettes.hash:
        return True
    if palettes.by_class:
        return all(palettes.hash_of(f"{folder}/" if folder else "") in hashes for folder, hashes in used.items())
    return not used or any(palettes.hash in hashes for hashes in used.values())
