"""Shared palettes, and their files.

``palette.json`` has one palette, or one for each class, and its origin. A GIMP palette (``.gpl``) has one palette.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from icsys.choices import MAX_COLORS, MAX_INDEXED_COLORS, SHARED
from icsys.color.palette_rounding import check_palette
from icsys.errors import UsageError
from icsys.files.atomic import write_json, write_whole
from icsys.files.locations import disk_path
from icsys.files.parsing import from_json, read_text
from icsys.files.rooted_path import RootedPath
from icsys.layout import GIMP_PALETTE, PALETTE
from icsys.records.label import label_of
from icsys.setting_fields import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from icsys.options import Options

_FORMAT, _VERSION = "icsys-palette", 1
_GIMP, _MADE_BY = "GIMP Palette", "# Made by icsys"
_HEX_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_GIMP_COLOR = re.compile(r"\s*(\d{1,9})\s+(\d{1,9})\s+(\d{1,9})(?:\s.*)?", re.ASCII)
_GIMP_HEADER = re.compile(r"(Name|Columns):", re.IGNORECASE)
_LEVELS = 255


@dataclass(frozen=True, slots=True)
class Palettes:
    """Shared palettes: one for all images, or one for each class.

    Attributes
    ----------
    colors
        Palette by class, each of shape (k, 3), uint8. The empty class is that of all images, or, ``by_class``, of
        images without a folder.
    by_class
        Whether every class has its own palette.
    images
        Number of images that each palette was computed from, if known.
    about
        Options that they were made with, as plain JSON values.
    made_from
        Hash of the sources and options that they were computed from; empty if unknown.
    """

    colors: Mapping[str, NDArray[np.uint8]]
    by_class: bool
    images: Mapping[str, int] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    made_from: str = ""
    _hashes: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Compute the hash of each palette once."""
        hashes = {name: self._hash(palette) for name, palette in self.colors.items()}
        object.__setattr__(self, "_hashes", hashes)

    def of(self, path: str) -> NDArray[np.uint8] | None:
        """Return the palette of an image, by its path below the folder; None if its class has none."""
        return self.colors.get(self._name(path))

    def hash_of(self, path: str) -> str:
        """Return the hash of the palette of an image; empty if its class has none."""
        return self._hashes.get(self._name(path), "")

    @property
    def n_colors(self) -> int:
        """Number of colours of the largest palette, which decides the kind of file of all images."""
        return max(map(len, self.colors.values()), default=1)

    @property
    def hash(self) -> str:
        """Hash of all palettes."""
        if not self.by_class:
            return self._hashes.get("", "")
        return hashlib.sha256(json.dumps(self._hashes, sort_keys=True).encode()).hexdigest()[:16]

    def _name(self, path: str) -> str:
        return (label_of(path) or "") if self.by_class else ""

    def _hash(self, palette: NDArray[np.uint8]) -> str:
        """Return the hash of everything in a palette that affects the bytes of an image."""
        # A small palette gives another kind of file if another class has more than 256 colours.
        kind = b"" if len(palette) > MAX_INDEXED_COLORS or self.n_colors <= MAX_INDEXED_COLORS else b"wide"
        return hashlib.sha256(palette.tobytes() + kind).hexdigest()[:16]


def read_palette(path: str | os.PathLike[str], label: str | None = None) -> NDArray[np.uint8]:
    """Read a palette from a ``palette.json`` of ICS or a GIMP palette (``.gpl``).

    Parameters
    ----------
    path
        The file; the suffix of its name decides the format.
    label
        The class, for a file with one palette for each class.

    Returns
    -------
    palette
        Shape (k, 3), uint8, k from 1 to 65536; in the order of the file, repetitions included.

    Raises
    ------
    UsageError
        If the file cannot be read; the text has the wrong line or value.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from icsys import read_palette, write_palette
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_palette(Path(folder, "two.gpl"), [[0, 0, 0], [255, 128, 0]])
    ...     read_palette(Path(folder, "two.gpl")).tolist()
    [[0, 0, 0], [255, 128, 0]]
    """
    label = None if label is None else Text("NAME").accept("label", label)
    found = load_palettes(path)
    if found.by_class != (label is not None):
        names = ", ".join(map(repr, list(found.colors)[:5]))
        expected = f"label=... to name a class ({names})" if found.by_class else "no label"
        raise UsageError(f"palette file {os.fspath(path)!r}: {expected} expected, label={label!r} was given")
    if (label or "") not in found.colors:
        raise UsageError(f"palette file {os.fspath(path)!r} has no class {label!r}")
    return found.colors[label or ""]


