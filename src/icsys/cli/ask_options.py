"""The questions of ``ics`` without arguments."""

from __future__ import annotations

import os
import re
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from icsys.choices import AUTO, MAX_COLORS
from icsys.color.kmeans_strategies import STRATEGY_TABLE
from icsys.errors import ICSError, UsageError
from icsys.files.url import is_url, shown
from icsys.image.decode import decode_photo
from icsys.image.geometry import plan_resize
from icsys.options import DEFAULT_STEP, Options
from icsys.report.terminal_reports import LARGE_STEP
from icsys.run.checks import check_places
from icsys.run.places import first_image
from icsys.setting_fields import number_or_text
from icsys.sources.base import read_loaded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from icsys.sources.base import Source, Task

_Answer = TypeVar("_Answer")
_MOST_WRONG = 20  # answers of a program to one question


class _Photos(NamedTuple):
    """Where the photos are: the name of the source, the source opened, and its first image."""

    name: str
    source: Source
    first: Task


def ask_run(source: str, destination: str, where: str) -> tuple[str, Options]:
    """Ask for algorithm, colours and size on standard input, and for the source if the default has no photos.

    A question is repeated until its answer is valid. Enter and the end of the input take the default.

    Parameters
    ----------
    source, destination
        The default source, and the output folder.
    where
        Where photos go, for the error.

    Returns
    -------
    (str, Options)
        The source that has photos, and the options.

    Raises
    ------
    UsageError
        If the input ends before a source with photos is named, or nothing can be written to the destination.
    """
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(errors="surrogateescape")  # a name may hold any bytes
    check_places(source, destination)
    photos = _find_photos(source, destination, where)
    return photos.name, _ask_options(photos)


def _find_photos(source: str, destination: str, where: str) -> _Photos:
    """Return the default source, or the one that is named instead if the default has no photos."""
    try:
        return _open_photos(source, destination)
    except UsageError as error:
        print(f"{str(error)[0].upper()}{str(error)[1:]}: put photos there and press Enter, or name another.")
        return _ask(
            f"Folder with your photos, an archive, or a URL [{source}]: ",
            lambda text: _open_photos(_typed_path(text or source), destination),
            at_end=UsageError(f"{error}: {where}"),
        )


def _open_photos(source: str, destination: str) -> _Photos:
    """Open a source and find its first image."""
    try:
        check_places(source, destination)
        exists = is_url(source) or Path(source).exists()
        found = first_image(source, destination) if exists else None
    except UsageError:
        raise
    except (OSError, ValueError) as error:  # ValueError: no name of a file
        raise UsageError(f"the source {source!r} cannot be read: {getattr(error, 'strerror', error)}") from error
    if not exists:
        raise UsageError(f"there is no folder {source!r} here")
    if found is None and Path(source).is_dir() and not os.access(source, os.R_OK | os.X_OK):
        raise UsageError(f"the folder {source!r} cannot be read: expected the permission to read it")
    if found is None:
        what = "folder" if Path(source).is_dir() else "source"
        raise UsageError(f"the {what} {shown(source)!r} holds no images")
    return _Photos(source, *found)


def _typed_path(text: str) -> str:
    """Return a typed or dropped path: without the quotes and backslashes of a shell, the home folder for ``~``."""
    for quote in "'\"":
        if len(text) > 1 and text[0] == text[-1] == quote:
            text = text[1:-1]
    text = str(Path.home() / text[2:]) if text == "~" or text.startswith("~/") else text
    return text if os.sep == "\\" or os.path.lexists(text) else re.sub(r"\\(.)", r"\1", text)


def _ask_options(photos: _Photos) -> Options:
    """Ask for algorithm, colours and size."""
    default = Options()
    print("Choose the compression algorithm:")
    for name, strategy in STRATEGY_TABLE.items():
        print(f"  {name:<5} {strategy.summary}")
    chosen = _ask(
        f"Algorithm ({', '.join(STRATEGY_TABLE)}) [{default.strategy}]: ",
        lambda text: Options.from_dict({"strategy": text}),
        default.strategy,
    )
    if STRATEGY_TABLE[chosen.strategy].fit is not None:
        chosen = _ask(
            f"Number of colours per image, 1 to {MAX_COLORS}, or {AUTO} for as few as each needs [{default.colors}]: ",
            lambda text: chosen.replace(colors=number_or_text(text)),
            str(default.colors),
        )
    print("Make images smaller by a pixel step (5: width and height become 5 times smaller),")
    print("or give all images one final size such as 224x224 (each keeps its shape, and background fills the rest).")
    return _ask_size(chosen, photos)


def _ask_size(chosen: Options, photos: _Photos) -> Options:
    """Ask for a step or a final size; ask once more about each step that leaves next to nothing."""
    default, meant, asked = str(DEFAULT_STEP), dict[str, str](), None
    while True:
        options = _ask(f"Pixel step or final size [{default}]: ", partial(_with_size, chosen, meant), default)
        step = options.step
        if step is None or step <= LARGE_STEP or step == asked:
            return options
        default, asked = f"{step}x{step}", step
        print(f"  {_effect(options, photos)}; did you mean {default}? Enter takes it, {step} keeps the step.")
        meant = {"y": default, "yes": default, "n": str(step), "no": str(step)}


def _with_size(options: Options, meant: Mapping[str, str], text: str) -> Options:
    """Return the options with the step or the final size that a text gives, or the one that its word stands for."""
    text = meant.get(text.casefold(), text)
    number = number_or_text(text)
    if isinstance(number, int):
        return options.replace(step=number)
    try:
        # Padding gives all images the same size and cuts nothing off.
        return options.replace(size=text, fit="pad")
    except UsageError:
        raise UsageError(
            f"{text!r}: expected a whole number from 1 (pixel step) or WIDTHxHEIGHT such as 224x224 (final size)"
        ) from None


def _effect(options: Options, photos: _Photos) -> str:
    """Describe what a step makes of the first photo."""
    try:
        loaded = next(photos.source.load([photos.first], options))
        info = decode_photo(read_loaded(photos.source, loaded, options)[0], options).info
    except (ICSError, OSError, StopIteration):  # the run reports what is wrong with it
        return f"step {options.step} keeps one pixel in {options.step} of every row and column"
    width, height = plan_resize(info.width, info.height, options).canvas
    return f"step {options.step} makes {info.width}x{info.height} photos {width}x{height} pixels"


def _ask(
    question: str, read: Callable[[str], _Answer], default: str = "", *, at_end: UsageError | None = None
) -> _Answer:
    """Ask until ``read`` accepts the answer; print its error otherwise.

    Parameters
    ----------
    default
        What Enter and the end of the input mean.
    at_end
        The error to raise at the end of the input where there is no default.
    """
    wrong = 0
    while True:
        ended = False
        try:
            text = input(question).strip() or default
        except (EOFError, RuntimeError):  # RuntimeError: standard input is closed
            print(default)
            if at_end is not None:
                raise at_end from None
            text, ended = default, True
        try:
            return read(text)
        except ICSError as error:
            print(f"  {error}")
            wrong += 1
            if ended or (wrong >= _MOST_WRONG and not sys.stdin.isatty()):
                raise UsageError(
                    f"{wrong} wrong answers to {question.partition(' [')[0]!r}: nothing was done; in scripts use ics "
                    "compress"
                ) from None
