"""What a stranger gives to ``icsys.torch``: an error names the value, what was expected, and what to do."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import icsys
from array_folders import random_split, write_arrays
from icsys import UsageError

torch = pytest.importorskip("torch", reason="needs PyTorch: make test-extras")
pytest.importorskip("torchvision", reason="needs torchvision: make test-extras")

from icsys.torch import IndexedImageFolder, Quantize, as_dataset, collate, loader

CLASSES = ["cat", "dog", "AC/DC"]


class Wrong:
    """Something that no function takes."""

    def __repr__(self):
        return "a wrong thing"


WRONG = [Wrong(), 3.5j, b"x", np.array([0, 7]), torch.tensor([0, 7]), torch.tensor(1.5), type(None), {"a": 7}]
LOADER = (
    *("data", "batch_size", "shuffle", "seed", "device", "layout", "dtype", "mean", "std", "flip", "crop", "shift"),
    *("brightness", "contrast", "saturation", "hue", "target", "drop_last", "threads", "prefetch", "rank", "world"),
    *("epoch", "pin", "resident", "form"),
)
PLACES = {
    "loader": LOADER,
    "as_dataset": ("data", "layout", "dtype", "mean", "std", "transform"),
    "IndexedImageFolder": ("root", "form", "background", "transform", "target_transform"),
    "Quantize": ("colors", "strategy", "seed", "effort", "space", "dither", "palette", "indexed"),
    "set_epoch": ("epoch",),
    "load_state_dict": ("state",),
    "to_rgb": ("background",),
    "collate": ("batch",),
    "pixels": ("layout", "dtype", "mean", "std", "out", "threads", "flip", "crop", "shift", "palettes"),
    "unpacked_indices": ("out", "threads", "flip", "crop", "shift"),
    "to_numpy": ("X", "lazy", "flat"),
}
# Values that are right there: a number for each channel, and what can be called.
RIGHT = {("mean", "tensor(1.5000)"), ("std", "tensor(1.5000)")}
CALLED = {"transform", "target_transform"}


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    """Return each function, with arguments that it accepts."""
    root = tmp_path_factory.mktemp("w")
    (root / "in/cat").mkdir(parents=True)
    Image.linear_gradient("L").save(root / "in/cat/a.png")
    icsys.compress_folder(root / "in", root / "out", icsys.Options(colors=4, size="8x8"))
    splits = {"train": random_split(5, 3, 5, 10), "val": random_split(2, 3, 5, 10)}
    data = icsys.load(write_arrays(root / "x", splits, colors=10, classes=CLASSES))
    image = IndexedImageFolder(root / "out")[0][0]
    return {
        "loader": lambda **given: loader(**{"data": data, "batch_size": 2} | given),
        "as_dataset": lambda **given: as_dataset(**{"data": data} | given),
        "IndexedImageFolder": lambda **given: IndexedImageFolder(**{"root": root / "out"} | given),
        "Quantize": Quantize,
        "set_epoch": loader(data, 2).set_epoch,
        "load_state_dict": loader(data, 2).load_state_dict,
        "to_rgb": image.to_rgb,
        "collate": collate,
        "pixels": data.pixels,
        "unpacked_indices": data.unpacked_indices,
        "to_numpy": data.to_numpy,
    }


@pytest.mark.parametrize(("name", "parameter"), [(name, one) for name, some in PLACES.items() for one in some])
def test_a_value_of_another_kind_is_refused_and_named(name, parameter, calls):
    for wrong in WRONG:
        if (parameter, repr(wrong)) in RIGHT or (parameter in CALLED and callable(wrong)):
            continue
        with pytest.raises(UsageError) as caught:
            calls[name](**{parameter: wrong})
        assert "expected" in str(caught.value), (name, parameter, wrong)
        # The error about a path has the path alone.
        assert (repr(wrong) if parameter == "root" else parameter.rstrip("s")) in str(caught.value)


@pytest.mark.parametrize("function", ["loader", "as_dataset"])
def test_data_that_was_not_loaded_is_refused_with_the_call_that_loads_it(function, calls):
    for wrong, words in (
        ("Ready", "data='Ready' of type str: expected a Dataset, or a view of one; icsys.load('Ready') gives it"),
        (Path("Ready"), "of type PosixPath: expected a Dataset, or a view of one; icsys.load('Ready') gives it"),
        (None, "data=None of type NoneType: expected a Dataset, or a view of one; icsys.load(folder) gives it"),
        ([1, 2], "data=[1, 2] of type list: expected a Dataset"),
        (np.zeros((99, 99)), "of type ndarray: expected a Dataset"),
        (calls["IndexedImageFolder"](), "of type IndexedImageFolder: expected a Dataset"),
    ):
        with pytest.raises(UsageError) as caught:
            calls[function](data=wrong)
        assert words.replace("PosixPath", type(wrong).__name__) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_switches_of_numpy_are_switches(calls):
    for name in ("drop_last", "flip", "shuffle"):
        assert calls["loader"](**{name: np.bool_(True)}).state_dict() is not None
    assert calls["loader"](drop_last=np.bool_(True)).drop_last is True


def test_a_state_with_a_value_of_another_kind_is_refused(calls):
    state = calls["loader"]().state_dict()
    for name in state:
        for wrong in WRONG:
            with pytest.raises(UsageError, match=f"{name}="):
                calls["load_state_dict"](state | {name: wrong})


def test_what_is_no_split_and_no_batch_is_refused(tmp_path):
    data = icsys.load(write_arrays(tmp_path / "x", {"all": random_split(2, 3, 5, 10)}, colors=10, classes=CLASSES))
    for wrong in (*WRONG, 3, None):
        with pytest.raises(UsageError, match=r"split=.*: expected one of all"):
            data.split(wrong)
        with pytest.raises(UsageError, match=r"masks .*: expected one of no kinds"):
            data.choose_masks(wrong)
    for wrong in ([], [1], [(1, 2)], 3, "xy"):
        with pytest.raises(UsageError, match=r"batch.*: expected pairs of an IndexedImage and a target"):
            collate(wrong)
    with pytest.raises(UsageError, match=r"split=.al.: expected one of all; did you mean all\?"):
        data.split("al")
