"""PyTorch gets whole batches from arrays: the pixels, order and labels that NumPy gives, again and again the same."""

import pickle
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import icsys
from array_folders import pixels_of, random_split, write_arrays
from icsys import UsageError
from large_arrays import COLORS, MANY, MEGABYTE, SIDE, large, own_memory

torch = pytest.importorskip("torch", reason="needs PyTorch: make test-extras")
pytest.importorskip("torchvision", reason="needs torchvision: make test-extras")

from torch.utils.data import DataLoader

from icsys.loading.batch_form import batch_form
from icsys.torch import as_dataset, loader
from icsys.torch.on_device import DevicePixels

CLASSES = ["cat", "dog", "AC/DC"]
COUNT = 23


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    splits = {name: random_split(count, 3, 5, 10, seed=count) for name, count in (("train", 19), ("val", 4))}
    return icsys.load(write_arrays(tmp_path_factory.mktemp("a") / "x", splits, colors=10, classes=CLASSES))


def rows_in(data, batches):
    """Return the rows of batches, found again by their pixels, and whether each is mirrored."""
    whole = data.pixels(dtype="float32")
    known = {pixels.tobytes(): (row, False) for row, pixels in enumerate(whole)}
    known |= {np.ascontiguousarray(pixels[..., ::-1]).tobytes(): (row, True) for row, pixels in enumerate(whole)}
    found = []
    for pixels, labels in batches:
        assert (pixels.dtype, labels.dtype) == (torch.float32, torch.int64)
        rows = [known[one.numpy().tobytes()] for one in pixels]
        assert labels.tolist() == data.labels[[row for row, _ in rows]].tolist()
        found.append(rows)
    return found


