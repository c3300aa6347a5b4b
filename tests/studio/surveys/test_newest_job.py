"""Background work: one at a time, and the newest ends the others."""

import threading

from icsys.studio.surveys.newest_job import NewestJob


def test_newer_work_ends_the_older_and_runs_after_it():
    job, steps, begun = NewestJob("test"), [], threading.Event()

    def first(stop):
        begun.set()
        assert stop.wait(30)
        steps.append("first ended")

    job.start(first)
    assert begun.wait(30)
    for name in "abc":
        job.start(lambda _, name=name: steps.append(name))
    job.wait(30)
    assert steps[0] == "first ended"
    assert steps[-1] == "c"
    job.close()


def test_what_is_cancelled_ends_and_what_is_closed_begins_nothing():
    job, ended, begun = NewestJob("test"), threading.Event(), threading.Event()

    def work(stop):
        begun.set()
        if stop.wait(30):
            ended.set()

    job.start(work)
    assert begun.wait(30)
    job.cancel()
    assert ended.wait(30)
    job.close()
    begun.clear()
    job.start(work)
    job.wait(30)
    assert not begun.is_set()
