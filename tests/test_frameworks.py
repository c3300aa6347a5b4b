"""Recipes for other frameworks, as the pages show them, give the pixels of the rows and each image once an epoch."""

import math
import os
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import icsys
from array_folders import pixels_of, random_split, write_arrays

TASKS = Path(__file__).parents[1] / "docs" / "tasks"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
COUNT, BATCH = 23, 8  # the recipes have batches of 8
LAST = COUNT % BATCH


@pytest.fixture(autouse=True)
def set_up(tmp_path, monkeypatch):
    """Run in a folder of the test's own, with a backend of Keras that is there."""
    monkeypatch.setenv("KERAS_BACKEND", os.environ.get("KERAS_BACKEND", "torch"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def made(colors=10, size=(32, 32), shared=None):
    """Write a dataset of two classes, dark and light, under the name that recipes read; return pixels and labels."""
    split = random_split(COUNT, *size, colors, shared=shared)
    split["labels"] = np.arange(COUNT) % 2
    if shared is None:
        split["palettes"] = split["palettes"] // 2 + split["labels"][:, None, None].astype(np.uint8) * 100
    write_arrays(Path("Ready"), {"all": split}, colors=colors, classes=["dark", "light"])
    return pixels_of(split), split["labels"]


def recipe(page, import_line):
    """Run the block of a page that has a line; return its names."""
    blocks = re.findall(r"^```python\n(.*?)^```", (TASKS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    [text] = [text for text in blocks if re.search(rf"^{import_line}", text, re.MULTILINE)]
    names = {"__name__": "recipe"}
    exec(compile(text, page, "exec"), names)  # noqa: S102 - the page is the code that is tested
    return names


def known_images(pixels):
    """Return the images by their normalised pixels, (H, W, 3), computed here."""
    expected = ((pixels / 255 - MEAN) / STD).astype(np.float32)
    given = icsys.load("Ready").pixels(None, "HWC", "float32", MEAN, STD)
    np.testing.assert_allclose(given, expected, rtol=1e-6, atol=1e-6)
    return {image.tobytes(): row for row, image in enumerate(given)}


def rows_in(batches, known, labels):
    """Return the rows of one epoch by the pixels of its batches; every batch is whole but the last, with its labels."""
    rows, sizes = [], []
    for pixels, given in batches:
        here = [known[np.ascontiguousarray(image).tobytes()] for image in np.asarray(pixels)]
        assert np.asarray(given).tolist() == labels[here].tolist()
        rows += here
        sizes.append(len(here))
    assert sizes == [BATCH, BATCH, LAST]
    assert sorted(rows) == list(range(COUNT))
    return rows


def by_size(batch):
    """Sort the smaller batch, which Keras may give at any place, to the end."""
    return -len(batch[0])


@pytest.mark.own_process("keras")
def test_keras_gets_whole_batches_in_a_new_order_each_epoch():
    pixels, labels = made()
    names = recipe("frameworks.md", "class Batches")
    keras = names["keras"]
    assert names["losses"][-1] < names["losses"][0]
    batches, known = names["Batches"](icsys.load("Ready"), BATCH), known_images(pixels)
    epochs = []
    for _ in range(3):
        epochs.append(rows_in([batches[number] for number in range(len(batches))], known, labels))
        batches.on_epoch_end()
    assert len(set(map(tuple, epochs))) == 3
    again = names["Batches"](icsys.load("Ready"), BATCH, seed=0)
    assert rows_in([again[number] for number in range(3)], known, labels) == epochs[0]

    seen = []

    class Seen(keras.Sequential):
        def train_step(self, data):
            seen.append(tuple(part.numpy().copy() for part in data))
            return super().train_step(data)

    model = Seen([keras.layers.Flatten(), keras.layers.Dense(2)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
    model.fit(names["Batches"](icsys.load("Ready"), BATCH), epochs=2, verbose=0)
    trained = [rows_in(sorted(seen[begin : begin + 3], key=by_size), known, labels) for begin in (0, 3)]
    assert trained[0] != trained[1]
    assert len(seen) == 6


@pytest.mark.own_process("tensorflow")
def test_tensorflow_gets_whole_batches_in_a_new_order_each_epoch():
    pixels, labels = made()
    names = recipe("frameworks.md", "import tensorflow")
    assert names["losses"][-1] < names["losses"][0]
    batches, known = names["batches"], known_images(pixels)
    assert batches.cardinality() == math.ceil(COUNT / BATCH)
    assert [spec.shape.as_list() for spec in batches.element_spec] == [[None, 32, 32, 3], [None]]
    epochs = [rows_in(batches, known, labels) for _ in range(3)]
    assert len(set(map(tuple, epochs))) == 3
    assert isinstance(batches, names["tf"].data.Dataset)


@pytest.mark.own_process("jax")
@pytest.mark.parametrize("colors", [2, 4, 10, 200, 300])
def test_jax_makes_the_pixels_on_the_device(colors):
    """Widths that fill no whole byte; indices past the palette show its last colour, as everywhere in ICS."""
    pixels, labels = made(colors, (5, 7))
    names = recipe("frameworks.md", "import jax$")
    assert all(np.isfinite(names["losses"]))
    assert names["losses"][-1] < names["losses"][0]
    assert len(names["losses"]) == 5 * math.ceil(COUNT / BATCH)
    assert sorted(names["order"].tolist()) == list(range(COUNT))
    rows = np.array([3, 22, 0, 3])
    given, of_rows = names["take_batch"](names["stored"], rows)
    assert (given.shape, given.dtype) == ((4, 5, 7, 3), np.float32)
    np.testing.assert_allclose(given, (pixels[rows] / 255 - MEAN) / STD, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(given, icsys.load("Ready").pixels(rows, "HWC", "float32", MEAN, STD), atol=1e-5)
    assert of_rows.tolist() == labels[rows].tolist()
    packed, palettes, numbers = names["stored"]
    highest = np.full_like(packed, np.iinfo(packed.dtype).max)
    past, _ = names["take_batch"]((highest, palettes, numbers), rows)
    last = ((np.asarray(palettes)[rows, -1] / 255 - MEAN) / STD)[:, None, None]
    np.testing.assert_allclose(past, np.broadcast_to(last, past.shape), rtol=1e-5, atol=1e-5)


def fit(names, path=None):
    """Train with Lightning as the recipe does; from the beginning with checkpoints. Return what the model saw."""
    seen = []

    class Model(names["Model"]):
        def training_step(self, batch):
            seen.append(tuple(part.numpy().copy() for part in batch))
            return super().training_step(batch)

    class Save(names["lightning"].Callback):
        def on_train_batch_end(self, trainer, *_):
            trainer.save_checkpoint(f"step-{trainer.global_step}.ckpt")

        def on_train_epoch_end(self, trainer, _):
            trainer.save_checkpoint(f"epoch-{trainer.global_step}.ckpt")

    quiet = {
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
    }
    trainer = names["lightning"].Trainer(accelerator="cpu", max_epochs=3, callbacks=[] if path else [Save()], **quiet)
    trainer.fit(Model(32 * 32 * 3, 2), names["Photos"]("Ready", BATCH), ckpt_path=path)
    return seen


@pytest.mark.own_process("lightning")
@pytest.mark.filterwarnings("ignore:.isinstance.treespec, LeafSpec:FutureWarning")  # Lightning's own use of PyTorch
def test_lightning_has_each_image_once_an_epoch_and_goes_on_where_it_stopped():
    pixels, labels = made()
    names = recipe("frameworks.md", "import lightning")
    losses = names["model"].losses
    assert len(losses) == 5 * 3
    assert np.mean(losses[-3:]) < np.mean(losses[:3])
    known = known_images(pixels)
    for image, row in list(known.items()):
        known[np.frombuffer(image, np.float32).reshape(32, 32, 3)[:, ::-1].tobytes()] = row
    whole = fit(names)
    batches = [(images.transpose(0, 2, 3, 1), given) for images, given in whole]
    assert len({tuple(rows_in(batches[begin : begin + 3], known, labels)) for begin in (0, 3, 6)}) == 3
    for kind, stop in (("epoch", 3), ("epoch", 6), ("step", 2), ("step", 3), ("step", 4)):
        rest = fit(names, f"{kind}-{stop}.ckpt")
        assert [image.tobytes() for image, _ in rest] == [image.tobytes() for image, _ in whole[stop:]]

    module, shown = names["Photos"]("Ready", 4), []
    module.setup("fit")
    for rank in range(2):
        loop = SimpleNamespace(epoch_progress=SimpleNamespace(current=SimpleNamespace(processed=1)))
        strategy = SimpleNamespace(root_device="cpu")
        module.trainer = SimpleNamespace(global_rank=rank, world_size=2, strategy=strategy, fit_loop=loop)
        shown.append([known[image.tobytes()] for images, _ in module.train_dataloader() for image in by_pixel(images)])
    assert [len(rows) for rows in shown] == [12, 12]
    assert set(shown[0]) | set(shown[1]) == set(range(COUNT))
    assert len(set(shown[0]) & set(shown[1])) == 1  # an odd number of images


def by_pixel(images):
    """Return images of a tensor (n, 3, H, W) as arrays of shape (H, W, 3)."""
    return np.ascontiguousarray(images.numpy().transpose(0, 2, 3, 1))


@pytest.mark.own_process("datasets")
def test_datasets_reads_the_pixels_of_whole_batches():
    pixels, labels = made(size=(24, 32))
    names = recipe("hugging-face.md", "import icsys")
    known, calls = known_images(pixels), []
    read = names["with_pixels"]
    dataset = names["dataset"].with_transform(lambda rows: calls.append(len(rows["row"])) or read(rows))
    epochs = []
    for epoch in range(2):
        taken = dataset.shuffle(seed=epoch).iter(batch_size=BATCH)
        batches = [(batch["pixel_values"].transpose(0, 2, 3, 1), batch["labels"]) for batch in taken]
        epochs.append(rows_in(batches, known, labels))
    assert epochs[0] != epochs[1]
    assert calls == [BATCH, BATCH, LAST] * 2
    parts = dataset.train_test_split(5, seed=0)
    of_parts = [known[image.tobytes()] for part in parts.values() for image in by_pixel_of(part)]
    assert sorted(of_parts) == list(range(COUNT))
    assert dataset.features["label"].names == ["dark", "light"]


def by_pixel_of(dataset):
    """Return the images of a whole dataset of Hugging Face as arrays of shape (H, W, 3)."""
    return np.ascontiguousarray(dataset[:]["pixel_values"].transpose(0, 2, 3, 1))
