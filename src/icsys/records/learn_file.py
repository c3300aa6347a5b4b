"""``learn.json``: what a model keeps of each setting, as ``ics learn`` wrote it; read as data that may be of others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.errors import UsageError
from icsys.files.locations import disk_path
from icsys.files.parsing import read_json
from icsys.files.url import shown
from icsys.setting_fields import did_you_mean

if TYPE_CHECKING:
    import os

_MOST_ARMS = 10_000
_MOST_SIDE = 2**31
_MOST = 2**63
_SHOWN = 60  # characters of a value in an error
_LOSSY = {"webp": "WebP", "jpeg": "JPEG"}


class LearnedArm(NamedTuple):
    """One setting.

    Attributes
    ----------
    name
        Its name, such as ``K16``.
    options
        Plain values of the options that make it; None if ICS does not write it.
    width, height
        Most common size of its pictures, in pixels.
    colors
        Its number of colours; None for all.
    accuracy
        In percent; None if it was not judged.
    quality
        Quality of a lossy codec; None for other settings.
    format
        Format of its files, for the words of an error.
    """

    name: str
    options: dict[str, Any] | None
    width: int
    height: int
    colors: int | None
    accuracy: float | None
    quality: int | None
    format: str


class LearnFile(NamedTuple):
    """A file of ``ics learn``: its path as given, its settings, and the name of the one that it recommends, if any."""

    path: str
    arms: tuple[LearnedArm, ...]
    recommended: str | None

    def arm(self, name: str | None) -> LearnedArm:
        """Return a setting that options make, by its name; the recommended one for None.

        Raises
        ------
        UsageError
            If there is none of this name, nothing is recommended, or ICS does not write it.
        """
        makeable = [arm.name for arm in self.arms if arm.options is not None]
        names = f"one of {', '.join(map(shown, makeable))}" if makeable else "a file with settings that have options"
        wanted = self.recommended if name is None else name
        if wanted is None:
            raise UsageError(f"{self.path!r} recommends no setting: name one with arm (--arm), expected {names}")
        found = next((arm for arm in self.arms if arm.name == wanted), None)
        if found is None:
            raise UsageError(
                f"{'recommended' if name is None else 'arm'}={wanted!r}: {self.path!r} has no such setting, expected "
                f"{names}{did_you_mean(wanted, makeable)}"
            )
        if found.options is None:
            raise UsageError(f"arm={wanted!r} of {self.path!r} {_why_not(found)}: expected {names}")
        return found


def read_learn_file(path: str | os.PathLike[str]) -> LearnFile:
    """Return the settings of a file of ``ics learn``.

    Raises
    ------
    UsageError
        If it cannot be read, or is not as ``ics learn`` writes it; the text has the file, the key and what is expected.
    """
    place = disk_path(path, "from_learn", "file")
    name = str(path)
    try:
        values = read_json(place)
    except OSError as error:
        raise UsageError(f"from_learn={name!r} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"from_learn={name!r} cannot be read as JSON: {error}") from None
    reader = _Reader(name)
    table = reader.checked("the file", values, isinstance(values, dict), "a table with the key 'arms'")
    arms = reader.checked("arms", table.get("arms"), isinstance(table.get("arms"), list), "a list of settings")
    reader.checked("arms", len(arms), 1 <= len(arms) <= _MOST_ARMS, f"1 to {_MOST_ARMS} settings")
    read = tuple(reader.arm(f"arms[{place}]", one) for place, one in enumerate(arms))
    names = [arm.name for arm in read]
    reader.checked("arms", names, len(set(names)) == len(names), "settings of different names")
    recommended = table.get("recommended")
    reader.checked("recommended", recommended, isinstance(recommended, str | None), "the name of a setting, or null")
    return LearnFile(name, read, recommended)


class _Reader:
    """Checks the values of a file, and names the file and the key of a wrong one."""

    def __init__(self, path: str) -> None:
        self._path = path

    def checked(self, key: str, value: Any, is_right: bool, expected: str) -> Any:  # noqa: ANN401 - any JSON
        """Return a value, or raise UsageError."""
        if not is_right:
            text = repr(value)
            text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
            raise UsageError(f"from_learn={self._path!r}: {key} is {text}, expected {expected}")
        return value

    def arm(self, key: str, one: Any) -> LearnedArm:  # noqa: ANN401 - any JSON
        """Return a setting."""
        self.checked(key, one, isinstance(one, dict), "a table")
        options = one.get("options")
        self.checked(f"{key}.options", options, isinstance(options, dict | None), "a table of options, or null")
        name = one.get("name")
        self.checked(f"{key}.name", name, isinstance(name, str) and bool(name), "a name")
        accuracy = one.get("accuracy")
        is_share = _is_number(accuracy) and 0 <= accuracy <= 100  # noqa: PLR2004 - percent
        self.checked(f"{key}.accuracy", accuracy, accuracy is None or is_share, "a number from 0 to 100, or null")
        colors, quality = one.get("colors"), one.get("quality")
        for part, value in (("colors", colors), ("quality", quality)):
            self.checked(f"{key}.{part}", value, value is None or _is_count(value, _MOST), "a whole number, or null")
        width, height = one.get("width"), one.get("height")
        for part, side in (("width", width), ("height", height)):
            self.checked(f"{key}.{part}", side, _is_count(side, _MOST_SIDE), "a number of pixels")
        kind = one.get("format", "")
        self.checked(f"{key}.format", kind, isinstance(kind, str), "the name of a format")
        return LearnedArm(name, options, width, height, colors, accuracy, quality, kind)


def _is_number(value: Any) -> bool:  # noqa: ANN401 - any JSON
    return type(value) in {int, float} and math.isfinite(value)


def _is_count(value: Any, most: int) -> bool:  # noqa: ANN401 - any JSON
    return type(value) is int and 1 <= value < most


def _why_not(arm: LearnedArm) -> str:
    """Say why ICS does not write a setting."""
    if arm.quality is not None:
        return f"is lossy {_LOSSY.get(arm.format, shown(arm.format))}, which ics writes for comparison only"
    return "has no options: it is a part of the images in full, for comparison only"