def write_palette(path: str | os.PathLike[str], palette: ArrayLike) -> None:
    """Write a palette as ``.json``, or as ``.gpl`` for GIMP and other editors.

    Parameters
    ----------
    path
        The file; an existing file is replaced.
    palette
        Shape (k, 3), whole numbers from 0 to 255, k from 1 to 65536.

    Raises
    ------
    UsageError
        If the palette is not as above, or the name has another suffix.
    OSError
        If the file cannot be written.
    """
    path, colors = disk_path(path, "palette file", "file"), check_palette(palette)
    if path.suffix.lower() == ".gpl":
        write_whole(path, _gimp_text(path.stem, colors).encode())
    elif path.suffix.lower() == ".json":
        write_json(path, _to_values(Palettes({"": colors}, by_class=False)))
    else:
        raise UsageError(f"palette file {str(path)!r}: expected a name that ends in .json or .gpl")


def load_palettes(path: str | os.PathLike[str] | RootedPath) -> Palettes:
    """Read a palette file, with one palette or one for each class.

    Raises
    ------
    UsageError
        As for :func:`read_palette`.
    """
    path = path if isinstance(path, RootedPath) else disk_path(path, "palette file", "file")
    try:
        text = read_text(path, errors="replace")
    except OSError as error:
        raise UsageError(f"palette file {str(path)!r} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise UsageError(f"palette file {str(path)!r}: {error}") from None
    try:
        if path.name.lower().endswith(".gpl"):
            return Palettes({"": _from_gimp(text)}, by_class=False, about={"file": path.name})
        return _from_values(text)
    except UsageError as error:
        raise UsageError(f"palette file {str(path)!r}: {error}") from None


def with_file(
    options: Options, *, colors_given: bool, place: RootedPath | None = None
) -> tuple[Options, Palettes | None]:
    """Read the palette file that ``options.palette`` names, if any; its number of colours replaces that of the options.

    Parameters
    ----------
    colors_given
        Whether the user gave ``colors``; a number other than the file's is then an error.
    place
        Where the file is read, without a link on the way; None to read it by its name.
    """
    if options.palette in SHARED or options.palette == "image":
        return options, None
    palettes = load_palettes(place or options.palette)
    if colors_given and options.colors != palettes.n_colors:
        raise UsageError(
            f"colors={options.colors!r} with palette={options.palette!r}, which has {palettes.n_colors}: "
            "leave colors out, because the palette decides"
        )
    return options.replace(colors=palettes.n_colors), palettes


def check_palette_files(destination: RootedPath, options: Options) -> None:
    """Check that no palette file of another program is at a path of ICS's palette files.

    Raises
    ------
    UsageError
        If there is one.
    """
    for name in (PALETTE, GIMP_PALETTE) if options.palette != "image" else ():
        place = destination / name
        if place.exists() and not _is_ours(place) and not _is_same(place, options.palette):
            raise UsageError(f"{str(place)!r} was not written by ics, which writes a palette there: move it away first")


def save_palettes(
    destination: RootedPath, palettes: Palettes, options: Options, *, mark: str = "", dry_run: bool = False
) -> None:
    """Write the palettes into an output folder; ``mark`` is part of the names of the run's temporary files."""
    if dry_run or not palettes.colors:
        return
    # The user may have named this very file.
    if not _is_same(destination / PALETTE, options.palette):
        text = json.dumps(_to_values(palettes), indent=2)
        write_whole(destination / PALETTE, text.encode() + b"\n", mark=mark)
    gimp = destination / GIMP_PALETTE
    if palettes.by_class:
        if _is_ours(gimp):
            gimp.unlink(missing_ok=True)
    elif not _is_same(gimp, options.palette):
        write_whole(gimp, _gimp_text(destination.name, palettes.colors[""]).encode(), mark=mark)


def palette_hashes(destination: RootedPath) -> dict[str, str]:
    """Return the SHA-256 of each palette file in an output folder, by name."""
    hashes = {}
    for name in (PALETTE, GIMP_PALETTE):
        with contextlib.suppress(OSError):  # there is none
            hashes[name] = (destination / name).sha256()
    return hashes


def _is_ours(path: RootedPath) -> bool:
    try:
        if path.name == GIMP_PALETTE:
            return _MADE_BY in read_text(path, errors="replace").splitlines()[:5]
        load_palettes(path)
    except (OSError, ValueError):
        return False
    return True


def _is_same(path: RootedPath, other: str) -> bool:
    """Return whether two paths are of the same file."""
    with contextlib.suppress(OSError):
        found = path.status()
        return found is not None and os.path.samestat(found, os.stat(other))  # noqa: PTH116
    return False


def _to_values(palettes: Palettes) -> dict[str, Any]:
    head = {"format": _FORMAT, "version": _VERSION, "hash": palettes.hash}
    head |= {"made_with": dict(palettes.about)} if palettes.about else {}
    head |= {"made_from": palettes.made_from} if palettes.made_from else {}
    entries = {
        name: ({"images": palettes.images[name]} if name in palettes.images else {}) | {"colors": _to_hex(colors)}
        for name, colors in palettes.colors.items()
    }
    return head | ({"classes": entries} if palettes.by_class else entries[""])


def _from_values(text: str) -> Palettes:
    """Return the palettes in values of :func:`_to_values`."""
    try:
        values = from_json(text)
    except ValueError as error:
        raise UsageError(f"this is not JSON ({error}): expected a palette.json that ics has written") from None
    if not isinstance(values, dict) or values.get("format") != _FORMAT:
        raise UsageError(f'"format" is not {_FORMAT!r}: expected a palette.json that ics has written')
    if values.get("version") != _VERSION:
        raise UsageError(f"version={values.get('version')!r}: expected {_VERSION}, the one that this ics reads")
    by_class = "classes" in values
    entries = values["classes"] if by_class else {"": values}
    if not isinstance(entries, dict) or not entries or not all(isinstance(entry, dict) for entry in entries.values()):
        raise UsageError("classes: expected a table with an entry for each class")
    colors = {name: _from_hex(entry.get("colors"), name) for name, entry in entries.items()}
    images = {name: entry["images"] for name, entry in entries.items() if isinstance(entry.get("images"), int)}
    about = values.get("made_with")
    about = about if isinstance(about, dict) else {}
    palettes = Palettes(colors, by_class, images, about)
    # A palette that was edited by hand was not computed from images.
    made_from = values.get("made_from", "") if values.get("hash") == palettes.hash else ""
    return Palettes(colors, by_class, images, about, made_from)


def _to_hex(palette: NDArray[np.uint8]) -> list[str]:
    return ["#{:02x}{:02x}{:02x}".format(*color) for color in palette.tolist()]


def _from_hex(colors: object, name: str) -> NDArray[np.uint8]:
    place = f"colors of {name!r}" if name else "colors"
    if not isinstance(colors, list) or not 1 <= len(colors) <= MAX_COLORS:
        raise UsageError(f"{place}: expected a list of 1 to {MAX_COLORS} colours")
    for number, color in enumerate(colors, 1):
        if not isinstance(color, str) or not _HEX_COLOR.fullmatch(color):
            raise UsageError(f"{place}, number {number}: {color!r}, expected #RRGGBB such as #ff8000")
    levels = bytes.fromhex("".join(color[1:] for color in colors))
    return np.frombuffer(levels, np.uint8).reshape(-1, 3).copy()  # PyTorch needs writable arrays


def _gimp_text(name: str, palette: NDArray[np.uint8]) -> str:
    """Return a palette in the format of GIMP: https://developer.gimp.org/core/standards/gpl/."""
    shown = re.sub(r"[^\x20-\x7e]", "_", name) or "icsys"
    rows = [f"{r:3} {g:3} {b:3}\t{number}\n" for number, (r, g, b) in enumerate(palette.tolist())]
    return f"{_GIMP}\nName: {shown}\nColumns: 16\n{_MADE_BY}\n{''.join(rows)}"


def _from_gimp(text: str) -> NDArray[np.uint8]:
    lines = text.splitlines()
    if not lines or lines[0].strip() != _GIMP:
        raise UsageError(f"line 1 is {lines[0][:40] if lines else ''!r}: expected {_GIMP!r}")
    colors: list[list[int]] = []
    for number, line in enumerate(lines[1:], 2):
        if not line.strip() or line.lstrip().startswith("#") or (not colors and _GIMP_HEADER.match(line)):
            continue
        match = _GIMP_COLOR.fullmatch(line)
        color = [int(level) for level in match.groups()] if match else []
        if not color or max(color) > _LEVELS:
            raise UsageError(f"line {number} is {line[:40]!r}: expected red, green and blue from 0 to {_LEVELS}")
        colors.append(color)
    if not 1 <= len(colors) <= MAX_COLORS:
        raise UsageError(f"{len(colors)} colours: expected 1 to {MAX_COLORS}")
    return np.array(colors, np.uint8)
