"""PyTorch gets batches of indices: those of the pixels that the same loader gives, and of the files."""

import json
from itertools import chain, islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import icsys
from array_folders import random_split, write_arrays
from icsys import UsageError
from moved_images import changes_of, naive_indices

torch = pytest.importorskip("torch", reason="needs PyTorch: make test-extras")
pytest.importorskip("torchvision", reason="needs torchvision: make test-extras")

from icsys.loading.batch_changes import BatchChanges
from icsys.loading.batch_form import index_form
from icsys.torch import loader
from icsys.torch.batch_maker import BatchMaker
from icsys.torch.on_device import DevicePixels

CLASSES = ["cat", "dog", "AC/DC"]
HERE = torch.device("cpu")
COUNT, HEIGHT, WIDTH = 13, 4, 7
COLORS = (1, 2, 4, 10, 16, 200, 256, 300)
MOVES = {"flip": True, "crop": (2, 5), "shift": 3}


def numbered_palette(colors):
    """Return a palette whose colours tell their number: R + 256 G."""
    numbers = np.arange(colors)
    return np.stack([numbers % 256, numbers // 256, np.full(colors, 9)], axis=1).astype(np.uint8)


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    """Return a dataset for each number of colours, in two splits, whose images share a palette."""
    made = {}
    for colors in COLORS:
        shared = numbered_palette(colors)
        splits = {
            name: random_split(n, HEIGHT, WIDTH, colors, seed=n, shared=shared) for name, n in (("a", 8), ("b", 5))
        }
        folder = tmp_path_factory.mktemp("i") / "x"
        made[colors] = icsys.load(write_arrays(folder, splits, colors=colors, classes=CLASSES))
    return made


def numbers_of(pixels):
    """Return the indices that pixels of a numbered palette (n, 3, H, W) show."""
    return pixels[:, 0].int() + 256 * pixels[:, 1].int()


FORMS = st.fixed_dictionaries(
    {
        "batch_size": st.integers(1, 9),
        "shuffle": st.sampled_from([True, False, "blocks"]),
        "seed": st.integers(0, 3),
        "prefetch": st.integers(0, 2),
        "threads": st.integers(1, 3),
        "drop_last": st.booleans(),
        "epoch": st.integers(0, 2),
    }
)


@given(colors=st.sampled_from(COLORS), form=FORMS, kept=st.sets(st.sampled_from(list(MOVES))), world=st.integers(1, 3))
@settings(max_examples=60)
def test_indices_are_those_of_the_pixels_in_the_same_order_and_moved_alike(datasets, colors, form, kept, world):
    form |= {name: MOVES[name] for name in kept} | {"world": world, "rank": world - 1}
    data = datasets[colors]
    batches = loader(data, **form, form="indices")
    pixels = loader(data, **form, dtype="uint8")
    assert len(batches) == len(pixels)
    for _ in range(2):
        for (found, labels), (shown, as_well) in zip(batches, pixels, strict=True):
            assert found.dtype == (torch.uint8 if colors <= 256 else torch.int32)
            assert found.is_contiguous()
            np.testing.assert_array_equal(found.numpy(), numbers_of(shown).numpy())
            assert labels.tolist() == as_well.tolist()


@given(colors=st.sampled_from(COLORS), draw=st.data())
@settings(max_examples=100)
def test_indices_of_any_rows_and_changes_are_those_of_the_twin(datasets, colors, draw):
    """Of NumPy, of a loader, and of a device, which gets packed rows or keeps all of them."""
    data = datasets[colors]
    every = np.concatenate(
        [random_split(n, HEIGHT, WIDTH, colors, seed=n, shared=data.palettes)["indices"] for n in (8, 5)]
    )
    rows = np.array(draw.draw(st.lists(st.integers(0, COUNT - 1), max_size=5)), np.int64)
    drawn = draw.draw(changes_of(len(rows), (HEIGHT, WIDTH), 1))
    change = BatchChanges(drawn.flip, drawn.crop, drawn.shift)
    expected = naive_indices(every, rows, colors, flip=change.flip, crop=change.crop, shift=change.shift)
    out = np.empty(expected.shape, np.uint8 if colors <= 256 else draw.draw(st.sampled_from([np.uint16, np.int32])))
    assert data.unpacked_indices(rows, out=out, threads=2, **change.moves()) is out
    np.testing.assert_array_equal(out, expected)
    form = index_form(data.bits, signed=True)
    makers = [BatchMaker(data, form, "labels", 1) for _ in range(3)]
    for maker, resident in zip(makers[1:], (True, False), strict=True):
        maker.choose_device(HERE, resident=resident)
    for maker in makers:
        found, labels = maker.end(maker.begin(rows, change))
        assert found.dtype == (torch.uint8 if colors <= 256 else torch.int32)
        assert found.is_contiguous()
        np.testing.assert_array_equal(found.numpy(), expected)
        np.testing.assert_array_equal(labels.numpy(), data.labels[rows])


@given(stop=st.integers(0, 14), form=FORMS, kept=st.sets(st.sampled_from(list(MOVES))))
@settings(max_examples=25)
def test_training_goes_on_with_the_same_indices(datasets, stop, form, kept):
    data, form = datasets[10], form | {name: MOVES[name] for name in kept} | {"form": "indices"}
    whole = loader(data, **form)
    expected = list(chain(whole, whole, whole))
    broken = loader(data, **form)
    given_out = list(islice((batch for _ in range(2) for batch in broken), stop))
    after = loader(data, **form)
    after.load_state_dict(json.loads(json.dumps(broken.state_dict())))
    while len(given_out) < len(expected):
        given_out += after
    for (found, labels), (others, as_well) in zip(given_out, expected, strict=True):
        assert torch.equal(found, others)
        assert torch.equal(labels, as_well)


def test_indices_past_a_palette_are_its_last_everywhere(tmp_path):
    """So that no embedding is asked for a vector that it has not, and the palette gives the pixels of the loader."""
    split = random_split(3, 3, 5, 16, shared=numbered_palette(10))
    split["indices"][1] = 15
    data = icsys.load(write_arrays(tmp_path / "x", {"all": split}, colors=10, classes=CLASSES))
    expected = np.minimum(split["indices"], 9)
    np.testing.assert_array_equal(data.unpacked_indices(), expected)
    np.testing.assert_array_equal(data.to_numpy("indices")[0], expected)
    np.testing.assert_array_equal(numbers_of(torch.from_numpy(data.pixels())).numpy(), expected)
    for resident in (False, True):
        device = DevicePixels(data, index_form(4), HERE, resident=resident)
        np.testing.assert_array_equal(device.batch(np.arange(3), BatchChanges()).numpy(), expected)


def test_masks_come_with_indices_too(datasets, monkeypatch):
    data = datasets[10]
    monkeypatch.setattr(type(data), "masks", data.unpacked_indices())
    for found, masks in loader(data, 4, form="indices", target="masks", **MOVES):
        assert torch.equal(found, masks)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"form": "index"}, "form='index': expected one of pixels, indices; did you mean indices?"),
        ({"form": None}, "form=None: expected one of pixels, indices"),
        ({"mean": 0.5}, "mean=0.5 with form='indices': expected no mean, or form='pixels'"),
        ({"std": (1, 1, 1)}, r"std=\(1, 1, 1\) with form='indices': expected no std"),
        ({"dtype": torch.float32}, "dtype=torch.float32 with form='indices': expected no dtype"),
        ({"dtype": "uint8"}, "dtype='uint8' with form='indices'"),
        ({"layout": "CHW"}, "layout='CHW' with form='indices': expected no layout"),
        ({"brightness": 0.2}, "brightness=0.2 with form='indices': expected 0, since colours are changed in palettes"),
        ({"hue": 0.1}, "hue=0.1 with form='indices': expected 0"),
        ({"crop": (9, 9)}, r"crop=\(9, 9\)"),
    ],
)
def test_what_is_about_colours_is_refused_beside_indices(datasets, wrong, message):
    with pytest.raises(UsageError, match=message):
        loader(datasets[10], 4, **{"form": "indices"} | wrong)


def test_data_without_indices_is_refused_with_the_remedy(datasets, tmp_path):
    split = random_split(3, 3, 5, 16)
    stored = {"pixels": np.zeros((3, 3, 5, 3), np.uint8), "labels": split["labels"]}
    data = icsys.load(write_arrays(tmp_path / "x", {"all": stored}, colors=0, classes=CLASSES))
    with pytest.raises(UsageError, match=r"pixels of all colours \(strategy SO\), and no indices"):
        loader(data, 4, form="indices")
    with pytest.raises(TypeError, match="palettes"):
        datasets[10].unpacked_indices([0], palettes=np.zeros((10, 3), np.uint8))
    assert list(loader(datasets[10][:0], 4, form="indices")) == []
