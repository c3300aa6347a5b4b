"""The command ``ics``: arguments to options to a run to an exit code."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

import icsys
from icsys.dataset.samples import copy_samples
from icsys.dataset.shard import parse_shard
from icsys.dataset.urls import without_secrets
from icsys.engine import choose_engine
from icsys.errors import ICSError, UsageError
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
from icsys.progress import drawing
from icsys.prompts import ask_options, number_or_text
from icsys.report.text import failure_lines, image_line, run_report
from icsys.results import to_record
from icsys.run import Progress, check_places, check_run, compress_folder, has_images
from icsys.signals import INTERRUPTED, Signals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tqdm import tqdm

    from icsys.report.bench import Step
    from icsys.results import Failed, RunSummary

SOURCE, DESTINATION = "Uncompressed", "Compressed"
COMPARISON = "comparison.html"

OK, SOME_FAILED, WRONG_USAGE = 0, 1, 2

# Of what stands on one line, what the command line gives replaces all that a config file says.
_GEOMETRY, _TARGETS = {"step", "scale", "size"}, {"min_psnr", "min_ssim", "max_delta_e"}
_SWITCHES = {"dry_run", "follow_links", "isolate", "json", "never_larger", "retry_failed", "strict_quality", "verbose"}
_RUN_DEFAULTS: dict[str, Any] = {
    "jobs": None,
    "engine": None,
    "address": None,
    "isolate": False,
    "timeout": None,
    "follow_links": False,
    "overwrite": "never",
    "retry_failed": False,
    "shard": None,
    "dry_run": False,
    "json": False,
    "verbose": False,
}

# Options of a run that a comparison has no use for, or has in a form of its own.
_NOT_COMPARED = frozenset(
    {"strategy", "colors", "min_psnr", "min_ssim", "max_delta_e", "per", "quality_share", "strict_quality"}
    | {"format", "overwrite", "retry_failed", "dry_run", "follow_links", "engine", "address", "isolate"}
    | {"jpeg_quality", "shard", "shard_bytes", "shard_images", "timeout", "verbose", "print_options"}
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
  ics report small                              what a finished run did, on a page"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    0: all done or skipped by policy; 1: some images failed; 2: wrong usage, nothing done; 130: interrupted;
    143: told to end by SIGTERM.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - for as long as the process lasts
        # A file name need not be text that the terminal can show; it must not end the run.
        if hasattr(getattr(sys, name), "reconfigure"):
            getattr(sys, name).reconfigure(errors="backslashreplace")
    try:
        arguments = _parser().parse_args(argv)
        code = _COMMANDS[arguments.command](arguments)
        sys.stdout.flush()
    except ICSError as error:
        print(f"ics: {error}", file=sys.stderr)
        return WRONG_USAGE
    except KeyboardInterrupt:
        print("\nics: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the report has gone; Python would complain once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SOME_FAILED
    except OSError as error:
        print(f"ics: {error}", file=sys.stderr)
        return SOME_FAILED
    return code


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line with a way out, as all errors of ics are."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - argparse's own
        # A shortened flag would change its meaning when another one with the same beginning is added.
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **settings)

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_USAGE, f"ics: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="ics",
        description=_DESCRIPTION,
        epilog=f"{_EXAMPLES}\n{_MORE_EXAMPLES}",
    )
    parser.add_argument("--version", action="version", version=f"ics {icsys.__version__}")
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
    compress.set_defaults(before=_look_for_photos)
    demo = commands.add_parser(
        "demo",
        help="try it on sample photos",
        description=f"Copy the photos that installed packages ship into {SOURCE}, never over a file of yours, "
        f"and compress that folder into {DESTINATION}.",
        epilog="example:\n  ics demo --colors 16 --step 2",
    )
    _add_options(demo)
    demo.set_defaults(before=_bring_samples, source=SOURCE, destination=DESTINATION)
    _add_merge(commands)
    _add_compare(commands)
    _add_report(commands)
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
        if name in without:
            return
        group.add_argument(f"--{name.replace('_', '-')}", default=argparse.SUPPRESS, help=doc, **settings)

    def add_option(group: Any, name: str, metavar: str, **settings: Any) -> None:  # noqa: ANN401 - as above
        default = getattr(defaults, name)
        add(group, name, f"{option_doc(name)} Default: {default}.", metavar=metavar, **settings)

    defaults = Options()
    colors = parser.add_argument_group("colours")
    add_option(colors, "strategy", "|".join(STRATEGIES))
    add_option(colors, "colors", "K|auto", type=number_or_text)
    for name, metavar in (("min_psnr", "DB"), ("min_ssim", "SSIM"), ("max_delta_e", "DIFFERENCE")):
        add(colors, name, option_doc(name), type=_number, metavar=metavar)
    add(colors, "per", option_doc("per"), metavar="|".join(PERS))
    add(colors, "quality_share", option_doc("quality_share"), type=_number, metavar="SHARE")
    add(colors, "strict_quality", option_doc("strict_quality"), action=argparse.BooleanOptionalAction)
    words: tuple[str, ...]
    for name, words in (("effort", EFFORTS), ("space", SPACES), ("dither", DITHERS)):
        add_option(colors, name, "|".join(words))
    add_option(colors, "seed", "N", type=number_or_text)

    size = parser.add_argument_group("size")
    one_of = size.add_mutually_exclusive_group()
    add_option(one_of, "step", "N", type=number_or_text)
    add(one_of, "size", option_doc("size"), metavar="WxH")
    add(one_of, "scale", option_doc("scale"), type=_number, metavar="FACTOR")
    for name, words in (("fit", FITS), ("resample", RESAMPLES)):
        add_option(size, name, "|".join(words))
    add_option(size, "background", "#RRGGBB")
    add_option(size, "alpha", "|".join(ALPHAS))

    output = parser.add_argument_group("output")
    add_option(output, "format", "|".join(FORMATS))
    add_option(output, "png_effort", "|".join(PNG_EFFORTS))
    for name in ("jpeg_quality", "shard_images", "shard_bytes"):
        add_option(output, name, "N", type=number_or_text)
    add(
        output,
        "never_larger",
        f"{option_doc('never_larger')} Default: yes.",
        action=argparse.BooleanOptionalAction,
    )
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
    run.add_argument("--config", metavar="FILE.toml", help="Read any of these options by name; the command line wins.")
    if "print_options" not in without:
        run.add_argument("--print-options", action="store_true", help="Print the options as TOML and do nothing.")
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


def _ask_and_run(_: argparse.Namespace) -> int:
    """Ask the questions, but only where there is something to compress."""
    _look_for_photos(SOURCE)
    check_places(SOURCE, DESTINATION)
    if not has_images(SOURCE, DESTINATION):
        raise UsageError(f"the folder {SOURCE!r} holds no image: {_where_photos_go()}")
    return _run(SOURCE, DESTINATION, ask_options(), _RUN_DEFAULTS)


def _command(arguments: argparse.Namespace) -> int:
    """Run a command, or show the options that it would run with."""
    options, run = _merge(arguments)
    if arguments.print_options:
        import tomli_w  # noqa: PLC0415 - few runs need it

        print(tomli_w.dumps(_effective(options, run)), end="")
        return OK
    arguments.before(arguments.source)
    return _run(arguments.source, arguments.destination, options, run)


def _join(arguments: argparse.Namespace) -> int:
    """Join what shards have written, and report it as a run is reported."""
    from icsys.merge import merge_shards  # noqa: PLC0415 - few runs need it

    summary = merge_shards(arguments.destination, partial=arguments.partial)
    if arguments.json:
        _print_json({"summary": summary.to_dict()})
    else:
        print(run_report(summary, arguments.destination, dry_run=False))
    _tell_failures(summary.failures)
    if summary.stopped:
        print(f"ics: {summary.stopped}; a run without --shard does the rest", file=sys.stderr)
    return SOME_FAILED if summary.failed or summary.stopped else OK


def _compare(arguments: argparse.Namespace) -> int:
    """Compare strategies before the user's eyes."""
    # A plain run has no need of any of it.
    from icsys.report.compare import compare_folder  # noqa: PLC0415
    from icsys.report.comparison_page import check_page, write_comparison  # noqa: PLC0415
    from icsys.report.table import comparison_text  # noqa: PLC0415

    options, run = _merge(arguments)
    _look_for_photos(arguments.source)
    if arguments.output:
        check_page(arguments.output)
    with _CompareScreen() as screen:
        comparison = compare_folder(
            arguments.source,
            options,
            colors=arguments.ks or [options.colors],
            strategies=arguments.strategies,
            sample=arguments.sample,
            jobs=run["jobs"],
            examples=arguments.pictures if arguments.output else 0,
            progress=screen.show,
        )
    if arguments.output:
        write_comparison(comparison, arguments.output)
    if run["json"]:
        _print_json({"report": arguments.output, **comparison.to_dict()})
    else:
        print(comparison_text(comparison))
        if arguments.output:
            print(f"Look at: {Path(arguments.output).resolve()}")
    _tell_failures(comparison.failures)
    return SOME_FAILED if comparison.failures else OK


