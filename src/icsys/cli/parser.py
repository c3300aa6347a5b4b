"""The arguments of the command: what they are called, and their way over a config file to options."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from icsys.cli.prompts import number_or_text
from icsys.engine import choose_engine
from icsys.errors import UsageError
from icsys.files.url import hide_given, shown
from icsys.options import (
    ALPHAS,
    DITHERS,
    EFFORTS,
    ENGINES,
    FITS,
    FORMATS,
    ON_CORRUPT,
    OVERWRITES,
    PERS,
    PNG_EFFORTS,
    RESAMPLES,
    SPACES,
    STRATEGIES,
    Options,
    option_doc,
)
from icsys.partition import parse_shard
from icsys.run.checks import check_run
from icsys.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SOURCE, DESTINATION = "Uncompressed", "Compressed"
COMPARISON = "comparison.html"
WRONG_USAGE = 2
"""The exit code of wrong usage."""

# Of what stands on one line, what the command line gives replaces all that a config file says.
_GEOMETRY, _TARGETS = {"step", "scale", "size"}, {"min_psnr", "min_ssim", "max_delta_e"}
_SWITCHES = {"dry_run", "follow_links", "ignore_zeros", "include_outputs", "isolate", "json", "never_larger"}
_SWITCHES |= {"retry_failed", "strict_quality", "verbose"}
RUN_DEFAULTS: dict[str, Any] = {
    "jobs": None,
    "engine": None,
    "address": None,
    "isolate": False,
    "timeout": None,
    "follow_links": False,
    "include_outputs": False,
    "ignore_zeros": False,
    "overwrite": "never",
    "retry_failed": False,
    "shard": None,
    "dry_run": False,
    "json": False,
    "verbose": False,
}

# Options of a run that a comparison has no use for, or has in a form of its own.
_NOT_COMPARED = frozenset(
    {"strategy", "colors", "min_psnr", "min_ssim", "max_delta_e", "per", "quality_share", "strict_quality", "palette"}
    | {"format", "overwrite", "retry_failed", "dry_run", "follow_links", "ignore_zeros", "engine", "address"}
    | {"isolate", "jpeg_quality", "shard", "shard_bytes", "shard_images", "timeout", "verbose", "print_options"}
)

_DESCRIPTION = """\
Make a folder of photos small enough to train on: fewer pixels, and the few colours that K-means finds.
Without a command, ics asks what to do and turns the folder Uncompressed into the folder Compressed."""

_EXAMPLES = """\
examples:
  ics compress                                  Uncompressed -> Compressed, our K-means, 32 colours, step 5
  ics compress photos small --strategy SO       fewer pixels only
  ics compress photos squares --colors 16 --size 224x224 --fit cover
  ics compress photos even --colors auto --min-ssim 0.98
  ics compress photos again --config ics.toml --jobs 4
  ics compress --colors 8 --print-options       show the options that a run would use, as TOML"""

_MORE_EXAMPLES = """\
  ics compare photos --colors 8,16 --sample 50  every strategy on 50 of the photos: a table and a page
  ics report small                              what a finished run did, on a page
  ics verify small                              whether all is there, as it was written"""


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line with a way out, as all errors of ics are."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - argparse's own
        # A shortened flag would change its meaning when another one with the same beginning is added.
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **settings)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def command_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command."""
    parser = _Parser(
        prog="ics",
        description=_DESCRIPTION,
        epilog=f"{_EXAMPLES}\n{_MORE_EXAMPLES}",
    )
    parser.add_argument("--version", action="version", version=f"ics {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    compress = commands.add_parser(
        "compress",
        help="compress a folder of photos",
        description="Compress every image below SRC into the same tree below DST.",
        epilog=_EXAMPLES,
    )
    _add_source(compress)
    compress.add_argument(
        "destination",
        metavar="DST",
        nargs="?",
        default=DESTINATION,
        help=f"A folder, or a URL such as s3://bucket/small. Default: {DESTINATION}.",
    )
    _add_options(compress)
    demo = commands.add_parser(
        "demo",
        help="try it on sample photos",
        description=f"Copy the photos that installed packages ship into {SOURCE}, and compress that folder into "
        f"{DESTINATION}. If one of them holds anything else, both stay as they are, and folders of these names in "
        "ics-demo are used.",
        epilog="example:\n  ics demo --colors 16 --step 2",
    )
    _add_options(demo)
    demo.set_defaults(source=SOURCE, destination=DESTINATION)
    _add_merge(commands)
    _add_compare(commands)
    _add_report(commands)
    _add_verify(commands)
    return parser


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        metavar="SRC",
        nargs="?",
        default=SOURCE,
        help="A folder, an archive (.zip, .tar, .tar.gz ..., .parquet), a quoted pattern of archives, or a URL of any "
        f"of these. Default: {SOURCE}.",
    )


