"""Reports as one self-contained HTML file: the contents of a page as plain data, and writing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from icsys.choices import MAX_INDEXED_COLORS
from icsys.files.atomic import write_whole
from icsys.files.replaceable import check_replaceable
from icsys.report.directions import is_right_to_left, isolate, marked
from icsys.report.optional_packages import import_optional
from icsys.report.page_pictures import data_uri

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from icsys.files.rooted_path import RootedPath
    from icsys.report.comparison_table import Cell
    from icsys.report.page_pictures import CountedPalette
    from icsys.report.plots import Plot

_GENERATOR = "Image Compression System"
_HEAD = 2048  # bytes at the start of a page that name its generator
_SMALL = 480  # pixels; pictures are enlarged by a whole factor up to this side
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Figure:
    """A key figure: a number and its label."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of a column and its meaning."""

    title: str
    meaning: str


@dataclass(frozen=True, slots=True)
class HtmlTable:
    """A table: headings and rows of cells; the first cell of a row is its name."""

    title: str
    headings: Sequence[Heading]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Share:
    """A colour of a palette: the start of its part in the strip, and its number of pixels."""

    hex: str
    start: int
    count: int


@dataclass(frozen=True, slots=True)
class PictureChoice:
    """One output picture: its name, its file as a data URI, its palette by share of pixels, and a note."""

    name: str
    uri: str
    colors: Sequence[Share]
    total: int
    palette: str
    note: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A picture before and after; ``before`` is empty if the source is not available."""

    name: str
    note: str
    width: int
    height: int
    before: str
    choices: Sequence[PictureChoice]

    @property
    def zoom(self) -> int:
        """Screen pixels per pixel: small pictures are enlarged."""
        return max(1, min(_SMALL // self.width, _SMALL // self.height))


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture, its name and a note; ``uri`` is empty if it is not available.

    ``zoom``: screen pixels per pixel, so that the pixels of a tiny picture are seen.
    """

    name: str
    note: str
    uri: str
    width: int
    height: int
    zoom: int = 1


@dataclass(frozen=True, slots=True)
class PictureGroup:
    """Pictures that belong together."""

    title: str
    note: str
    pictures: Sequence[Thumbnail]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page that shows groups of pictures, or a table."""

    title: str
    note: str
    groups: Sequence[PictureGroup] = ()
    table: HtmlTable | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """An image that failed: its name, the stable code and the reason."""

    name: str
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPage:
    """The contents of a page, from top to bottom.

    ``advised`` is a command for the reader to copy, and ``command`` the one that made the page; both may be empty.
    ``plots_first``: the plots stand before the table.
    """

    kind: str
    title: str
    lead: Sequence[str]
    advised: str = ""
    advised_note: str = ""
    figures: Sequence[Figure]
    table: HtmlTable | None = None
    plots: Sequence[Plot] = ()
    plots_note: str = ""
    plots_first: bool = False
    examples: Sequence[Pair] = ()
    examples_note: str = ""
    sections: Sequence[Section] = ()
    skips: Sequence[str] = ()
    failures: Sequence[Problem] = ()
    command: str
    facts: Sequence[tuple[str, str]] = ()


def choice(name: str, pixels: NDArray[np.uint8], palette: CountedPalette, note: str) -> PictureChoice:
    """Return an output picture with its palette, for a page."""
    total = int(palette.counts.sum())
    words = f"{len(palette.counts)} colours"
    if len(palette.counts) > MAX_INDEXED_COLORS:
        return PictureChoice(name, data_uri(pixels), (), total, words, note)
    starts = palette.counts.cumsum() - palette.counts
    triples = zip(palette.colors.tolist(), starts.tolist(), palette.counts.tolist(), strict=True)
    shares = [Share("#{:02x}{:02x}{:02x}".format(*color), start, count) for color, start, count in triples]
    largest = ", ".join(f"{share.hex} {share.count / total:.0%}" for share in shares[:_NAMED])
    return PictureChoice(
        name, data_uri(pixels), shares, total, f"{words} by their share of the pixels: {largest}", note
    )


def render(page: ReportPage) -> str:
    """Return the page as one HTML document; every name in it is escaped.

    Raises
    ------
    MissingExtraError
        If Jinja2 is not installed.
    """
    jinja2, markupsafe = import_optional("jinja2"), import_optional("markupsafe")
    escape, markup = markupsafe.escape, markupsafe.Markup

    def isolated(value: object) -> object:
        """Put right-to-left words into elements of their own, which leave what is copied as it was."""
        if isinstance(value, markup) or not is_right_to_left(value):
            return value
        return markup(isolate(str(value), lambda words: f"<bdi>{escape(words)}</bdi>", escape))

    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("icsys.report", "page"),
        autoescape=True,
        finalize=isolated,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    # An attribute holds no elements.
    templates.filters["attribute"] = lambda value: escape(marked(value))
    text: str = templates.get_template("page.html").render(page=page, generator=_GENERATOR)
    return text


def check_target(path: Path | RootedPath) -> None:
    """Refuse a path that holds anything but an older page.

    Raises
    ------
    UsageError
        If another file is there, or the folder does not exist.
    """
    check_replaceable(path, "report", "ics", _is_page)


def _is_page(file: RootedPath) -> bool:
    return _GENERATOR in file.read_bytes(_HEAD).decode("utf-8", "replace")


def write_page(path: Path | RootedPath, page: ReportPage) -> None:
    """Write a page atomically."""
    write_whole(path, render(page).encode("utf-8", "replace"))
