"""A helper process does batches, and ends with the run however that ends."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
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
