"""The page of an inspection, with duplicates as pictures."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import TYPE_CHECKING

from icsys.errors import ICSError
from icsys.files.locations import disk_path
from icsys.files.reserved_names import refusing_links
from icsys.image.encode import encode_lossy
from icsys.inspection.inspect_folder import NOWHERE
from icsys.options import Options
from icsys.records.command_text import command_text
from icsys.report.comparison_page import LISTED
from icsys.report.comparison_table import Cell
from icsys.report.html import (
    Figure,
    Heading,
    HtmlTable,
    PictureGroup,
    Problem,
    ReportPage,
    Section,
    Thumbnail,
    check_target,
    write_page,
)
from icsys.report.humanize import bytes_text, images_text, printable
from icsys.report.inspected.text import class_rows, counts_text, groups_text
from icsys.report.optional_packages import import_optional
from icsys.report.page_pictures import resized
from icsys.report.provenance import version_facts
from icsys.report.source_images import SourceImages
from icsys.sources.base import passed_over_text
from icsys.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from icsys.inspection.inspection import InspectedImage, Inspection

MOST_GROUPS = 200
"""Groups of each kind that a page may show."""

_PICTURES = 8  # of a group
_CLASSES = 200  # rows of the table
_NAMED = 30  # names, formats or sizes in a sentence
_SIDE = 144  # pixels of a thumbnail
_QUALITY = 75
_THUMBNAIL = Options(strategy="SO", size=(_SIDE, _SIDE), on_corrupt="keep")

_LEAKS = (
    "Leaks across splits",
    "Images in different splits that are equal or near duplicates: a test on them measures memory.",
)
_NEAR = (
    "Near duplicates",
    "Images that show the same picture in another size, encoding or crop. Mirrored and turned pictures do not count.",
)
_EXACT = ("Exact duplicates", "Images whose files are equal, byte for byte.")
_DARK = ("Darkest images", "By mean luma, from 0 (black) to 255.")
_BLUR = ("Blurriest images", "By the variance of the Laplacian, with the longer side at 96 pixels.")


@refusing_links()
def write_inspection(inspection: Inspection, source: object, path: str | os.PathLike[str], *, groups: int = 20) -> None:
    """Write an inspection as one HTML file that needs no network.

    Parameters
    ----------
    source
        Where the images are read from again, to show them; an image that cannot be read is named only.
    path
        Path of the file; an older report there is replaced.
    groups
        Most groups of each kind that are shown, the first ones; 0 for none.

    Raises
    ------
    UsageError
        If ``path`` is a file other than a report, or its folder does not exist.
    MissingExtraError
        If Jinja2 is not installed.
    """
    check_inspection_page(path)
    write_page(Path(path), inspection_page(inspection, source, groups))


def check_inspection_page(path: str | os.PathLike[str]) -> None:
    """Check, before an inspection starts, that its page can be written.

    Raises
    ------
    UsageError, MissingExtraError
        As :func:`write_inspection`.
    """
    check_target(disk_path(path, "path", "file"))
    import_optional("jinja2")


def inspection_page(found: Inspection, source: object, groups: int) -> ReportPage:
    """Return the contents of the page."""
    images = {image.source: image for image in found.table}
    chosen = [
        (*_LEAKS, found.leaks, True),
        (*_NEAR, found.near_duplicates, True),
        (*_EXACT, found.duplicates, True),
        (*_DARK, [[name for name, _ in found.darkest]], False),
        (*_BLUR, [[name for name, _ in found.blurriest]], False),
    ]
    names = {name for *_, all_groups, _ in chosen for group in all_groups[:groups] for name in group[:_PICTURES]}
    place = os.fspath(source) if isinstance(source, str | os.PathLike) else None
    pictures = _Pictures(SourceImages(place, NOWHERE, names), images)
    table = class_rows(found)
    return ReportPage(
        kind="Inspection",
        title=printable(found.source.rstrip("/\\").replace("\\", "/").rpartition("/")[2] or found.source),
        lead=list(_lead(found)),
        figures=_figures(found),
        table=_table(table) if table else None,
        sections=[
            _section(title, note, all_groups, pictures, groups, counted=counted)
            for title, note, all_groups, counted in chosen
            if all_groups and all_groups[0] and groups
        ],
        skips=list(_skips(found)),
        failures=[Problem(printable(f.source), f.code, printable(f.message)) for f in found.broken[:LISTED]],
        command=command_text("inspect", [printable(found.source)], Options(), {}),
        facts=version_facts(__version__),
    )


class _Pictures:
    """Makes thumbnails of images of the source."""

    def __init__(self, source: SourceImages, images: dict[str, InspectedImage]) -> None:
        self._source, self._images = source, images

    def of(self, name: str) -> Thumbnail:
        """Return the thumbnail of an image; without a picture if it cannot be read."""
        image = self._images[name]
        size = f"{image.width}x{image.height} " if image.width else ""
        note = f"{size}{image.format or ''}, {bytes_text(image.bytes or 0)}"
        try:
            pixels = resized(self._source.read(name, _THUMBNAIL), _THUMBNAIL)
            uri = "data:image/jpeg;base64," + base64.b64encode(encode_lossy("JPEG", pixels, _QUALITY)).decode()
        except (ICSError, OSError, MemoryError):
            return Thumbnail(printable(name), note, "", _SIDE, _SIDE)
        return Thumbnail(printable(name), note, uri, pixels.shape[1], pixels.shape[0])


def _section(
    title: str, note: str, groups: Sequence[Sequence[str]], pictures: _Pictures, most: int, *, counted: bool
) -> Section:
    shown = []
    for group in groups[:most]:
        more = len(group) - _PICTURES
        words = f"{images_text(more)} more: --json names all." if more > 0 else ""
        heading = images_text(len(group)) if counted else ""
        shown.append(PictureGroup(heading, words, [pictures.of(name) for name in group[:_PICTURES]]))
    if counted:
        left = f" The first {most} are shown." if len(groups) > most else ""
        note = f"{note} {groups_text(len(groups))}.{left}"
    return Section(title, note, shown)


def _table(rows: Sequence[Sequence[str]]) -> HtmlTable:
    head, *body = rows
    meanings = {"class": "The class: the label of the source, or the folder.", "images": "Images of the class."}
    return HtmlTable(
        "Classes",
        [Heading(title, meanings.get(title, f"Images in the split {title}.")) for title in head],
        [[Cell(text) for text in row] for row in body[:_CLASSES]],
        [f"{len(body) - _CLASSES} more classes are left out."] if len(body) > _CLASSES else [],
    )


def _lead(found: Inspection) -> Iterator[str]:
    yield f"{images_text(found.images)} of {bytes_text(found.bytes)} in {found.seconds:.1f} s."
    yield f"Formats: {counts_text(found.formats, _NAMED)}. Pixel modes: {counts_text(found.modes, _NAMED)}."
    yield f"Sizes: {counts_text(found.sizes)}."
    for title, kind in (("Masks", "masks"), ("Annotations", "annotations"), ("Sidecars", "sidecars")):
        values = getattr(found, kind)
        if values.get("files"):
            yield f"{title}: {counts_text(values['forms'])}."
        yield from (printable(sentence) for sentence in (*values.get("found", ()), *values.get("unclear", ())))


def _figures(found: Inspection) -> list[Figure]:
    return [
        Figure(f"{found.images:,}", "images"),
        *([Figure(f"{len(found.classes):,}", "classes")] if found.classes else []),
        *([Figure(f"{len(found.splits):,}", "splits")] if found.splits else []),
        Figure(f"{len(found.duplicates):,}", "groups of equal files"),
        Figure(f"{len(found.near_duplicates):,}", "groups of near duplicates"),
        Figure(f"{len(found.leaks):,}", "leaks across splits"),
        Figure(f"{len(found.broken):,}", "broken"),
    ]


def _skips(found: Inspection) -> Iterator[str]:
    broken = len(found.broken)
    yield f"{images_text(broken)} broken." if broken else "No image is broken."
    if broken > LISTED:
        yield f"The first {LISTED} of them are listed; --json names them all."
    if found.ignored:
        yield f"Other files: {found.ignored}."
    if found.outputs_passed_over:
        yield f"Not read: {passed_over_text(found.outputs_passed_over)}."
    if found.stopped:
        yield f"The inspection was stopped before all images were looked at: {found.stopped}."