@given(
    batch_size=st.integers(1, 9),
    world=st.integers(1, 5),
    form=st.fixed_dictionaries(
        {"shuffle": st.booleans(), "drop_last": st.booleans(), "flip": st.booleans(), "prefetch": st.integers(0, 3)}
    ),
)
@settings(max_examples=30)
def test_processes_share_the_images_of_an_epoch(data, batch_size, world, form):
    """Each gets equally many; all images come, a few twice, or once and a few not where the last are left out."""
    drop_last = form["drop_last"]
    loaders = [loader(data, batch_size, rank=rank, world=world, **form) for rank in range(world)]
    batches = [rows_in(data, one) for one in loaders]
    assert {len(one) for one in batches} == {len(loaders[0])}
    rows = [[row for batch in one for row in batch] for one in batches]
    assert len({len(one) for one in rows}) == 1
    sizes = [len(batch) for batch in batches[0]]
    assert all(size == batch_size for size in sizes[: None if drop_last else -1])
    flat = [row for one in rows for row, _ in one]
    if drop_last:
        assert len(set(flat)) == len(flat) == COUNT // world // batch_size * batch_size * world
    else:
        assert set(flat) == set(range(COUNT))
        assert len(flat) == -(-COUNT // world) * world
    assert any(mirrored for one in rows for _, mirrored in one) <= form["flip"]
    if not form["shuffle"]:
        together = [row for turn in zip(*rows, strict=True) for row, _ in turn]
        assert together == [row % COUNT for row in range(len(together))]


def test_each_epoch_has_an_order_and_flips_of_its_own_which_seed_and_number_give_again(data):
    one = loader(data, 4, flip=True, seed=5)
    epochs = [rows_in(data, one) for _ in range(3)]
    assert one.epoch == 3
    assert len({str(epoch) for epoch in epochs}) == 3
    for number in (2, 0, 1):
        one.set_epoch(number)
        assert rows_in(data, one) == epochs[number]
        again = loader(data, 4, flip=True, seed=5, epoch=number, threads=2, prefetch=0)
        assert rows_in(data, again) == epochs[number]
    assert rows_in(data, loader(data, 4, flip=True, seed=6)) != epochs[0]
    flips = [mirrored for epoch in epochs for batch in epoch for _, mirrored in batch]
    assert 20 < sum(flips) < 49
    same = [row for batch in rows_in(data, loader(data, 9, seed=5)) for row, _ in batch]
    assert same == [row for batch in epochs[0] for row, _ in batch]


@pytest.mark.parametrize("prefetch", [0, 2])
@pytest.mark.parametrize("stop", range(7))
def test_training_goes_on_in_the_middle_of_an_epoch(data, stop, prefetch):
    """The state after any batch; prefetched batches that were not given out come again."""
    form = {"flip": True, "seed": 3, "prefetch": prefetch, "epoch": 1}
    whole = loader(data, 4, **form)
    expected = rows_in(data, whole) + rows_in(data, whole)
    broken = loader(data, 4, **form)
    given, passing = [], iter(broken)
    state = broken.state_dict()
    for _ in range(stop):
        batch = next(passing, None)
        given += [] if batch is None else [batch]
        state = broken.state_dict()
    passing.close()
    after = loader(data, 4, **form | {"epoch": 0})
    after.load_state_dict(state)
    assert after.state_dict() == state
    rest = [batch for _ in range(after.epoch, 3) for batch in rows_in(data, after)]
    assert rows_in(data, given) + rest == expected
    assert after.epoch == 3


def test_the_epoch_is_over_with_its_last_batch(data):
    """Programs that know the number of batches, such as Lightning, do not ask for one more."""
    counting, looping = loader(data, 4, seed=2), loader(data, 4, seed=2)
    for epoch in range(3):
        passing = iter(counting)
        counted = [next(passing) for _ in range(len(counting))]
        assert rows_in(data, counted) == rows_in(data, looping)
        assert counting.state_dict() == looping.state_dict()
        assert (counting.epoch, counting.state_dict()["batch"]) == (epoch + 1, 0)
    passing.close()
    state = looping.state_dict() | {"epoch": 4, "batch": len(looping)}
    looping.load_state_dict(state)
    assert list(looping) == []
    assert looping.epoch == 5


def test_a_state_of_other_batches_is_refused(data):
    state = loader(data, 4).state_dict()
    for other in ({"batch_size": 5}, {"seed": 1}, {"world": 2}, {"shuffle": False}, {"drop_last": True}):
        form = {"batch_size": 4} | other
        with pytest.raises(UsageError, match=f"the state has {next(iter(other))}="):
            loader(data, **form).load_state_dict(state)
    with pytest.raises(UsageError, match="the state has images=23: expected 4"):
        loader(data.split("val"), 4).load_state_dict(state)
    for wrong in ({"batch": 99}, {"batch": -1}, {"epoch": None}):
        with pytest.raises(UsageError, match=f"{next(iter(wrong))}="):
            loader(data, 4).load_state_dict(state | wrong)


def test_a_pass_that_is_broken_off_begins_again_and_leaves_no_thread(data):
    one, threads = loader(data, 2, prefetch=3), threading.active_count()
    first = rows_in(data, [batch for batch, _ in zip(one, range(2), strict=False)])
    assert rows_in(data, one)[:2] == first
    assert threading.active_count() == threads
    passing = iter(one)
    next(passing)
    del passing
    assert threading.active_count() == threads


def test_an_error_of_the_thread_that_makes_batches_is_raised(data, monkeypatch):
    one, threads = loader(data, 4), threading.active_count()
    monkeypatch.setattr(type(data), "pixels", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        next(iter(one))
    assert threading.active_count() == threads


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_size": 0},
        {"rank": 1},
        {"rank": 2, "world": 2},
        {"prefetch": -1},
        {"seed": -1},
        {"threads": 0},
        {"epoch": 1.5},
        {"layout": "NCHW"},
        {"dtype": torch.float64},
        {"dtype": "uint8", "mean": 0.5},
    ],
)
def test_a_wrong_value_is_refused_before_any_batch(data, wrong):
    with pytest.raises(UsageError, match=f"{next(iter(wrong))}" if len(wrong) == 1 else "rank|mean"):
        loader(data, **{"batch_size": 4} | wrong)


def test_an_empty_view_has_no_batches(data):
    assert list(loader(data[:0], 4)) == []
    assert list(loader(data[:3], 4, drop_last=True)) == []


