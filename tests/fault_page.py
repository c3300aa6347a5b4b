"""The page of faults: a row for every test that carries the marker, written and read."""

import inspect
from dataclasses import dataclass
from pathlib import Path

from promises import PROMISES

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reliability.md"
FAULTS = range(41)  # 0 is for what is no single fault

_HEAD = "| # | fault | what was done | expected | what happened |"
_TOP = f"""\
# What ICS survives

Every row is a test that brings a fault about and looks at what comes of it; the real fault, not a stand-in, wherever
one can be had. `make faults` runs them all and writes this page; a test checks that no row is missing or out of date.

<div class="cards faults" markdown>

{_HEAD}
|---:|---|---|---|---|
"""


@dataclass(frozen=True, order=True)
class Row:
    """One marked test on the page."""

    number: int
    fault: str
    done: str
    expected: str
    happened: str = ""

    @property
    def subject(self):
        """All but the outcome, which only a run of the test gives."""
        return self.number, self.fault, self.done, self.expected

    def __str__(self):
        cells = (str(self.number), self.fault, self.done, self.expected, self.happened)
        return "| " + " | ".join(cells) + " |"


def make_row(item, mark, happened):
    """Make the row of a test: the first paragraph of its docstring, or its name, states what was done."""
    number, fault, expected = _marker.bind(*mark.args, **mark.kwargs).args
    done = (inspect.getdoc(item.function) or item.originalname.removeprefix("test_").replace("_", " ")).split("\n\n")[0]
    variant = f" ({item.callspec.id})" if hasattr(item, "callspec") else ""
    return Row(number, _cell(fault), _cell(done + variant), _cell(expected), _cell(happened))


def write_page(path, rows):
    """Write the rows in the order of their numbers."""
    missing = sorted(set(FAULTS[1:]) - {row.number for row in rows})
    rest = f"\nNo test yet: {', '.join(map(str, missing))}.\n" if missing else ""
    table = "".join(f"{row}\n" for row in sorted(rows))
    Path(path).write_text(f"{_TOP}{table}\n</div>\n{rest}{promises()}", encoding="utf-8")


def promises():
    """Return the part of the page that lists the promises, each with its test."""
    parts = ["\n## What is promised about links, other people's files and labels\n\nEach with its test.\n"]
    for heading, tests in PROMISES.items():
        parts.append(f"\n### {heading}\n\n")
        parts.extend(f"- {promise}\n  `{test}`\n" for promise, test in tests.items())
    return "".join(parts)


def read_page(path):
    """Return the rows of a page."""
    lines = Path(path).read_text("utf-8").splitlines()
    cells = [[cell.strip() for cell in line[1:-1].split(" | ")] for line in lines if line.startswith("| ")]
    return [Row(int(number), *rest) for number, *rest in cells if number != "#"]


def _cell(text):
    """Make one line without bars of it, as a cell of a Markdown table has to be."""
    return " ".join(text.replace("|", "/").split())


_marker = inspect.signature(lambda number, fault, expected: None)  # noqa: ARG005 - a signature alone
