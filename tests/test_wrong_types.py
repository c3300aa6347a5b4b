"""Every public function refuses a path, number or text of another type with an error that names the value."""

import inspect
import re

import pytest
from PIL import Image

import icsys
from helpers import image_bytes, synthetic_photo
from icsys import UsageError
from learned_examples import learned_example

KINDS = re.compile(r"str|int|float|PathLike|Location|Name|Literal|Options|Engine|Overwrite|Duplicates|LabelsOn")
OTHERS = re.compile(r"Callable|Event|ArrayLike|Admit")
FUNCTIONS = [name for name in icsys.__all__ if inspect.isfunction(getattr(icsys, name))]


def parameters(name):
    """Return the parameters of a function that are paths, numbers, texts or options."""
    found = inspect.signature(getattr(icsys, name)).parameters.values()
    return [one.name for one in found if KINDS.search(one.annotation) and not OTHERS.search(one.annotation)]


class Wrong:
    """Something that no function takes."""

    def __repr__(self):
        return "a wrong thing"


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    """Return arguments that each function accepts."""
    root = tmp_path_factory.mktemp("right")
    (root / "in").mkdir()
    (root / "in" / "a.png").write_bytes(image_bytes(synthetic_photo(8, 8)))
    icsys.compress_folder(root / "in", root / "out", icsys.Options(colors=2))
    image = Image.new("RGB", (8, 8))
    return {
        "compare_folder": {"source": root / "in"},
        "compress_folder": {"source": root / "in", "destination": root / "new"},
        "compress_image": {"data": (root / "in" / "a.png").read_bytes()},
        "inspect_folder": {"source": root / "in"},
        "learn": {"source": root / "in"},
        "load": {"folder": root / "out"},
        "merge_shards": {"destination": root / "out"},
        "progress_bar": {},
        "quantize": {"image": image},
        "read_palette": {"path": root / "a.gpl"},
        "report_folder": {"destination": root / "out"},
        "resize": {"image": image, "size": "4x4"},
        "verify_folder": {"destination": root / "out"},
        "write_comparison": {"comparison": None, "path": root / "a.html"},
        "write_learned": {"learned": learned_example(), "source": root / "in", "path": root / "b.html"},
        "write_palette": {"path": root / "a.gpl", "palette": [[0, 0, 0]]},
    }


@pytest.mark.parametrize("wrong", [Wrong(), 3.5j, b"x"], ids=["object", "complex", "bytes"])
@pytest.mark.parametrize(("name", "parameter"), [(name, one) for name in FUNCTIONS for one in parameters(name)])
def test_a_value_of_another_type_is_refused_and_named(name, parameter, wrong, right):
    with pytest.raises(UsageError) as caught:
        getattr(icsys, name)(**right[name] | {parameter: wrong})
    assert repr(wrong) in str(caught.value)
    assert "expected" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        (name, one)
        for name in FUNCTIONS
        for one in ("source", "destination", "folder", "path")
        if one in parameters(name)
    ],
)
def test_a_path_with_a_nul_character_is_refused(name, parameter, right):
    with pytest.raises(UsageError, match="NUL character"):
        getattr(icsys, name)(**right[name] | {parameter: "a\0b"})
