"""PyTorch reads compressed folders, and Quantize works where torchvision's transforms do."""

import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from fault_runs import needs_posix
from helpers import companion_row_of, image_bytes, left_out_row_of, soft_photo, synthetic_photo
from icsys import ImageError, Options, UsageError, compress_folder, quantize, read_palette, write_palette
from icsys.image.mask import reduce_mask
from icsys.image.view import View
from icsys.records.manifest import to_line
from mask_files import KINDS
from source_makers import put_parquet, put_tar

torch = pytest.importorskip("torch", reason="needs PyTorch: make test-extras")
torchvision = pytest.importorskip("torchvision", reason="needs torchvision: make test-extras")

from torch.utils.data import DataLoader
from torchvision import tv_tensors
from torchvision.datasets import ImageFolder
from torchvision.io import decode_png
from torchvision.transforms import Compose as Compose1
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from icsys.torch import IndexedImage, IndexedImageFolder, Palette, Quantize, collate


def compress(folder, *, colors=6, format="png", channels=3, **others):  # noqa: A002 - the option's name
    """Compress a folder of two classes, one of them with a folder in it and a picture of few colours."""
    source = folder / "in"
    for seed, name in enumerate(("dog/b.png", "cat/a.png", "cat/young/c.png", "dog/a.jpg")):
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = "JPEG" if name.endswith("jpg") else "PNG"
        path.write_bytes(image_bytes(synthetic_photo(40, 60, seed=seed, channels=channels), kind))
    Image.new("RGB", (60, 40), "red").save(source / "cat" / "plain.png")
    out = folder / format
    summary = compress_folder(source, out, Options(colors=colors, step=2, format=format, **others))
    assert summary.compressed == 5
    return out


@pytest.fixture
def out(tmp_path):
    return compress(tmp_path)


def same(tensor, array):
    np.testing.assert_array_equal(tensor.numpy(), array)


@pytest.mark.parametrize("form", ["indexed", "rgb"])
@pytest.mark.parametrize("format", ["png", "npz"])
def test_a_damaged_file_is_named(form, format, tmp_path):  # noqa: A002 - the option's name
    """One bit of one file has flipped, which Pillow alone does not notice in a PNG; the others are read."""
    out = compress(tmp_path, format=format)
    path = out / "cat" / f"a.{format}"
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 6 if format == "png" else len(data) // 3] ^= 1
    path.write_bytes(data)
    dataset = IndexedImageFolder(out, form)
    damaged = [name for name, _ in dataset.samples].index(str(path))
    for number in range(len(dataset)):
        if number != damaged:
            assert len(dataset[number]) == 2
    with pytest.raises(ImageError, match=f"a\\.{format}"):
        dataset[damaged]


def test_a_folder_is_read_while_it_is_filled(tmp_path):
    """Shards are not merged, and a killed run has left a temporary file."""
    out = compress(tmp_path)
    shards = tmp_path / "shards"
    compress_folder(tmp_path / "in", shards, Options(colors=6, step=2), shard="1/1")
    (shards / "cat" / ".ics-0123456789abcdef.tmp").write_bytes(b"half")
    there = IndexedImageFolder(shards)
    assert there.classes == ["cat", "dog"]
    assert len(there) == len(IndexedImageFolder(out))
    (tmp_path / "flat").mkdir()
    with pytest.raises(UsageError, match=r"no class folder in .*flat"):
        IndexedImageFolder(tmp_path / "flat")
    (tmp_path / "empty" / ".ics-books").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="no class folder"):
        IndexedImageFolder(tmp_path / "empty")


def test_a_folder_that_does_not_exist_is_named_with_what_is_expected(tmp_path):
    (tmp_path / "file").touch()
    for name in ("missing", "file"):
        for kind in (UsageError, FileNotFoundError):
            with pytest.raises(kind, match=f"root='.*{name}': expected the folder that ics compress wrote"):
                IndexedImageFolder(tmp_path / name)


