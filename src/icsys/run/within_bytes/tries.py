"""Which setting to run next, from the exact totals of the settings that were run before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.run.within_bytes.choice import AIM, LEAST, fitting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from icsys.run.within_bytes.candidates import Candidates, Setting
    from icsys.run.within_bytes.kept_images import Sample
    from icsys.run.within_bytes.totals import Total

_MARGIN = 1.05  # a setting that is estimated to exceed by more does exceed
_CLOSE = 1e-9
_MOST = 8


class Tries:
    """The settings that were run, each with the exact total of all images.

    Totals of other settings are estimated from the sample, times the exact total of the last run by its estimate.

    Parameters
    ----------
    colors
        The number of colours that was chosen; None if there is none to choose.
    limit
        Bytes that all images may take.
    """

    def __init__(self, sample: Sample, candidates: Candidates, colors: int | None, limit: int) -> None:
        self._sample, self._candidates, self._colors, self._limit = sample, candidates, colors, limit
        self.totals: dict[Setting, int] = {}
        self._room = float(limit)
        self._ratio = 1.0
        self._runs = 0

    def first(self) -> Setting:
        """Return the setting to begin with."""
        if self._estimate(self._candidates.highest) <= (self._room if self._is_exact else AIM * self._room):
            return self._candidates.highest
        return self._at(AIM)

    def note(self, setting: Setting, total: Total) -> None:
        """Note the exact total of a run."""
        self._runs += 1
        self.recall(setting, total.bytes, total.stale)

    def recall(self, setting: Setting, total: int, stale: int = 0) -> None:
        """Note the exact total of an earlier run."""
        self.totals[setting] = total
        self._room = max(0.0, self._limit - stale)
        estimated = self._sample.estimate(self._candidates.options_of(setting)).total
        self._ratio = (total - stale) / estimated if estimated and total > stale else 1.0

    def widen(self, candidates: Candidates, last: Setting) -> Setting:
        """Go on with settings of a larger largest size; return what the last setting is among them."""

        def now(setting: Setting) -> Setting:
            return setting._replace(side=candidates.top) if setting.side == top else setting

        top, self._candidates = self._candidates.top, candidates
        self.totals = {now(setting): total for setting, total in self.totals.items()}
        return now(last)

    def next(self, last: Setting) -> Setting | None:
        """Return the setting to run after the last one; None if the last one is to stay."""
        if self._is_met(last):
            return None
        best = self._best()
        if self._runs < _MOST:
            found = next((one for one in self._proposals(best) if one not in self.totals and self._may_fit(one)), None)
            if found is not None:
                return found
        if best is None:
            lowest = self._candidates.lowest
            return None if last == lowest else lowest
        return None if best == last else best

    def exceeds(self, last: Setting) -> bool:
        """Return whether the last run exceeds the limit."""
        return self.totals[last] > self._limit

    def _is_met(self, setting: Setting) -> bool:
        """Return whether a setting keeps to the limit, and is near it or has no larger one that does."""
        total = self.totals[setting]
        if total > self._limit:
            return False
        if total >= LEAST * self._limit or setting == self._candidates.highest:
            return True
        return not any(self._may_fit(one) for one in self._candidates.larger(setting))

    def _best(self) -> Setting | None:
        """Return the setting of the largest total within the limit; None if there is none."""
        inside = [one for one, total in self.totals.items() if total <= self._limit]
        return max(inside, key=lambda one: self.totals[one], default=None)

    def _proposals(self, best: Setting | None) -> Iterator[Setting]:
        """Yield settings that may be better than all that were run."""
        for share in (AIM, 0.995, 0.95, 0.9, 0.8, 0.6, 0.4):
            proposed = self._at(share)
            if best is None or self._estimate(proposed) > self.totals[best]:
                yield proposed
        if best is not None:
            # A few large images outside the sample make its estimates too low: halve what the totals leave.
            sides = [one.side for one, total in self.totals.items() if total > self._limit and one.side > best.side]
            if sides and self._candidates.asked.free_size:
                yield best._replace(side=round((best.side * min(sides)) ** 0.5))
            yield from sorted(self._candidates.larger(best), key=self._estimate)

    def _at(self, share: float) -> Setting:
        """Return the setting that is estimated to take a share of the room."""
        start = next(reversed(self.totals), self._candidates.highest).side
        limit = share * self._room / self._ratio
        return fitting(self._sample, self._candidates, self._colors, limit, min(start, 128))

    def _may_fit(self, setting: Setting) -> bool:
        """Return whether neither a run nor the estimate shows that a setting exceeds the limit."""
        for other, total in self.totals.items():
            more = setting.side >= other.side and (setting.colors or 0) >= (other.colors or 0)
            if total > self._limit and more:
                return False
        return self._estimate(setting) <= self._room * (1.0 if self._is_exact else _MARGIN)

    def _estimate(self, setting: Setting) -> float:
        return self._ratio * self._sample.estimate(self._candidates.options_of(setting)).total

    @property
    def _is_exact(self) -> bool:
        """Whether estimates are the totals themselves."""
        return self._sample.is_all and abs(self._ratio - 1) < _CLOSE
