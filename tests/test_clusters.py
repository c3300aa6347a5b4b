"""Real clusters of two workers on this machine: workers, schedulers and drivers that are killed, images that kill."""

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from fault_runs import OPTIONS, command, everything, make_photos, needs_posix, slow_images, wait_until
from helpers import image_bytes, synthetic_photo
from icsys import compress_folder, merge_shards
from icsys.files.rooted_path import RootedPath
from icsys.shards.state_folders import shards_in

HERE = Path(__file__).parent
PACKAGES = {"dask": "distributed", "ray": "ray"}
PATIENCE = 90  # seconds
PHOTOS = 160
QUICK_TO_SEE = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s"}  # that a scheduler is gone
UNDER_WAY = 16  # images at most that two workers have begun, or done and not written down: two batches each

pytestmark = needs_posix


class Dask:
    """A scheduler and two worker processes, each watched by a nanny that starts it again."""

    def __init__(self, folder, env):
        self._file = folder / "scheduler.json"
        self._file.unlink(missing_ok=True)
        env = env | {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
        words = ("--scheduler-file", str(self._file), "--no-dashboard")
        self._log = (folder / "dask.log").open("ab")
        self.scheduler = self._start(env, "dask_scheduler", *words, "--host", "127.0.0.1", "--port", "0")
        self._workers = self._start(env, "dask_worker", *words, "--nworkers", "2", "--nthreads", "1")
        wait_until(lambda: self._file.exists() and self._file.stat().st_size)
        self.address = json.loads(self._file.read_text("utf-8"))["address"]
        wait_until(lambda: len(self.workers()) == 2)

    def _start(self, env, program, *words):
        line = [sys.executable, "-m", f"distributed.cli.{program}", *words]
        return subprocess.Popen(line, env=env, stdout=self._log, stderr=self._log)

    def workers(self):
        """Return the worker processes."""
        return [
            child for child in psutil.Process(self._workers.pid).children() if "spawn_main" in " ".join(child.cmdline())
        ]

    def close(self):
        kill_all(self._workers.pid)
        kill_all(self.scheduler.pid)
        self._workers.wait()
        self.scheduler.wait()
        self._log.close()


class Ray:
    """Two nodes; each works on one task at a time."""

    def __init__(self, folder, env):
        self._log = (folder / "ray.log").open("ab")
        line = [sys.executable, HERE / "ray_nodes.py"]
        self._process = subprocess.Popen(
            line, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        self.address = json.loads(self._process.stdout.readline())

    def workers(self):
        """Return the processes that work on a shard right now."""
        mine = psutil.Process(self._process.pid).children(recursive=True)
        return [child for child in mine if "ray::ics" in " ".join(child.cmdline())]

    def lose_node(self):
        self._process.stdin.write("lose\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()

    def close(self):
        self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=20)
        kill_all(self._process.pid)
        self._process.wait()
        self._process.stdout.close()
        self._log.close()


CLUSTERS = {"dask": Dask, "ray": Ray}


def kill_all(pid):
    """Kill a process with all that it has started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for child in [*process.children(recursive=True), process]:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    """What every process here is given: a decoder that takes its time, and dies of some images."""
    log = tmp_path_factory.mktemp("log") / "images"
    log.touch()
    return slow_images(0.02, log) | QUICK_TO_SEE


@pytest.fixture(scope="module", params=CLUSTERS)
def engine(request):
    if importlib.util.find_spec(PACKAGES[request.param]) is None:
        pytest.skip(f"needs {PACKAGES[request.param]}: make test-extras")
    return request.param


@pytest.fixture(scope="module")
def cluster(engine, env, tmp_path_factory):
    running = CLUSTERS[engine](tmp_path_factory.mktemp(engine), env)
    yield running
    running.close()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return make_photos(tmp_path_factory.mktemp("photos") / "in", PHOTOS)


@pytest.fixture(scope="module")
def whole(source, tmp_path_factory):
    """What an undivided run makes of it."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    compress_folder(source, folder, OPTIONS)
    return everything(folder)


class Driver:
    """A run of the command on a cluster."""

    def __init__(self, source, out, engine, address, env, *words):
        self.source, self.out, self._log = source, out, Path(env["FAULTY_SITE_LOG"])
        self._before = len(self._log.read_bytes().splitlines())
        self._hashes = {sha256(path): path.relative_to(source).as_posix() for path in source.rglob("*.*")}
        where = () if address is None else ("--address", address)
        line = command(source, out, "--engine", engine, *where, *words)
        self.process = subprocess.Popen(
            line, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def done(self):
        """Return the sources that were compressed since the run began, one for each time."""
        lines = self._log.read_text("utf-8").splitlines()[self._before :]
        return [self._hashes[line] for line in lines]

    def written_down(self):
        """Return the sources that are done by the manifests so far."""
        lines = b"".join(path.read_bytes() for path in self.out.glob(".ics-books/*/manifest.jsonl")).splitlines()
        rows = []
        for line in lines:
            with contextlib.suppress(ValueError):  # the last one, half written
                rows.append(json.loads(line))
        return {row["source_path"] for row in rows if row["status"] == "compressed"}

    def wait_for_images(self, count):
        wait_until(lambda: len(self.done()) >= count or self.process.poll() is not None)
        assert self.process.poll() is None, self.process.communicate()

    def end(self):
        """Wait for the end; return exit code, standard output and standard error."""
        out, err = self.process.communicate(timeout=PATIENCE)
        assert "Traceback" not in err, err
        return self.process.returncode, out, err


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def drive(source, engine, cluster, env, tmp_path):
    """Start runs on the cluster, and end them with the test."""
    drivers = []

    def start(*words, source=source, address=cluster.address):
        drivers.append(Driver(source, tmp_path / "out", engine, address, env, *words))
        return drivers[-1]

    yield start
    for driver in drivers:
        kill_all(driver.process.pid)
        driver.process.communicate()


def assert_little_done_twice(done, finished):
    """What was written down before the fault is done once, and at most what was under way is done twice."""
    assert all(done.count(source) == 1 for source in finished)
    assert len(done) - len(set(done)) <= UNDER_WAY


def test_the_same_folder_through_every_engine(source, whole, drive, tmp_path):
    """Bytes and manifest are those of threads, and so are those of processes and of four shards and a merge."""
    driver = drive("--json")
    code, out, err = driver.end()
    assert code == 0, err
    assert everything(tmp_path / "out") == whole
    record = json.loads(out)
    assert (record["summary"]["compressed"], record["summary"]["images"]) == (PHOTOS, PHOTOS)
    assert {file["source"] for file in record["files"]} == set(driver.done())
    assert sorted(driver.done()) == sorted(set(driver.done()))
    compress_folder(source, tmp_path / "processes", OPTIONS, engine="processes", jobs=2)
    assert everything(tmp_path / "processes") == whole
    for index in (3, 1, 4, 2):
        compress_folder(source, tmp_path / "shards", OPTIONS, shard=(index, 4))
    merge_shards(tmp_path / "shards")
    assert everything(tmp_path / "shards") == whole


def test_a_worker_killed_in_mid_run(whole, drive, cluster, tmp_path):
    driver = drive()
    driver.wait_for_images(40)
    wait_until(cluster.workers)
    finished = driver.written_down()
    os.kill(cluster.workers()[0].pid, signal.SIGKILL)
    code, _, err = driver.end()
    assert code == 0, err
    assert everything(tmp_path / "out") == whole
    assert finished
    assert_little_done_twice(driver.done(), finished)


def test_an_image_that_kills_its_worker_every_time(source, whole, drive, tmp_path):
    shutil.copytree(source, tmp_path / "in")
    poison = image_bytes(synthetic_photo(24, 32, seed=1000)) + b"fault: kill 9"
    (tmp_path / "in" / "cat" / "poison.png").write_bytes(poison)
    driver = drive("--json", source=tmp_path / "in")
    code, out, err = driver.end()
    assert code == 1, err
    summary = json.loads(out)["summary"]
    assert (summary["images"], summary["failed"], summary["stopped"]) == (PHOTOS + 1, 1, "")
    left = everything(tmp_path / "out")
    failure = json.loads(left.pop("failures.jsonl"))
    assert (failure["source_path"], failure["code"]) == ("cat/poison.png", "crashed")
    assert "SIGKILL" in failure["message"]
    assert left == whole
    assert len(set(driver.done())) == PHOTOS


def test_a_driver_killed_and_started_again(whole, drive, tmp_path):
    first = drive()
    first.wait_for_images(60)
    finished = first.written_down()
    first.process.kill()
    first.process.communicate()
    second = drive()
    code, _, err = second.end()
    assert code == 0, err
    assert everything(tmp_path / "out") == whole
    assert finished
    assert_little_done_twice(first.done(), finished)


def test_an_interrupt_ends_a_run_on_a_cluster_of_its_own(whole, drive, tmp_path):
    first = drive(address=None)
    first.wait_for_images(30)
    os.killpg(first.process.pid, signal.SIGINT)  # as a terminal does
    code, _, err = first.end()
    assert code == 130, err
    assert "interrupted; all written files are complete" in err
    code, _, err = drive().end()
    assert code == 0, err
    assert everything(tmp_path / "out") == whole


@pytest.mark.parametrize("engine", ["ray"], indirect=True, scope="module")
def test_a_node_that_is_lost(whole, drive, cluster, tmp_path):
    """Ray gives its tasks to the other node."""
    driver = drive()
    driver.wait_for_images(40)
    assert cluster.lose_node() == "another\n"
    code, _, err = driver.end()
    assert code == 0, err
    assert everything(tmp_path / "out") == whole


@pytest.mark.parametrize("engine", ["dask"], indirect=True, scope="module")
def test_a_scheduler_that_is_lost(whole, drive, env, tmp_path):
    """Without it the run ends, and goes on with another one."""
    (tmp_path / "dask").mkdir()
    with contextlib.closing(Dask(tmp_path / "dask", env)) as other:
        driver = drive(address=other.address)
        driver.wait_for_images(40)
        other.scheduler.kill()
        code, _, err = driver.end()
    assert code == 2, err
    assert "the Dask scheduler is gone: start the same run again" in err
    assert shards_in(RootedPath(tmp_path / "out"))
    code, _, err = drive().end()
    assert code == 0, err
    assert everything(tmp_path / "out") == whole


def test_an_address_without_a_server(source, engine, tmp_path):
    address = {"dask": "tcp://127.0.0.1:9", "ray": "127.0.0.1:9"}[engine]
    env = os.environ | {
        "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s",
    }
    line = command(source, tmp_path / "out", "--engine", engine, "--address", address)
    done = subprocess.run(line, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 2
    assert f"address={address!r}: no {engine.capitalize()}" in done.stderr
    assert shards_in(RootedPath(tmp_path / "out")) == []
