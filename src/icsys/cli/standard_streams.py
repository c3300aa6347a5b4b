"""``ics compress -``: one image from standard input to standard output."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, BinaryIO

from icsys.choices import PACKINGS, SHARED
from icsys.cli.given_places import STREAM
from icsys.errors import UsageError
from icsys.files.failure_reason import failure_reason
from icsys.image.limits import check_bytes
from icsys.pipeline import compress_image
from icsys.records.palette_files import with_file
from icsys.results import Failed
from icsys.run_settings import RunSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from icsys.options import Options
    from icsys.records.config.request import Request

_PART = 2**20
_HOW = "ics compress - < photo.jpg > small.png"


def compress_stream(paths: Sequence[str], output: str | None, request: Request) -> Failed | None:
    """Compress the image on standard input, write it to standard output, or return why it failed.

    Raises
    ------
    UsageError
        If more is given than one image and how it is compressed.
    """
    options = request.options
    _check(paths, output, request)
    stdin, stdout = getattr(sys.stdin, "buffer", None), getattr(sys.stdout, "buffer", None)
    if stdin is None or sys.stdin.isatty():
        raise UsageError(f"standard input is a terminal: expected an image, as in {_HOW}")
    if stdout is None or (sys.stdout.isatty() and not request.settings.dry_run):
        raise UsageError(f"standard output is a terminal, and the output is a picture: expected a file, as in {_HOW}")
    try:
        data = _read(stdin, options.max_bytes + 1)
        check_bytes(len(data), options)
        compressed = _compressed(data, options)
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001 - as for an image of a run
        code, message = failure_reason(error)
        return Failed(source="standard input", code=code, message=message)
    if not request.settings.dry_run:
        stdout.write(compressed)
        stdout.flush()
    return None


def _read(stream: BinaryIO, most: int) -> bytes:
    """Return the bytes of a stream, at most so many; in parts, because one read would take memory for all of them."""
    parts: list[bytes] = []
    while most > 0 and (part := stream.read(min(most, _PART))):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)


def _compressed(data: bytes, options: Options) -> bytes:
    """Return the image as a run would write it; a palette file gives its palette."""
    options, palettes = with_file(options, colors_given=False)
    if palettes is None:
        return compress_image(data, options).data
    palette = palettes.of(STREAM)
    if palette is None:
        raise UsageError(
            f"palette={options.palette!r} has a palette for each class: expected one palette for all images"
        )
    return compress_image(data, options, palette=palette).data


def _check(paths: Sequence[str], output: str | None, request: Request) -> None:
    """Refuse what one image from standard input cannot have."""
    options, settings = request.options, request.settings
    for refused, what in (
        (len(paths) > 1 or output is not None, "a file or folder beside it"),
        (request.display.json, "--json, which takes standard output"),
        (request.display.verbose, "--verbose"),
        (options.format in PACKINGS, f"--format {options.format}, which packs many images"),
        (options.palette in SHARED, f"--palette {options.palette}, which needs many images"),
        (options.per == "dataset", "--per dataset, which needs many images"),
        (settings != RunSettings(dry_run=settings.dry_run, jobs=settings.jobs), "a setting of runs over many images"),
    ):
        if refused:
            raise UsageError(
                f"- with {what}: expected only options that decide how one image is compressed, as in {_HOW}"
            )
