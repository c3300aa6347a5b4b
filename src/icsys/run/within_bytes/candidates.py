"""The settings that can be chosen: a size, in pixels of its longer side, and a number of colours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.choices import AUTO, MAX_INDEXED_COLORS
from icsys.errors import UsageError
from icsys.image.geometry import plan_resize

if TYPE_CHECKING:
    from collections.abc import Collection

    from icsys.options import Options

SMALLEST_SIDE = 8
"""The shortest longer side that is chosen, in pixels."""

GEOMETRY = ("step", "scale", "size")
_FEWEST_COLORS = 2
_GRID = (2, 4, 8, 16, 32, 64, 128, 256)


class Setting(NamedTuple):
    """One candidate.

    Attributes
    ----------
    side
        Longer side of the size, in pixels; the highest stands for the largest size itself.
    colors
        Number of colours; None for all.
    """

    side: int
    colors: int | None


class Asked(NamedTuple):
    """What the user leaves open: the options, and whether size and colours are to be chosen."""

    options: Options
    free_size: bool
    free_colors: bool


def what_is_asked(options: Options, given: Collection[str], total_bytes: int) -> Asked:
    """Return what is to be chosen, where ``given`` names the options that the user decides.

    Raises
    ------
    UsageError
        If nothing is left to choose, or one run cannot be held to a number of bytes.
    """
    geometry = [name for name in GEOMETRY if name in given]
    free_size, free_colors = not geometry, "colors" not in given and options.strategy != "SO"
    shown = f"total_bytes={total_bytes}"
    if options.colors == AUTO and options.strategy != "SO":
        raise UsageError(f"{shown} with colors={AUTO!r}, which finds colours by quality: expected one of the two")
    if options.palette != "image":
        raise UsageError(f"{shown} with palette={options.palette!r}: expected palette='image', one for each image")
    if not free_size and not free_colors:
        other = "strategy='SO', which keeps all colours," if options.strategy == "SO" else f"colors={options.colors}"
        raise UsageError(
            f"{shown} with {geometry[0]}={options.to_dict()[geometry[0]]} and {other} leaves nothing to choose: "
            f"leave out {geometry[0]}{'' if options.strategy == 'SO' else ' or colors'}"
        )
    return Asked(options, free_size, free_colors)


@dataclass(frozen=True, slots=True)
class Candidates:
    """All settings of a run.

    Attributes
    ----------
    asked
        What is to be chosen.
    top
        Longer side of the largest size, in pixels; 1 where the size is not to be chosen.
    largest
        Options of the largest size, in any number of colours.
    """

    asked: Asked
    top: int
    largest: Options

    @property
    def lowest(self) -> Setting:
        """The smallest setting."""
        colors = self.fewest_colors if self.asked.free_colors else self._fixed
        return Setting(min(SMALLEST_SIDE, self.top) if self.asked.free_size else self.top, colors)

    @property
    def highest(self) -> Setting:
        """The largest setting."""
        return Setting(self.top, MAX_INDEXED_COLORS if self.asked.free_colors else self._fixed)

    @property
    def _fixed(self) -> int | None:
        options = self.asked.options
        return None if options.strategy == "SO" else options.most_colors

    @property
    def fewest_colors(self) -> int:
        """The fewest colours that can be chosen: at least those to keep."""
        return max(_FEWEST_COLORS, len(self.asked.options.keep_colors or ()))

    @property
    def grid(self) -> list[int]:
        """Numbers of colours to try."""
        return [colors for colors in _GRID if colors >= self.fewest_colors]

    def widened(self, width: int, height: int) -> Candidates:
        """Return the settings of a source that has an image of this size, too: it may be larger than all sampled."""
        if not self.asked.free_size or self.largest.final_size:
            return self
        side = max(plan_resize(width, height, self.largest).canvas)
        return replace(self, top=side) if side > self.top else self

    def options_of(self, setting: Setting) -> Options:
        """Return the options of a setting."""
        return self.largest.replace(**self.changes(setting))

    def changes(self, setting: Setting) -> dict[str, Any]:
        """Return the options that a setting gives other values than the largest size has, or chooses."""
        changes: dict[str, Any] = {}
        if self.asked.free_colors:
            changes["colors"] = setting.colors
        if self.asked.free_size and setting.side < self.top:
            width, height = self.largest.final_size or (self.top, self.top)
            longer = max(width, height)
            changes["size"] = tuple(max(1, round(side * setting.side / longer)) for side in (width, height))
        return changes

    def larger(self, setting: Setting) -> list[Setting]:
        """Return the next larger settings: one pixel more, and one colour more."""
        found = []
        if setting.side < self.top and self.asked.free_size:
            found.append(setting._replace(side=setting.side + 1))
        if self.asked.free_colors and setting.colors is not None and setting.colors < MAX_INDEXED_COLORS:
            found.append(setting._replace(colors=setting.colors + 1))
        return found

    def holds(self, setting: Setting) -> bool:
        """Return whether a setting lies between the lowest and the highest."""
        low, high = self.lowest, self.highest
        colors = [low.colors or 0, setting.colors or 0, high.colors or 0]
        return low.side <= setting.side <= high.side and colors == sorted(colors)

    def words(self, setting: Setting) -> str:
        """Return a setting as options of the command."""
        changes = self.changes(setting)
        if self.asked.free_size and "size" not in changes:
            changes |= {name: getattr(self.largest, name) for name in GEOMETRY if getattr(self.largest, name)}
        changes |= {"size": "{}x{}".format(*changes["size"])} if "size" in changes else {}
        order = [name for name in (*GEOMETRY, "colors") if name in changes]
        return " ".join(f"--{name} {changes[name]}" for name in order)
