"""Folders of image files, and packs of them, give the pixels that Pillow reads."""

import io
import json
import pickle
import tarfile

import numpy as np
import pytest
from PIL import Image

import icsys
from helpers import companion_row_of, image_bytes, left_out_row_of, manifest_row, synthetic_photo
from icsys import ImageError, Options, UsageError, compress_folder


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    for seed, name in enumerate(("train/cat/b.png", "train/cat/a.jpg", "train/dog/c.png", "val/dog/a.b.png")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(image_bytes(synthetic_photo(20, 30, seed=seed), "JPEG" if "jpg" in name else "PNG"))
    return folder


def compressed(source, folder, format="png", **options):  # noqa: A002 - the option's name
    compress_folder(source, folder, Options(colors=5, size="8x6", fit="stretch", format=format, **options))
    return folder


@pytest.fixture(scope="module")
def by_pillow(source, tmp_path_factory):
    """What Pillow reads of the same images as PNG files, shape (4, 6, 8, 3), by name."""
    folder = compressed(source, tmp_path_factory.mktemp("png") / "out")
    paths = sorted(folder.glob("*/*/*.png"), key=lambda path: path.relative_to(folder).as_posix())
    return {path.relative_to(folder).as_posix(): np.array(Image.open(path).convert("RGB")) for path in paths}


@pytest.mark.parametrize("format", ["png", "webp", "npz", "webdataset", "parquet"])
def test_pixels_labels_names_and_splits(format, source, tmp_path, by_pillow):  # noqa: A002 - the option's name
    data = icsys.load(compressed(source, tmp_path / "out", format), verify=True)
    for view in (data, pickle.loads(pickle.dumps(data))):  # noqa: S301 - our own
        np.testing.assert_array_equal(view.pixels(layout="HWC", threads=2), np.stack(list(by_pillow.values())))
        np.testing.assert_array_equal(view.pixels(-1, "HWC"), list(by_pillow.values())[-1])
        assert (view.labels.tolist(), view.classes) == ([0, 0, 1, 1], ["cat", "dog"])
        assert view.splits == {"train": 3, "val": 1}
        stems = [name.rpartition(".")[0] for name in view.names]
        assert stems == ["cat/a", "cat/b", "dog/c", "dog/a.b"]
    flipped = data[[3, 0, 3]].pixels(dtype="float32", flip=[True, False, False])
    expected = np.stack(list(by_pillow.values()))[[3, 0, 3]].transpose(0, 3, 1, 2) / np.float32(255)
    expected[0] = expected[0, :, :, ::-1]
    np.testing.assert_allclose(flipped, expected, rtol=1e-6)
    X, y = data.split("val").to_numpy()
    assert (X.shape, y.tolist()) == ((1, 6, 8, 3), [1])
    for name in ("indices", "palettes"):
        with pytest.raises(UsageError, match=f"no {name} in arrays: .*--format arrays"):
            getattr(data, name)


def test_many_images_are_read_some_at_a_time_and_stale_ones_never(source, tmp_path, monkeypatch):
    monkeypatch.setattr("icsys.loading.folder_split._AT_ONCE", 1)
    folder = compressed(source, tmp_path / "out")
    rows = [
        manifest_row("train/cat/b.png", status="stale"),
        companion_row_of("train/cat/d.png", kind="mask", width=8, height=6),
        left_out_row_of("train/cat/e.png"),
    ]
    with (folder / "manifest.jsonl").open("a", encoding="utf-8") as manifest:
        manifest.writelines(json.dumps(row) + "\n" for row in rows)
    data = icsys.load(folder)
    assert data.names == ["cat/a.png", "dog/c.png", "dog/a.b.png"]
    flip = np.array([False, True, True])
    expected = data.pixels(layout="HWC")
    expected[1:] = expected[1:, :, ::-1]
    np.testing.assert_array_equal(data.pixels(layout="HWC", flip=flip), expected)


def test_images_of_several_sizes_are_read_one_by_one(tmp_path):
    for side in (8, 12):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / f"{side}.png").write_bytes(image_bytes(synthetic_photo(side, 10)))
    compress_folder(tmp_path / "in", tmp_path / "out", Options(colors=4, step=2))
    data = icsys.load(tmp_path / "out")
    assert (data.size, data.splits, data.classes, data.labels.tolist()) == (None, {"all": 2}, [], [-1, -1])
    assert sorted(pixels.shape for pixels, _ in data) == [(4, 5, 3), (6, 5, 3)]
    assert data.pixels([1, 1]).shape[0] == 2
    with pytest.raises(UsageError, match=r"several sizes \(5 x 4, 5 x 6\): expected one"):
        data.pixels()


@pytest.mark.parametrize("format", ["png", "webdataset"])
def test_damage_names_the_file(format, source, tmp_path):  # noqa: A002 - the option's name
    folder = compressed(source, tmp_path / "out", format)
    path = folder / "val/dog/a.b.png" if format == "png" else next((folder / "data").glob("validation*.tar"))
    whole = path.read_bytes()
    place = whole.index(b"IDAT") + 6
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    data = icsys.load(folder)
    assert data.split("train").pixels().shape[0] == 3
    with pytest.raises(ImageError, match=r"'val/dog/a.b.png'"):
        data.pixels()
    with pytest.raises(UsageError, match=r"'val/dog/a.b.png' has changed"):
        data.verify()
    path.unlink()
    with pytest.raises(UsageError, match="run ics compress again"):
        data.pixels()


def test_a_pack_without_one_of_its_images_is_an_error(source, tmp_path):
    folder = compressed(source, tmp_path / "out", "webdataset")
    path = next((folder / "data").glob("train*.tar"))
    kept = io.BytesIO()
    with tarfile.open(path) as old, tarfile.open(fileobj=kept, mode="w") as new:
        for member in old:
            if "cat/b" not in member.name:
                new.addfile(member, old.extractfile(member))
    path.write_bytes(kept.getvalue())
    with pytest.raises(UsageError, match=r"does not hold the \d+ bytes of 'train/cat/b.png'"):
        icsys.load(folder).pixels()


def test_a_manifest_that_changes_is_noticed_in_another_process(source, tmp_path):
    folder = compressed(source, tmp_path / "out")
    pickled = pickle.dumps(icsys.load(folder))
    with (folder / "manifest.jsonl").open("a", encoding="utf-8") as manifest:
        manifest.write("{}\n")
    with pytest.raises(UsageError, match="has changed since it was loaded"):
        len(pickle.loads(pickled))  # noqa: S301 - our own


@pytest.mark.parametrize("strategy", ["MKM", "SO"])
def test_arrays_show_what_pillow_reads_of_the_same_images_as_files(strategy, source, tmp_path):
    """The folders that a run itself writes, also with one palette for all images."""
    folder = compressed(source, tmp_path / "png", strategy=strategy)
    paths = sorted(folder.glob("*/*/*.png"), key=lambda path: path.relative_to(folder).as_posix())
    expected = np.stack([np.array(Image.open(path).convert("RGB")) for path in paths])
    data = icsys.load(compressed(source, tmp_path / "arrays", "arrays", strategy=strategy), verify=True)
    np.testing.assert_array_equal(data.pixels(layout="HWC"), expected)
    assert (data.labels.tolist(), data.classes) == ([0, 0, 1, 1], ["cat", "dog"])
    assert data.splits == {"train": 3, "val": 1}
    if strategy == "MKM":
        assert (data.bits, data.palettes.shape, data.indices.shape) == (4, (4, 5, 3), (4, 6, 4))