def _add_merge(commands: Any) -> None:  # noqa: ANN401 - argparse's own type is private
    merge = commands.add_parser(
        "merge",
        help="join what shards have written",
        description="Join the manifests, failures and totals of the shards that have filled DST, so that it is as an "
        "undivided run leaves it. Images are not touched.",
        epilog="examples:\n  ics compress photos small --shard 1/2\n  ics compress photos small --shard 2/2\n"
        "  ics merge small",
    )
    merge.add_argument("destination", metavar="DST", nargs="?", default=DESTINATION, help=f"default: {DESTINATION}")
    merge.add_argument("--partial", action="store_true", help="Join what there is, even if shards are not done.")
    merge.add_argument("--json", action="store_true", help="Print one JSON object on standard output.")


def _add_compare(commands: Any) -> None:  # noqa: ANN401 - argparse's own type is private
    compare = commands.add_parser(
        "compare",
        help="try every strategy on the same photos",
        description="Put the images below SRC through every strategy: time, size and quality in a table and on a page. "
        "Nothing is written but that page.",
        epilog="examples:\n"
        "  ics compare photos --colors 8,16,32,64 --sample 50\n"
        "  ics compare --strategy MKM,FKM --size 224x224 --json",
    )
    _add_source(compare)
    what = compare.add_argument_group("comparison")
    what.add_argument(
        "--strategy",
        dest="strategies",
        metavar="A,B",
        type=_words,
        default=list(STRATEGIES),
        help="Strategies beside SO, which is always there. Default: all.",
    )
    what.add_argument(
        "--colors", dest="ks", metavar="K,K", type=_words, help="Numbers of colours, 1 to 65536. Default: 32."
    )
    what.add_argument("--sample", metavar="N", type=number_or_text, help="Draw N images, by --seed. Default: all.")
    _add_page(what, COMPARISON)
    what.add_argument("--no-report", dest="output", action="store_const", const=None, help="Write no page.")
    _add_options(compare, without=_NOT_COMPARED)


def _add_report(commands: Any) -> None:  # noqa: ANN401 - as above
    report = commands.add_parser(
        "report",
        help="show on a page what a run did",
        description="Write one HTML file that shows what a finished run has left in DST, with photos before and after.",
        epilog="example:\n  ics report Compressed --source Uncompressed",
    )
    report.add_argument("destination", metavar="DST", nargs="?", default=DESTINATION, help=f"default: {DESTINATION}")
    report.add_argument(
        "--source",
        metavar="SRC",
        help="Where the photos are now. Default: where the run found them, if that is no URL.",
    )
    _add_page(report, None)


def _add_verify(commands: Any) -> None:  # noqa: ANN401 - as above
    verify = commands.add_parser(
        "verify",
        help="hold a folder against its journal",
        description="Read every output in DST, shards and palettes included, and name what is missing, what is not as "
        "it was written, and files that ics did not write. Nothing is written.",
        epilog="example:\n  ics verify Compressed",
    )
    verify.add_argument("destination", metavar="DST", nargs="?", default=DESTINATION, help=f"default: {DESTINATION}")
    verify.add_argument(
        "--jobs", metavar="N", type=number_or_text, help="Files read at once. Default: the cores there are."
    )
    verify.add_argument("--json", action="store_true", help="Print one JSON object on standard output.")


def _add_page(group: Any, name: str | None) -> None:  # noqa: ANN401 - as above
    group.add_argument(
        "--report",
        dest="output",
        metavar="FILE.html",
        default=name,
        help=f"The page to write; an older one is replaced. Default: {name or 'report.html in DST'}.",
    )
    group.add_argument(
        "--pictures",
        metavar="N",
        type=number_or_text,
        default=6,
        help="Photos on the page, the worst first. Default: 6.",
    )