def _report_folder(arguments: argparse.Namespace) -> int:
    """Write the page of a finished run."""
    from icsys.report.run_page import report_folder  # noqa: PLC0415 - as above

    path = report_folder(
        arguments.destination, source=arguments.source, output=arguments.output, examples=arguments.pictures
    )
    print(f"Look at: {path.resolve()}")
    return OK


def _print_json(values: Mapping[str, object]) -> None:
    """Print one object for programs to read."""
    print(json.dumps({"version": icsys.__version__, **values}, indent=2))


def _tell_failures(failures: Sequence[Failed]) -> None:
    """Name the images that failed."""
    for line in failure_lines(failures):
        print(line, file=sys.stderr)


def _look_for_photos(source: str) -> None:
    """Say where photos go if there is nowhere to look for them."""
    if source == SOURCE and not Path(source).exists():
        raise UsageError(f"there is no folder {source!r} here: {_where_photos_go()}")


def _bring_samples(source: str) -> None:
    """Copy the sample photos."""
    check_places(source if Path(source).exists() else ".", DESTINATION)
    try:
        copied, kept = copy_samples(Path(source))
    except OSError as error:
        raise UsageError(f"sample photos cannot be put into {source!r}: {error.strerror}") from error
    for names, what in ((copied, f"copied into {source}"), (kept, f"already in {source}, left as they are")):
        if names:
            print(f"Sample photos {what}: {', '.join(names)}", file=sys.stderr)


