"""Words of right-to-left writing in a text: each is isolated, so that it turns nothing around that stands beside it.

Without that, the parts of a path of Hebrew or Arabic names are seen in another order than they have.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_LETTER = "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"  # Bidi_Class R, AL, AN
_RIGHT_TO_LEFT = re.compile(_LETTER)
_APART = r"/\\'\""  # what separates names: parts of a path, and quotation marks
# From the first word with such a letter to the last one, within a name. It begins where a word does: a search from each
# letter of a long word would take the square of its length.
_WORDS = re.compile(rf"(?<![^\s{_APART}])[^\s{_APART}]*{_LETTER}(?:[^{_APART}]*{_LETTER})?[^\s{_APART}]*")
_FIRST_STRONG, _END = "\u2068", "\u2069"

_Value = TypeVar("_Value")


def isolate(text: str, wrap: Callable[[str], str], plain: Callable[[str], str] = str) -> str:
    """Return a text whose right-to-left words are wrapped, and the rest is made plain.

    Examples
    --------
    >>> isolate("of '\u05d0\u05d1 \u05d2/\u05d3.png': 3", lambda words: f"<{len(words)}>")
    "of '<4>/<5>': 3"
    """
    parts, end = [], 0
    for found in _WORDS.finditer(text):
        parts += [plain(text[end : found.start()]), wrap(found[0])]
        end = found.end()
    return "".join([*parts, plain(text[end:])])


def is_right_to_left(value: object) -> bool:
    """Return whether a value is a text with right-to-left words."""
    return isinstance(value, str) and not value.isascii() and bool(_RIGHT_TO_LEFT.search(value))


def marked(value: _Value) -> _Value | str:
    r"""Return a text for an attribute or a title, which hold no elements: marks isolate its right-to-left words.

    Examples
    --------
    >>> print(ascii(marked("a/\u05d0.png")))
    'a/\u2068\u05d0.png\u2069'
    """
    if not isinstance(value, str) or not is_right_to_left(value):
        return value
    return isolate(value, lambda words: f"{_FIRST_STRONG}{words}{_END}")