@pytest.mark.parametrize("colors", [2, 4, 10, 200, 300])
@pytest.mark.parametrize("layout", ["CHW", "HWC"])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16"])
@pytest.mark.parametrize("is_shared", [False, True])
def test_pixels_made_on_a_device_are_those_made_here(colors, layout, dtype, is_shared, tmp_path):
    """The device is the processor: its tensors go the way that they go on others."""
    shared = random_split(1, 1, 1, colors)["palettes"][0] if is_shared else None
    split = random_split(4, 3, 5, colors, shared=shared)
    data = icsys.load(write_arrays(tmp_path / "x", {"all": split}, colors=colors, classes=CLASSES))
    form = batch_form(layout, dtype, *((None, None) if dtype == "uint8" else ((0.1, 0.2, 0.3), 0.5)))
    flip = np.array([True, False, True])
    rows = np.array([3, 0, 3])
    made = DevicePixels(data, form, torch.device("cpu")).batch(rows, flip)
    assert made.is_contiguous()
    np.testing.assert_array_equal(made.numpy(), data.pixels(rows, **form.keywords(), flip=flip))


def test_high_indices_reach_a_device_and_those_past_the_palette_show_its_last_colour(tmp_path):
    split = random_split(2, 3, 40, 40000, shared=np.arange(120000, dtype=np.uint32).astype(np.uint8).reshape(-1, 3))
    split["indices"][1] = 39999 + np.arange(120).reshape(3, 40)
    data = icsys.load(write_arrays(tmp_path / "x", {"all": split}, colors=40000, classes=CLASSES))
    assert split["indices"].max() > 40000
    rows = np.arange(2)
    made = DevicePixels(data, batch_form("CHW", "uint8", None, None), torch.device("cpu")).batch(rows, None)
    np.testing.assert_array_equal(made.numpy(), data.pixels())


def test_a_device_needs_indices(tmp_path):
    split = random_split(4, 3, 5, 4)
    stored = {"pixels": pixels_of(split), "labels": split["labels"]}
    data = icsys.load(write_arrays(tmp_path / "x", {"all": stored}, colors=0, classes=CLASSES))
    with pytest.raises(UsageError, match="no indices"):
        loader(data, 2, device="cuda")


@pytest.mark.parametrize("is_sent", [False, True])
def test_a_loader_of_pytorch_reads_it_too(data, is_sent):
    """Also after it is pickled, as it is for a worker process; tests/loading/test_dataset.py spawns one."""
    dataset = as_dataset(data, dtype=torch.float32, mean=0.5, std=0.5)
    if is_sent:
        dataset = pickle.loads(pickle.dumps(dataset))  # noqa: S301 - our own
    pixels, labels = zip(*DataLoader(dataset, batch_size=8), strict=True)
    np.testing.assert_array_equal(torch.cat(pixels).numpy(), data.pixels(dtype="float32", mean=0.5, std=0.5))
    assert torch.cat(labels).tolist() == data.labels.tolist() == dataset.targets.tolist()
    image, label = dataset[-1]
    assert (len(dataset), image.shape, label) == (COUNT, (3, 3, 5), data.labels[-1])
    with pytest.raises(IndexError):
        dataset[COUNT]
    changed = as_dataset(data, dtype="uint8", layout="HWC", transform=lambda image: image.sum().item())
    assert changed[2][0] == data[2][0].sum()


@pytest.mark.parametrize("shuffle", [False, True])
def test_the_first_batch_of_ten_gigabytes_comes_and_takes_little_memory(shuffle, tmp_path):
    last = random_split(5, SIDE, SIDE, COLORS)
    data = icsys.load(large(tmp_path, MANY, last))[::-1]
    before = own_memory()
    pixels, labels = next(iter(loader(data, 5, shuffle=shuffle, dtype="uint8", layout="HWC")))
    if not shuffle:
        np.testing.assert_array_equal(pixels.numpy(), pixels_of(last)[::-1])
        np.testing.assert_array_equal(labels.numpy(), last["labels"][::-1])
    assert own_memory() - before < MANY * 8 + 32 * MEGABYTE  # an order of all images, and a few batches
