"""PyTorch gets whole batches from arrays: the pixels, order and labels that NumPy gives, again and again the same."""

import json
import pickle
import threading
from collections import Counter
from itertools import chain, islice, product
from typing import Protocol, runtime_checkable

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

from torch.utils.data import DataLoader, DistributedSampler

from icsys.torch import as_dataset, loader

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
        {
            "shuffle": st.sampled_from([True, False, "blocks"]),
            "drop_last": st.booleans(),
            "flip": st.booleans(),
            "prefetch": st.integers(0, 3),
        }
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


def by_image(data, batches):
    """Return what each image became in an epoch, by the number that its label stands for; a repeated one, once."""
    found = {}
    for pixels, labels in batches:
        for one, label in zip(pixels, labels.tolist(), strict=True):
            assert found.setdefault(label, one.numpy().tobytes()) == one.numpy().tobytes()
    assert len(found) == len(data)
    return found


def shown(image, way):
    """Return a part of an image (H, W, 3), moved and mirrored, pixel by pixel."""
    (rows, columns), (top, left, height, width, down, right, mirrored) = image.shape[:2], way
    part = [
        [
            image[min(max(top + y - down, 0), rows - 1), min(max(left + x - right, 0), columns - 1)]
            for x in (reversed(range(width)) if mirrored else range(width))
        ]
        for y in range(height)
    ]
    return np.array(part)


@pytest.fixture(scope="module")
def numbered(tmp_path_factory):
    """Return images whose labels tell them apart: each is a class of its own."""
    split = random_split(COUNT, 3, 5, 10, seed=1) | {"labels": np.arange(COUNT)}
    folder = write_arrays(
        tmp_path_factory.mktemp("a") / "x", {"all": split}, colors=10, classes=[*map(str, range(COUNT))]
    )
    return icsys.load(folder)


def test_images_are_flipped_cropped_and_shifted_in_every_way_that_may_be(numbered):
    ways = [
        (top, left, 2, 4, down, right, mirrored)
        for top, left, down, right, mirrored in product(range(2), range(2), range(-1, 2), range(-1, 2), (False, True))
    ]
    images = numbered.pixels(layout="HWC")
    known = [{shown(image, way).tobytes(): way for way in ways} for image in images]
    batches = loader(numbered, 9, layout="HWC", dtype="uint8", flip=True, crop=(2, 4), shift=1)
    seen = set()
    for _ in range(12):
        found = by_image(numbered, batches)
        seen |= {known[row][pixels] for row, pixels in found.items()}
    # Where two ways show the same pixels, only the last has an entry.
    assert len(seen) > 0.85 * max(map(len, known))
    for place in range(7):
        assert {way[place] for way in seen} == {way[place] for way in ways}


def test_colours_are_changed_in_palettes(numbered):
    """With brightness alone, an image has one factor, which the lightest of its levels that is not clipped tells."""
    factors = []
    for pixels, labels in loader(numbered, 6, dtype="uint8", layout="HWC", brightness=0.5):
        before = numbered.pixels(labels.numpy(), layout="HWC").astype(float)
        for image, known in zip(pixels.numpy(), before, strict=True):
            inside = (image < 255) & (known > 0)
            lightest = np.unravel_index(np.where(inside, known, -1).argmax(), known.shape)
            factors.append(image[lightest] / known[lightest])
            np.testing.assert_allclose(image, np.minimum(known * factors[-1], 255), rtol=0, atol=2)
    assert 0.49 < min(factors) < 0.65
    assert 1.35 < max(factors) < 1.51


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_masks_move_with_their_images(kind, tmp_path, monkeypatch):
    """The mask of a pixel is its index, so the palette that all images share tells its colour wherever it is."""
    shared = random_split(1, 1, 1, 10)["palettes"][0]
    split = random_split(COUNT, 3, 5, 10, shared=shared)
    data = icsys.load(write_arrays(tmp_path / "x", {"all": split}, colors=10, classes=CLASSES))
    with pytest.raises(UsageError, match="masks"):
        loader(data, 4, target="masks")
    monkeypatch.setattr(type(data), "masks", split["indices"].astype(kind))
    form = {"flip": True, "crop": (2, 4), "shift": 2, "layout": "HWC", "dtype": "uint8"}
    for batches in (loader(data, 4, target="masks", **form), loader(data, 4, target="masks")):
        for pixels, masks in batches:
            assert masks.dtype == (torch.uint8 if kind == np.uint8 else torch.int32)
            if pixels.dtype == torch.uint8:
                np.testing.assert_array_equal(pixels.numpy(), shared[masks.numpy()])
            else:
                np.testing.assert_allclose(pixels.permute(0, 2, 3, 1).numpy() * 255, shared[masks.numpy()], atol=1e-4)
    with pytest.raises(UsageError, match="target='boxes': expected one of labels, masks"):
        loader(data, 4, target="boxes")


