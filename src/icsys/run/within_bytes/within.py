"""A run within a number of bytes: choose by a sample, run, hold the exact total against the bytes, and correct."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.bytes_chosen import BytesChosen
from icsys.engine.executor import Executor
from icsys.errors import UsageError
from icsys.files.reserved_names import refusing_links
from icsys.files.url import is_url
from icsys.results import Compressed
from icsys.run.places import open_places
from icsys.run.progress import INTERRUPTED_TEXT, Progress
from icsys.run.within_bytes.candidates import Candidates, Setting, what_is_asked
from icsys.run.within_bytes.choice import LEAST, Judgement, candidates_of, choose_colors_within
from icsys.run.within_bytes.fidelity import judge_by_fidelity, meter_of
from icsys.run.within_bytes.kept_images import Sample, StoppedChoice, images_of
from icsys.run.within_bytes.learned_accuracy import LearnedAccuracy
from icsys.run.within_bytes.remembered import Remembered, question, recall, remember, remember_tries, tries_of
from icsys.run.within_bytes.starting_options import starting_options
from icsys.run.within_bytes.totals import DryTotal, total_of
from icsys.run.within_bytes.tries import Tries
from icsys.summary import RunSummary

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from icsys.files.locations import Location
    from icsys.options import Options
    from icsys.run.within_bytes.candidates import Asked
    from icsys.run.within_bytes.choice import Chosen, HowGood
    from icsys.run.within_bytes.totals import Total
    from icsys.run_settings import RunSettings

_SURE = 2.0  # so far from the interval of an estimate a total is taken to lie on its side
_NOTE = "Choosing size and colours"


class BudgetJob(NamedTuple):
    """A run to hold to a number of bytes.

    Attributes
    ----------
    options, given
        The options, and the plain values of the ones that the user decides.
    settings
        With ``total_bytes``, and with ``jobs`` and ``engine`` filled in.
    run
        Runs over all images with options and settings, and reports progress.
    """

    source: Location
    destination: str | os.PathLike[str]
    options: Options
    given: Mapping[str, Any]
    settings: RunSettings
    stop: threading.Event
    progress: Callable[[Progress], object]
    run: Callable[[Options, RunSettings, Callable[[Progress], object]], RunSummary]


@refusing_links()
def run_within_bytes(job: BudgetJob) -> RunSummary:
    """Run so often that all images in the destination together take at most ``total_bytes``, and near to it.

    Raises
    ------
    UsageError
        If nothing is left to choose, or even the smallest setting takes more; nothing was done then. As
        :func:`~icsys.run.compress.compress_folder` otherwise.
    """
    if is_url(os.fspath(job.destination)):
        raise UsageError(
            f"total_bytes={job.settings.total_bytes} with a URL as destination: expected a folder, which can be copied "
            "there afterwards"
        )
    return _BudgetRun(job).do()


class _BudgetRun:
    """The steps of one such run."""

    def __init__(self, job: BudgetJob) -> None:
        self._job = job
        assert job.settings.total_bytes is not None  # noqa: S101 - what calls this has checked it
        self._limit: int = job.settings.total_bytes
        self._learned, options = starting_options(job.options, job.given, job.settings.from_learn)
        self._asked: Asked = what_is_asked(options, job.given, self._limit)
        self._places = open_places(job.source, job.destination, options, job.settings)
        self._key = question(self._asked, self._limit, repr(self._learned) if self._learned else None)
        self._summaries: list[RunSummary] = []
        self._longest = 1, 1  # width and height of the image with the longest side that was compressed

    def do(self) -> RunSummary:
        """Choose and run."""
        try:
            return self._run_as_known() or self._choose_and_run()
        except StoppedChoice:
            return RunSummary(stopped=INTERRUPTED_TEXT)

    def _run_as_known(self) -> RunSummary | None:
        """Run with the choice of an earlier run; None if there is none, or it does not hold for what is there now."""
        known = recall(self._places.destination, self._key)
        # Images that came later may exceed the limit: that is known before anything is written.
        if known is None or self._dry_total(known.options).bytes > self._limit:
            return None
        summary, total = self._run(known.options, f"Chosen in an earlier run: {known.words}")
        is_near = total.bytes == known.total or total.bytes >= LEAST * self._limit
        if summary.stopped or (total.bytes <= self._limit and (is_near or known.is_largest)):
            return self._settled(known._replace(total=total.bytes))
        return None

    def _choose_and_run(self) -> RunSummary:
        self._report(note=_NOTE)
        sample = self._new_sample()
        candidates = candidates_of(self._asked, sample, is_bounded=self._learned is not None)
        self._check_smallest(sample, candidates)
        chosen = choose_colors_within(sample, candidates, self._limit, self._judged(sample, candidates))
        tries = Tries(sample, candidates, chosen.colors, self._limit)
        setting: Setting | None = self._first(tries, candidates)
        while setting is not None:
            options = candidates.options_of(setting)
            summary, total = self._run(options, self._words_before(sample, candidates, setting))
            if summary.stopped:
                return self._whole(summary)
            tries.note(setting, total)
            candidates = candidates.widened(*self._longest)
            last = tries.widen(candidates, setting)
            self._remember_tries(tries)
            setting = tries.next(last)
        words = candidates.words(last)
        if tries.exceeds(last):
            summary.stopped = (
                f"the smallest setting ({words}) takes {total.bytes:,} bytes{_of_stale(total.stale)}: more than "
                f"total_bytes={self._limit}"
            )
            return self._whole(summary)
        is_largest = last == candidates.highest
        why = "everything at the largest setting takes less" if is_largest else _why(chosen, candidates)
        return self._settled(Remembered(options, total.bytes, is_largest, why, words))

    def _new_sample(self) -> Sample:
        job, settings = self._job, self._job.settings
        assert settings.engine is not None and settings.jobs is not None  # noqa: S101, PT018 - they are resolved
        engine = Executor(settings.engine, settings.jobs, settings.timeout, self._places.over_network, job.stop)
        return Sample(self._places.source, self._asked.options, engine, settings.size_rules)

    def _check_smallest(self, sample: Sample, candidates: Candidates) -> None:
        """Refuse a number of bytes below what the smallest setting takes, by an exact total where that is near."""
        options = candidates.options_of(candidates.lowest)
        estimate = sample.estimate(options)
        total, about, stale = round(estimate.total), "" if sample.is_all else "about ", 0
        before = total_of(self._places.destination).bytes  # some of it may stay
        is_near = estimate.low / _SURE <= self._limit < estimate.high * _SURE + before
        if is_near and (before or not sample.is_all):
            (total, stale, _), about = self._dry_total(options), ""
        if total > self._limit:
            raise UsageError(
                f"total_bytes={self._limit}: the smallest setting ({candidates.words(candidates.lowest)}) takes "
                f"{about}{total:,} bytes for {sample.found:,} images{_of_stale(stale)}, expected at least that"
            )

    def _dry_total(self, options: Options) -> Total:
        """Return the exact total of a run with options, without writing anything."""
        dry = DryTotal(lambda step: self._job.progress(step) if step.result is None else None)
        summary = self._job.run(options, self._job.settings.replace(dry_run=True), dry.note)
        if self._job.stop.is_set():
            raise StoppedChoice
        return dry.total(self._places.destination, summary.pruned)

    def _judged(self, sample: Sample, candidates: Candidates) -> HowGood:
        """Return what tells settings of equal bytes apart."""
        if self._learned is None:
            return judge_by_fidelity(meter_of(sample, candidates), candidates, lambda _: self._report(note=_NOTE))
        accuracy, name = LearnedAccuracy(self._learned), self._learned.path

        def by_accuracy(setting: Setting) -> Judgement:
            side = accuracy.side * setting.side / candidates.top
            found = accuracy.of(side, setting.colors)
            return Judgement(found, f"keeps the most accuracy by {name!r}, about {found:.1f} %")

        return by_accuracy

    def _first(self, tries: Tries, candidates: Candidates) -> Setting:
        """Return the setting to begin with: where a stopped choice goes on, or by the sample."""
        last = None
        for side, colors, total in tries_of(self._places.destination, self._key):
            setting = Setting(side, colors)
            if candidates.holds(setting):
                tries.recall(setting, total)
                last = setting
        return tries.first() if last is None else tries.next(last) or last

    def _run(self, options: Options, words: str) -> tuple[RunSummary, Total]:
        """Run over all images; return the summary and the exact total."""
        job, destination = self._job, self._places.destination
        self._report(notice=words)

        def note(step: Progress) -> None:
            if isinstance(step.result, Compressed):
                size = step.result.source_width, step.result.source_height
                self._longest = max(self._longest, size, key=max)
            job.progress(step)

        if job.settings.dry_run:
            dry = DryTotal(note)
            summary = job.run(options, job.settings, dry.note)
            total = dry.total(destination, summary.pruned)
        else:
            summary = job.run(options, job.settings, note)
            total = total_of(destination)
        self._summaries.append(summary)
        return summary, total

    def _remember_tries(self, tries: Tries) -> None:
        if not self._job.settings.dry_run:
            remember_tries(self._places.destination, self._key, list(tries.totals.items()))

    def _settled(self, choice: Remembered) -> RunSummary:
        """Return the summary of the last run, with what was chosen; remember it."""
        summary = self._whole(self._summaries[-1])
        if summary.stopped:
            return summary
        summary.bytes_chosen = BytesChosen(
            total_bytes=self._limit,
            bytes=choice.total,
            chosen=choice.words,
            why=choice.why,
            is_largest=choice.is_largest,
            runs=len(self._summaries),
            options=choice.options.to_dict(),
        )
        if not self._job.settings.dry_run:
            remember(self._places.destination, self._key, self._limit, choice)
        return summary

    def _whole(self, summary: RunSummary) -> RunSummary:
        """Return a summary with the time of all runs; what an earlier run of this choice made is not done again."""
        summary.seconds = sum(one.seconds for one in self._summaries)
        summary.redone_options = self._summaries[0].redone_options
        return summary

    def _words_before(self, sample: Sample, candidates: Candidates, setting: Setting) -> str:
        """Say what is run now, and what it is expected to take."""
        if self._summaries:
            return f"Again, to come nearer to {self._limit:,} bytes: {candidates.words(setting)}"
        found = sample.estimate(candidates.options_of(setting))
        about = f"{found.low:,.0f} to {found.high:,.0f}" if found.high > found.low else f"{found.total:,.0f}"
        return (
            f"Chosen from {images_of(sample.drawn)} of {sample.found:,}: {candidates.words(setting)}, estimated to "
            f"take {about} of {self._limit:,} bytes"
        )

    def _report(self, *, note: str = "", notice: str = "") -> None:
        self._job.progress(Progress(None, RunSummary(), None, note, notice))


def _of_stale(stale: int) -> str:
    """Say how many bytes are other outputs that stay in the destination; nothing if none are."""
    return f", {stale:,} of them other outputs that are there already (see --prune)" if stale else ""


def _why(chosen: Chosen, candidates: Candidates) -> str:
    """Return the reason for a choice."""
    if chosen.why:
        return chosen.why
    return "the largest size that fits" if candidates.asked.free_size else "the most colours that fit"
