"""What becomes of the images of a source: the shares of its splits, and the sizes that are left out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, NamedTuple

from icsys.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

MOST_SPLITS = 100
_FEWEST_SPLITS = 2
_EXAMPLE = "NAME=SHARE for at least two splits, such as train=80,val=10,test=10"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
_DEVICE = re.compile(r"(?i)con|prn|aux|nul|(com|lpt)[0-9]")  # Windows refuses such names
_SHARE = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)
_DIGITS = 9  # after the point


class SizeRules(NamedTuple):
    """Which images a run leaves out by their size; None for no limit."""

    min_side: int | None = None
    max_aspect: float | None = None

    def broken_by(self, width: int, height: int) -> tuple[str, str] | None:
        """Return the name of the rule that an image breaks and a sentence that says so; None if it breaks none.

        Parameters
        ----------
        width, height
            Of the source, in pixels; a turn changes nothing.

        Examples
        --------
        >>> SizeRules(min_side=64).broken_by(640, 48)
        ('min_side', 'its shorter side has 48 pixels, fewer than --min-side 64')
        """
        shorter, longer = sorted((width, height))
        if self.min_side is not None and shorter < self.min_side:
            return "min_side", f"its shorter side has {shorter} pixels, fewer than --min-side {self.min_side}"
        if self.max_aspect is not None and longer > self.max_aspect * shorter:
            times = f"{longer / shorter:.4g}"
            return "max_aspect", (
                f"it has {width} x {height} pixels, and one side is {times} times the other: more than "
                f"--max-aspect {self.max_aspect:g}"
            )
        return None


@dataclass(frozen=True, slots=True)
class SplitShares:
    """The names of splits, which are names of folders, each with its share as a decimal number.

    Examples
    --------
    >>> shares = parse_shares("train=80, val=10, test=10.0")
    >>> str(shares), shares.fractions["train"]
    ('train=80,val=10,test=10', Fraction(4, 5))
    """

    shares: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return ",".join(f"{name}={share}" for name, share in self.shares)

    @property
    def names(self) -> list[str]:
        """The names of the splits, in the order in which they were given."""
        return [name for name, _ in self.shares]

    @property
    def fractions(self) -> dict[str, Fraction]:
        """The share of each split; together they are 1."""
        from fractions import Fraction  # noqa: PLC0415 - few runs need it

        total = sum(Fraction(share) for _, share in self.shares)
        return {name: Fraction(share) / total for name, share in self.shares}


def parse_shares(value: object) -> SplitShares:
    """Read ``"train=80,val=10,test=10"``, a mapping from names to numbers, or shares.

    Raises
    ------
    UsageError
        If it is none of these, a name cannot be that of a folder on every system, two names differ in letter case only,
        or a share is no positive number.
    """
    if isinstance(value, SplitShares):
        return value
    pairs: Iterable[tuple[object, object]]
    if isinstance(value, str):
        pairs = [(name.strip(), share.strip()) for name, _, share in (part.partition("=") for part in value.split(","))]
    elif isinstance(value, Mapping):
        pairs = value.items()
    else:
        raise UsageError(f"split={value!r}: expected {_EXAMPLE}")
    shares: dict[str, str] = {}
    for name, share in pairs:
        if not isinstance(name, str) or not _NAME.fullmatch(name) or _DEVICE.fullmatch(name):
            raise UsageError(
                f"split={value!r}: {name!r} is no name of a split: expected the name of a folder, of letters, digits, "
                f"- and _, in {_EXAMPLE}"
            )
        if name.casefold() in map(str.casefold, shares):
            raise UsageError(f"split={value!r}: {name!r} is there twice: expected {_EXAMPLE}")
        text = _decimal(share)
        if text is None:
            raise UsageError(
                f"split={value!r}: the share {share!r} of {name!r}: expected a number above 0, in {_EXAMPLE}"
            )
        shares[name] = text
    if not _FEWEST_SPLITS <= len(shares) <= MOST_SPLITS:
        raise UsageError(f"split={value!r}: expected {_EXAMPLE}, and at most {MOST_SPLITS}")
    return SplitShares(tuple(shares.items()))


def _decimal(share: object) -> str | None:
    """Return a share as a decimal number in its shortest form; None if it is no positive number."""
    text = share.zfill(len(share) + share.startswith(".")) if isinstance(share, str) else ""
    if isinstance(share, Real) and not isinstance(share, bool):
        with suppress(OverflowError):  # no float holds it
            text = f"{float(share):.{_DIGITS}f}"
    if not _SHARE.fullmatch(text) or not text.strip("0."):
        return None
    return text.rstrip("0").rstrip(".") if "." in text else text.lstrip("0")