def _add_options(parser: argparse.ArgumentParser, without: frozenset[str] = frozenset()) -> None:
    """Add all options in groups; one that is not given leaves no trace, so that a config file can give it."""

    def add(group: Any, name: str, doc: str, **settings: Any) -> None:  # noqa: ANN401 - argparse's own types
        if name not in without:
            group.add_argument(f"--{name.replace('_', '-')}", default=argparse.SUPPRESS, help=doc, **settings)

    _add_image_options(parser, add)
    _add_run_options(parser, add)
    run = parser.add_argument_group("also")
    run.add_argument("--config", metavar="FILE.toml", help="Read any of these options by name; the command line wins.")
    if "print_options" not in without:
        run.add_argument("--print-options", action="store_true", help="Print the options as TOML and do nothing.")


def _defaulting(add: Callable[..., None]) -> Callable[..., None]:
    """Return what adds an option with the sentence and the default that it has in :class:`Options`."""
    defaults = Options()

    def add_option(group: Any, name: str, metavar: str, **settings: Any) -> None:  # noqa: ANN401 - argparse's own types
        doc = f"{option_doc(name)} Default: {getattr(defaults, name)}."
        add(group, name, doc, metavar=metavar, **settings)

    return add_option


def _add_image_options(parser: argparse.ArgumentParser, add: Callable[..., None]) -> None:
    """Add what decides what an image becomes."""
    add_option = _defaulting(add)
    colors = parser.add_argument_group("colours")
    add_option(colors, "strategy", "|".join(STRATEGIES))
    add_option(colors, "colors", "K|auto", type=number_or_text)
    for name, metavar in (("min_psnr", "DB"), ("min_ssim", "SSIM"), ("max_delta_e", "DIFFERENCE")):
        add(colors, name, option_doc(name), type=_number, metavar=metavar)
    add(colors, "per", option_doc("per"), metavar="|".join(PERS))
    add(colors, "quality_share", option_doc("quality_share"), type=_number, metavar="SHARE")
    add(colors, "strict_quality", option_doc("strict_quality"), action=argparse.BooleanOptionalAction)
    add_option(colors, "effort", "|".join(EFFORTS))
    add_option(colors, "space", "|".join(SPACES))
    add_option(colors, "dither", "|".join(DITHERS))
    add_option(colors, "palette", "image|class|dataset|FILE")
    add_option(colors, "seed", "N", type=number_or_text)

    size = parser.add_argument_group("size")
    one_of = size.add_mutually_exclusive_group()
    add_option(one_of, "step", "N", type=number_or_text)
    add(one_of, "size", option_doc("size"), metavar="WxH")
    add(one_of, "scale", option_doc("scale"), type=_number, metavar="FACTOR")
    add_option(size, "fit", "|".join(FITS))
    add_option(size, "resample", "|".join(RESAMPLES))
    add_option(size, "background", "#RRGGBB")
    add_option(size, "alpha", "|".join(ALPHAS))

    output = parser.add_argument_group("output")
    add_option(output, "format", "|".join(FORMATS))
    add_option(output, "png_effort", "|".join(PNG_EFFORTS))
    for name in ("jpeg_quality", "shard_images", "shard_bytes"):
        add_option(output, name, "N", type=number_or_text)
    never_larger = f"{option_doc('never_larger')} Default: yes."
    add(output, "never_larger", never_larger, action=argparse.BooleanOptionalAction)
    add(
        output,
        "overwrite",
        "Do again only what has changed, and leave alone files that ics did not write (never), "
        "or do all anew and replace those too (always). Default: never.",
        metavar="|".join(OVERWRITES),
    )
    add(
        output,
        "retry_failed",
        "Take up only the images that failed in earlier runs.",
        action=argparse.BooleanOptionalAction,
    )
    add(output, "dry_run", "Do everything but write.", action=argparse.BooleanOptionalAction)