def _where_photos_go() -> str:
    return f"put photos into {SOURCE}, name a folder (ics compress SRC DST), or try sample photos (ics demo)"


def _merge(arguments: argparse.Namespace) -> tuple[Options, dict[str, Any]]:
    """Lay the command line over the config file over the defaults."""
    names = [field.name for field in dataclasses.fields(Options)]
    given = {name: value for name, value in vars(arguments).items() if name in names or name in _RUN_DEFAULTS}
    config = _read_config(Path(arguments.config), {*names, *_RUN_DEFAULTS}) if arguments.config else {}
    for one_of in (_GEOMETRY, _TARGETS):
        if given.keys() & one_of:
            config = {name: value for name, value in config.items() if name not in one_of}
    values = _RUN_DEFAULTS | config | given
    options = Options.from_dict({name: value for name, value in values.items() if name in names})
    check_run(**{name: values[name] for name in ("jobs", "engine", "address", "overwrite", "timeout")})
    choose_engine(values["engine"], isolate=values["isolate"], timeout=values["timeout"])
    if values["shard"] is not None:
        parse_shard(values["shard"])
    return options, {name: values[name] for name in _RUN_DEFAULTS}


def _read_config(path: Path, names: set[str]) -> dict[str, Any]:
    """Read a TOML file that holds options by name, with dashes or underscores."""
    import tomllib  # noqa: PLC0415 - few runs need it

    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"config file {str(path)!r} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"config file {str(path)!r} is not TOML: {error}") from error
    values = {name.replace("-", "_"): value for name, value in values.items()}
    for name, value in values.items():
        if name not in names:
            raise UsageError(f"config file {str(path)!r}: unknown option {name!r}, expected {', '.join(sorted(names))}")
        if name in _SWITCHES and not isinstance(value, bool):
            raise UsageError(f"config file {str(path)!r}: {name}={value!r}, expected true or false")
    return values


