"""The words that failures have are one list."""

import ast
import re
from pathlib import Path

from icsys.errors import FAILURE_CODES

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
    for code in FAILURE_CODES:
        assert any(f'"{code}"' in text for text in texts), code


def test_the_page_explains_every_code():
    page = (ROOT / "docs" / "limits.md").read_text("utf-8")
    table = page.split("## Codes")[1].split("## Limits")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    explained = [code for row in rows for code in re.findall(r"`(\w+)`", row)]
    assert sorted(explained) == sorted(FAILURE_CODES)
