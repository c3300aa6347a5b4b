"""The public names of icsys: loaded when they are used, known to type checkers, and complete."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import icsys
from icsys import choices

STUB = Path(icsys.__file__).with_suffix(".pyi")
# Names in annotations that are no classes of ours: a Result is a Compressed, a Skipped or a Failed; the choices of
# options are texts.
OTHERS = {"Any", "NDArray", "None", "Result", *vars(choices)}


def test_the_stub_names_what_the_table_loads():
    """Type checkers see each name in the module that the package loads it from."""
    stubbed = {
        alias.asname: f"{node.module}.{alias.name}"
        for node in ast.parse(STUB.read_text("utf-8")).body
        for alias in node.names
    }
    loaded = {name: f"icsys.{module}.{name}" for name, module in icsys._MODULE_OF.items()}  # noqa: SLF001
    assert stubbed == loaded | {"__version__": "icsys.version.__version__"}


@pytest.mark.parametrize("name", icsys.__all__)
def test_a_public_name_is_loaded_and_documented(name):
    assert getattr(icsys, name).__doc__


def test_dir_lists_the_public_names_alone():
    program = "import icsys; print(*sorted({*icsys.__all__, '__version__'} ^ {*dir(icsys)}))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout.strip() == b""


def test_importing_the_package_loads_no_other_module_of_it():
    program = "import icsys, sys; print(*sorted(name for name in sys.modules if name.startswith('icsys.')))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
    assert loaded.split() == [b"icsys.version"]


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'icsys' has no attribute 'compres_image'"):
        _ = icsys.compres_image


def annotations(kind):
    """Return the annotations of the fields that users of a class read."""
    found = inspect.get_annotations(kind)
    return [getattr(value, "__forward_arg__", str(value)) for name, value in found.items() if not name.startswith("_")]


@pytest.mark.parametrize("name", [name for name in icsys.__all__ if name[0].isupper()])
def test_every_type_that_a_public_type_holds_is_public(name):
    words = {word for text in annotations(getattr(icsys, name)) for word in re.findall(r"(?<![\w.])[A-Z]\w*", text)}
    assert words - OTHERS <= {*icsys.__all__}
