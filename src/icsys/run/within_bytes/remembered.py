"""What a folder remembers of the choice in it: a part of ``run.json``, so that the next run goes on from there."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.errors import UsageError
from icsys.files.atomic import write_json
from icsys.layout import RUN
from icsys.options import Options
from icsys.records.run_json import read_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from icsys.files.rooted_path import RootedPath
    from icsys.run.within_bytes.candidates import Asked, Setting

KEY = "within_bytes"


class Remembered(NamedTuple):
    """The choice of an earlier run that was asked for the same.

    Attributes
    ----------
    options
        What it settled on.
    total
        Exact bytes of all images then.
    is_largest
        Whether everything fitted at the largest setting.
    why
        The words of the reason.
    words
        What was chosen, as options of the command.
    """

    options: Options
    total: int
    is_largest: bool
    why: str
    words: str


def question(asked: Asked, total_bytes: int, learned: str | None) -> str:
    """Return a hash of all that a choice depends on beside the images: what is asked, and the file of ics learn."""
    values = [asked.options.to_dict(), asked.free_size, asked.free_colors, total_bytes, learned]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def recall(destination: RootedPath, key: str) -> Remembered | None:
    """Return the choice that a folder remembers for a question; None if there is none, or ICS did not write it."""
    match read_run(destination).get(KEY):
        case {
            "question": str(found),
            "options": dict(options),
            "bytes": int(total),
            "is_largest": bool(is_largest),
            "why": str(why),
            "words": str(words),
        } if found == key:
            try:
                return Remembered(Options.from_dict(options), total, is_largest, why, words)
            except (UsageError, TypeError, ValueError):
                return None
    return None


def remember(destination: RootedPath, key: str, total_bytes: int, choice: Remembered) -> None:
    """Add a choice to the record of the run that has just ended."""
    _add(destination, {"question": key, "total_bytes": total_bytes, **choice._asdict()})


def remember_tries(destination: RootedPath, key: str, tries: Sequence[tuple[Setting, int]]) -> None:
    """Add what was tried so far, each setting with the exact total, so that a stopped choice goes on from there."""
    _add(destination, {"question": key, "tried": [[*setting, total] for setting, total in tries]})


def tries_of(destination: RootedPath, key: str) -> list[tuple[int, int | None, int]]:
    """Return what a stopped choice has tried: side, colours and total of each."""
    match read_run(destination).get(KEY):
        case {"question": str(found), "tried": list(tried)} if found == key:
            return [tuple(one) for one in tried if _is_try(one)]
    return []


def _is_try(one: Any) -> bool:  # noqa: ANN401 - any JSON
    numbers = one if isinstance(one, list) and len(one) == 3 else [None]  # noqa: PLR2004 - side, colours, total
    return all(type(value) is int and value > 0 for value in (numbers[0], numbers[-1])) and (
        numbers[1] is None or (type(numbers[1]) is int and numbers[1] > 0)
    )


def _add(destination: RootedPath, values: dict[str, Any]) -> None:
    record = read_run(destination)
    if record:
        options = values.get("options")
        plain = values | ({"options": options.to_dict()} if isinstance(options, Options) else {})
        plain = {"bytes" if name == "total" else name: value for name, value in plain.items()}
        write_json(destination / RUN, record | {KEY: plain})
