"""Pixels made on a device are those made here. The device is the processor: its tensors go as they go on others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import icsys
from array_folders import pixels_of, random_split, write_arrays
from icsys import UsageError
from icsys.loading.batch_changes import BatchChanges
from moved_images import changes_of

torch = pytest.importorskip("torch", reason="needs PyTorch: make test-extras")
pytest.importorskip("torchvision", reason="needs torchvision: make test-extras")

from torch._subclasses import FakeTensorMode

from icsys.loading.batch_form import batch_form, index_form
from icsys.torch import loader
from icsys.torch.batch_buffers import Buffers
from icsys.torch.batch_maker import BatchMaker
from icsys.torch.on_device import DevicePixels, is_resident

CLASSES = ["cat", "dog", "AC/DC"]
HERE = torch.device("cpu")
COUNT, HEIGHT, WIDTH = 5, 4, 7
FORMS = [("CHW", "uint8"), ("HWC", "uint8"), ("CHW", "float32"), ("HWC", "float16"), ("CHW", "bfloat16_bits")]
PALETTES = [(2, False), (4, True), (10, False), (200, False), (300, True), (300, False)]


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    """Return a dataset for each number of colours, with palettes of the images or one for all, in two splits."""
    made = {}
    for colors, is_shared in PALETTES:
        shared = random_split(1, 1, 1, colors)["palettes"][0] if is_shared else None
        splits = {
            name: random_split(n, HEIGHT, WIDTH, colors, seed=n, shared=shared) for name, n in (("a", 3), ("b", 2))
        }
        folder = tmp_path_factory.mktemp("a") / "x"
        made[colors, is_shared] = icsys.load(write_arrays(folder, splits, colors=colors, classes=CLASSES))
    return made


@given(st.data())
@settings(max_examples=150)
def test_a_device_gives_the_pixels_of_the_kernels(datasets, data):
    colors, is_shared = data.draw(st.sampled_from(PALETTES))
    images = datasets[colors, is_shared]
    rows = np.array(data.draw(st.lists(st.integers(0, COUNT - 1), max_size=4)), np.int64)
    layout, dtype = data.draw(st.sampled_from(FORMS))
    form = batch_form(layout, dtype, *((None, None) if dtype == "uint8" else ((0.1, 0.2, 0.3), 0.5)))
    change = data.draw(changes_of(len(rows), (HEIGHT, WIDTH), colors))
    made = DevicePixels(images, form, HERE, resident=data.draw(st.booleans())).batch(rows, change)
    wished = {"flip": change.flip, "crop": change.crop, "shift": change.shift, "palettes": change.palettes}
    expected = images.pixels(rows, **form.keywords(), **wished)
    assert made.is_contiguous()
    assert made.dtype == getattr(torch, dtype.removesuffix("_bits"))
    found = made.view(torch.uint16) if made.dtype == torch.bfloat16 else made
    np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize("resident", [False, True])
def test_high_indices_reach_a_device_and_those_past_the_palette_show_its_last_colour(resident, tmp_path):
    split = random_split(2, 3, 40, 40000)
    split["indices"][1] = 39999 + np.arange(120).reshape(3, 40)
    data = icsys.load(write_arrays(tmp_path / "x", {"all": split}, colors=40000, classes=CLASSES))
    assert split["indices"].max() > 40000
    pixels = DevicePixels(data, batch_form("CHW", "uint8", None, None), HERE, resident=resident)
    for change in (BatchChanges(), BatchChanges(flip=np.zeros(2, bool))):
        np.testing.assert_array_equal(pixels.batch(np.arange(2), change).numpy(), data.pixels())


def test_a_set_larger_than_a_piece_is_moved_whole(datasets, monkeypatch):
    monkeypatch.setattr("icsys.torch.on_device._AT_ONCE", 50)
    data = datasets[300, False][[4, 1, 1, 0, 3, 2]]
    pixels = DevicePixels(data, batch_form("HWC", "uint8", None, None), HERE, resident=True)
    np.testing.assert_array_equal(pixels.batch(np.arange(6), BatchChanges()).numpy(), data.pixels(layout="HWC"))


def test_masks_are_sent_as_they_moved(datasets, monkeypatch):
    data = datasets[10, False]
    monkeypatch.setattr(
        type(data), "masks", np.arange(COUNT * HEIGHT * WIDTH, dtype=np.uint8).reshape(-1, HEIGHT, WIDTH)
    )
    form, rows = batch_form("CHW", "uint8", None, None), np.array([3, 1])
    one, other = BatchMaker(data, form, "masks", 1), BatchMaker(data, form, "masks", 1)
    other.choose_device(HERE, resident=True)
    ones = np.ones(2, np.int64)
    change = BatchChanges(ones > 0, (ones, ones, 2, 3), (ones, -ones))
    for here, there in zip(one.end(one.begin(rows, change)), other.end(other.begin(rows, change)), strict=True):
        assert here.tolist() == there.tolist()


@pytest.mark.parametrize("resident", [False, True])
@pytest.mark.parametrize("prefetch", [0, 2])
def test_a_loader_gives_the_same_batches_through_a_device(datasets, resident, prefetch, monkeypatch):
    data = datasets[10, False]
    form = {"flip": True, "crop": (3, 5), "shift": 2, "hue": 0.2, "contrast": 0.5, "seed": 4, "prefetch": prefetch}
    one, other = loader(data, 2, **form), loader(data, 2, **form)
    maker = BatchMaker(data, batch_form("CHW", "float32", None, None), "labels", 1)
    maker.choose_device(HERE, resident=resident)
    monkeypatch.setattr(other, "_maker", maker)
    for _ in range(2):
        for (pixels, labels), (others, as_well) in zip(one, other, strict=True):
            np.testing.assert_array_equal(pixels.numpy(), others.numpy())
            assert labels.tolist() == as_well.tolist()


@pytest.mark.parametrize("form", [*(batch_form(*one, None, None) for one in FORMS), index_form(4, signed=True)])
@pytest.mark.parametrize("resident", [False, True])
def test_a_batch_is_on_its_device_and_so_is_all_that_makes_it(datasets, form, resident, monkeypatch):
    """PyTorch's tensors without content know shapes, types and devices, and refuse what is on two of them."""
    monkeypatch.setattr("icsys.torch.on_device.PinnedBuffers", Unpinned)
    device, rows = torch.device("cuda", 1), np.array([2, 0, 4])
    shared = np.ones(3, np.int64)
    palettes = None if form.layout == "index" else np.zeros((3, 10, 3), np.uint8)
    change = BatchChanges(shared > 0, (shared, shared, 2, 3), (shared, shared), palettes)
    with FakeTensorMode(allow_non_fake_inputs=True):
        images = DevicePixels(datasets[10, False], form, device, resident=resident)
        for changes, height, width in ((change, 2, 3), (BatchChanges(), HEIGHT, WIDTH)):
            made = images.batch(rows, changes)
            assert made.shape == form.shape(3, height, width)
            assert (made.device, made.dtype) == (device, getattr(torch, form.dtype.removesuffix("_bits")))
            assert form.layout != "index" or images.parcel(rows, changes).palettes is None  # they are of no use


