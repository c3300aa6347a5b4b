"""A helper process does batches, and ends with the run however that ends."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psutil
import pytest

import worker_faults
from icsys.engine.helper_process import THREADS, HelperEndedError, HelperProcess

needs_signals = pytest.mark.skipif(os.name != "posix", reason="POSIX signals")


@pytest.fixture
def helper():
    helper = HelperProcess(worker_faults.start_helper)
    yield helper
    helper.end()


def test_batches_of_several_threads_are_done_in_one_other_process(helper):
    batches = [[("return", number), ("sleep", 0.001)] for number in range(20)]
    with ThreadPoolExecutor(THREADS) as pool:
        found = [done.results for done in pool.map(helper.do, batches)]
    assert [[item for item, _ in results] for results in found] == batches
    pids = {pid for results in found for _, pid in results}
    assert len(pids) == 1
    assert os.getpid() not in pids


def test_an_error_of_the_function_is_raised_again(helper):
    with pytest.raises(ArithmeticError, match="seven"):
        helper.do([("raise", "seven")])
    assert helper.do([("return", 1)]).results[0][0] == ("return", 1)


def test_a_process_that_dies_gives_an_error_to_all_that_wait_and_to_later_ones(helper):
    with ThreadPoolExecutor(THREADS) as pool:
        waiting = [pool.submit(helper.do, [item]) for item in (("hang", 1), ("exit", 3))]
        for one in waiting:
            with pytest.raises(HelperEndedError):
                one.result()
    with pytest.raises(HelperEndedError):
        helper.do([("return", 1)])


def test_a_process_that_cannot_start_says_so(capfd):
    helper = HelperProcess(worker_faults.start_badly)
    with pytest.raises(HelperEndedError):
        helper.ready.result(30)
    with pytest.raises(HelperEndedError):
        helper.do([("return", 1)])
    helper.end()
    assert capfd.readouterr() == ("", "")


def test_it_hears_of_a_stop_in_the_middle_of_a_batch(helper):
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(helper.do, [("until stopped", 1), ("return", 2)])
        helper.ready.result(30)
        helper.stop()
        assert [item for item, _ in waiting.result(30).results] == [("until stopped", 1), ("return", 2)]


def test_ending_it_leaves_no_process(helper):
    pid = helper.do([("return", 1)]).results[0][1]
    helper.end()
    assert not psutil.pid_exists(pid)


def test_files_of_the_working_folder_are_not_run(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("open('was run', 'w')")
    monkeypatch.chdir(tmp_path)
    helper = HelperProcess(worker_faults.start_helper)
    assert helper.do([("return", 1)]).results[0][0] == ("return", 1)
    helper.end()
    assert not Path("was run").exists()


@needs_signals
def test_names_of_files_are_encoded_as_in_the_run(tmp_path):
    """The locale is not UTF-8, the run is."""
    script = tmp_path / "run.py"
    script.write_text(
        "import worker_faults\n"
        "from icsys.engine.helper_process import HelperProcess\n"
        "helper = HelperProcess(worker_faults.start_helper)\n"
        f"helper.do([('exit once', {str(tmp_path / chr(233))!r})])\n"
    )
    path = os.pathsep.join([str(Path(worker_faults.__file__).parent), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path, "LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0"}
    for mode in ("1", "0"):
        subprocess.run(
            [sys.executable, "-X", f"utf8={mode}", script], env=environment, capture_output=True, check=False
        )
        names = os.listdir(os.fsencode(tmp_path))  # noqa: PTH208 - paths are texts
        assert (chr(233).encode() in names) == (mode == "1")
        (tmp_path / chr(233)).unlink(missing_ok=True)


@needs_signals
def test_a_process_that_never_takes_its_start_does_not_block_the_run(tmp_path, monkeypatch):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    begin = time.monotonic()
    HelperProcess(partial(worker_faults.start_after, b" " * 2**20)).end()
    assert time.monotonic() - begin < 20


@needs_signals
def test_signals_for_the_whole_terminal_do_not_end_it(helper):
    pid = helper.do([("return", 1)]).results[0][1]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(pid, number)
    assert helper.do([("return", 2)]).results[0][1] == pid


def test_it_ends_with_a_run_that_is_killed(tmp_path):
    """Even in the middle of an image that never ends; the run needs no ``if __name__ == "__main__"``."""
    script = tmp_path / "run.py"
    script.write_text(
        "import threading, worker_faults\n"
        "from icsys.engine.helper_process import HelperProcess\n"
        "helper = HelperProcess(worker_faults.start_helper)\n"
        "print(helper.do([('return', 1)]).results[0][1], flush=True)\n"
        "helper.do([('hang', 1)])\n"
    )
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(worker_faults.__file__).parent), os.environ.get("PYTHONPATH", "")])
    }
    with subprocess.Popen([sys.executable, script], env=environment, stdout=subprocess.PIPE) as run:
        pid = int(run.stdout.readline())
        process = psutil.Process(pid)
        run.kill()
    process.wait(30)
    assert not psutil.pid_exists(pid)
