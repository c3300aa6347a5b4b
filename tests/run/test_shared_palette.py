"""Shared palettes: two passes, one palette, and one meaning for every index."""

import hashlib
import json
import os
import threading
import zipfile

import numpy as np
import pytest
from PIL import Image

from helpers import compress_into, image_bytes, synthetic_photo, tree
from icsys import Options, UsageError, compress_folder, merge_shards, quantize, read_palette, write_palette
from icsys.choices import SHARED
from icsys.image.decode import decode_photo
from icsys.image.read_output import read_indexed, read_pixels
from icsys.report.terminal_reports import run_report
from icsys.sources.folder import plan_by_class
from icsys.sources.read_file import read_file
from source_makers import put_parquet

DATASET = Options(palette="dataset", palette_from="all", colors=6, step=2)
AUTO = DATASET.replace(palette_from=None)
FILES = {"train/cat/a": 0, "train/cat/b": 1, "train/dog/a": 2, "test/cat/c": 3, "top": 4}


@pytest.fixture
def source(tmp_path):
    for name, seed in FILES.items():
        path = tmp_path / "in" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image_bytes(synthetic_photo(24, 32, seed=seed)))
    return tmp_path / "in"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def stored(out, suffix="png"):
    """Return indices and palette of every image."""
    return {name: read_indexed((out / f"{name}.{suffix}").read_bytes()) for name in FILES}


def rows(out):
    return [json.loads(line) for line in (out / "manifest.jsonl").read_text("utf-8").splitlines()]


def resized(source, name, options):
    return decode_photo((source / f"{name}.png").read_bytes(), options).pixels


def nearest(pixels, palette):
    """Return the nearest palette entry of every pixel, by brute force."""
    return np.square(pixels[..., None, :].astype(int) - palette).sum(axis=-1).argmin(axis=-1)


@pytest.mark.parametrize("suffix", ["png", "npz"])
@pytest.mark.parametrize("strategy", ["MKM", "FKM", "MBKM"])
def test_all_images_have_one_palette_and_the_nearest_of_its_entries(strategy, suffix, source, out):
    options = DATASET.replace(strategy=strategy, format=suffix)
    summary = compress_folder(source, out, options)
    assert (summary.compressed, summary.failed) == (5, 0)
    palette = read_palette(out / "palette.json")
    np.testing.assert_array_equal(read_palette(out / "palette.gpl"), palette)
    assert len(palette) == 6
    for name, (indices, own) in stored(out, suffix).items():
        np.testing.assert_array_equal(own, palette)
        pixels = resized(source, name, options)
        np.testing.assert_array_equal(indices, nearest(pixels, palette))
    errors = {row["source_path"]: row["mse"] for row in rows(out)}
    for name, (indices, _) in stored(out, suffix).items():
        error = np.square(resized(source, name, options).astype(int) - palette[indices]).sum(axis=-1).mean()
        assert errors[f"{name}.png"] == pytest.approx(error)
    assert {(row["colors"], len(row["palette"])) for row in rows(out)} == {(6, 16)}
    assert len({row["palette"] for row in rows(out)}) == 1


@pytest.mark.parametrize("strategy", ["MKM", "FKM", "MBKM"])
def test_the_palette_is_nearly_as_good_as_that_of_kmeans_on_all_pixels(strategy, source, out):
    from sklearn.cluster import KMeans  # noqa: PLC0415 - slow to import

    options = DATASET.replace(strategy=strategy, colors=16, step=1)
    compress_folder(source, out, options)
    pixels = np.concatenate([resized(source, name, options).reshape(-1, 3) for name in FILES]).astype(float)
    palette = read_palette(out / "palette.json").astype(float)
    ours = np.square(pixels[:, None] - palette).sum(axis=2).min(axis=1).sum()
    theirs = KMeans(16, n_init=3, random_state=0).fit(pixels).inertia_
    assert ours < 1.02 * theirs


def test_a_class_is_a_name_of_folders_wherever_they_lie(source, out):
    compress_folder(source, out, DATASET.replace(palette="class"))
    own = {name: palette.tobytes() for name, (_, palette) in stored(out).items()}
    assert own["train/cat/a"] == own["train/cat/b"] == own["test/cat/c"]
    assert len({own["train/cat/a"], own["train/dog/a"], own["top"]}) == 3
    assert read_palette(out / "palette.json", "cat").tobytes() == own["train/cat/a"]
    hashes = {row["file_name"].rpartition("/")[0]: row["palette"] for row in rows(out)}
    assert hashes["train/cat"] == hashes["test/cat"] != hashes["train/dog"]
    assert not (out / "palette.gpl").exists()