class Unpinned(Buffers):
    """Stands for page-locked memory, which only a machine with a GPU has."""

    def take(self, shape, dtype):
        return torch.empty(shape, dtype=dtype)

    def copy_of(self, values, dtype):
        return torch.from_numpy(np.array(values)).view(dtype)


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about a machine without a GPU")
def test_a_device_that_is_not_there_is_refused(datasets):
    with pytest.raises(UsageError, match=r"device='cuda' cannot be used here \(.*\): expected another, such as 'cpu'"):
        loader(datasets[10, False], 2, device="cuda")
    for wrong in ("gpu", 3.5):
        with pytest.raises(UsageError, match=rf"device='?{wrong}'?: expected one of PyTorch, such as 'cpu' or 'cuda'"):
            loader(datasets[10, False], 2, device=wrong)


def test_all_is_kept_where_it_takes_half_of_the_free_memory_of_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 4000) if device.index == 1 else (1, 4000))
    cuda = torch.device("cuda", 1)
    assert [is_resident("auto", cuda, size) for size in (499, 500, 501)] == [True, True, False]
    assert [is_resident(stated, cuda, 10**9) for stated in (True, False)] == [True, False]
    assert [is_resident(stated, torch.device("mps"), 1) for stated in ("auto", True)] == [False, True]
    for wrong in ("yes", None, 1):
        with pytest.raises(UsageError, match=r"resident=.*: expected True, False or 'auto'"):
            is_resident(wrong, cuda, 1)


@pytest.fixture
def without_palettes(tmp_path):
    """Return a dataset of pixels, and one of image files of two sizes."""
    split = random_split(4, 3, 5, 4)
    stored = {"pixels": pixels_of(split), "labels": split["labels"]}
    data = icsys.load(write_arrays(tmp_path / "x", {"all": stored}, colors=0, classes=CLASSES))
    for number, size in enumerate([(5, 3), (5, 3), (6, 3), (6, 3)]):
        (tmp_path / "in").mkdir(exist_ok=True)
        Image.new("RGB", size, (number, 9, 70)).save(tmp_path / "in" / f"{number}.png")
    icsys.compress_folder(tmp_path / "in", tmp_path / "out", icsys.Options(step=1))
    return data, icsys.load(tmp_path / "out")


def test_images_without_palettes_are_sent_as_pixels(without_palettes, monkeypatch):
    """A program that trains from few colours takes all colours, and files, without a change."""
    for data in without_palettes:
        form = {"flip": True, "shift": 1, "seed": 2, "shuffle": False, "mean": 0.5, "std": 0.25}
        one, other = loader(data, 2, **form), loader(data, 2, **form)
        maker = BatchMaker(data, batch_form("CHW", "float32", 0.5, 0.25), "labels", 1)
        maker.choose_device(HERE, resident="auto")
        monkeypatch.setattr(other, "_maker", maker)
        for (pixels, labels), (others, as_well) in zip(one, other, strict=True):
            np.testing.assert_array_equal(pixels.numpy(), others.numpy())
            assert labels.tolist() == as_well.tolist()
        for pixels, labels in loader(data, 2, device="meta", shuffle=False):
            assert (pixels.device.type, labels.device.type, pixels.dtype) == ("meta", "meta", torch.float32)


def test_kept_data_needs_a_device_and_indices(datasets, without_palettes):
    for data in without_palettes:
        with pytest.raises(UsageError, match=r"resident=True for images without indices, .* expected no resident"):
            loader(data, 2, device="meta", resident=True)
        with pytest.raises(UsageError, match="resident='yes': expected True, False or 'auto'"):
            loader(data, 2, device="meta", resident="yes")
    with pytest.raises(UsageError, match="resident=True with device='cpu'"):
        loader(datasets[10, False], 2, resident=True)