def _effective(options: Options, run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that a run uses, as plain values; jobs, engine and timeout only where they were chosen."""
    return options.to_dict() | {name: value for name, value in run.items() if value is not None}


def _run(source: str, destination: str, options: Options, run: Mapping[str, Any]) -> int:
    """Compress a folder before the user's eyes, report, and say how it ended."""
    screen = _RunScreen(json=run["json"], verbose=run["verbose"])
    with Signals() as signals:
        with screen:
            summary = compress_folder(
                source,
                destination,
                options,
                jobs=run["jobs"],
                engine=choose_engine(run["engine"], isolate=run["isolate"], timeout=run["timeout"]),
                address=run["address"],
                timeout=run["timeout"],
                follow_links=run["follow_links"],
                overwrite=run["overwrite"],
                retry_failed=run["retry_failed"],
                shard=run["shard"],
                dry_run=run["dry_run"],
                stop=signals.stop,
                progress=screen.show,
            )
        code = _report(
            screen,
            summary,
            signal_code=signals.code,
            source=source,
            destination=destination,
            options=options,
            run=run,
        )
        if signals.code is not None:
            # Images that took too long to wait for are still being worked on, by threads that Python would wait for.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return code


def _report(
    screen: _RunScreen,
    summary: RunSummary,
    *,
    signal_code: int | None,
    source: str,
    destination: str,
    options: Options,
    run: Mapping[str, Any],
) -> int:
    """Say what a run has done and return the exit code."""
    if run["json"]:
        files = sorted(screen.files, key=lambda file: str(file["source"]))
        _print_json(
            {
                "options": _effective(options, run),
                "files": files,
                "summary": summary.to_dict(),
                "interrupted": signal_code is not None,
            }
        )
    elif summary.images:
        print(run_report(summary, destination, dry_run=run["dry_run"]))
    _tell_failures(summary.failures)
    if summary.stopped:
        whole = "every file that was written is whole, and the next run goes on"
        print(f"ics: {summary.stopped}; {whole}", file=sys.stderr)
    if signal_code is not None:
        return signal_code
    if run["shard"] and not summary.images and has_images(source, destination):
        if not run["json"]:
            print(f"Shard {run['shard']} has no image: there are fewer images than shards, or nearly so.")
        return OK
    if not summary.images and not summary.stopped:
        others = f" ({summary.ignored} left alone: not images, hidden, or links)" if summary.ignored else ""
        raise UsageError(f"no image was found in {without_secrets(source)!r}{others}: {_where_photos_go()}")
    return SOME_FAILED if summary.failed or summary.stopped else OK


class _Screen:
    """Standard error while something goes on: a bar, where that is a terminal, and lines that leave the bar whole."""

    def __init__(self, title: str) -> None:
        self._bar = _new_bar(title) if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def _say(self, line: str) -> None:
        print(line, file=sys.stderr) if self._bar is None else self._bar.write(line, file=sys.stderr)


class _RunScreen(_Screen):
    """Shows a run: a bar, and a line per image if asked for."""

    _title = "Compressing"

    def __init__(self, *, json: bool, verbose: bool) -> None:
        super().__init__(self._title)
        self.files: list[dict[str, object]] = []
        self._draw = None if self._bar is None else drawing(self._bar, self._title)
        self._keep_files = json
        self._verbose = verbose

    def show(self, progress: Progress) -> None:
        """Take in one more step of the run."""
        if progress.notice:
            self._say(progress.notice)
        if self._keep_files and progress.result is not None:
            self.files.append(to_record(progress.result))
        if self._verbose and progress.result is not None:
            self._say(image_line(progress.result))
        if self._draw is not None:
            self._draw(progress)


class _CompareScreen(_Screen):
    """Shows a comparison: a bar, and what is expected of it."""

    def __init__(self) -> None:
        super().__init__("Loading")
        self._told = False

    def show(self, step: Step) -> None:
        """Take in one more step."""
        if step.estimate is not None and not self._told:
            self._told = True
            self._say(f"Estimated time: {step.estimate:.1f} s")
        if self._bar is not None:
            self._bar.set_description_str(step.note, refresh=False)
            self._bar.total = step.total or None
            self._bar.update(step.done - self._bar.n)


_COMMANDS = {
    None: _ask_and_run,
    "compress": _command,
    "demo": _command,
    "merge": _join,
    "compare": _compare,
    "report": _report_folder,
}


def _new_bar(title: str) -> tqdm:
    """Return a bar on standard error."""
    from tqdm import tqdm  # noqa: PLC0415 - where there is no terminal a short run ends before it is loaded

    columns, lines = shutil.get_terminal_size()
    # Left to look for itself, tqdm shows no bar at all on a terminal that does not know its size.
    return tqdm(desc=title, unit=" images", file=sys.stderr, ncols=columns, nrows=lines)
