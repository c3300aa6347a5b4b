"""Runs of the page: the files of the command line, one at a time, ended in order, gone on with later."""

import gc
import json
import shlex
import warnings
import weakref
from pathlib import Path

import pytest
from PIL import Image

from helpers import everything, synthetic_photo
from icsys import compress_folder
from icsys.errors import UsageError
from icsys.options import Options
from icsys.run_settings import RunSettings
from icsys.studio.jobs import run_job, run_news
from icsys.studio.jobs.destination_check import destination_check
from icsys.studio.jobs.events import Events
from icsys.studio.jobs.job import BusyError, Job
from icsys.studio.jobs.run_job import RunJob, RunRequest

MANY = 60


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A folder of small photos, so many that a run can be stopped between two of them."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(MANY):
        Image.fromarray(synthetic_photo(12, 16, seed=number)).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def quick(monkeypatch):
    """Runs write a page of one word instead of a report, which takes longer than they do."""

    def report(destination):
        path = Path(destination) / "report.html"
        path.write_text("report")
        return path

    monkeypatch.setattr("icsys.report.run_page.report_folder", report)


class Listening(Events):
    """News that are kept; a function is called with each."""

    def __init__(self, on_news=lambda _: None):
        super().__init__()
        self.on_news, self.news = on_news, []

    def publish(self, kind, values):
        super().publish(kind, values)
        assert kind == "run"
        self.news.append(json.loads(json.dumps(values)))
        self.on_news(values)


def is_third(values):
    return values["done"] == 3 and not values["stopping"]


def request_for(destination, options=None, **settings):
    return RunRequest(str(destination), options or Options(colors=8, step=2), RunSettings(**settings))


def run(job, *asked, **settings):
    job.start(request_for(*asked, **settings))
    job.wait(60)
    assert not job.is_running
    return job.latest()


def outputs_of(folder):
    return {name: data for name, data in everything(folder).items() if name != "report.html"}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "options",
    [
        Options(colors=8, step=2),
        Options(strategy="SO", size=(32, 32), fit="cover", format="webp"),
        Options(colors=6, step=3, palette="class", dither="floyd-steinberg"),
        Options(colors="auto", min_psnr=28, step=3),
    ],
    ids=lambda options: f"{options.strategy}-{options.palette}-{options.colors}",
)
def test_a_run_writes_the_bytes_of_the_function(photos, tmp_path, options):
    found = run(RunJob(str(photos), Events()), tmp_path / "page", options)
    summary = compress_folder(photos, tmp_path / "function", options)
    assert outputs_of(tmp_path / "page") == outputs_of(tmp_path / "function")
    assert found["state"] == "done"
    assert found["report"]
    for name in ("compressed", "failed", "skipped", "bytes_in", "bytes_out"):
        assert found[name] == getattr(summary, name)
    assert found["done"] == found["total"] == summary.images
    assert [one["source"] for one in found["failures"]] == ["train/dog/bad.jpg"]


@pytest.mark.usefixtures("quick")
def test_news_begin_with_the_start_and_end_with_the_end(photos, tmp_path):
    events = Listening()
    run(RunJob(str(photos), events), tmp_path / "out")
    states = [one["state"] for one in events.news]
    assert set(states[:-1]) == {"running"}
    assert states[-1] == "done"
    done = [one["done"] for one in events.news]
    assert done == sorted(done)
    assert events.news[-1]["rate"] is None


@pytest.mark.usefixtures("quick")
def test_a_run_that_is_stopped_goes_on_later(many, tmp_path, monkeypatch):
    monkeypatch.setattr(run_news, "_PAUSE", 0)
    events = Listening(lambda values: job.stop() if is_third(values) else None)
    job = RunJob(str(many), events)
    found = run(job, tmp_path / "out", jobs=1)
    assert found["state"] == "stopped"
    assert 3 <= found["done"] < MANY
    assert found["report"]  # as ics report writes it of such a folder
    assert job.report() == b"report"
    events.on_news = lambda _: None
    again = run(job, tmp_path / "out", jobs=1)
    assert (again["state"], again["skipped"], again["done"]) == ("done", found["compressed"], MANY)
    compress_folder(many, tmp_path / "whole", Options(colors=8, step=2))
    assert outputs_of(tmp_path / "out") == outputs_of(tmp_path / "whole")
    assert again["report"]


def test_the_end_of_the_server_ends_a_run_in_order(many, tmp_path, monkeypatch):
    monkeypatch.setattr(run_news, "_PAUSE", 0)
    events = Listening(lambda values: job.refuse_more() if is_third(values) else None)
    job = RunJob(str(many), events)
    found = run(job, tmp_path / "out", jobs=1)
    assert found["state"] == "stopped"
    assert not found["report"]  # which the end does not wait for
    with pytest.raises(FileNotFoundError):
        job.report()
    with pytest.raises(BusyError, match="ending"):
        job.start(request_for(tmp_path / "other"))
    summary = compress_folder(many, tmp_path / "out", Options(colors=8, step=2))
    assert (summary.skipped, summary.images) == (found["compressed"], MANY)


