"""Lists of pictures, one a line, maybe with labels: VOC's ImageSets, YOLO's train.txt, splits of ImageNet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO

from icsys.errors import ImageError
from icsys.labels.picture_index import FindPicture, MappedCounts, PictureFacts, renamed
from icsys.labels.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_LINE = 2**20
"""The longest line of a list, in bytes."""

_MOST_WORDS = 12  # of a line, that may be parts of names with spaces
_WORD = re.compile(r"[^\s,;]+")
_LABEL = re.compile(r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?")
_LIKE_A_PATH = re.compile(r".*(?:[\\/]|\.[A-Za-z][A-Za-z0-9]{1,4}\Z)", re.DOTALL)
_NUMBER_BEHIND = re.compile(r"#[0-9]+\Z")  # of a caption, as in Flickr8k
_BOM = b"\xef\xbb\xbf"


def map_name_list(read: BinaryIO, write: BinaryIO, find: FindPicture, *, beside: str) -> MappedCounts:
    """Write a list for the outputs of its pictures.

    A line is a name, a name with words behind it that are kept, such as a label, or several names. A name may contain
    spaces. Words are separated by spaces, tabs, commas or semicolons. The first word may be a stem, as in VOC; names
    behind it have a suffix or a folder, because words and numbers are labels. Lines of pictures without an output are
    left out. Lines in which no picture is found, empty ones and comments (``#``) are kept as they are.

    Parameters
    ----------
    read
        The list, in UTF-8; bytes that are none are kept.
    write
        What is written to.
    find
        Finds pictures by their names.
    beside
        The folder of the file in the source, with forward slashes.

    Raises
    ------
    ImageError
        ``label_broken`` for a line of more than :data:`LONGEST_LINE` bytes.
    """
    tally = Tally()
    for number, data in enumerate(iter(lambda: read.readline(LONGEST_LINE + 1), b""), 1):
        if len(data) > LONGEST_LINE:
            raise ImageError("label_broken", f"line {number}: expected a name, in at most {LONGEST_LINE} bytes")
        bom = _BOM if number == 1 and data.startswith(_BOM) else b""
        line = data.removeprefix(bom).decode("utf-8", "surrogateescape")
        changed = _changed(line, find, beside, tally)
        write.write(bom + ("" if changed is None else changed).encode("utf-8", "surrogateescape"))
    return tally.counts()


def _changed(line: str, find: FindPicture, beside: str, tally: Tally) -> str | None:
    """Return a line for the outputs; None if it is left out. It is counted."""
    if not line.strip() or line.lstrip().startswith("#"):
        return line
    pieces, end = [], 0
    for begin, stop, facts in _names_in(line, find):
        name = line[begin:stop]
        if not facts.is_written:
            tally.note("lines of pictures without an output are left out", name)
            tally.dropped += 1
            return None
        pieces += [line[end:begin], renamed(name, facts, beside)]
        end = stop
    if not pieces:
        tally.miss("lines", line.strip())
    tally.labels += 1
    return "".join([*pieces, line[end:]])


def _names_in(line: str, find: FindPicture) -> Iterator[tuple[int, int, PictureFacts]]:
    """Yield where names begin and end, and their pictures; of names that begin at one word the longest."""
    words = [match.span() for match in _WORD.finditer(line)]
    last = len(line.rstrip())
    has_path = any(_LIKE_A_PATH.match(line[begin:stop]) for begin, stop in words)
    at = 0
    while at < len(words):
        begin = words[at][0]
        stops = [last, *(words[one][1] for one in range(min(len(words), at + _MOST_WORDS) - 1, at - 1, -1))]
        for stop in dict.fromkeys(stops):
            name = line[begin:stop]
            numbered = _NUMBER_BEHIND.search(name)
            tail = len(numbered[0]) if numbered else 0
            is_label = _LABEL.fullmatch(name) and (at or has_path)
            if is_label or (at and not _LIKE_A_PATH.match(name)):
                continue
            facts = find(name)
            if facts is None and tail:
                facts, stop = find(name[:-tail]), stop - tail  # noqa: PLW2901 - the name without its number
            if facts is not None:
                yield begin, stop, facts
                while at + 1 < len(words) and words[at + 1][0] < stop:
                    at += 1
                break
        at += 1
