"""Names of YOLO's classes by their numbers, from the files that state them."""

from __future__ import annotations

import re

from icsys.files.parsing import LONGEST_TOML

_LISTS = frozenset({"classes.txt", "labels.txt", "class_names.txt", "predefined_classes.txt", "obj.names"})
_YAML, _NAMES = (".yaml", ".yml"), ".names"
_KEY = re.compile(r"^names[ \t]*:[ \t]*(?=[\[{#\n]|$)", re.MULTILINE)
_QUOTED = r"""'(?:[^']|'')*+'(?!')|"[^"\\]*+\""""
_NUMBER = r"""['"]?([0-9]{1,9})['"]?[ \t]*+:[ \t]++"""
_ITEM, _PAIR = re.compile(r"-[ \t]++(.+)"), re.compile(rf"{_NUMBER}(.+)")
_TEXT = re.compile(rf"({_QUOTED}|[^\s'\"&*!|>%@`,\[\]{{}}#?:-][^'\"#:]*+)(?:(?<=[ \t])#.*+|[ \t]++#.*+)?")
_PART = re.compile(rf"[ \t]*+(?:{_NUMBER})?((?:{_QUOTED})[ \t]*+|[^,'\"\[\]{{}}#:]++)(?:,|$)")
"""An item of a list or table in brackets: a number and a colon, or nothing, and a text."""


def names_classes(file_name: str) -> bool:
    """Return whether a file of this name may hold the names of YOLO's classes.

    Examples
    --------
    >>> [names_classes(name) for name in ("a/data.yaml", "obj.names", "labels/classes.txt", "train.txt")]
    [True, True, True, False]
    """
    base = file_name.rpartition("/")[2].lower()
    return base in _LISTS or base.endswith((*_YAML, _NAMES))


def class_names(file_name: str, data: bytes) -> dict[int, str]:
    r"""Return the names of classes by their numbers in a file; empty if it states none.

    A text has a name in each line. Of YAML, ``names`` is read where it is a list or a table of plain or quoted texts,
    in a block or in brackets, as YOLO's ``data.yaml`` has it.

    Examples
    --------
    >>> class_names("data.yaml", b"nc: 2\nnames: [cat, 'a dog']\n"), class_names("x.names", b"cat\ndog\n")
    ({0: 'cat', 1: 'a dog'}, {0: 'cat', 1: 'dog'})
    >>> class_names("data.yaml", b"names:\n  0: cat\n  2: bird # small\nnc: 2\n")
    {0: 'cat', 2: 'bird'}
    """
    if len(data) > LONGEST_TOML:
        return {}
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return {}
    if not file_name.lower().endswith(_YAML):
        lines = [line.strip() for line in text.rstrip().split("\n")]
        return dict(enumerate(lines)) if all(lines) else {}
    found = _KEY.search(text)
    if found is None:
        return {}
    rest = text[found.end() :]
    return _in_brackets(rest) if rest[:1] in {"[", "{"} else _in_block(rest)


def _in_brackets(text: str) -> dict[int, str]:
    """Return the names of ``[cat, dog]`` or ``{0: cat, 1: dog}``."""
    end = text.find("]" if text[0] == "[" else "}")
    if end < 0:
        return {}
    body = " ".join(text[1:end].split("\n")).strip().removesuffix(",")
    names: dict[int, str] = {}
    at = 0
    while at < len(body):
        part = _PART.match(body, at)
        name = _plain(part[2]) if part else None
        if part is None or name is None or (part[1] is None) != (text[0] == "["):
            return {}
        names[len(names) if part[1] is None else int(part[1])] = name
        at = part.end()
    return names


def _in_block(text: str) -> dict[int, str]:
    """Return the names of lines ``- cat`` or ``0: cat``."""
    names: dict[int, str] = {}
    for line in text.split("\n")[1:]:
        body = line.strip()
        if not body or body.startswith("#"):
            continue
        item, pair = _ITEM.fullmatch(body), _PAIR.fullmatch(body)
        if item is None and (pair is None or line[:1] not in {" ", "\t"}):
            return names if line[:1] not in {" ", "\t"} else {}
        found = item[1] if item else pair[2] if pair else ""
        name = _plain(found)
        if name is None:
            return {}
        names[int(pair[1]) if pair and not item else len(names)] = name
    return names


def _plain(text: str) -> str | None:
    """Return a text of YAML without its quotes and its comment; None for one of another kind."""
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        return None
    if found[1][0] == "'":
        return found[1][1:-1].replace("''", "'")
    return found[1][1:-1] if found[1][0] == '"' else found[1].strip()