@pytest.mark.usefixtures("quick")
def test_a_second_run_waits_for_its_turn(many, tmp_path, monkeypatch):
    monkeypatch.setattr(run_news, "_PAUSE", 0)
    refused = []

    def ask_again(values):
        if values["done"] == 3 and not refused:
            with pytest.raises(BusyError, match="a run is going on"):
                job.start(request_for(tmp_path / "other"))
            refused.append(True)

    job = RunJob(str(many), Listening(ask_again))
    assert run(job, tmp_path / "out")["state"] == "done"
    assert refused
    assert not (tmp_path / "other").exists()


def test_a_run_that_cannot_start_says_why_and_writes_nothing(photos, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    events = Listening()
    for source, destination, words in (
        (photos, photos, "lies in destination"),
        (photos, tmp_path / "file", "is a file"),
        (photos, tmp_path / "file" / "below", "is a file"),
        (tmp_path / "empty", tmp_path / "out", "no images found"),
    ):
        before = sorted(photos.rglob("*"))
        with pytest.raises(UsageError, match=words):
            RunJob(str(source), events).start(request_for(destination))
        assert sorted(photos.rglob("*")) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file"]
    assert events.news == []


def test_an_error_in_the_middle_is_told(photos, tmp_path, monkeypatch):
    real = run_job.run_folder

    def broken(*places, progress, **settings):
        def then_fail(step):
            progress(step)
            raise OSError(5, "Input/output error", "disk")

        real(*places, progress=then_fail, **settings)

    monkeypatch.setattr(run_job, "run_folder", broken)
    found = run(RunJob(str(photos), Events()), tmp_path / "out")
    assert (found["state"], found["problem"]) == ("failed", "Input/output error: disk")


def test_after_its_end_a_job_holds_nothing_open(tmp_path):
    """An error that a run kept holds on to the folder it could not write to, in a circle."""

    def work(_):
        held = Held()
        held.file, held.again = (tmp_path / "file").open("wb"), held
        opened.append(weakref.ref(held))

    class Held:
        pass

    opened = []
    job = Job("test", "busy")
    gc.disable()  # which comes at any time
    try:
        with warnings.catch_warnings(action="ignore", category=ResourceWarning):
            job.begin(work)
            job.wait(60)
    finally:
        gc.enable()
    assert opened[0]() is None


@pytest.mark.usefixtures("quick")
def test_a_shard_without_images_is_done(tmp_path):
    (tmp_path / "one").mkdir()
    Image.fromarray(synthetic_photo(12, 16)).save(tmp_path / "one" / "a.png")
    found = [run(RunJob(str(tmp_path / "one"), Events()), tmp_path / "out", shard=f"{n}/3") for n in (1, 2, 3)]
    assert [one["state"] for one in found] == ["done"] * 3
    assert sorted(one["compressed"] for one in found) == [0, 0, 1]


def test_a_report_that_cannot_be_written_leaves_the_run_done(photos, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.html").write_text("mine")
    found = run(RunJob(str(photos), Events()), tmp_path / "out")
    assert (found["state"], found["report"]) == ("done", False)
    assert "report.html" in found["report_problem"]
    assert (tmp_path / "out" / "report.html").read_text() == "mine"


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", ["out", "two words", "-x", "'q'"])
def test_the_command_of_a_run_does_the_same(photos, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    found = run(RunJob(str(photos), Events()), name, Options(colors=5, step=4), jobs=1)
    words = shlex.split(found["command"])
    assert words[:4] == ["ics", "compress", str(photos), str(tmp_path / name)]
    assert words[4:] == ["--colors", "5", "--step", "4", "--jobs", "1"]
    assert found["folder"] == str(tmp_path / name)


@pytest.mark.usefixtures("quick")
def test_the_check_says_what_a_run_would_do(photos, tmp_path):
    out, request = tmp_path / "out", request_for(tmp_path / "out")

    def check(**changes):
        found = destination_check(str(photos), request._replace(**changes))
        assert found["folder"] == str(tmp_path / "out")
        return found["what"], found["text"]

    assert check()[0] == "new"
    assert not out.exists()
    out.mkdir()
    assert check()[0] == "empty"
    (out / "mine.txt").touch()
    assert check() == ("others", "A folder with other files: they stay as they are.")
    run(RunJob(str(photos), Events()), out)
    before = everything(out)
    assert check() == ("goes on", "6 images here already with these settings: they stay, and the others follow.")
    other = Options(colors=9, step=2)
    assert check(options=other) == ("goes on", "6 images here with other settings: all are made again.")
    assert "all are made again" in check(settings=RunSettings(overwrite="always"))[1]
    assert "others are made again" in check(options=Options(palette="class"))[1]
    assert everything(out) == before
    packed = Options(size="32x32", fit="cover", format="webdataset")
    (what, text), job = check(options=packed), RunJob(str(photos), Events())
    with pytest.raises(UsageError) as refused:
        job.start(request_for(out, packed))
    assert (what, text) == ("refused", str(refused.value))
    found = destination_check(str(photos), request_for(photos))
    assert (found["what"], "lies in destination" in found["text"]) == ("refused", True)
