"""Presets: options that the user keeps by name, in a file that all studios of the user share."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.errors import InUseError, UsageError
from icsys.files.atomic import write_whole
from icsys.files.parsing import read_json
from icsys.files.rooted_path import RootedPath
from icsys.journal.lock import locked
from icsys.options import Options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FILE, _FORMAT, _VERSION = "presets.json", "icsys-presets", 1
_LONGEST_NAME = 80
_MOST = 200
_MOST_BYTES = 10_000  # of the options of one preset
_MOST_DAMAGED = 100  # files that are kept beside
_PATIENCE = 5.0  # seconds for another studio to write its preset
_NO_LETTERS = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}  # categories of characters that no name needs


class KeptPresets(NamedTuple):
    """The presets of a user.

    Attributes
    ----------
    presets
        The options of each by its name, sorted by name.
    problem
        What cannot be read, as a sentence; empty if there is nothing.
    """

    presets: dict[str, dict[str, Any]]
    problem: str = ""


class Presets:
    """The file of presets. Every change reads it anew and writes it whole, under a lock.

    Parameters
    ----------
    folder
        Returns the folder of the file; it is made with the first preset.
    """

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder

    def all(self) -> KeptPresets:
        """Return all presets. One whose options this version does not accept stays in the file, and is named."""
        path = self._path()
        try:
            entries = _entries(path)
        except _DamagedError as error:
            return KeptPresets({}, f"{error}. It is kept beside a new one once you save a preset.")
        except UsageError as error:
            return KeptPresets({}, f"{error}.")
        usable, unusable = {}, []
        for name, values in entries.items():
            try:
                usable[name] = Options.from_dict(values).to_dict()
            except (UsageError, AttributeError, TypeError, ValueError):
                unusable.append(name)
        names = ", ".join(map(repr, sorted(unusable)))
        problem = f"Presets in {str(path)!r} whose options are not accepted: {names}." if unusable else ""
        return KeptPresets(dict(sorted(usable.items(), key=lambda item: item[0].casefold())), problem)

    def save(self, name: object, options: Options) -> KeptPresets:
        """Keep options under a name, in the place of older ones; return all presets.

        A damaged file is kept beside the new one.

        Raises
        ------
        UsageError
            If the name is not accepted, there are too many presets, or they cannot be read or written.
        """
        key, values = preset_name(name), options.to_dict()
        if (size := len(json.dumps(values))) > _MOST_BYTES:
            raise UsageError(f"the options take {size} characters: expected at most {_MOST_BYTES}")

        def change(entries: dict[str, Any]) -> None:
            entries[key] = values
            if len(entries) > _MOST:
                raise UsageError(f"there are {_MOST} presets already: delete one first")

        return self._change(change)

    def delete(self, name: object) -> KeptPresets:
        """Remove a preset; return the others. One that is gone already is no error."""
        key = preset_name(name)
        return self._change(lambda entries: entries.pop(key, None))

    def _change(self, change: Callable[[dict[str, Any]], object]) -> KeptPresets:
        path, kept = self._path(), ""
        try:
            with locked(path.parent, what=f"{str(path)!r}", timeout=_PATIENCE):
                try:
                    entries = _entries(path)
                except _DamagedError as error:
                    entries, kept = {}, f"{error}. It is kept as "
                before = dict(entries)
                change(entries)
                if kept:
                    kept += f"{_put_aside(path)!r}."
                if kept or entries != before:
                    file = {"format": _FORMAT, "version": _VERSION, "presets": entries}
                    write_whole(path, json.dumps(file, indent=1).encode() + b"\n")
        except InUseError:
            raise UsageError(f"{str(path)!r} is being written by another studio: try again") from None
        except OSError as error:
            raise UsageError(f"presets cannot be written to {str(path)!r}: {error.strerror or error}") from None
        found = self.all()
        return found._replace(problem=" ".join(filter(None, (kept, found.problem))))

    def _path(self) -> RootedPath:
        try:
            return RootedPath(self._folder()) / _FILE
        except RuntimeError:
            raise UsageError("presets: the user has no home folder to keep them in") from None


def preset_name(name: object) -> str:
    r"""Return a name of a preset in its usual form.

    Raises
    ------
    UsageError
        If it is none.

    Examples
    --------
    >>> preset_name("  for\tmy   phone ")
    'for my phone'
    """
    if isinstance(name, str):
        usual = unicodedata.normalize("NFC", " ".join(name.split()))
        if 1 <= len(usual) <= _LONGEST_NAME and not _NO_LETTERS & set(map(unicodedata.category, usual)):
            return usual
    shown = ascii(name) if isinstance(name, str) else type(name).__name__
    raise UsageError(f"name={shown[:_LONGEST_NAME]}: expected a name of 1 to {_LONGEST_NAME} characters")


class _DamagedError(UsageError):
    """A file of presets that no version of ICS wrote as it is."""


def _entries(path: RootedPath) -> dict[str, Any]:
    """Return what the file holds by name; UsageError if it cannot be read or is no file of presets."""
    what = f"the file of presets {str(path)!r}"
    try:
        values = read_json(path)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"{what} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise _DamagedError(f"{what} is damaged: {error}") from None
    known = values if isinstance(values, dict) and values.get("format") == _FORMAT else {}
    version, entries = known.get("version"), known.get("presets")
    if isinstance(version, int) and version > _VERSION:
        raise UsageError(f"{what} is of a newer ICS (version {version}, expected {_VERSION}): update this one")
    if version != _VERSION or not isinstance(entries, dict):
        raise _DamagedError(f"{what} is damaged: it holds no presets")
    return entries


def _put_aside(path: RootedPath) -> str:
    """Rename a damaged file, and return its new name; OSError if there are too many."""
    for number in range(1, _MOST_DAMAGED + 1):
        beside = path.parent / f"presets-damaged-{number}.json"
        if not beside.exists():
            path.replace(beside)
            return str(beside)
    raise OSError(None, f"{_MOST_DAMAGED} damaged files are beside it: remove them first")
