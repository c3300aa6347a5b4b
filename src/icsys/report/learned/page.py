"""The page of what was learned: what to choose, how sure that is, and the photos that are lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.files.locations import disk_path
from icsys.files.reserved_names import refusing_links
from icsys.learning.learned import KEEPS, LOSES, REFERENCE, UNCLEAR
from icsys.ratio_words import times_and_word
from icsys.report.comparison_page import LISTED, check_page
from icsys.report.comparison_table import Cell
from icsys.report.html import Figure, Heading, HtmlTable, Problem, ReportPage, Section, write_page
from icsys.report.humanize import bytes_text, printable
from icsys.report.learned.frontier import learned_plots
from icsys.report.learned.lost_pictures import arms_that_matter, lost_sections
from icsys.report.learned.words import (
    MINUS,
    STAND_IN,
    arm_of,
    can_resolve,
    ended_words,
    interval_text,
    p_text,
    palette_text,
    part_words,
    percent_text,
    points_text,
    recommendation_words,
    reference_of,
    resolution_words,
    rounded_text,
    split_words,
    verdict_words,
)
from icsys.report.provenance import version_facts
from icsys.setting_fields import Text, whole_number
from icsys.version import __version__

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from icsys.learning.learned import ArmResult, Learned

MOST_PICTURES = 9
_MOST_ASKED = 10_000  # photos of an arm
"""Photos of each setting that a page shows unless told otherwise."""

_CONFUSIONS = 10  # of each arm
_SHAPES = {KEEPS: "\N{BLACK CIRCLE}", LOSES: "\N{BLACK DOWN-POINTING TRIANGLE}", UNCLEAR: "\N{WHITE DIAMOND}"}
_SHAPES |= {REFERENCE: "\N{BLACK SQUARE}"}
_ADVICE = "It makes the dataset in the recommended form; one click selects the whole command."
_PLOTS_NOTE = (
    "Bars are intervals of 95 %. The solid line is the accuracy in full, the dashed one 99 % of it: a setting keeps 99 "
    "% where its interval, one-sided and tested from many bytes to few, lies above the dashed line. Differences beyond "
    "the edge are written beside an arrow."
)
_TABLE_NOTE = (
    "A setting is one form of the dataset. K16 has 16 colours an image; 32x32 is smaller; = K16 means no more bytes "
    "than K16. Every setting is trained on and tested on its own pictures, all enlarged to one size."
)
_MARKED = " The recommended one is marked."
_COLUMNS = (
    Heading("setting", "One form of the dataset."),
    Heading(
        "verdict",
        "Whether it keeps 99 % of the accuracy in full (one-sided, 95 %), loses more, or these images cannot tell.",
    ),
    Heading("an image", "Bytes of all its files, over all images."),
    Heading("accuracy", "Share of the tested images that are recognised; trained and tested on the setting."),
    Heading("difference", "Accuracy less that in full, in points of percent."),
    Heading("95 % interval", "Holds the true difference in 95 of 100 such datasets."),
    Heading("on originals", "Trained on the setting, and tested on the same images in full."),
    Heading("in all", "Bytes of all files."),
    Heading("size", "Most common width and height, in pixels."),
    Heading("colours", "Colours of an image; of a lossy codec, its quality q from 1 to 100."),
)


@refusing_links()
def write_learned(
    learned: Learned, source: object, path: str | os.PathLike[str], *, pictures: int = MOST_PICTURES, command: str = ""
) -> None:
    """Write what was learned as one HTML file that needs no network.

    Parameters
    ----------
    learned
        The result of :func:`~icsys.learn`.
    source
        Where photos are read from again, to show them; a photo that cannot be read is named only.
    path
        Path of the file; an older report there is replaced.
    pictures
        Most photos that are shown of a setting; 0 for none.
    command
        The command that repeats it, to be named on the page; empty to leave it out.

    Raises
    ------
    UsageError
        If ``path`` is a file other than a report, or its folder does not exist.
    MissingExtraError
        If Matplotlib or Jinja2 is not installed.
    """
    whole_number("pictures", pictures, 0, _MOST_ASKED)
    Text("COMMAND").accept("command", command)
    check_learned_page(path)
    write_page(disk_path(path, "path", "file"), learned_page(learned, source, pictures=pictures, command=command))


def check_learned_page(path: str | os.PathLike[str]) -> None:
    """Check, before anything is judged, that its page can be written.

    Raises
    ------
    UsageError, MissingExtraError
        As :func:`write_learned`.
    """
    check_page(path)


def learned_page(learned: Learned, source: object, *, pictures: int = MOST_PICTURES, command: str = "") -> ReportPage:
    """Return the contents of the page."""
    plots = learned_plots(learned)
    return ReportPage(
        kind="What a model keeps",
        title=printable(learned.source.rstrip("/\\").replace("\\", "/").rpartition("/")[2] or learned.source),
        lead=[
            resolution_words(learned),
            recommendation_words(learned, minus=MINUS),
            split_words(learned),
            STAND_IN,
        ],
        advised=printable(learned.command),
        advised_note=_ADVICE,
        figures=list(_figures(learned)),
        table=_table(learned) if learned.arms else None,
        plots=plots,
        plots_note=_PLOTS_NOTE if plots else "",
        plots_first=True,
        sections=list(_sections(learned, source, pictures)),
        skips=list(_skips(learned)),
        failures=[Problem(printable(f.source), f.code, printable(f.message)) for f in learned.failures[:LISTED]],
        command=printable(command),
        facts=[
            *version_facts(__version__),
            ("Judged", f"in {learned.seconds:.1f} s"),
            ("Models", f"{learned.repeats} of each setting, which differ by chance alone; seed {learned.seed}"),
            (
                "Working size",
                f"{learned.working_size}x{learned.working_size} pixels, to which all pictures are enlarged",
            ),
        ],
    )


def _figures(learned: Learned) -> Iterator[Figure]:
    arm, full = arm_of(learned, learned.recommended), reference_of(learned)
    if full is not None:
        yield Figure(percent_text(full.accuracy), "accuracy in full")
    if full is not None and arm is not None and arm is not full:
        times, word = times_and_word(full.bytes_per_image, arm.bytes_per_image)
        yield Figure(f"{times}\N{MULTIPLICATION SIGN}", f"{word} with {printable(arm.name)}")
        interval = interval_text(arm.low, arm.high, minus=MINUS)
        yield Figure(points_text(arm.difference, minus=MINUS), f"points with {printable(arm.name)} {interval}".rstrip())
    yield Figure(f"{learned.tested:,}", "tested images")
    if can_resolve(learned):
        yield Figure(f"{learned.resolves:.1f}", "points: the smallest loss that can be excluded")
    if arm is None and learned.images_needed is not None:
        yield Figure(rounded_text(learned.images_needed), "tested images, about, would exclude a loss of 1 %")


def _table(learned: Learned) -> HtmlTable:
    rows = [_row(arm, is_recommended=arm.name == learned.recommended) for arm in learned.arms]
    return HtmlTable(
        "All settings", _COLUMNS, rows, [_TABLE_NOTE + (_MARKED if learned.recommended else ""), *part_words(learned)]
    )


def _row(arm: ArmResult, *, is_recommended: bool) -> list[Cell]:
    shape = "" if arm.accuracy is None else _SHAPES.get(arm.verdict, "")
    is_compared = arm.accuracy is not None and arm.verdict != REFERENCE
    return [
        Cell(printable(arm.name)),
        Cell(f"{verdict_words(arm)} {shape}".rstrip(), is_recommended),
        Cell(bytes_text(arm.bytes_per_image)),
        Cell(percent_text(arm.accuracy)),
        Cell(points_text(arm.difference if is_compared else None, minus=MINUS)),
        Cell(interval_text(arm.low, arm.high, minus=MINUS) if is_compared else ""),
        Cell(percent_text(arm.accuracy_on_originals)),
        Cell(bytes_text(arm.bytes)),
        Cell(f"{arm.width}x{arm.height}"),
        Cell(palette_text(arm)),
    ]


def _sections(learned: Learned, source: object, pictures: int) -> Iterator[Section]:
    if learned.contrasts:
        yield _contrasts(learned)
    if learned.network:
        yield _network(learned)
    if pictures > 0:
        yield from lost_sections(learned, source, pictures)
    yield from _confusions(learned)


def _contrasts(learned: Learned) -> Section:
    rows = [
        [
            Cell(f"{printable(one.arm)} less {printable(one.other)}"),
            Cell(points_text(one.difference, minus=MINUS)),
            Cell(interval_text(one.low, one.high, minus=MINUS)),
            Cell(p_text(one.adjusted_p)),
        ]
        for one in learned.contrasts
    ]
    headings = [
        Heading("settings", "The accuracy of the first less that of the second, which takes about as many bytes."),
        Heading("difference", "In points of percent."),
        Heading("95 % interval", "Holds the true difference in 95 of 100 such datasets."),
        Heading("p", "How probable a difference at least as large is by chance; for all pairs together (Holm 1979)."),
    ]
    note = "What lossy codecs, and fewer images, make of the bytes that fewer colours take."
    return Section("At equal bytes", note, table=HtmlTable("Settings at equal bytes", headings, rows))


def _network(learned: Learned) -> Section:
    rows = [
        [
            Cell(printable(one.name)),
            Cell(percent_text(one.accuracy)),
            Cell(points_text(one.difference, minus=MINUS)),
            Cell(interval_text(one.low, one.high, minus=MINUS)),
        ]
        for one in learned.network
    ]
    headings = [
        Heading("setting", "One form of the dataset."),
        Heading("accuracy", "Trained and tested on the setting."),
        Heading("difference", "Accuracy less that in full, in points of percent."),
        Heading("95 % interval", "Holds the true difference in 95 of 100 such datasets."),
    ]
    note = "The same images and the same split, for a small network that is trained from scratch."
    return Section("A small network", note, table=HtmlTable("Settings in a small network", headings, rows))


def _confusions(learned: Learned) -> Iterator[Section]:
    rows = [
        [
            Cell(f"{printable(pair.label)}, taken for {printable(pair.taken_for)}"),
            Cell(printable(arm.name)),
            Cell(f"{pair.images:.1f}"),
            Cell(f"{pair.images_in_full:.1f}"),
        ]
        for arm in arms_that_matter(learned)
        for pair in arm.confusions[:_CONFUSIONS]
    ]
    if rows:
        headings = [
            Heading("class", "What the images show, and the class that models predict."),
            Heading("setting", "The form of the dataset."),
            Heading("images", "How many tested images, mean over models."),
            Heading("in full", "The same in full colour."),
        ]
        note = "Classes that are taken for one another more often than in full, the most grown first."
        yield Section("Confusions that grew", note, table=HtmlTable("Confusions that grew", headings, rows))


def _skips(learned: Learned) -> Iterator[str]:
    if not learned.failures:
        yield "All images could be used."
    yield from ended_words(learned)
    if len(learned.failures) > LISTED:
        yield f"The first {LISTED} of them are listed; the JSON names them all."
