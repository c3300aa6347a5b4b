"""What a model keeps, found out by the page: the result of ``learn``, its end, and sources without classes."""

import json

import numpy as np
import pytest
from PIL import Image

from icsys import learn
from icsys.learning.learn_settings import LearnSettings
from icsys.options import Options
from icsys.run_settings import RunSettings
from icsys.studio.jobs.events import Events
from icsys.studio.jobs.job import BusyError
from icsys.studio.jobs.learn_job import LearnJob

SMALL = Options(size=(16, 16))
QUICK = {"images": 24, "repeats": 3, "lossy": False}


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """Two classes of twelve pictures that a model tells apart by their brightness."""
    folder = tmp_path_factory.mktemp("classes")
    noise = np.random.default_rng(0)
    for name, level in (("dark", 60), ("light", 190)):
        (folder / name).mkdir()
        for number in range(12):
            pixels = noise.normal(level, 30, (24, 24, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def job_for(source, events=None):
    return LearnJob(str(source), RunSettings(jobs=1), events or Events())


def begin(job):
    job.start(SMALL, LearnSettings(**QUICK), given_geometry=True)


def test_the_result_is_that_of_the_function(classes):
    events = Events()
    job = job_for(classes, events)
    begin(job)
    job.wait(60)
    assert job.latest()["state"] == "done"
    assert events.latest("learn") == job.latest()
    found = json.loads(json.dumps(job.learned))
    expected = learn(classes, SMALL, jobs=1, **QUICK).to_dict()
    for name in ("arms", "recommended", "images", "tested", "classes", "command"):
        assert found[name] == json.loads(json.dumps(expected[name])), name
    assert found["verdicts"].keys() == {arm["name"] for arm in found["arms"]}
    assert all(Options.from_dict(arm["options"]) for arm in found["arms"] if arm["options"])


def test_a_source_without_classes_says_so(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    job = job_for(tmp_path)
    begin(job)
    job.wait(60)
    assert job.latest()["state"] == "failed"
    assert "class" in job.latest()["problem"]
    assert job.learned is None


def test_it_can_be_ended_and_runs_once_at_a_time(classes):
    class Ending(Events):
        def publish(self, kind, values):
            super().publish(kind, values)
            if not job.is_stopped_once:
                job.is_stopped_once = True
                with pytest.raises(BusyError, match="found out already"):
                    begin(job)
                job.refuse_more()

    job = job_for(classes, Ending())
    job.is_stopped_once = False
    begin(job)
    job.wait(60)
    assert job.latest()["state"] == "stopped"
    with pytest.raises(BusyError, match="ending"):
        begin(job)
