"""The commands of ``ics`` and their arguments. The options come from the tables of ``Options`` and ``RunSettings``."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.choices import STRATEGIES
from icsys.cli.commands.learn_arguments import LEARN_COMMON, LEARN_EXAMPLES, LEARN_SUMMARY, add_learning
from icsys.cli.commands.studio_arguments import STUDIO_EXAMPLES, STUDIO_SUMMARY, add_serving
from icsys.cli.given_places import COMPARISON, DESTINATION, SOURCE
from icsys.cli.help import LAST_PATH, PATHS, CommandParser
from icsys.cli.option_arguments import add_field, add_tables, words_between_commas
from icsys.records.config.request import TABLES, table_fields
from icsys.run_settings import INSPECTED, RunSettings
from icsys.setting_fields import number_or_text
from icsys.version import __version__

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

_SUMMARY = """\
Make a folder of photos small enough to train on: fewer pixels, and the few
colours that K-means finds. Without a command, ics prompts for the strategy,
the colours and the size, and compresses the folder Uncompressed into Compressed."""

_EXAMPLES = (
    ("ics compress photos small", "32 colours, one pixel for every 5x5 block"),
    ("ics compress photos squares --size 224x224", "one size for all images"),
    ("ics compress photos auto --colors auto", "as few colours as each image needs"),
)
_MORE_EXAMPLES = (
    ("ics compare photos --sample 50", "all strategies on 50 of the photos"),
    ("ics report small", "a page about a finished run"),
    ("ics verify small", "check that all outputs are complete and unchanged"),
)

_DEMO_SUMMARY = f"""\
Copy the sample photos of installed packages into {SOURCE} and compress
them into {DESTINATION}. If one of these folders holds other files, both stay as
they are, and the demo uses folders of the same names in ics-demo."""

_MERGE_SUMMARY = """\
Merge the manifests, failures and totals of all shards in DST, so that DST is the
same as after one run without shards. Images are not changed. Those of formats with
many images in a file, such as webdataset and arrays, are packed."""

_COMPARE_SUMMARY = """\
Compress the images below SRC with every strategy, and show time, size and quality
in a table and on a page. Only the page is written."""

_INSPECT_SUMMARY = """\
Find out what SRC holds before anything is done: images by class, split, format and
size, what goes with them, broken files, duplicates, and leaks across splits. Nothing
is removed, and nothing is written but what --report and --csv name."""

_VERIFY_SUMMARY = """\
Read every output in DST, and name files that are missing, changed, or not written
by ics. Nothing is written."""


def command_parser(argv: Sequence[str] | None = None) -> CommandParser:
    """Return the parser of the whole command.

    Parameters
    ----------
    argv
        The arguments to parse. Commands that are not among them get no options, which saves time. All commands have
        their options if this is left out.
    """
    parser = CommandParser(prog="ics", summary=_SUMMARY, examples=(*_EXAMPLES, *_MORE_EXAMPLES))
    parser.add_argument("--version", action="version", version=f"ics {__version__}", help="Show the version.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=CommandParser)
    for name, command in _COMMANDS.items():
        own = commands.add_parser(
            name,
            help=command.help,
            usage=command.usage,
            summary=command.summary,
            examples=command.examples,
            common=command.common,
        )
        parser.commands[name] = own
        if argv is None or name in argv:
            command.add_arguments(own)
    return parser


class _Command(NamedTuple):
    """What a command does, and the function that adds its arguments."""

    help: str
    summary: str
    examples: Sequence[tuple[str, str]]
    add_arguments: Callable[[CommandParser], None]
    usage: str | None = None
    common: Sequence[str] = ()


_SOURCES = (
    "A folder, an archive (.zip, .tar, .tar.gz ..., .parquet), a quoted pattern such as 'photos-*.tar', or a URL of "
    "any of these."
)


def _add_compress(parser: CommandParser) -> None:
    parser.add_argument(
        PATHS,
        metavar="SRC",
        nargs="*",
        help=f"{_SOURCES} Or image files; or - for one image from standard input to standard output. "
        f"Default: {SOURCE}.",
    )
    parser.add_argument(
        LAST_PATH,
        metavar="DST",
        nargs="?",
        help="A folder, or a URL such as s3://bucket/small. A last name with the suffix of an image is one more SRC. "
        f"Default: {DESTINATION}.",
    )
    parser.places.add_argument("--output", "-o", metavar="DST", help="DST, after which all other paths are sources.")
    parser.places.add_argument(
        "--studio",
        action="store_true",
        help="Open the page of ics studio with these options, and compress nothing yet.",
    )
    _add_options(parser)


def _add_demo(parser: argparse.ArgumentParser) -> None:
    _add_options(parser)
    parser.set_defaults(source=SOURCE, destination=DESTINATION)


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        metavar="SRC",
        nargs="?",
        default=SOURCE,
        help=f"{_SOURCES} Default: {SOURCE}.",
    )


def _add_destination(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "destination",
        metavar="DST",
        nargs="?",
        default=DESTINATION,
        help=f"The output folder of the run. Default: {DESTINATION}.",
    )


def _add_merge(parser: argparse.ArgumentParser) -> None:
    _add_destination(parser)
    parser.add_argument("--partial", action="store_true", help="Merge even if some shards are missing or unfinished.")
    _add_printing(parser)


def _add_compare(parser: argparse.ArgumentParser) -> None:
    _add_source(parser)
    what = parser.add_argument_group("comparison")
    what.add_argument(
        "--strategy",
        dest="strategies",
        metavar="A,B",
        type=words_between_commas,
        default=list(STRATEGIES),
        help=f"Strategies to compare: any of {', '.join(STRATEGIES)}. SO is always included. Default: all.",
    )
    what.add_argument(
        "--colors",
        dest="ks",
        metavar="K,K",
        type=words_between_commas,
        help="Numbers of colours to compare, each from 1 to 65536. Default: 32.",
    )
    what.add_argument(
        "--sample", metavar="N", type=number_or_text, help="Compare N random images (see --seed). Default: all images."
    )
    what.add_argument(
        "--no-lossy",
        dest="lossy",
        action="store_false",
        help="Leave out JPEG and WebP, of the same resized pixels at quality 75 and at the bytes of a strategy.",
    )
    _add_page(what, f"{COMPARISON}; if that exists, comparison-2.html, and so on")
    what.add_argument("--no-report", action="store_true", help="Write no page.")
    _add_options(parser, compared=True)


def _add_report(parser: argparse.ArgumentParser) -> None:
    _add_destination(parser)
    parser.add_argument(
        "--source",
        metavar="SRC",
        help="Where the original photos are now. Default: where the run found them, unless that is a URL.",
    )
    _add_page(parser, "report.html in DST")


def _add_inspect(parser: argparse.ArgumentParser) -> None:
    _add_source(parser)
    parser.add_argument(
        "--report", dest="output", metavar="FILE.html", help="Write a page with duplicates as pictures."
    )
    parser.add_argument("--csv", metavar="FILE.csv", help="Write a table with a row for each image.")
    parser.add_argument(
        "--groups",
        metavar="N",
        type=number_or_text,
        default=20,
        help="Most groups of each kind that the page shows. Default: 20.",
    )
    parser.add_argument(
        "--no-near", dest="near", action="store_false", help="Search exact duplicates only, which takes less time."
    )
    for field in fields(RunSettings):
        if field.name in INSPECTED:
            add_field(parser, field, None)
    _add_printing(parser)


def _add_learn(parser: argparse.ArgumentParser) -> None:
    _add_source(parser)
    add_learning(parser)


def _add_studio(parser: argparse.ArgumentParser) -> None:
    _add_source(parser)
    add_serving(parser)


def _add_verify(parser: argparse.ArgumentParser) -> None:
    _add_destination(parser)
    parser.add_argument(
        "--jobs", metavar="N", type=number_or_text, help="Files to read at the same time. Default: the number of cores."
    )
    _add_printing(parser)


def _add_printing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="Print one JSON object on standard output.")
    parser.add_argument("--quiet", action="store_true", help="Print failures and errors only.")


def _add_page(group: Any, default: str) -> None:  # noqa: ANN401 - as above
    group.add_argument(
        "--report",
        dest="output",
        metavar="FILE.html",
        help=f"The page to write. An older page of this name is replaced. Default: {default}.",
    )
    group.add_argument(
        "--pictures",
        metavar="N",
        type=number_or_text,
        default=6,
        help="Number of photos on the page, starting with the lowest quality. Default: 6.",
    )


def _add_options(parser: argparse.ArgumentParser, *, compared: bool = False) -> None:
    """Add the options of all tables in their groups, or only those of a comparison."""
    more = add_tables(parser, TABLES, lambda field: not compared or field.metadata.get("compared"))
    if not compared:
        more.add_argument("--print-options", action="store_true", help="Print all options as TOML and exit.")


def _common() -> list[str]:
    """Return the names of the options that most people need."""
    return [name for name, field in table_fields().items() if field.metadata.get("common")]


_MOST_USED = _common()
_COMMANDS = {
    "compress": _Command(
        "compress a folder of photos",
        "Compress every image below SRC into the same folders below DST, or the image\nfiles SRC into DST.",
        _EXAMPLES,
        _add_compress,
        usage="ics compress [SRC ...] [DST] [options]",
        common=["output", *_MOST_USED],
    ),
    "demo": _Command(
        "try it on sample photos",
        _DEMO_SUMMARY,
        [("ics demo --colors 16 --step 2", "")],
        _add_demo,
        usage="ics demo [options]",
        common=_MOST_USED,
    ),
    "merge": _Command(
        "merge the results of shards",
        _MERGE_SUMMARY,
        [
            ("ics compress photos small --shard 1/2", ""),
            ("ics compress photos small --shard 2/2", ""),
            ("ics merge small", ""),
        ],
        _add_merge,
    ),
    "compare": _Command(
        "try every strategy on the same photos",
        _COMPARE_SUMMARY,
        [
            ("ics compare photos --colors 8,16,32,64 --sample 50", ""),
            ("ics compare --strategy MKM,FKM --size 224x224 --json", ""),
        ],
        _add_compare,
        usage="ics compare [SRC] [options]",
        common=["strategies", "ks", "sample", "size", "output"],
    ),
    "inspect": _Command(
        "find out what a folder of photos holds",
        _INSPECT_SUMMARY,
        [("ics inspect photos", ""), ("ics inspect photos --report inspection.html --csv images.csv", "")],
        _add_inspect,
    ),
    "learn": _Command(
        "find out whether a model still learns",
        LEARN_SUMMARY,
        LEARN_EXAMPLES,
        _add_learn,
        usage="ics learn [SRC] [options]",
        common=LEARN_COMMON,
    ),
    "studio": _Command(
        "choose options by eye, in the browser",
        STUDIO_SUMMARY,
        STUDIO_EXAMPLES,
        _add_studio,
    ),
    "report": _Command(
        "make a page about a finished run",
        "Write an HTML page about the finished run in DST, with photos before and after.",
        [("ics report Compressed --source Uncompressed", "")],
        _add_report,
    ),
    "verify": _Command(
        "check that a folder is complete and unchanged",
        _VERIFY_SUMMARY,
        [("ics verify Compressed", "")],
        _add_verify,
    ),
}
