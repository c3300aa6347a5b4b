"""The page of faults shows every fault test, unchanged."""

import ast
import subprocess
import sys

import pytest

from fault_page import FAULTS, PAGE, ROOT, make_row, promises, read_page
from promises import PROMISES


@pytest.fixture(scope="module")
def collected(request, tmp_path_factory):
    """The page as it would be written now, without outcomes: of this session's tests if it runs all of them."""
    if request.config.args == request.config.getini("testpaths") and not request.config.option.keyword:
        marked = ((item, mark) for item in request.session.items for mark in item.iter_markers("fault"))
        return sorted(make_row(item, mark, "") for item, mark in marked)
    page = tmp_path_factory.mktemp("page") / "page.md"
    command = [sys.executable, "-m", "pytest", "tests/faults", "--collect-only", "-qq", "--reliability", page]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return read_page(page)


def test_the_page_is_that_of_the_tests(collected):
    assert [row.subject for row in read_page(PAGE)] == [row.subject for row in collected], "run: make faults"


def test_every_row_states_what_happened_and_none_failed():
    for row in read_page(PAGE):
        assert row.happened
        assert "failed**" not in row.happened


def test_numbers_are_those_of_the_list(collected):
    assert {row.number for row in collected} <= set(FAULTS)


def test_what_is_promised_is_on_the_page():
    assert promises() in PAGE.read_text("utf-8"), "run: make faults"


@pytest.mark.parametrize("test", [test for tests in PROMISES.values() for test in tests.values()])
def test_every_promise_has_its_test(test):
    file, _, name = test.partition("::")
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
