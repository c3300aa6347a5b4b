"""One HTML file that needs nothing else: what stands on it, and how it is written."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.choices import MAX_INDEXED_COLORS
from icsys.errors import UsageError
from icsys.files.atomic import write_whole
from icsys.files.rooted_path import RootedPath, is_below, is_link
from icsys.report.optional_packages import import_optional
from icsys.report.page_pictures import data_uri

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from icsys.report.comparison_table import Cell
    from icsys.report.page_pictures import CountedPalette
    from icsys.report.plots import Plot

_GENERATOR = "Image Compression System"
_HEAD = 2048  # bytes of a page, in which the generator is named
_SMALL = 480  # pixels: a picture that is narrower is shown larger, at a whole factor
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that is to be seen at a glance, and what it counts."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of a column, and what it tells."""

    title: str
    meaning: str


@dataclass(frozen=True, slots=True)
class HtmlTable:
    """Headings and rows of cells, the first of each row its name."""

    title: str
    headings: Sequence[Heading]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Share:
    """A colour of a palette: where its part of the strip starts, and how many pixels have it."""

    hex: str
    start: int
    count: int


@dataclass(frozen=True, slots=True)
class Choice:
    """A picture after: its name, its file as a data URI, its palette by share, and what is to be said of it."""

    name: str
    uri: str
    colors: Sequence[Share]
    total: int
    palette: str
    note: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A picture before, and what became of it; ``before`` is empty where it is not at hand."""

    name: str
    note: str
    width: int
    height: int
    before: str
    choices: Sequence[Choice]

    @property
    def zoom(self) -> int:
        """Screen pixels per pixel: small pictures are shown larger."""
        return max(1, _SMALL // self.width)


@dataclass(frozen=True, slots=True)
class Problem:
    """An image that failed: its name, the stable code and the reason."""

    name: str
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPage:
    """All that stands on a page, from its head to its foot."""

    kind: str
    title: str
    lead: Sequence[str]
    figures: Sequence[Figure]
    table: HtmlTable | None = None
    plots: Sequence[Plot] = ()
    plots_note: str = ""
    examples: Sequence[Pair] = ()
    examples_note: str = ""
    skips: Sequence[str] = ()
    failures: Sequence[Problem] = ()
    command: str
    facts: Sequence[tuple[str, str]] = ()


def choice(name: str, pixels: NDArray[np.uint8], palette: CountedPalette, note: str) -> Choice:
    """Return a picture of few colours with its palette."""
    total = int(palette.counts.sum())
    words = f"{len(palette.counts)} colours"
    if len(palette.counts) > MAX_INDEXED_COLORS:
        return Choice(name, data_uri(pixels), (), total, words, note)
    starts = palette.counts.cumsum() - palette.counts
    triples = zip(palette.colors.tolist(), starts.tolist(), palette.counts.tolist(), strict=True)
    shares = [Share("#{:02x}{:02x}{:02x}".format(*color), start, count) for color, start, count in triples]
    largest = ", ".join(f"{share.hex} {share.count / total:.0%}" for share in shares[:_NAMED])
    return Choice(name, data_uri(pixels), shares, total, f"{words} by their share of the pixels: {largest}", note)


def render(page: ReportPage) -> str:
    """Return the page as one HTML document; every name in it is escaped.

    Raises
    ------
    MissingExtraError
        If Jinja2 is not installed.
    """
    jinja2 = import_optional("jinja2")
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("icsys.report", "page"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    text: str = templates.get_template("page.html").render(page=page, generator=_GENERATOR)
    return text


def check_target(path: Path | RootedPath) -> None:
    """Refuse to write a page where there is something else than an older page.

    Raises
    ------
    UsageError
        If so, or the folder does not exist.
    """
    shown = f"report {str(path)!r}"
    if isinstance(path, Path) and (not is_below(path.name) or not path.parent.is_dir()):
        raise UsageError(f"{shown}: expected the name of a file in a folder that exists")
    place = _place(path)
    try:
        found = place.status()
        if found is not None and is_link(found):
            raise UsageError(f"{shown} is a link, which ics does not follow: move it away first, or name another file")
        if found is not None and stat.S_ISDIR(found.st_mode):
            raise UsageError(f"{shown}: expected the name of a file in a folder that exists")
        head = place.read_bytes(_HEAD).decode("utf-8", "replace") if found else _GENERATOR
    except OSError as error:
        raise UsageError(f"{shown}: {error.strerror or error}: expected another name") from None
    if _GENERATOR not in head:
        raise UsageError(f"{shown} is a file that ics did not write: expected another name")


def write_page(path: Path | RootedPath, page: ReportPage) -> None:
    """Write a page whole or not at all."""
    write_whole(path, render(page).encode("utf-8", "replace"))


def _place(path: Path | RootedPath) -> RootedPath:
    return path if isinstance(path, RootedPath) else RootedPath(path.parent) / path.name