ALL = {"flip": True, "crop": (2, 4), "shift": 1, "brightness": 0.3, "contrast": 0.3, "saturation": 0.3, "hue": 0.1}


@given(
    world=st.integers(1, 4),
    form=st.fixed_dictionaries(
        {
            "batch_size": st.integers(1, 9),
            "prefetch": st.integers(0, 2),
            "threads": st.integers(1, 3),
            "shuffle": st.sampled_from([True, False, "blocks"]),
        }
    ),
)
@settings(max_examples=25)
def test_an_image_is_changed_alike_whoever_takes_it_and_in_whatever_order(numbered, world, form):
    """The random numbers of an image depend on seed, epoch and purpose alone; the other epoch has others."""
    usual = [by_image(numbered, loader(numbered, 5, seed=2, epoch=epoch, **ALL)) for epoch in (3, 4)]
    loaders = [loader(numbered, seed=2, epoch=3, rank=rank, world=world, **ALL, **form) for rank in range(world)]
    for expected in usual:
        assert by_image(numbered, chain(*loaders)) == expected
    assert usual[0] != usual[1]


@given(
    stop=st.integers(0, 14),
    kept=st.sets(st.sampled_from(list(ALL))),
    form=st.fixed_dictionaries(
        {
            "batch_size": st.integers(1, 9),
            "prefetch": st.integers(0, 2),
            "shuffle": st.sampled_from([True, False, "blocks"]),
            "drop_last": st.booleans(),
            "world": st.integers(1, 3),
            "seed": st.integers(0, 3),
        }
    ),
)
@settings(max_examples=40)
def test_training_goes_on_with_the_same_batches_whatever_is_random(numbered, stop, kept, form):
    """Broken off after any batch of two epochs, by a loader that is made anew from a state that went through JSON."""
    form |= {name: ALL[name] for name in kept} | {"rank": form["world"] - 1}
    expected = [batch for one in [loader(numbered, **form)] for _ in range(3) for batch in one]
    broken = loader(numbered, **form)
    given_out = list(islice((batch for _ in range(2) for batch in broken), stop))
    state = broken.state_dict()
    after = loader(numbered, **form)
    after.load_state_dict(json.loads(json.dumps(state)))
    while len(given_out) < len(expected):
        given_out += after
    for (pixels, labels), (others, as_well) in zip(given_out, expected, strict=True):
        assert labels.tolist() == as_well.tolist()
        np.testing.assert_array_equal(pixels.numpy(), others.numpy())


@runtime_checkable
class Stateful(Protocol):
    """What torchdata asks of a part of a pipeline that goes on where it was."""

    def state_dict(self): ...

    def load_state_dict(self, state): ...


def test_a_state_fits_the_tools_that_keep_one(numbered, tmp_path):
    one = loader(numbered, 4, **ALL)
    assert isinstance(one, Stateful)
    next(iter(one))
    torch.save({"loader": one.state_dict()}, tmp_path / "x.pt")
    assert torch.load(tmp_path / "x.pt", weights_only=True)["loader"] == one.state_dict()


