"""Relative paths in records: they may only lead down, because anyone may have written the record."""

from __future__ import annotations

import os

_NEVER = "\0\\:" if os.name == "nt" else "\0"


def is_below(name: str) -> bool:
    """Return whether a path with forward slashes is relative and only leads down.

    Examples
    --------
    >>> [is_below(name) for name in ("cat/a.png", "/etc/passwd", "../a.png", "a//b.png", "")]
    [True, False, False, False, False]
    """
    if {"", ".", ".."} & set(name.split("/")) or any(character in name for character in _NEVER):
        return False
    return name.isascii() or can_be_a_name(name)


def can_be_a_name(text: str) -> bool:
    """Return whether a text can name a file: JSON may hold lone surrogates that stand for no bytes."""
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True