def _add_run_options(parser: argparse.ArgumentParser, add: Callable[..., None]) -> None:
    """Add what decides how a run goes on, and what it lets in."""
    add_option = _defaulting(add)
    limits = parser.add_argument_group("limits")
    add_option(limits, "on_corrupt", "|".join(ON_CORRUPT))
    for name in ("max_pixels", "max_bytes", "max_frames"):
        add_option(limits, name, "N", type=number_or_text)
    add(
        limits,
        "follow_links",
        "Follow links to files and folders in SRC. Without it they are left alone.",
        action=argparse.BooleanOptionalAction,
    )
    add(
        limits,
        "include_outputs",
        "Read output folders of ics that lie below SRC, too. Without it they are passed over and named. SRC itself may "
        "be one.",
        action=argparse.BooleanOptionalAction,
    )
    add(
        limits,
        "ignore_zeros",
        "Tar archives that were put one behind the other are meant to be so. Without it they are read, too, but count "
        "as damaged.",
        action=argparse.BooleanOptionalAction,
    )

    run = parser.add_argument_group("run")
    add(run, "jobs", "Images worked on at once. Default: the cores there are.", type=number_or_text, metavar="N")
    add(
        run,
        "engine",
        "Who works on images: threads, processes on machines of many cores, or the cluster of dask or ray. Default: "
        "threads, or processes where --isolate or --timeout asks for them.",
        metavar="|".join(ENGINES),
    )
    add(
        run,
        "address",
        "Join the Dask scheduler (tcp://HOST:8786) or the Ray cluster there. Default: start one on this machine.",
        metavar="ADDRESS",
    )
    add(
        run,
        "isolate",
        "Work in processes that are replaced when an image crashes them: after a second try it fails, alone.",
        action=argparse.BooleanOptionalAction,
    )
    add(
        run,
        "timeout",
        "Kill the process of an image that takes longer, with a second try; needs no --isolate beside it.",
        type=_number,
        metavar="SECONDS",
    )
    add(
        run,
        "shard",
        "Do part I of N parts of the images, the same ones on every machine; ics merge joins them when all are done.",
        metavar="I/N",
    )
    add(
        run,
        "verbose",
        "Print a line for every image, with its K-means time.",
        action=argparse.BooleanOptionalAction,
    )
    add(
        run,
        "json",
        "Print one JSON object on standard output; progress stays on standard error.",
        action=argparse.BooleanOptionalAction,
    )


def _number(text: str) -> float | str:
    """Return the number that ``text`` holds, else ``text`` itself for the check of its option to refuse."""
    try:
        return float(text)
    except ValueError:
        return text


def _words(text: str) -> list[int | str]:
    """Return what stands between commas, numbers as numbers."""
    return [number_or_text(word.strip()) for word in text.split(",")]


def read_options(arguments: argparse.Namespace) -> tuple[Options, dict[str, Any]]:
    """Lay the command line over the config file over the defaults; return the options of images and those of the run.

    Raises
    ------
    UsageError
        If one is not accepted, or the config file cannot be read.
    """
    names = [field.name for field in dataclasses.fields(Options)]
    given = {name: value for name, value in vars(arguments).items() if name in names or name in RUN_DEFAULTS}
    config = _read_config(Path(arguments.config), {*names, *RUN_DEFAULTS}) if arguments.config else {}
    for one_of in (_GEOMETRY, _TARGETS):
        if given.keys() & one_of:
            config = {name: value for name, value in config.items() if name not in one_of}
    try:
        return _checked(RUN_DEFAULTS | config | given, names)
    except UsageError as error:
        raise UsageError(hide_given(str(error), config.values())) from None


def _checked(values: dict[str, Any], names: list[str]) -> tuple[Options, dict[str, Any]]:
    options = Options.from_dict({name: value for name, value in values.items() if name in names})
    if options.palette != "image":
        from icsys.records.palette_files import with_file  # noqa: PLC0415 - few runs need it

        options, _ = with_file(options, colors_given="colors" in values)
    check_run(**{name: values[name] for name in ("jobs", "engine", "address", "overwrite", "timeout")})
    choose_engine(values["engine"], isolate=values["isolate"], timeout=values["timeout"])
    if values["shard"] is not None:
        parse_shard(values["shard"])
    return options, {name: values[name] for name in RUN_DEFAULTS}


def _read_config(path: Path, names: set[str]) -> dict[str, Any]:
    """Read a TOML file that holds options by name, with dashes or underscores."""
    from icsys.files.parsing import read_toml  # noqa: PLC0415 - few runs need it

    try:
        values = read_toml(path)
    except OSError as error:
        raise UsageError(f"config file {str(path)!r} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"config file {str(path)!r} cannot be read as TOML: {error}") from error
    values = {name.replace("-", "_"): value for name, value in values.items()}
    for name, value in values.items():
        if name not in names:
            raise UsageError(f"config file {str(path)!r}: unknown option {name!r}, expected {', '.join(sorted(names))}")
        if name in _SWITCHES and not isinstance(value, bool):
            raise UsageError(f"config file {str(path)!r}: {name}={shown(value)!r}, expected true or false")
    return values


def effective(options: Options, run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that a run uses, as plain values; jobs, engine and timeout only where they were chosen."""
    values = options.to_dict() | {name: value for name, value in run.items() if value is not None}
    return {name: shown(value) if isinstance(value, str) else value for name, value in values.items()}
