"""The size of rooms, modules and functions stays what a newcomer can take in, and a public name has one home."""

import ast
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

import icsys

ROOT = Path(icsys.__file__).parent
MODULES = [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.rglob("*.py"))]

MOST_MODULES = 20
MOST_LINES = 350
MOST_LINES_OF_A_BODY = 50
MOST_PARAMETERS = 8
TABLES = {"options.py"}  # one entry an option: long by nature
KERNELS = {"color/kernels.py"}  # arrays in, arrays out: their parameters are those of the C++ functions


@pytest.fixture(scope="module")  # read and kept only while the tests here need them
def trees():
    """The syntax tree of each module by its path."""
    return {module: ast.parse((ROOT / module).read_text("utf-8")) for module in MODULES}


def functions(trees):
    for module, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield module, node


def lines_of_body(function):
    """Return the lines of a function without those of its docstring."""
    body = function.body[1:] if ast.get_docstring(function) and len(function.body) > 1 else function.body
    return body[-1].end_lineno - body[0].lineno + 1


def parameters(function):
    given = function.args
    return [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs) if one.arg not in {"self", "cls"}]


def public_names(tree):
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                yield from (part.id for part in ast.walk(target) if isinstance(part, ast.Name))


def test_a_folder_has_at_most_twenty_modules():
    sizes = Counter(path.rpartition("/")[0] for path in MODULES)
    assert {folder: size for folder, size in sizes.items() if size > MOST_MODULES} == {}


def test_a_module_has_one_subject():
    lengths = {module: len((ROOT / module).read_text("utf-8").splitlines()) for module in MODULES}
    assert {module: size for module, size in lengths.items() if size > MOST_LINES and module not in TABLES} == {}


def test_a_function_fits_a_screen(trees):
    long = [f"{module}: {one.name}" for module, one in functions(trees) if lines_of_body(one) > MOST_LINES_OF_A_BODY]
    assert long == []


def test_values_are_passed_whole(trees):
    many = [
        f"{module}: {one.name}"
        for module, one in functions(trees)
        if len(parameters(one)) > MOST_PARAMETERS and one.name not in icsys.__all__ and module not in KERNELS
    ]
    assert many == []


def test_a_public_name_is_defined_in_one_module(trees):
    homes = defaultdict(set)
    for module, tree in trees.items():
        for name in public_names(tree):
            if not name.startswith("_"):
                homes[name].add(module)
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def test_a_setting_of_a_run_passes_through_few_modules():
    naming = [module for module in MODULES if re.search(r"\bretry_failed\b", (ROOT / module).read_text("utf-8"))]
    assert len(naming) <= 4, naming


@pytest.mark.parametrize("word", ["whoever", "nobody", "his", "those that", "as ever", "of which", "learner", "crew"])
def test_words_are_plain(word):
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted(ROOT.rglob("*"))
        if path.suffix in {".py", ".cpp", ".hpp", ".js", ".css", ".html"}
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if re.search(rf"\b{word}\b", line, re.IGNORECASE)
    ]
    assert found == []