def test_classes_have_the_names_and_numbers_that_the_source_gave_them(tmp_path):
    table = ["T - shirt / top", "dog", "AC/DC", "cat"]
    names = {f"{i}.png": image_bytes(synthetic_photo(20, 20, seed=i)) for i in range(6)}
    put_parquet(tmp_path / "a.parquet", names, labels=[3, 2, 1, 3, -1, 2], names=table)
    compress_folder(tmp_path / "a.parquet", tmp_path / "out", Options(colors=4))
    there = IndexedImageFolder(tmp_path / "out")
    assert (there.classes, there.class_to_idx) == (table, {name: number for number, name in enumerate(table)})
    assert sorted(there.targets) == [1, 2, 2, 3, 3]
    assert all(Path(path).parent.name.replace("%2F", "/") == table[number] for path, number in there.samples)
    numbers = {f"{i:02}.png": data for i, data in enumerate(names.values())} | {
        f"{i:02}.cls": str(number).encode() for i, number in enumerate((10, 9, 2, 1, 0, 10))
    }
    put_tar(tmp_path / "x.tar", sorted(numbers.items()))
    compress_folder(tmp_path / "x.tar", tmp_path / "numbers", Options(colors=4))
    assert IndexedImageFolder(tmp_path / "numbers").classes == ["0", "1", "2", "9", "10"]


def test_masks_beside_images_are_no_images_and_their_folder_is_no_class(out):
    """Rows of masks in the manifest, as a run writes them."""
    before = IndexedImageFolder(out)
    for name in ("masks/a.png", f"{before.classes[0]}/a_mask.png"):
        (out / name).parent.mkdir(exist_ok=True)
        shutil.copy(before.samples[0][0], out / name)
        row = companion_row_of(name, kind="mask", form="mask", picture="x", width=1, height=1)
        with (out / "manifest.jsonl").open("a", encoding="utf-8") as manifest:
            manifest.write(json.dumps(row) + "\n")
    after = IndexedImageFolder(out)
    assert after.classes == before.classes
    assert after.samples == before.samples


def test_classes_order_and_pixels_are_those_of_torchvision(out):
    """torchvision's own ImageFolder, which decodes with Pillow, reads the same folder."""
    theirs = ImageFolder(out)
    indexed, rgb = IndexedImageFolder(out), IndexedImageFolder(out, "rgb")
    for ours in indexed, rgb:
        assert (ours.classes, ours.class_to_idx, ours.samples) == (theirs.classes, theirs.class_to_idx, theirs.samples)
    assert len(theirs) == 5
    for (image, target), (few, few_target), (pixels, rgb_target) in zip(theirs, indexed, rgb, strict=True):
        assert target == few_target == rgb_target
        expected = np.asarray(image).transpose(2, 0, 1)
        same(few.to_rgb(), expected)
        same(pixels, expected)
        assert isinstance(pixels, tv_tensors.Image)


def test_indices_and_palette_are_those_of_quantize(out):
    dataset = IndexedImageFolder(out)
    path, _ = dataset.samples[0]
    image, target = dataset[0]
    few = quantize(Image.open(path), 6)
    assert (image.indices.dtype, image.palette.dtype, target) == (torch.uint8, torch.uint8, 0)
    same(image.indices, few.indices)
    same(image.palette, few.palette)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("format", "colors"), [("webp", 6), ("npz", 6), ("npz", 700), ("webp", 700), ("png", 700)])
def test_every_format_gives_the_same_images(format, colors, channels, tmp_path):  # noqa: A002 - the option's name
    """The formats that store no palette get the one that the others store."""
    dataset = IndexedImageFolder(compress(tmp_path, format=format, colors=colors, channels=channels))
    pngs = ImageFolder(compress(tmp_path / "png", colors=colors, channels=channels))
    assert len(dataset) == 5
    for (image, target), (expected, expected_target) in zip(dataset, pngs, strict=True):
        assert target == expected_target
        same(image.to_rgb(), np.asarray(expected).transpose(2, 0, 1))
        few = quantize(expected, colors)
        same(image.palette, few.palette)
        same(image.indices, few.indices)
        assert image.indices.dtype in ({torch.uint8} if colors <= 256 else {torch.int32, torch.uint8})