@pytest.mark.parametrize("drop_last", [False, True])
@given(count=st.integers(1, COUNT), world=st.integers(1, 9), shuffle=st.booleans())
@settings(max_examples=40)
def test_processes_get_as_many_images_as_from_a_distributed_sampler(numbered, drop_last, count, world, shuffle):
    data, shares = numbered[:count], []
    for rank in range(world):
        form = {"rank": rank, "shuffle": shuffle, "drop_last": drop_last}
        sampler = DistributedSampler(as_dataset(data), num_replicas=world, **form)
        rows = [row for _, labels in loader(data, 1, world=world, **form) for row in labels.tolist()]
        shares.append(rows)
        assert len(rows) == len(sampler)
        if not shuffle:
            assert rows == list(sampler)
    taken = [row for share in shares for row in share]
    assert max(Counter(taken).values(), default=1) <= (1 if drop_last else -(-world // count) + 1)


def test_a_state_of_other_batches_is_refused(data):
    state = loader(data, 4).state_dict()
    for other in (
        {"batch_size": 5},
        {"seed": 1},
        {"world": 2},
        {"shuffle": False},
        {"shuffle": "blocks"},
        {"drop_last": True},
    ):
        form = {"batch_size": 4} | other
        with pytest.raises(UsageError, match=f"the state has {next(iter(other))}="):
            loader(data, **form).load_state_dict(state)
    with pytest.raises(UsageError, match="the state has images=23: expected 4"):
        loader(data.split("val"), 4).load_state_dict(state)
    for wrong in ({"batch": 99}, {"batch": -1}, {"epoch": None}):
        with pytest.raises(UsageError, match=f"{next(iter(wrong))}="):
            loader(data, 4).load_state_dict(state | wrong)


def threads_of_loaders():
    """Return the threads that make batches now: other threads of the process may end at any time."""
    return [thread for thread in threading.enumerate() if thread.name == "icsys batches"]


def test_a_pass_that_is_broken_off_begins_again_and_leaves_no_thread(data):
    one = loader(data, 2, prefetch=3)
    first = rows_in(data, [batch for batch, _ in zip(one, range(2), strict=False)])
    assert rows_in(data, one)[:2] == first
    assert threads_of_loaders() == []
    passing = iter(one)
    next(passing)
    del passing
    assert threads_of_loaders() == []


def test_an_error_of_the_thread_that_makes_batches_is_raised(data, monkeypatch):
    one = loader(data, 4)
    monkeypatch.setattr(type(data), "pixels", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        next(iter(one))
    assert threads_of_loaders() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_size": 0},
        {"rank": 1},
        {"rank": 2, "world": 2},
        {"prefetch": -1},
        {"seed": -1},
        {"shuffle": "block"},
        {"crop": (4, 4)},
        {"shift": -1},
        {"hue": 0.7},
        {"brightness": "much"},
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


def test_labels_of_ones_own_come_with_their_images(data):
    rows = data.with_labels(range(len(data)))
    for pixels, labels in loader(rows, 5, layout="HWC", dtype="uint8", seed=3):
        np.testing.assert_array_equal(pixels, data.pixels(labels.numpy(), "HWC"))
    of_pytorch = DataLoader(as_dataset(rows[::-1], layout="HWC", dtype="uint8"), batch_size=5)
    assert [label for _, labels in of_pytorch for label in labels.tolist()] == list(range(len(data)))[::-1]


def test_an_empty_view_has_no_batches(data):
    assert list(loader(data[:0], 4)) == []
    assert list(loader(data[:3], 4, drop_last=True)) == []


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


def test_worker_processes_and_a_distributed_sampler_share_the_images(numbered):
    """Two train; the second has two worker processes, started anew."""
    dataset, taken = as_dataset(numbered, dtype=torch.uint8), []
    for rank in range(2):
        sampler = DistributedSampler(dataset, num_replicas=2, rank=rank, seed=3)
        workers = {"num_workers": 2, "multiprocessing_context": "spawn"} if rank else {}
        batches = DataLoader(dataset, batch_size=4, sampler=sampler, **workers)
        for pixels, labels in batches:
            np.testing.assert_array_equal(pixels.numpy(), numbered.pixels(labels.numpy()))
            taken += labels.tolist()
    assert len(taken) == COUNT + 1
    assert set(taken) == set(range(COUNT))


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