def test_a_class_palette_is_that_of_a_dataset_of_its_images(source, out, tmp_path):
    compress_folder(source, out, DATASET.replace(palette="class"))
    for name in FILES:
        if "/cat/" in name:
            path = tmp_path / "cats" / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes((source / f"{name}.png").read_bytes())
    compress_folder(tmp_path / "cats", tmp_path / "alone", DATASET)
    np.testing.assert_array_equal(
        read_palette(out / "palette.json", "cat"), read_palette(tmp_path / "alone" / "palette.json")
    )


@pytest.mark.parametrize("palette", SHARED)
def test_jobs_and_engine_change_no_byte(palette, source, tmp_path):
    options = DATASET.replace(palette=palette)
    for name, settings in {"1": {"jobs": 1}, "3": {"jobs": 3}, "p": {"jobs": 2, "engine": "processes"}}.items():
        compress_folder(source, tmp_path / name, options, **settings)
    first = tree(tmp_path / "1"), (tmp_path / "1" / "palette.json").read_bytes()
    for name in ("3", "p"):
        assert (tree(tmp_path / name), (tmp_path / name / "palette.json").read_bytes()) == first


def test_grey_images_are_mapped_to_the_palette_too(source, out):
    grey = synthetic_photo(24, 32, seed=9, channels=1)
    (source / "grey.png").write_bytes(image_bytes(grey))
    compress_folder(source, out, DATASET)
    palette = read_palette(out / "palette.json")
    indices, own = read_indexed((out / "grey.png").read_bytes())
    np.testing.assert_array_equal(own, palette)
    pixels = decode_photo((source / "grey.png").read_bytes(), DATASET).pixels
    np.testing.assert_array_equal(indices, nearest(np.repeat(pixels[..., None], 3, axis=2), palette))


def test_a_dataset_of_few_colours_keeps_them(tmp_path):
    palette = np.array([[9, 9, 9], [10, 9, 9], [200, 0, 0]], np.uint8)
    for i in range(3):
        (tmp_path / "in").mkdir(exist_ok=True)
        Image.fromarray(palette[[[i, 0]]]).save(tmp_path / "in" / f"{i}.png")
    compress_folder(tmp_path / "in", tmp_path / "out", Options(palette="dataset", step=1))
    np.testing.assert_array_equal(read_palette(tmp_path / "out" / "palette.json"), palette)
    assert {row["mse"] for row in rows(tmp_path / "out")} == {0.0}


def test_a_bad_image_fails_as_it_does_without_a_shared_palette(source, out, tmp_path):
    (source / "train" / "cat" / "bad.png").write_bytes(b"")
    (source / "fox").mkdir()
    (source / "fox" / "bad.png").write_bytes(image_bytes(synthetic_photo(9, 9))[:-40])
    alone, _ = compress_into(source, tmp_path / "alone", Options(colors=6, step=2))
    for palette in SHARED:
        results, summary = compress_into(source, out, DATASET.replace(palette=palette))
        assert (summary.compressed, summary.failed) == (5, 2)
        for name in ("train/cat/bad.png", "fox/bad.png"):
            assert (results[name].code, results[name].message) == (alone[name].code, alone[name].message)


