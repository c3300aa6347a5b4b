"""Choose the images that a page shows, and the detail of large ones."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from icsys.report.comparison import Candidate, ComparisonRow

MOST_EXAMPLES = 100

# Pages must work on a phone, so of a larger picture only a detail is shown, at full scale.
_WIDEST, _HIGHEST = 800, 600


def worst_first(rows: Sequence[ComparisonRow]) -> list[str]:
    """Return the sources by their mean CIEDE2000 over all candidates that reduce colours, the largest first."""
    reduced = [row for row in rows if row.candidate.colors is not None]
    if not reduced:
        return []
    loss = {
        scores[0].result.source: fmean(score.quality.delta_e for score in scores)
        for scores in zip(*(row.scores for row in reduced), strict=True)
    }
    return sorted(loss, key=lambda source: (-loss[source], source))


def spread(total: int, number: int) -> list[int]:
    """Return which of ``total`` ranks to show: half of them from the top, the others evenly spread to the last.

    Examples
    --------
    >>> spread(24, 6)
    [0, 1, 2, 9, 16, 23]
    """
    number = min(number, total)
    first = (number + 1) // 2
    rest = number - first
    return [*range(first), *(first - 1 + round((total - first) * (i + 1) / rest) for i in range(rest))]


def choose(rows: Sequence[ComparisonRow], number: int) -> list[tuple[str, int]]:
    """Return the sources to show, each with its rank: the worst ones, then a spread of the others."""
    ordered = worst_first(rows)
    return [(ordered[rank], rank + 1) for rank in spread(len(ordered), number)]


def shown_names(candidates: Sequence[Candidate]) -> list[str]:
    """Return the candidates to show, by name.

    All strategies at the middle number of colours, one strategy at all numbers, and the lossy codecs at the bytes of
    that strategy with the middle number.
    """
    middle = middle_name(candidates)
    strategy, k = middle.split()
    reduced = [candidate for candidate in candidates if candidate.colors is not None]
    chosen = [candidate for candidate in reduced if candidate.strategy == strategy or str(candidate.colors) == k]
    lossy = [candidate for candidate in candidates if middle in candidate.as_small_as]
    ordered = sorted(chosen, key=lambda c: (c.strategy != strategy, c.colors))
    return [candidate.name for candidate in (*ordered, *lossy)]


def middle_name(candidates: Sequence[Candidate]) -> str:
    """Return the name of the first strategy at the middle number of colours."""
    reduced = [candidate for candidate in candidates if candidate.colors is not None]
    ks = sorted({candidate.colors for candidate in reduced if candidate.colors is not None})
    return f"{reduced[0].strategy} {ks[len(ks) // 2]}"


def detail(reference: NDArray[np.uint8], shown: NDArray[np.uint8]) -> tuple[slice, slice] | None:
    """Return the rows and columns of a large picture with the largest error; None if the whole fits on a page.

    Parameters
    ----------
    reference, shown
        Shape (H, W, 3), uint8.
    """
    height, width = reference.shape[:2]
    if height <= _HIGHEST and width <= _WIDEST:
        return None
    return _worst_window(reference, shown)


def _worst_window(reference: NDArray[np.uint8], shown: NDArray[np.uint8]) -> tuple[slice, slice]:
    """Return the rows and columns of the window with the largest squared error."""
    error = np.square(reference.astype(np.int32) - shown).sum(axis=2, dtype=np.int64)
    height, width = min(_HIGHEST, len(error)), min(_WIDEST, error.shape[1])
    # Sums over windows, from cumulative sums.
    corner = np.pad(error.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    sums = corner[height:, width:] - corner[:-height, width:] - corner[height:, :-width] + corner[:-height, :-width]
    top, left = np.unravel_index(np.argmax(sums), sums.shape)
    return slice(int(top), int(top) + height), slice(int(left), int(left) + width)
