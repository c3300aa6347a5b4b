"""Photos to test with: the two that scikit-learn ships, and small ones made by code."""

import gc
import importlib.util
import os
import signal
import subprocess
import sys

# Read by SciPy when it is imported: with it, scikit-learn checks estimators on more kinds of arrays.
os.environ["SCIPY_ARRAY_API"] = "1"
# Read by OpenMP when it is loaded: threads of scikit-learn that wait for each other would otherwise keep a core busy.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Servers of tests are on this machine: no proxy that the environment names stands between. Programs read either name.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "localhost,127.0.0.1,::1"

import pytest
from hypothesis import settings
from PIL import Image

from helpers import soft_photo, synthetic_photo
from unwritten_memory import fill_with_any_bits

# No test is about time: how long an example takes is a matter of the machine and of what else it does.
# The tests draw the same examples each time: a failure comes from the change at hand. `make explore` draws others.
settings.register_profile("any machine", deadline=None, max_examples=50, derandomize=True)
settings.register_profile("thorough", deadline=None, max_examples=200, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=1000, print_blob=True)
settings.load_profile("any machine")

fill_with_any_bits()


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Have no garbage sought among modules and tests, which stay: it would be a third of the time of a collection."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


OWN_PROCESS = "ICS_TEST_IN_OWN_PROCESS"


def pytest_configure(config):
    config.addinivalue_line(
        "markers",
        "own_process(package): skipped without the package; in a process of its own, since what the package does when "
        "it is loaded (threads, hooks of a fork, an environment read once) would change the tests after it",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run a test that is marked so in a process of its own."""
    marker = pyfuncitem.get_closest_marker("own_process")
    if marker is None or OWN_PROCESS in os.environ:
        return None
    [package] = marker.args
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"needs the package {package}: make test-extras")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", pyfuncitem.nodeid]
    done = subprocess.run(
        command,
        cwd=pyfuncitem.config.rootpath,
        env=os.environ | {OWN_PROCESS: "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout
    return True


@pytest.fixture(scope="session")
def china():
    """The photo of a temple that scikit-learn ships, shape (427, 640, 3), uint8."""
    from sklearn.datasets import load_sample_images  # noqa: PLC0415 - the process that hands out tests needs none of it

    return load_sample_images().images[0]


@pytest.fixture
def soft_picture():
    """A picture with soft edges and clear pixels around them that hide colours, shape (60, 80, 4), uint8."""
    return soft_photo()


@pytest.fixture
def terminal():
    """A terminal that sends SIGHUP when it is closed: nohup, for example, has the tests ignore it."""
    if not hasattr(signal, "SIGHUP"):  # Windows
        yield
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="module")
def unsynced():
    """Spare the disk in tests that write much and are not about what is on it when the power goes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        patch.setattr("icsys.outputs.group.sync_together", lambda _: True)
        yield


@pytest.fixture
def photos(tmp_path):
    """A folder with three photos in class folders and two files that are no photos."""
    folder = tmp_path / "photos"
    for name, seed in (("train/cat/a.jpg", 1), ("train/dog/a.png", 2), ("b.webp", 3)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(synthetic_photo(seed=seed)).save(path)
    (folder / "labels.txt").write_text("cat\ndog\n", encoding="utf-8")
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    return folder


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window; a module at a time, as Playwright runs once in a process."""
    from studio_pages import BROWSER, FLAGS, playwright  # noqa: PLC0415 - a large package, which few tests need

    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield chromium
        chromium.close()
