"""Memory of batches is used again once nobody can see it, and never before."""

import gc
import pickle
from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import icsys
from array_folders import random_split, write_arrays
from icsys import UsageError

torch = pytest.importorskip("torch", reason="needs PyTorch: make test-extras")
pytest.importorskip("torchvision", reason="needs torchvision: make test-extras")

from icsys.torch import loader
from icsys.torch.batch_buffers import ReusedBuffers
from icsys.torch.tensor_types import array_of

SHAPE = (4, 3, 2)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    split = random_split(24, 3, 5, 10)
    return icsys.load(
        write_arrays(tmp_path_factory.mktemp("a") / "x", {"all": split}, colors=10, classes=["a", "b", "c"])
    )


def saved_by_autograd(tensor):
    """Return a result whose graph needs the tensor."""
    return (tensor * torch.ones((), requires_grad=True)).sum()


HOLDERS = {
    "itself": lambda tensor: tensor,
    "a view": lambda tensor: tensor[2:, 1],
    "a view of a view": lambda tensor: tensor.view(-1)[3:].view(torch.uint8)[5:9],
    "a detached tensor": lambda tensor: tensor.detach(),
    "a permuted tensor": lambda tensor: tensor.permute(2, 0, 1),
    "an array": lambda tensor: tensor.numpy(),
    "a view of an array": lambda tensor: tensor.numpy()[1:, 2:],
    "an array from it": lambda tensor: np.asarray(tensor[1:]),
    "what autograd saved": saved_by_autograd,
    "its storage": lambda tensor: tensor.untyped_storage(),
    "DLPack": torch.from_dlpack,
    "a memoryview": lambda tensor: memoryview(tensor.numpy()),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_memory_is_kept_as_long_as_anything_shows_it(name):
    buffers = ReusedBuffers(3)
    tensor = buffers.take(SHAPE, torch.float32)
    place = tensor.data_ptr()
    held = HOLDERS[name](tensor)
    del tensor
    others = [buffers.take(SHAPE, torch.float32) for _ in range(2)]
    assert place not in {one.data_ptr() for one in others}
    del held
    assert buffers.take(SHAPE, torch.float32).data_ptr() == place


def test_memory_of_a_larger_batch_serves_a_smaller_and_other_types():
    buffers = ReusedBuffers(2)
    place = buffers.take((4, 3), torch.float32).data_ptr()
    assert buffers.take((3, 3), torch.float32).data_ptr() == place
    assert buffers.take((24,), torch.bfloat16).data_ptr() == place
    assert buffers.take((5, 3), torch.float32).data_ptr() != place
    assert buffers.take((0, 3), torch.float32).shape == (0, 3)


def test_an_array_shows_the_bits_of_a_tensor():
    for kind in (torch.uint8, torch.float32, torch.float16, torch.bfloat16):
        tensor = ReusedBuffers(1).take(SHAPE, kind)
        tensor.fill_(3)
        array = array_of(tensor)
        assert (array.shape, array.itemsize, array.flags.carray) == (SHAPE, kind.itemsize, True)
        array[1] = 0
        assert tensor.float().sum() == 3 * 18


@given(steps=st.lists(st.tuples(st.integers(1, 6), st.integers(0, 5)), max_size=40), most=st.integers(0, 4))
@settings(max_examples=60)
def test_no_two_batches_that_live_share_memory(steps, most):
    """Batches of any size are taken, and let go after any others."""
    buffers, living = ReusedBuffers(most), deque()
    for number, (size, gone) in enumerate(steps):
        tensor = buffers.take((size, 2), torch.int64)
        tensor.fill_(number)
        living.append((number, tensor))
        living.rotate(gone)
        while len(living) > gone:
            living.popleft()
        assert all((one == expected).all() for expected, one in living)


@pytest.mark.parametrize("prefetch", [0, 1, 2])
def test_batches_that_are_kept_stay_and_those_let_go_cost_no_new_memory(data, prefetch):
    kept = list(loader(data, 4, prefetch=prefetch, seed=1))
    again = loader(data, 4, prefetch=prefetch, seed=1)
    places = set()
    for (pixels, labels), (expected, of_these) in zip(again, kept, strict=True):
        np.testing.assert_array_equal(pixels.numpy(), expected.numpy())
        assert labels.tolist() == of_these.tolist()
        places.add(pixels.data_ptr())
    for pixels, _ in again:  # the next epoch
        places.add(pixels.data_ptr())
    assert len(places) <= prefetch + 3
    assert len({pixels.data_ptr() for pixels, _ in kept}) == len(kept)


def test_two_passes_at_a_time_and_a_copy_of_a_loader_have_memory_of_their_own(data):
    one = loader(data, 4, shuffle=False)
    for (first, _), (second, _) in zip(one, one, strict=True):
        np.testing.assert_array_equal(first.numpy(), second.numpy())
        assert first.data_ptr() != second.data_ptr()
    other = pickle.loads(pickle.dumps(one))  # noqa: S301 - our own
    assert [labels.tolist() for _, labels in other] == [
        labels.tolist() for _, labels in loader(data, 4, epoch=other.epoch, shuffle=False)
    ]


def test_memory_goes_with_the_loader(data):
    one = loader(data, 4)
    pixels, _ = next(iter(one))
    kept = pixels.clone()
    del one
    gc.collect()
    np.testing.assert_array_equal(pixels.numpy(), kept.numpy())


def test_pinned_memory_needs_a_gpu(data, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="pin=True is for copies to a GPU, and PyTorch finds none here"):
        loader(data, 4, pin=True)
    with pytest.raises(UsageError, match="pin=True with device='cuda'"):
        loader(data, 4, pin=True, device="cuda")


def test_pinned_batches_come_from_page_locked_memory(data, monkeypatch):
    """The machine has no GPU: what is asked of PyTorch is seen, and given from other memory."""
    asked = []

    def empty(shape, *, dtype, pin_memory=False):
        asked.append(pin_memory)
        return torch.zeros(shape, dtype=dtype)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    batches = loader(data, 4, pin=True, shuffle=False)
    monkeypatch.setattr(torch, "empty", empty)
    whole = np.concatenate([pixels.numpy() for pixels, _ in batches])
    np.testing.assert_array_equal(whole, data.pixels(dtype="float32"))
    assert asked == [True] * 12  # pixels and labels