def test_jpeg_is_read_as_pixels_and_has_too_many_colours_to_be_indexed(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    (tmp_path / "in" / "cat").mkdir(parents=True)
    Image.fromarray(noise).save(tmp_path / "in" / "cat" / "noise.png")
    compress_folder(tmp_path / "in", tmp_path / "out", Options(strategy="SO", format="jpeg", step=1, jpeg_quality=100))
    pixels, _ = IndexedImageFolder(tmp_path / "out", "rgb")[0]
    same(pixels, np.asarray(Image.open(tmp_path / "out" / "cat" / "noise.jpg")).transpose(2, 0, 1))
    with pytest.raises(UsageError, match=r"noise\.jpg' has \d{5} colours.*form='rgb'"):
        IndexedImageFolder(tmp_path / "out")[0]


def test_transparent_entries_have_an_opacity(tmp_path):
    (tmp_path / "cat").mkdir()
    palette = [10, 20, 30, 40, 50, 60, 70, 80, 90]
    image = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8)).convert("L")
    image.putpalette(palette)
    image.save(tmp_path / "cat" / "a.png", transparency=b"\x00\x80")
    (few, _) = IndexedImageFolder(tmp_path)[0]
    same(few.palette, [[10, 20, 30, 0], [40, 50, 60, 128], [70, 80, 90, 255]])
    shown = Image.open(tmp_path / "cat" / "a.png").convert("RGBA")
    same(few.to_rgba(), np.asarray(shown).transpose(2, 0, 1))
    same(IndexedImageFolder(tmp_path, "rgba")[0][0], few.to_rgba())
    for background in ("#ffffff", "#1020f0"):
        under = Image.new("RGB", shown.size, background)
        under.paste(shown.convert("RGB"), mask=shown.getchannel("A"))
        same(few.to_rgb(background), np.asarray(under).transpose(2, 0, 1))
        same(IndexedImageFolder(tmp_path, "rgb", background=background)[0][0], few.to_rgb(background))
    batch, _ = collate([(few, 0), (IndexedImage(few.indices, few.palette[:, :3]), 1)])
    same(batch.palette[1], [[10, 20, 30, 255], [40, 50, 60, 255], [70, 80, 90, 255]])
    assert (batch.to_rgb().shape, batch.to_rgba().shape) == ((2, 3, 2, 2), (2, 4, 2, 2))
    same(batch.to_rgb()[0], few.to_rgb())


@pytest.mark.parametrize(
    "options",
    [{}, {"png": "truecolor"}, {"colors": 300}, {"strategy": "SO"}, {"format": "webp"}, {"format": "npz"}],
    ids=str,
)
def test_a_folder_of_kept_alpha_is_read_as_it_is_stored(options, tmp_path):
    """Shapes do not depend on which images have alpha, but for palettes."""
    (tmp_path / "in" / "cat").mkdir(parents=True)
    for name, pixels in (("a", soft_photo()), ("b", synthetic_photo())):
        Image.fromarray(pixels).save(tmp_path / "in" / "cat" / f"{name}.png")
    compress_folder(tmp_path / "in", tmp_path / "out", Options(alpha="keep", step=2, **options))
    folders = {form: IndexedImageFolder(tmp_path / "out", form) for form in ("indexed", "rgb", "rgba")}
    for index in range(2):
        few, rgb, rgba = (folders[form][index][0] for form in ("indexed", "rgb", "rgba"))
        assert few.palette.shape[1] == (4 if index == 0 else 3)
        same(few.to_rgb(), rgb)
        same(few.to_rgba(), rgba)
        assert (rgb.shape, rgba.shape) == ((3, 30, 40), (4, 30, 40))
    with pytest.raises(UsageError, match="background='red'"):
        IndexedImageFolder(tmp_path / "out", "rgb", background="red")


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_makes_batches_of_palettes_of_any_length(out, workers):
    dataset = (
        IndexedImageFolder(out, target_transform=lambda target: target) if not workers else IndexedImageFolder(out)
    )
    images, targets = next(iter(DataLoader(dataset, batch_size=5, num_workers=workers, collate_fn=collate)))
    assert targets.tolist() == dataset.targets
    assert (images.indices.shape, images.palette.shape) == ((5, 20, 30), (5, 6, 3))
    shown = images.to_rgb()
    assert shown.shape == (5, 3, 20, 30)
    lengths = set()
    for i, (image, _) in enumerate(dataset):
        same(images.indices[i], image.indices)
        same(shown[i], image.to_rgb())
        assert not images.palette[i, len(image.palette) :].any()
        lengths.add(len(image.palette))
    assert lengths == {1, 6}


