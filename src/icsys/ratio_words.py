"""How many times less or more, in words."""

from __future__ import annotations

_THOUSAND = 1000


def times_and_word(before: float, after: float, *, less: str = "smaller", more: str = "larger") -> tuple[str, str]:
    """Return how many times less or more ``after`` is than ``before``, as a number of at least 1, and the word for it.

    Both are counts; 0 is taken as 1.

    Examples
    --------
    >>> times_and_word(540, 100), times_and_word(100, 540, less="fewer", more="more"), times_and_word(100, 99)
    (('5.4', 'smaller'), ('5.4', 'more'), ('1.0', 'about the same'))
    >>> times_and_word(36_760_100, 1000)
    ('36,760', 'smaller')
    """
    ratio = max(before, after, 1) / max(min(before, after), 1)
    if f"{ratio:.1f}" == "1.0":
        return "1.0", "the same" if before == after else "about the same"
    return f"{ratio:,.{0 if ratio >= _THOUSAND else 1}f}", less if before > after else more


def times_text(before: float, after: float, *, less: str = "smaller", more: str = "larger", what: str = "size") -> str:
    """Describe how many times less or more ``after`` is than ``before``, as :func:`times_and_word` does.

    Examples
    --------
    >>> times_text(540, 100), times_text(100, 540), times_text(100, 100)
    ('5.4 times smaller', '5.4 times larger', 'the same size')
    >>> times_text(3, 1, less="fewer", more="more", what="number"), times_text(101, 100, what="number")
    ('3.0 times fewer', 'about the same number')
    """
    times, word = times_and_word(before, after, less=less, more=more)
    return f"{word} {what}" if times == "1.0" else f"{times} times {word}"
