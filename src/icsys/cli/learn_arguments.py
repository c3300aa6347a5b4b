"""The arguments of ``ics learn``."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from icsys.choices import STRATEGIES
from icsys.cli.option_arguments import add_tables, words_between_commas
from icsys.cli.read_options import LEARN_TABLES
from icsys.learning.learn_settings import LearnSettings

if TYPE_CHECKING:
    from dataclasses import Field

LEARN_FILE, LEARN_PAGE = "learn.json", "learn.html"
"""Names of the file of results and of the page, where none are given."""

LEARN_COLORS = (128, 64, 32, 16, 8, 4, 2)
"""Numbers of colours that are judged where none are given."""

LEARN_STRATEGIES = tuple(name for name in STRATEGIES if name != "SO")
"""Strategies that can be judged: they reduce colours."""

LEARN_SUMMARY = """\
Find out what a model keeps of SRC with fewer colours, pixels and bytes: a small
stand-in for a model is trained on the classes of SRC in each form, and tested. SRC
is only read; a page and a file of results are written into the current folder."""

LEARN_EXAMPLES = (
    ("ics learn photos", "in about five minutes"),
    ("ics learn photos --minutes 20 --size 96x96", "more images, larger pictures"),
    ("ics compress photos small --from-learn learn.json", "make the dataset that was recommended"),
)

LEARN_COMMON = ("ks", "size", "minutes", "group", "model", "seed", "out", "page")

_SETTINGS = {"jobs", "follow_links", "include_outputs", "ignore_zeros", "masks", "quiet"}
_SETTINGS |= {field.name for field in fields(LearnSettings)}
_USUAL = {
    "size": "64x64",
    "step": None,
    "group": None,
    "model": None,
}  # None: the text of the help has it, or there is none


def add_learning(parser: argparse.ArgumentParser) -> None:
    """Add all options of the command."""
    what = parser.add_argument_group("learning")
    what.add_argument(
        "--colors",
        dest="ks",
        metavar="K,K",
        type=words_between_commas,
        help=f"Numbers of colours to judge, each from 1 to 65536. Default: {','.join(map(str, LEARN_COLORS))}.",
    )
    what.add_argument(
        "--strategy",
        default=argparse.SUPPRESS,
        metavar="|".join(LEARN_STRATEGIES),
        help="How to reduce colours. Default: MKM.",
    )
    what.add_argument(
        "--out",
        metavar="FILE.json",
        help="The file of results to write. An older one of this name is replaced. "
        f"Default: {LEARN_FILE}; if that exists, learn-2.json, and so on; none with --json.",
    )
    page = what.add_mutually_exclusive_group()
    page.add_argument(
        "--page",
        metavar="FILE.html",
        help="The page to write. An older page of this name is replaced. "
        f"Default: {LEARN_PAGE}; if that exists, learn-2.html, and so on; none with --json.",
    )
    page.add_argument("--no-page", action="store_true", help="Write no page.")
    add_tables(parser, LEARN_TABLES, _has, groups={"learning": what}, defaults=_USUAL)


def _has(field: Field[Any]) -> bool:
    return bool(field.metadata.get("compared")) or field.name in _SETTINGS