def test_a_dataset_of_pixels_needs_no_collate(out):
    images, _ = next(iter(DataLoader(IndexedImageFolder(out, "rgb"), batch_size=5)))
    assert (images.shape, images.dtype) == ((5, 3, 20, 30), torch.uint8)


GEOMETRIC = {
    "flip": v2.RandomHorizontalFlip(p=1),
    "crop": v2.CenterCrop(10),
    "nearest": v2.Resize((7, 9), interpolation=v2.InterpolationMode.NEAREST),
    "bilinear": v2.Resize((7, 9)),
    "turn": v2.RandomRotation((90, 90), expand=True),
}


@pytest.mark.parametrize("name", GEOMETRIC)
def test_geometric_transforms_move_indices_and_mix_none(name, out):
    plain, _ = IndexedImageFolder(out)[1]
    moved, _ = IndexedImageFolder(out, transform=GEOMETRIC[name])[1]
    assert isinstance(moved, IndexedImage)
    same(moved.palette, plain.palette)
    assert isinstance(moved.palette, Palette)
    pixels = plain.to_rgb()
    expected = (
        functional.resize(pixels, [7, 9], v2.InterpolationMode.NEAREST)
        if name == "bilinear"
        else GEOMETRIC[name](pixels)
    )
    same(moved.to_rgb(), expected)


def test_a_model_learns_from_it(tmp_path):
    """An embedding of the indices' colours, a few steps of gradient descent: warm and cold pictures are classified."""
    random = np.random.default_rng(0)
    for label, tint in (("cold", (0, 40, 120)), ("warm", (120, 40, 0))):
        for number in range(8):
            path = tmp_path / "in" / label / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((random.integers(0, 100, (24, 24, 3)) + tint).astype(np.uint8)).save(path)
    compress_folder(tmp_path / "in", tmp_path / "out", Options(colors=8, step=2))
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    loader = DataLoader(IndexedImageFolder(tmp_path / "out"), batch_size=4, shuffle=True, collate_fn=collate)
    for _ in range(20):
        for images, labels in loader:
            loss = torch.nn.functional.cross_entropy(model(images.to_rgb().float().mean((2, 3)) / 255), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    right = [(model(images.to_rgb().float().mean((2, 3)) / 255).argmax(1) == labels).all() for images, labels in loader]
    assert all(right)


def test_wrong_usage_is_refused_with_the_reason(out, tmp_path):
    with pytest.raises(UsageError, match="form='grey': expected one of indexed, rgb"):
        IndexedImageFolder(out, "grey")
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "shards.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match="holds packs"):
        IndexedImageFolder(tmp_path / "packed")
    with pytest.raises(FileNotFoundError, match="class folder"):
        IndexedImageFolder(out / "cat" / "young")


def test_datasets_and_transforms_go_to_other_processes(out):
    dataset = pickle.loads(pickle.dumps(IndexedImageFolder(out, transform=Quantize(2, indexed=True))))  # noqa: S301
    assert len(dataset) == 5


pixel_type = st.sampled_from([torch.uint8, torch.float32, torch.float64])


@settings(deadline=None, max_examples=40)
@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))),
    pixel_type,
    st.integers(1, 6),
)
def test_a_tensor_becomes_what_quantize_makes_of_it(pixels, dtype, colors):
    channels = pixels.shape[2]
    image = torch.from_numpy(pixels.transpose(2, 0, 1).copy())
    given_image = image if dtype == torch.uint8 else image.to(dtype) / 255
    shown = Quantize(colors)(given_image)
    assert (shown.dtype, shown.shape, type(shown)) == (dtype, image.shape, torch.Tensor)
    expected = quantize(pixels if channels == 3 else pixels[..., 0], colors).to_array()[..., :channels]
    levels = shown if dtype == torch.uint8 else (shown * 255).round().to(torch.uint8)
    same(levels, expected.transpose(2, 0, 1))


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA"])
def test_a_pil_image_stays_one(mode, china):
    image = Image.fromarray(china[:60, :80]).convert(mode)
    shown = Quantize(5)(image)
    assert shown.mode == ("L" if mode == "L" else "RGB")
    np.testing.assert_array_equal(np.asarray(shown.convert("RGB")), quantize(image, 5).to_array())


