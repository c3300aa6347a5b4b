"""The words that failures have are one list."""

import ast
import errno
import re
from pathlib import Path

import pytest

from icsys.errors import FAILURE_CODES, code_of

ROOT = Path(__file__).parents[1]
RAISERS = {"ImageError": 0, "Lost": 1}  # where a call of it has the code among its arguments


def is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def codes_in(tree):
    """Find the codes that a module gives, wherever they stand as text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            given = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
            if name in RAISERS:
                given += node.args[RAISERS[name] :][:1]
            yield from (value.value for value in given if is_text(value))
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_CODES":
            yield from (value.value for value in node.value.values if is_text(value))


def test_every_code_that_is_given_is_in_the_list_and_every_one_in_the_list_is_given():
    texts = [path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py") if path.name != "errors.py"]
    assert {code for text in texts for code in codes_in(ast.parse(text))} <= set(FAILURE_CODES)
    refused = {code_of(OSError(number, "")) for number in errno.errorcode}
    assert refused <= set(FAILURE_CODES)
    for code in set(FAILURE_CODES) - refused:
        assert any(f'"{code}"' in text for text in texts), code


def test_the_page_explains_every_code():
    page = (ROOT / "docs" / "limits.md").read_text("utf-8")
    table = page.split("## Codes")[1].split("## Limits")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    explained = [code for row in rows for code in re.findall(r"`(\w+)`", row)]
    assert sorted(explained) == sorted(FAILURE_CODES)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk_full"),
        (errno.EDQUOT, "disk_full"),
        (errno.EROFS, "read_only"),
        (errno.EACCES, "permission"),
        (errno.EPERM, "permission"),
        (errno.EIO, "io"),
    ],
)
def test_what_the_operating_system_refuses_has_a_code(number, code):
    assert code_of(OSError(number, "no")) == code


def test_an_error_without_a_number_is_io():
    assert code_of(OSError("the link leads nowhere")) == "io"
