"""Pixels of bfloat16 as tensors: what PyTorch itself rounds to, from loaders and datasets, here and on a device."""

import numpy as np
import pytest

import icsys
from array_folders import pixels_of, random_split, write_arrays

torch = pytest.importorskip("torch", reason="needs PyTorch: make test-extras")
pytest.importorskip("torchvision", reason="needs torchvision: make test-extras")

from icsys.loading.batch_changes import BatchChanges
from icsys.loading.batch_form import batch_form
from icsys.torch import as_dataset, loader
from icsys.torch.on_device import DevicePixels
from icsys.torch.tensor_types import form_dtype, tensor_of


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A dataset, and its pixels as PyTorch rounds them, shape (6, 3, 4, 7)."""
    split = random_split(6, 4, 7, 16)
    folder = write_arrays(tmp_path_factory.mktemp("a") / "x", {"all": split}, colors=16, classes=["a", "b", "c"])
    levels = torch.from_numpy(pixels_of(split).transpose(0, 3, 1, 2).copy())
    return icsys.load(folder), (levels.double() / 255).to(torch.bfloat16)


def test_every_level_is_rounded_as_pytorch_rounds_it(tmp_path):
    levels = np.arange(256, dtype=np.uint8)
    split = {"indices": levels.reshape(1, 16, 16), "palettes": np.stack([levels] * 3, 1), "labels": np.zeros(1, int)}
    data = icsys.load(write_arrays(tmp_path / "x", {"all": split}, colors=256, classes=["a"]))
    found = tensor_of(data.pixels(dtype=form_dtype(torch.bfloat16)), "bfloat16_bits")
    assert found.dtype == torch.bfloat16
    expected = (torch.arange(256, dtype=torch.float64) / 255).to(torch.bfloat16)
    assert torch.equal(found, expected.reshape(1, 1, 16, 16).expand(1, 3, 16, 16))


@pytest.mark.parametrize("dtype", [torch.bfloat16, "bfloat16"])
def test_loaders_and_datasets_give_bfloat16(images, dtype):
    data, expected = images
    for pixels, _ in loader(data, 6, shuffle=False, dtype=dtype):
        assert pixels.dtype == torch.bfloat16
        assert torch.equal(pixels, expected)
    pixels, _ = as_dataset(data, dtype=dtype)[2]
    assert pixels.dtype == torch.bfloat16
    assert torch.equal(pixels, expected[2])


def test_pixels_of_bfloat16_made_on_a_device_are_those_made_here(images):
    data, expected = images
    form = batch_form("CHW", form_dtype(torch.bfloat16), None, None)
    made = DevicePixels(data, form, torch.device("cpu")).batch(
        np.array([4, 1]), BatchChanges(flip=np.array([False, True]))
    )
    assert torch.equal(made, torch.stack([expected[4], expected[1].flip(-1)]))


def test_types_of_numpy_stay_what_they_are():
    assert form_dtype(torch.float16) == "float16"
    assert form_dtype(np.float32) is np.float32
    array = np.zeros((2, 3), np.float16)
    tensor_of(array, "float16")[:] = 1
    assert array.all()