@pytest.mark.parametrize("compose", [v2.Compose, Compose1])
def test_it_works_in_compose(compose, china, out):
    steps = [v2.RandomCrop(50), Quantize(colors=4), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    image = compose(steps)(Image.fromarray(china))
    assert (image.shape, image.dtype) == ((3, 50, 50), torch.float32)
    assert len(image.flatten(1).unique(dim=1).T) == 4
    few, _ = ImageFolder(out, transform=compose([Quantize(3), v2.PILToTensor()]))[0]
    assert len(few.flatten(1).unique(dim=1).T) == 3


def test_every_image_of_a_batch_gets_a_palette_of_its_own():
    batch = torch.from_numpy(np.stack([synthetic_photo(20, 30, seed=seed) for seed in range(3)])).movedim(-1, 1)
    shown = Quantize(4)(tv_tensors.Image(batch))
    assert type(shown) is tv_tensors.Image
    for one, image in zip(shown, batch, strict=True):
        same(one, quantize(image.movedim(0, -1).numpy(), 4).to_array().transpose(2, 0, 1))


def test_inputs_other_than_images_are_unchanged(china):
    image = tv_tensors.Image(torch.from_numpy(china.copy()).movedim(-1, 0))
    mask = tv_tensors.Mask(torch.zeros(427, 640, dtype=torch.uint8))
    boxes = tv_tensors.BoundingBoxes([[1, 2, 3, 4]], format="XYXY", canvas_size=(427, 640))
    few, same_mask, same_boxes, label = Quantize(3)(image, mask, boxes, 7)
    assert len(few.flatten(1).unique(dim=1).T) == 3
    assert same_mask is mask
    assert same_boxes is boxes
    assert label == 7


def test_the_transform_can_return_indices(china):
    for image in (Image.fromarray(china), torch.from_numpy(china.copy()).movedim(-1, 0)):
        few = Quantize(7, indexed=True)(image)
        expected = quantize(china, 7)
        same(few.indices, expected.indices)
        same(few.palette, expected.palette)


@pytest.mark.parametrize(
    "image",
    [
        torch.zeros(2, 4, 4, dtype=torch.uint8),
        torch.zeros(4, 4, dtype=torch.uint8),
        torch.zeros(3, 4, 4, dtype=torch.int64),
        torch.zeros(3, 0, 4, dtype=torch.uint8),
    ],
    ids=str,
)
def test_a_tensor_that_is_no_image_is_refused(image):
    with pytest.raises(UsageError, match="expected"):
        Quantize(3)(image)


def test_a_transform_refuses_what_options_refuse():
    with pytest.raises(UsageError, match="colors=0"):
        Quantize(0)
    with pytest.raises(UsageError, match="expected one of MKM, FKM, MBKM"):
        Quantize(3, strategy="SO")
    with pytest.raises(UsageError, match=r"expected \(C, H, W\)"):
        Quantize(3, indexed=True)(torch.zeros(2, 3, 4, 4, dtype=torch.uint8))
    assert repr(Quantize(3)) == "Quantize(colors=3, strategy='MKM', indexed=False)"


@pytest.mark.parametrize("format", ["png", "webp", "npz"])
def test_a_dataset_has_the_palette_that_its_images_share(format, out, tmp_path):  # noqa: A002 - the option's name
    source, shared = out.parent / "in", tmp_path / "shared"
    compress_folder(source, shared, Options(palette="dataset", colors=6, step=2, format=format))
    dataset = IndexedImageFolder(shared)
    same(dataset.palette, read_palette(shared / "palette.json"))
    for image, _ in dataset:
        same(image.palette, dataset.palette.numpy())
    one = tmp_path / "one"
    compress_folder(source, one, Options(palette="dataset", colors=6, step=2))
    for (image, _), (other, _) in zip(dataset, IndexedImageFolder(one), strict=True):
        same(image.indices, other.indices.numpy())


def test_a_palette_that_the_images_do_not_use_is_ignored(out):
    assert IndexedImageFolder(out).palette is None
    write_palette(out / "palette.json", [[0, 0, 0], [255, 255, 255]])
    assert IndexedImageFolder(out).palette is None


@needs_posix
def test_a_link_or_a_pipe_in_place_of_a_palette_is_ignored(tmp_path):
    source, shared = compress(tmp_path).parent / "in", tmp_path / "shared"
    compress_folder(source, shared, Options(palette="dataset", colors=6, step=2))
    (shared / "palette.json").rename(tmp_path / "elsewhere.json")
    (shared / "palette.json").symlink_to(tmp_path / "elsewhere.json")
    assert IndexedImageFolder(shared).palette is None
    (shared / "palette.json").unlink()
    os.mkfifo(shared / "palette.json")
    assert IndexedImageFolder(shared).palette is None


def test_the_transform_maps_to_a_palette(china):
    palette = np.array([[0, 0, 0], [120, 120, 120], [255, 250, 240]], np.uint8)
    image = Quantize(palette=palette, indexed=True)(torch.from_numpy(china.copy()).movedim(-1, 0))
    few = quantize(china, palette=palette)
    same(image.indices, few.indices)
    same(image.palette, palette)
    grey = torch.zeros((1, 4, 4), dtype=torch.uint8)
    assert Quantize(palette=palette, indexed=True)(grey).indices.shape == (4, 4)
    with pytest.raises(UsageError, match="a grey image and a palette"):
        Quantize(palette=palette)(grey)


@pytest.mark.filterwarnings("ignore:The image decoding:DeprecationWarning")
# Of packed positions, torchvision returns bytes that it did not write.
@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"palette 1", "palette 2", "palette 4", "clear entries"}))
def test_torchvision_reads_of_a_mask_what_it_reads_of_its_source(kind):
    whole = Options(step=1)
    made = reduce_mask(KINDS[kind], View.of((67, 41), 1, whole), whole, labels_on="auto", pad=255).data
    seen = [decode_png(torch.frombuffer(bytearray(one), dtype=torch.uint8)) for one in (made, KINDS[kind])]
    assert torch.equal(*seen)


def test_masks_and_labels_in_the_manifest_are_no_images_and_their_folders_no_classes(out):
    plain = IndexedImageFolder(out)
    files = {"dog/b_mask.png": "mask", "masks/a.png": "mask", "labels/a.txt": "annotation", "cat/a.txt": "sidecar"}
    with (out / "manifest.jsonl").open("ab") as manifest:
        for name, kind in files.items():
            (out / name).parent.mkdir(exist_ok=True)
            (out / name).write_bytes(image_bytes(Image.new("L", (4, 4), 7)) if kind == "mask" else b"")
            manifest.write(to_line(companion_row_of(name, kind=kind)))
        manifest.write(to_line(left_out_row_of("dog/z.jpg")))
    dataset = IndexedImageFolder(out)
    assert (dataset.samples, dataset.classes) == (plain.samples, plain.classes)
