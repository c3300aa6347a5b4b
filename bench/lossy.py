"""When fewer colours pay: PNG files of K colours beside JPEG and lossy WebP of the same pixels in as many bytes.

Each folder is one kind of pictures. Without a folder, the kinds are the photos that installed packages ship, and
drawings made by code. The figures are those of `ics compare`: the highest quality of JPEG and of WebP at which all
files together take no more bytes than the PNG files, and the error of each.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drawings import write_drawings
from icsys import Options, compare_folder
from icsys.cli.demo_photos import copy_samples
from machine import describe
from page import publish
from table import MISSING, markdown_table, number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from icsys import ComparisonRow

WHOLE = "whole"
_CODECS = ("JPEG", "WebP")
_HEADER = (
    "pictures",
    "size",
    "K",
    "PNG, bytes an image",
    "PNG, error",
    "JPEG, quality",
    "JPEG, error",
    "WebP, quality",
    "WebP, error",
    "least error",
)
_NOTES = """
Bytes are means over images. The quality of JPEG and WebP is the highest at which all files together take no more bytes
than the PNG files; where even quality 1 takes more, the bytes stand behind it. Errors are squared errors summed over R,
G and B against the resized pixels, as means over pixels and then over images. Pictures are cut to squares; smaller ones
keep their size. `whole`: the pixels of the source.
"""


def table_rows(kind: str, folder: Path, sizes: Sequence[str], colors: Sequence[int]) -> Iterator[list[str]]:
    """Yield the rows of one kind of pictures: one for each size and number of colours."""
    for size in sizes:
        resize: dict[str, Any] = {"step": 1} if size == WHOLE else {"size": f"{size}x{size}", "fit": "cover"}
        found = compare_folder(folder, Options(**resize), colors=colors, strategies=["MKM"], examples=0)
        for failure in found.failures:
            print(f"left out: {failure.source}: {failure.message}", file=sys.stderr)
        by_name = {row.name: row for row in found.rows}
        for k in colors:
            png = by_name[f"MKM {k}"]
            lossy = [_at_bytes_of(png, codec, found.rows) for codec in _CODECS]
            yield [
                f"{kind} ({found.images})",
                size if size == WHOLE else f"{size}\N{MULTIPLICATION SIGN}{size}",
                str(k),
                f"{_bytes(png):,.0f}",
                number(png.mse),
                *(cell for row in lossy for cell in _cells(row, png)),
                _least({"PNG": png, **dict(zip(_CODECS, lossy, strict=True))}),
            ]


def _at_bytes_of(png: ComparisonRow, codec: str, rows: Sequence[ComparisonRow]) -> ComparisonRow | None:
    """Return the row of a codec at the bytes of the PNG files; None if it was left out."""
    fitting = (r for r in rows if r.candidate.strategy == codec and png.name in r.candidate.as_small_as)
    return next(fitting, None)


def _bytes(row: ComparisonRow) -> float:
    return row.bytes_out / len(row.scores)


def _cells(row: ComparisonRow | None, png: ComparisonRow) -> list[str]:
    """Return quality and error of a codec."""
    if row is None:
        return [MISSING, MISSING]
    more = f", {_bytes(row):,.0f} B" if row.bytes_out > png.bytes_out else ""
    return [f"{row.candidate.quality}{more}", number(row.mse)]


def _least(rows: dict[str, ComparisonRow | None]) -> str:
    """Return the name of the files with the least error, among those that take no more bytes than PNG."""
    png = rows["PNG"]
    assert png is not None  # noqa: S101 - only codecs are left out
    fitting = {name: row.mse for name, row in rows.items() if row is not None and row.bytes_out <= png.bytes_out}
    return min(fitting, key=lambda name: fitting[name])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help="folders with pictures, each one kind")
    parser.add_argument(
        "--sizes", default=f"64,224,{WHOLE}", help=f"sides of squares, or {WHOLE} (default: %(default)s)"
    )
    parser.add_argument("--colors", default="16,64", help="numbers of colours K (default: %(default)s)")
    parser.add_argument("--drawings", type=int, default=12, help="drawings to make (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="also write the table to this Markdown file")
    return parser


def main(arguments: list[str]) -> None:
    """Run the benchmark with the options of the command line."""
    options = _parser().parse_args(arguments)
    sizes, colors = options.sizes.split(","), [int(k) for k in options.colors.split(",")]
    with tempfile.TemporaryDirectory() as place:
        kinds = {folder.resolve().name: folder for folder in options.folders}
        if not kinds:
            kinds = {"photos": Path(place, "photos"), "drawings": Path(place, "drawings")}
            copy_samples(kinds["photos"])
            write_drawings(kinds["drawings"], options.drawings)
        rows = [row for kind, folder in kinds.items() for row in table_rows(kind, folder, sizes, colors)]
    facts = describe("lossy.py", arguments, "numpy", "pillow")
    publish(
        f"# Fewer colours beside JPEG and WebP\n\n{facts}\n\n{markdown_table(_HEADER, rows)}\n{_NOTES}", options.out
    )


if __name__ == "__main__":
    main(sys.argv[1:])
