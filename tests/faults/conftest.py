"""Faults that a run must survive: their marker, and the page that lists what was done and what happened.

A test joins the page by its marker alone:

    @pytest.mark.fault(31, "the disk fills up", "failed, no torn output; the run stops and can be resumed")
    def test_a_full_disk(observed):
        '''A tmpfs of 256 kB as output folder.'''      <- what was done: the first paragraph
        ...
        observed("3 images whole, then disk_full")     <- what happened, in words that are the same in every run

Without ``observed`` the page has "as expected". ``make faults`` runs all tests thoroughly and writes the page.
"""

import pytest

from fault_page import make_row, write_page

_OBSERVED = pytest.StashKey[list[str]]()
_HAPPENED = pytest.StashKey[str]()


def pytest_addoption(parser):
    group = parser.getgroup("faults")
    group.addoption("--reliability", metavar="FILE", help="write the page of faults into FILE")
    group.addoption("--thorough", action="store_true", help="try every moment where a short run tries a sample")


def pytest_configure(config):
    config.addinivalue_line("markers", "fault(number, fault, expected): a fault of the list, and what is expected")


@pytest.fixture
def observed(request):
    """Record for the page what happened, in words that are the same in every run."""
    return request.node.stash.setdefault(_OBSERVED, []).append


@pytest.fixture
def thorough(request):
    """Whether every moment is to be tried, not a sample."""
    return request.config.getoption("thorough", default=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.wasxfail
        item.stash[_HAPPENED] = f"not tried: {reason.removeprefix('Skipped: ')}"
    elif report.failed:
        item.stash[_HAPPENED] = "**it failed**"
    elif report.when == "call":
        item.stash[_HAPPENED] = "; ".join(item.stash.get(_OBSERVED, [])) or "as expected"
    return report


def pytest_sessionfinish(session):
    page = session.config.getoption("reliability", default=None)
    if page:
        marks = ((item, mark) for item in session.items for mark in item.iter_markers("fault"))
        write_page(page, [make_row(item, mark, item.stash.get(_HAPPENED, "")) for item, mark in marks])
