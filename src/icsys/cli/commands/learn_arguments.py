"""The arguments of ``ics learn``."""

from __future__ import annotations

import argparse
from dataclasses import fields

from icsys.choices import STRATEGIES
from icsys.cli.option_arguments import add_tables, words_between_commas
from icsys.cli.read_options import LEARN_TABLES
from icsys.learning.learn_settings import LearnSettings
from icsys.options import Options

LEARN_FILE, LEARN_PAGE = "learn.json", "learn.html"
"""Names of the file of results and of the page, where none are given."""

LEARN_COLORS = (128, 64, 32, 16, 8, 4, 2)
"""Numbers of colours that are judged where none are given."""

LEARN_STRATEGIES = tuple(name for name in STRATEGIES if name != "SO")
"""Strategies that can be judged: they reduce colours."""

OPTIONS_JUDGED = {"strategy", "format", "png"} | {f.name for f in fields(Options) if f.metadata.get("compared")}
"""Names of the options of images that the command has, beside ``colors``."""

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

_BY_HAND = {"strategy", "format"}
_SETTINGS = {"jobs", "follow_links", "include_outputs", "ignore_zeros", "masks"} | {
    "json",
    "quiet",
}
_NAMES = (OPTIONS_JUDGED - _BY_HAND) | _SETTINGS | {field.name for field in fields(LearnSettings)}
# Defaults to show in the help; None where its text has the default.
_USUAL = {"size": "64x64", "step": None, "group": None, "model": None}


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
        "--format",
        default=argparse.SUPPRESS,
        metavar="png|webp|npz",
        help="Format of the files whose bytes count; webp is lossless. Default: png.",
    )
    what.add_argument(
        "--table",
        default=argparse.SUPPRESS,
        metavar="FILE",
        help="A CSV or JSON lines table below SRC with columns of image names and of classes; several with commas. "
        "metadata.csv and metadata.jsonl are found without it.",
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
    add_tables(parser, LEARN_TABLES, lambda field: field.name in _NAMES, groups={"learning": what}, defaults=_USUAL)