def test_a_folder_of_bad_images_alone_has_no_palette(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.png").write_bytes(b"")
    summary = compress_folder(tmp_path / "in", tmp_path / "out", DATASET)
    assert (summary.compressed, summary.failed) == (0, 1)
    assert not (tmp_path / "out" / "palette.json").exists()


def looked_at(source, out, options=DATASET, **settings):
    """Compress; return the summary, and the number of images in the first pass."""
    steps = []
    summary = compress_folder(source, out, options, progress=steps.append, **settings)
    return summary, max(step.looked_at or 0 for step in steps)


def test_colours_are_counted_again_only_after_a_change(source, out):
    assert looked_at(source, out)[1] == 5
    before = tree(out)
    summary, looks = looked_at(source, out)
    assert (summary.skipped, looks) == (5, 0)
    assert looked_at(source, out, overwrite="always")[1] == 5
    os.utime(source / "top.png", ns=(1, 1))
    summary, looks = looked_at(source, out)
    assert (summary.skipped, looks) == (5, 5)
    assert tree(out) == before
    (source / "train" / "dog" / "new.png").write_bytes(image_bytes(np.full((20, 20, 3), 250, np.uint8)))
    summary, looks = looked_at(source, out)
    assert (summary.compressed, looks) == (6, 6)
    assert looked_at(source, out, DATASET.replace(colors=5))[1] == 6


def test_colours_are_counted_again_after_an_image_could_not_be_read(source, out, monkeypatch):
    def refuse(path, options):
        if str(path).endswith("top.png"):
            raise PermissionError(13, "no")
        return read_file(path, options)

    monkeypatch.setattr("icsys.sources.folder.read_file", refuse)
    assert looked_at(source, out)[1] == 5
    assert "made_from" not in json.loads((out / "palette.json").read_text())
    monkeypatch.undo()
    assert looked_at(source, out)[1] == 5
    assert json.loads((out / "palette.json").read_text())["images"] == 5


def test_retried_images_get_the_palette_of_the_others(source, out):
    (source / "late.png").write_bytes(b"")
    compress_folder(source, out, DATASET)
    palette = (out / "palette.json").read_bytes()
    (source / "late.png").write_bytes(image_bytes(synthetic_photo(24, 32, seed=8)))
    summary, looks = looked_at(source, out, retry_failed=True)
    assert (summary.compressed, looks) == (1, 0)
    assert (out / "palette.json").read_bytes() == palette
    assert len({row["palette"] for row in rows(out)}) == 1


@pytest.mark.parametrize("suffix", ["json", "gpl"])
def test_a_palette_file_gives_new_images_the_palette_of_the_old(suffix, source, out, tmp_path):
    compress_folder(source, out, DATASET)
    again = Options(palette=str(out / f"palette.{suffix}"), step=2)
    summary, looks = looked_at(source, out, again)
    assert (summary.skipped, looks) == (5, 0)
    compress_folder(source / "test", tmp_path / "new", again)
    assert (tmp_path / "new/cat/c.png").read_bytes() == (out / "test/cat/c.png").read_bytes()
    assert read_palette(tmp_path / "new" / "palette.json").tolist() == read_palette(out / "palette.json").tolist()


def test_a_class_that_is_missing_in_a_palette_file_fails_by_name(source, out, tmp_path):
    compress_folder(source / "train", out, DATASET.replace(palette="class"))
    results, summary = compress_into(source, tmp_path / "new", Options(palette=str(out / "palette.json"), step=2))
    assert (summary.compressed, summary.failed) == (4, 1)
    assert results["top.png"].code == "no_palette"
    assert "images that lie in no folder" in results["top.png"].message
    assert (tmp_path / "new/train/cat/a.png").read_bytes() == (out / "cat/a.png").read_bytes()


def test_shards_share_the_palette_of_a_file_and_cannot_find_one(source, out, tmp_path):
    with pytest.raises(UsageError, match=r"shard='1/2' with palette='dataset'.*palette\.json"):
        compress_folder(source, tmp_path / "parts", DATASET, shard=(1, 2))
    compress_folder(source, out, DATASET)
    for index in (1, 2):
        name = tmp_path / f"{index}.json"  # one palette at two paths, as on two machines
        name.write_bytes((out / "palette.json").read_bytes())
        compress_folder(source, tmp_path / "parts", Options(palette=str(name), step=2), shard=(index, 2))
    assert merge_shards(tmp_path / "parts").compressed == 5
    assert tree(tmp_path / "parts") == tree(out)


@pytest.mark.parametrize(("format", "colors"), [("webp", 6), ("webp", 300), ("png", 300)])
def test_formats_that_store_pixels_store_colours_of_the_palette(format, colors, source, out):  # noqa: A002
    compress_folder(source, out, DATASET.replace(format=format, colors=colors))
    palette = {tuple(color) for color in read_palette(out / "palette.json").tolist()}
    assert len(palette) == colors
    for name in FILES:
        shown = read_pixels((out / f"{name}.{format}").read_bytes())
        assert {tuple(color) for color in shown.reshape(-1, 3).tolist()} <= palette


def test_many_colours_are_indices_of_two_bytes(source, out):
    compress_folder(source, out, DATASET.replace(format="npz", colors=300))
    assert {indices.dtype for indices, _ in stored(out, "npz").values()} == {np.dtype(np.uint16)}


@pytest.mark.parametrize("format", ["webdataset", "parquet"])
def test_packs_hold_the_images_of_single_files(format, source, out, tmp_path):  # noqa: A002 - the option's name
    compress_folder(source, out, DATASET)
    packed = tmp_path / "packed"
    for expected in (5, 0):
        summary = compress_folder(source, packed, DATASET.replace(format=format))
        assert summary.compressed == expected
    assert (packed / "palette.json").read_bytes() != b""
    assert {row["sha256"] for row in rows(packed)} == {row["sha256"] for row in rows(out)}


def test_oklab_and_dithering_use_the_palette(source, tmp_path):
    for name, options in {
        "oklab": DATASET.replace(space="oklab"),
        "dither": DATASET.replace(dither="floyd-steinberg"),
    }.items():
        compress_folder(source, tmp_path / name, options)
        palette = read_palette(tmp_path / name / "palette.json")
        for image, (indices, own) in stored(tmp_path / name).items():
            np.testing.assert_array_equal(own, palette)
            few = quantize(resized(source, image, options), space=options.space, dither=options.dither, palette=palette)
            np.testing.assert_array_equal(few.indices, indices)


def test_a_run_that_is_stopped_in_the_first_pass_writes_nothing(source, out):
    stop = threading.Event()

    def progress(step):
        if step.looked_at:
            stop.set()

    summary = compress_folder(source, out, DATASET, stop=stop, progress=progress)
    assert (summary.images, summary.stopped) == (0, "interrupted")
    assert [path.name for path in out.iterdir() if not path.name.startswith(".ics-")] == []
    assert compress_folder(source, out, DATASET).compressed == 5


def test_a_dry_run_writes_no_palette(source, out):
    assert compress_folder(source, out, DATASET, dry_run=True).compressed == 5
    assert not out.exists()


def test_a_foreign_palette_file_is_refused_before_any_work(source, out):
    out.mkdir()
    (out / "palette.gpl").write_text("GIMP Palette\n1 2 3\n")
    with pytest.raises(UsageError, match="was not written by ics"):
        compress_folder(source, out, DATASET)
    assert not (out / "manifest.jsonl").exists()


def test_a_file_without_a_palette_is_refused_before_any_work(source, out, tmp_path):
    (tmp_path / "p.gpl").write_text("GIMP Palette\nred\n")
    with pytest.raises(UsageError, match="line 2 is 'red'"):
        compress_folder(source, out, Options(palette=str(tmp_path / "p.gpl")))
    write_palette(tmp_path / "q.json", [[0, 0, 0], [1, 1, 1]])
    with pytest.raises(UsageError, match="colors=3"):
        compress_folder(source, out, Options(palette=str(tmp_path / "q.json"), colors=3))
    assert not out.exists()


def test_run_json_holds_the_palette_hash(source, out):
    compress_folder(source, out, DATASET)
    options = json.loads((out / "run.json").read_text())["options"]
    assert (options["palette"], options["palette_hash"]) == ("dataset", rows(out)[0]["palette"])


def test_the_plan_by_class_has_every_image_once_class_after_class(source):
    for name in ("train/Cat/z.png", "zoo/dog/a.png", "zoo/dog/deep/cat/b.png"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(image_bytes(synthetic_photo(4, 4)))
    planned = [task.source for task in plan_by_class(source, source.parent / "none")]
    found = [path.relative_to(source).as_posix() for path in source.rglob("*.png")]
    assert sorted(planned) == sorted(found)
    labels = [name.rpartition("/")[0].rpartition("/")[2] for name in planned]
    assert [label for i, label in enumerate(labels) if labels[i - 1 : i] != [label]] == sorted(set(labels))


def alone(source, folder, out, options=DATASET):
    """Return the palette of a dataset of the images below one folder."""
    compress_folder(source / folder, out, options)
    return read_palette(out / "palette.json")


def test_a_dataset_palette_is_made_from_its_training_images_alone(source, out, tmp_path):
    summary = compress_folder(source, out, AUTO)
    assert (summary.compressed, summary.failed, summary.palette_from) == (5, 0, ["train"])
    palette = read_palette(out / "palette.json")
    np.testing.assert_array_equal(palette, alone(source, "train", tmp_path / "alone"))
    for name, (indices, own) in stored(out).items():
        np.testing.assert_array_equal(own, palette)
        np.testing.assert_array_equal(indices, nearest(resized(source, name, AUTO), palette))
    made = json.loads((out / "palette.json").read_text("utf-8"))
    assert (made["made_with"]["palette_from"], made["images"]) == (["train"], 3)
    assert json.loads((out / "run.json").read_text("utf-8"))["summary"]["palette_from"] == ["train"]
    assert "Palette:  made from the images in 'train'" in run_report(summary, str(out), dry_run=False)


def test_other_test_images_change_no_output_of_the_training_images(source, tmp_path):
    compress_folder(source, tmp_path / "before", AUTO)
    (source / "test" / "cat" / "c.png").write_bytes(image_bytes(np.full((20, 20, 3), (250, 0, 0), np.uint8)))
    compress_folder(source, tmp_path / "after", AUTO)
    for name in FILES:
        if not name.startswith("test"):
            before, after = (tmp_path / run / f"{name}.png" for run in ("before", "after"))
            assert before.read_bytes() == after.read_bytes()


@pytest.mark.parametrize("folder", ["test", "test/cat", "t?st", "*/cat"])
def test_a_palette_is_made_from_the_folders_that_are_named(folder, source, out, tmp_path):
    summary = compress_folder(source, out, DATASET.replace(palette_from=folder))
    assert (summary.compressed, summary.palette_from) == (5, [folder])
    images = [name for name in FILES if ("/cat/" in name if folder == "*/cat" else name.startswith("test/"))]
    for name in images:
        path = tmp_path / "those" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((source / f"{name}.png").read_bytes())
    expected = alone(tmp_path, "those", tmp_path / "alone")
    np.testing.assert_array_equal(read_palette(out / "palette.json"), expected)


def test_class_palettes_are_made_from_all_images_unless_a_folder_is_named(source, tmp_path):
    by_class = AUTO.replace(palette="class")
    summary = compress_folder(source, tmp_path / "all", by_class)
    assert (summary.compressed, summary.palette_from) == (5, [])
    results, summary = compress_into(source, tmp_path / "train", by_class.replace(palette_from="train"))
    assert (summary.compressed, summary.failed, summary.palette_from) == (4, 1, ["train"])
    assert results["top.png"].code == "no_palette"
    compress_folder(source / "train", tmp_path / "alone", DATASET.replace(palette="class"))
    for run in ("train", "alone"):
        for label in ("cat", "dog"):
            np.testing.assert_array_equal(
                read_palette(tmp_path / run / "palette.json", label),
                read_palette(tmp_path / "alone" / "palette.json", label),
            )


def test_a_folder_without_images_is_refused_before_any_work(source, out):
    expected = r"palette_from='trian' with source .*its top folders are 'test', 'train'; .*'\*/trian'"
    with pytest.raises(UsageError, match=expected):
        compress_folder(source, out, DATASET.replace(palette_from="trian"))
    assert not list(out.rglob("*.png")) and not (out / "manifest.jsonl").exists()  # noqa: PT018 - one state
    with pytest.raises(UsageError, match="its images lie in no folder"):
        compress_folder(source / "train" / "cat", out, DATASET.replace(palette_from="train"))


def test_training_images_that_cannot_be_used_leave_no_palette_for_the_others(source, out):
    for name in FILES:
        if name.startswith("train"):
            (source / f"{name}.png").write_bytes(b"")
    results, summary = compress_into(source, out, AUTO)
    assert (summary.compressed, summary.failed) == (0, 5)
    assert results["test/cat/c.png"].code == "no_palette"
    assert "none of the images for it could be used" in results["test/cat/c.png"].message


def test_archives_give_the_palette_of_their_training_images(source, out, tmp_path):
    compress_folder(source, out, AUTO)
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for name in FILES:
            archive.write(source / f"{name}.png", f"{name}.png")
    summary = compress_folder(tmp_path / "photos.zip", tmp_path / "zipped", AUTO, jobs=2, engine="processes")
    assert summary.palette_from == ["train"]
    assert tree(tmp_path / "zipped") == tree(out)


def test_an_output_folder_goes_on_with_its_palette(source, out):
    """An output folder of all images keeps its palette while sources and options stay, and a later run completes it."""
    compress_folder(source, out, DATASET)
    made = json.loads((out / "palette.json").read_text("utf-8"))
    # As written by an ICS that made every palette from all images.
    made["made_from"] = hash_of_names(source, AUTO)
    (out / "palette.json").write_text(json.dumps(made), "utf-8")
    (out / "top.png").unlink()
    summary, looks = looked_at(source, out, AUTO)
    assert (summary.compressed, summary.skipped, summary.palette_from, looks) == (1, 4, [], 0)
    summary, looks = looked_at(source, out, AUTO, overwrite="always")
    assert (summary.compressed, summary.palette_from, looks) == (5, ["train"], 3)


def hash_of_names(source, options):
    """Return the hash that palette.json holds, of the options and of the names, sizes and times of all images."""
    text = json.dumps(options.to_dict(), sort_keys=True)
    assert "palette_from" not in text
    for path in [source / "top.png", *sorted(source.glob("*/*/*.png"))]:
        status = path.stat()
        text += json.dumps([path.relative_to(source).as_posix(), status.st_size, status.st_mtime_ns])
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("palette", SHARED)
@pytest.mark.parametrize("strategy", ["MKM", "FKM", "MBKM"])
def test_kept_colours_stand_in_every_shared_palette(palette, strategy, source, out):
    """Also where no pixel is nearest to them, so that an index means the same colour in all runs."""
    options = DATASET.replace(palette=palette, strategy=strategy, keep_colors="#00ff00,#ffffff", count_power=0.75)
    compress_folder(source, out, options)
    for name, (indices, own) in stored(out).items():
        assert {(0, 255, 0), (255, 255, 255)} <= set(map(tuple, own.tolist()))
        assert len(own) == 6
        np.testing.assert_array_equal(indices, nearest(resized(source, name, options), own))
    made = json.loads((out / "palette.json").read_text("utf-8"))["made_with"]
    assert (made["keep_colors"], made["count_power"]) == ("#00ff00,#ffffff", 0.75)


def test_kept_colours_stand_beside_a_dataset_of_few_colours(tmp_path):
    (tmp_path / "in").mkdir()
    Image.fromarray(np.array([[[9, 9, 9], [200, 0, 0], [255, 255, 255]]], np.uint8)).save(tmp_path / "in" / "a.png")
    for colors, expected in ((6, {(9, 9, 9), (200, 0, 0), (255, 255, 255), (0, 0, 255)}), (3, None)):
        out = tmp_path / str(colors)
        compress_folder(
            tmp_path / "in", out, Options(palette="dataset", colors=colors, step=1, keep_colors="#ffffff,#0000ff")
        )
        palette = set(map(tuple, read_palette(out / "palette.json").tolist()))
        assert palette == expected or (len(palette) == 3 and {(255, 255, 255), (0, 0, 255)} < palette)


def test_images_that_cannot_be_used_fail_alone_beside_kept_colours(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.png").write_bytes(b"")
    summary = compress_folder(tmp_path / "in", tmp_path / "out", DATASET.replace(keep_colors="#000000,#ffffff"))
    assert (summary.compressed, summary.failed) == (0, 1)


def test_one_number_of_colours_for_a_dataset_leaves_room_for_the_kept(source, out):
    options = Options(colors="auto", per="dataset", min_psnr=1, step=2, keep_colors="#000000,#00ff00,#ffffff")
    summary = compress_folder(source, out, options)
    assert (summary.failed, summary.colors_chosen.colors) == (0, 3)


def test_the_training_split_of_parquet_files_gives_the_palette(source, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for split in ("train", "test"):
        files = {f"{name}.png": (source / f"{name}.png").read_bytes() for name in FILES if name.startswith(split)}
        put_parquet(folder / f"{split}-00000-of-00001.parquet", files)
    summary = compress_folder(folder, tmp_path / "out", AUTO)
    assert (summary.compressed, summary.failed, summary.palette_from) == (4, 0, ["train"])
    expected = alone(source, "train", tmp_path / "alone")
    np.testing.assert_array_equal(read_palette(tmp_path / "out" / "palette.json"), expected)
