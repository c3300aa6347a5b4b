"""Arrays hold the pixels of a plain run, and after any history they equal those of a clean run."""

import json
import os
import shutil
import threading

import numpy as np
import pytest

import icsys
from helpers import everything, ics, image_bytes, synthetic_photo
from icsys import Options, UsageError, compress_folder, read_palette, verify_folder
from icsys.files.rooted_path import RootedPath
from icsys.image.arrays.image_row import RowForm
from icsys.image.read_output import read_pixels
from icsys.layout import UNPACKED
from icsys.packs.local_packs import pack_images
from icsys.records.dataset_json import ArrayFacts
from verified_folders import needs_fork, run_killed

NAMES = ("cat/a.png", "cat/b.v2.png", "dog/a.jpg", "top.png", "dog/old/c.png")
SIZE = {"size": "13x9", "fit": "cover"}


def put(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        image_bytes(synthetic_photo(20, 26 + seed % 3, seed=seed), "JPEG" if path.suffix == ".jpg" else "PNG")
    )


@pytest.fixture
def source(tmp_path):
    """Five photos in class folders."""
    for seed, name in enumerate(NAMES):
        put(tmp_path / "in" / name, seed)
    return tmp_path / "in"


def options(**others):
    return Options(format="arrays", **({"strategy": "MKM", "colors": 5} | SIZE | others))


def indices_by_hand(packed, bits, width):
    """Return indices one pixel at a time: the first in the highest bits."""
    if bits >= 8:
        return packed
    rows = packed.reshape(-1, packed.shape[-1])
    found = [
        [int(row[x * bits // 8]) >> (8 - bits - x * bits % 8) & ((1 << bits) - 1) for x in range(width)] for row in rows
    ]
    return np.array(found).reshape(*packed.shape[:-1], width)


def pixels_of(folder):
    """Return pixels and label of each image by its path, from the arrays and ``dataset.json`` alone."""
    about = json.loads((folder / "dataset.json").read_text("utf-8"))
    found = {}
    for split, facts in about["splits"].items():
        arrays = {}
        for name, described in facts["files"].items():
            path = folder / split / name
            assert path.stat().st_size == described["bytes"]
            if name.endswith(".npy"):
                arrays[name] = np.load(path, mmap_mode="r")
                assert list(arrays[name].shape) == described["shape"]
                assert arrays[name].dtype == np.dtype(described["dtype"])
        names = [json.loads(line) for line in (folder / split / "names.jsonl").read_text("utf-8").splitlines()]
        assert len(names) == facts["images"] == len(arrays["labels.npy"])
        for row, name in enumerate(names):
            if "pixels.npy" in arrays:
                pixels = arrays["pixels.npy"][row]
            else:
                palettes = arrays["palettes.npy"]
                assert (palettes.ndim == 2) == (about["palette"] == "dataset")
                indices = indices_by_hand(arrays["indices.npy"][row], about["bits"], about["width"])
                pixels = (palettes if palettes.ndim == 2 else palettes[row])[indices]
            assert pixels.shape == (about["height"], about["width"], 3)
            found[name if split == "all" else f"{split}/{name}"] = pixels, int(arrays["labels.npy"][row])
    return found


def assert_like_png(source, folder, chosen, **settings):
    """The arrays in a folder show the pixels of the files that ``--format png`` writes."""
    plain = folder.parent / "plain"
    compress_folder(source, plain, chosen.replace(format="png"), **settings)
    found = pixels_of(folder)
    files = {path.relative_to(plain).as_posix(): path for path in plain.rglob("*.png")}
    assert found.keys() == files.keys()
    for name, path in files.items():
        np.testing.assert_array_equal(found[name][0], read_pixels(path.read_bytes()), name)


def assert_as_clean(source, out, chosen):
    """The folder equals that of a first run into an empty folder, and the next run has nothing to do."""
    clean = out.parent / "clean" / out.name  # the name stands in palettes
    compress_folder(source, clean, chosen, overwrite="always")
    assert everything(out) == everything(clean)
    before = {path: path.stat().st_ino for path in out.rglob("*.npy")}
    again = compress_folder(source, out, chosen)
    assert again.skipped == again.images - again.failed
    assert {path: path.stat().st_ino for path in out.rglob("*.npy")} == before
    shutil.rmtree(clean)


@pytest.mark.parametrize(("colors", "words"), [(2, "1 bit a pixel, the first"), (16, "4 bits a pixel, the")])
def test_packing_is_said_in_words_and_words_of_an_older_ics_stay(colors, words, source, tmp_path, monkeypatch):
    """An older ICS said "1 bits a pixel"; such a folder is loaded, verified, and left as it is by the next run."""
    compress_folder(source, tmp_path / "new", options(colors=colors))
    assert json.loads((tmp_path / "new" / "dataset.json").read_text("utf-8"))["packing"].startswith(words)
    monkeypatch.setattr("icsys.records.dataset_json._packing", lambda bits: f"{bits} bits a pixel")
    compress_folder(source, tmp_path / "old", options(colors=colors))
    monkeypatch.undo()
    before = everything(tmp_path / "old")
    assert compress_folder(source, tmp_path / "old", options(colors=colors)).compressed == 0
    assert everything(tmp_path / "old") == before
    assert verify_folder(tmp_path / "old").is_intact
    old, new = (icsys.load(tmp_path / name, verify=True) for name in ("old", "new"))
    np.testing.assert_array_equal(old.pixels(), new.pixels())


@pytest.mark.parametrize("colors", [1, 2, 4, 5, 16, 17, 256])
def test_arrays_show_the_pixels_of_png_files(colors, source, tmp_path):
    summary = compress_folder(source, tmp_path / "out", options(colors=colors))
    assert (summary.compressed, summary.stopped) == (5, "")
    assert_like_png(source, tmp_path / "out", options(colors=colors))
    about = json.loads((tmp_path / "out" / "dataset.json").read_text("utf-8"))
    bits = {1: 1, 2: 1, 4: 2, 5: 4, 16: 4, 17: 8, 256: 8}[colors]
    assert (about["colors"], about["bits"], about["width"], about["height"]) == (colors, bits, 13, 9)
    assert np.load(tmp_path / "out" / "all" / "indices.npy").shape == (5, 9, -(-13 * bits // 8))
    assert np.load(tmp_path / "out" / "all" / "palettes.npy").shape == (5, colors, 3)


@pytest.mark.parametrize(
    "others",
    [
        {"strategy": "SO", "colors": 32},
        {"colors": 300},
        {"colors": "auto", "max_delta_e": 6},
        {"colors": "auto", "per": "dataset", "max_delta_e": 6},
        {"palette": "class"},
        {"palette": "dataset"},
        {"fit": "pad", "background": "#102030"},
        {"fit": "stretch", "dither": "floyd-steinberg"},
        {"size": "1x1"},
    ],
    ids=lambda others: " ".join(map(str, others.values())),
)
def test_so_do_those_of_other_options(others, source, tmp_path):
    chosen = options(**others)
    compress_folder(source, tmp_path / "out", chosen)
    assert_like_png(source, tmp_path / "out", chosen)
    assert_as_clean(source, tmp_path / "out", chosen)


@pytest.mark.parametrize(
    "others", [{}, {"palette": "dataset"}, {"colors": 300}, {"strategy": "SO", "colors": 32}], ids=str
)
def test_icsys_load_gives_the_same_pixels_and_labels(others, source, tmp_path):
    compress_folder(source, tmp_path / "out", options(**others))
    data, expected = icsys.load(tmp_path / "out"), pixels_of(tmp_path / "out")
    assert list(data.names) == list(expected)
    assert [int(label) for label in data.labels] == [label for _, label in expected.values()]
    shown = data.pixels(slice(None), layout="HWC")
    np.testing.assert_array_equal(shown, np.stack([pixels for pixels, _ in expected.values()]))


def test_a_palette_is_filled_up_with_its_last_colour(source, tmp_path):
    put(source / "one.png", 1)
    (source / "one.png").write_bytes(image_bytes(np.full((20, 26, 3), 77, np.uint8)))
    compress_folder(source, tmp_path / "out", options())
    names = (tmp_path / "out" / "all" / "names.jsonl").read_text("utf-8").splitlines()
    palette = np.load(tmp_path / "out" / "all" / "palettes.npy")[names.index('"one.png"')]
    assert palette.tolist() == [[77] * 3] * 5


def test_a_shared_palette_is_stored_once(source, tmp_path):
    compress_folder(source, tmp_path / "out", options(palette="dataset"))
    stored = np.load(tmp_path / "out" / "all" / "palettes.npy")
    np.testing.assert_array_equal(stored, read_palette(tmp_path / "out" / "palette.json"))
    chosen = options(colors=32, palette=str(tmp_path / "out" / "palette.json"))
    compress_folder(source, tmp_path / "again", chosen)
    assert (tmp_path / "again" / "all" / "indices.npy").read_bytes() == (
        tmp_path / "out" / "all" / "indices.npy"
    ).read_bytes()
    assert np.load(tmp_path / "again" / "all" / "palettes.npy").shape == (5, 3)


def test_splits_have_folders_of_their_own_and_labels_are_numbers_of_classes(source, tmp_path):
    for seed, name in enumerate(("train/cat/1.png", "train/dog/2.png", "val/dog/3.png", "test/dog/4.png")):
        put(tmp_path / "sorted" / name, seed)
    summary = compress_folder(tmp_path / "sorted", tmp_path / "out", options())
    files = ["indices.npy", "palettes.npy", "labels.npy", "names.jsonl"]
    assert summary.shards == [f"{split}/{name}" for split in ("test", "train", "val") for name in files] + [
        "dataset.json"
    ]
    about = json.loads((tmp_path / "out" / "dataset.json").read_text("utf-8"))
    assert about["classes"] == ["cat", "dog"]
    assert {name: label for name, (_, label) in pixels_of(tmp_path / "out").items()} == {
        "test/dog/4.png": 1,
        "train/cat/1.png": 0,
        "train/dog/2.png": 1,
        "val/dog/3.png": 1,
    }
    assert_like_png(tmp_path / "sorted", tmp_path / "out", options())
    labels = {name: label for name, (_, label) in _made(source, tmp_path / "other").items()}
    assert labels == {"cat/a.png": 0, "cat/b.v2.png": 0, "dog/a.png": 1, "dog/old/c.png": 2, "top.png": -1}


def _made(source, out):
    compress_folder(source, out, options())
    return pixels_of(out)


def test_a_division_into_splits_becomes_arrays(source, tmp_path):
    settings = {"split": "train=60,val=40"}
    compress_folder(source, tmp_path / "out", options(), **settings)
    assert {path.parent.name for path in (tmp_path / "out").glob("*/indices.npy")} == {"train", "val"}
    assert_like_png(source, tmp_path / "out", options(), **settings)


def test_failures_have_no_row_until_they_are_retried(source, tmp_path):
    whole = (source / "cat" / "a.png").read_bytes()
    (source / "cat" / "a.png").write_bytes(b"")
    summary = compress_folder(source, tmp_path / "out", options())
    assert (summary.failed, summary.compressed) == (1, 4)
    assert_like_png(source, tmp_path / "out", options())
    (source / "cat" / "a.png").write_bytes(whole)
    again = compress_folder(source, tmp_path / "out", options(), retry_failed=True)
    assert (again.compressed, again.skipped) == (1, 4)
    assert_as_clean(source, tmp_path / "out", options())


def test_without_images_there_are_empty_arrays(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"")
    for palette in "image", "dataset":
        summary = compress_folder(tmp_path / "in", tmp_path / palette, options(palette=palette))
        assert (summary.failed, summary.compressed) == (1, 0)
    assert np.load(tmp_path / "image" / "all" / "indices.npy").shape == (0, 9, 7)
    assert pixels_of(tmp_path / "image") == {}


def test_the_files_are_whole_numpy_arrays_aligned_for_memory_maps(source, tmp_path):
    compress_folder(source, tmp_path / "out", options(colors=300))
    for path in (tmp_path / "out").rglob("*.npy"):
        mapped = np.load(path, mmap_mode="r")
        assert mapped.offset % 64 == 0
        assert path.stat().st_size == mapped.offset + mapped.nbytes
        assert mapped.flags.c_contiguous


def change_one(source):
    put(source / "cat" / "a.png", 77)


def add_one(source):
    put(source / "aardvark" / "new.png", 78)


def remove_one(source):
    (source / "cat" / "b.v2.png").unlink()


def break_one(source):
    (source / "dog" / "a.jpg").write_bytes(b"\xff\xd8\xff no photo")


def rename_one(source):
    (source / "top.png").rename(source / "cat" / "top.png")


def into_splits(source):
    (source / "train").mkdir()
    (source / "val").mkdir()
    (source / "cat").rename(source / "train" / "cat")
    (source / "dog").rename(source / "val" / "dog")
    (source / "top.png").unlink()


@pytest.mark.parametrize("others", [{}, {"palette": "dataset"}, {"strategy": "SO", "colors": 32}], ids=str)
@pytest.mark.parametrize(
    "change", [change_one, add_one, remove_one, break_one, rename_one, into_splits], ids=lambda change: change.__name__
)
def test_after_a_change_the_folder_equals_that_of_a_clean_run(change, others, source, tmp_path):
    chosen = options(**others)
    compress_folder(source, tmp_path / "out", chosen)
    change(source)
    compress_folder(source, tmp_path / "out", chosen)
    assert_as_clean(source, tmp_path / "out", chosen)


def test_only_new_images_are_compressed_and_others_come_from_the_arrays(source, tmp_path):
    compress_folder(source, tmp_path / "out", options())
    add_one(source)
    summary = compress_folder(source, tmp_path / "out", options())
    assert (summary.compressed, summary.skipped) == (1, 5)


def test_other_options_replace_the_arrays(source, tmp_path):
    for others in {}, {"colors": 2}, {"strategy": "SO", "colors": 32}, {"size": "5x5"}, {"palette": "dataset"}:
        compress_folder(source, tmp_path / "out", options(**others))
        assert_as_clean(source, tmp_path / "out", options(**others))


def test_images_of_another_form_are_never_put_together(source, tmp_path):
    """As where another program has changed records: the arrays of earlier runs stay."""
    compress_folder(source, tmp_path / "out", options())
    before = everything(tmp_path / "out")
    for form in RowForm(9, 13, 5), RowForm(13, 9, 4), RowForm(13, 9, 0):
        facts = ArrayFacts(form, one_palette=False, options={})
        settings = {"shard_images": 1, "shard_bytes": 1, "arrays": facts, "replace": False}
        with pytest.raises(OSError, match=r"has another size, or other colours.*run again with --overwrite always"):
            pack_images(RootedPath(tmp_path / "out"), **settings, stop=threading.Event(), on_pack=lambda: None)
    after = everything(tmp_path / "out")
    assert {name: data for name, data in after.items() if not name.startswith(".ics-")} == before
    assert compress_folder(source, tmp_path / "out", options()).skipped == 5
    assert_as_clean(source, tmp_path / "out", options())


def test_engines_and_jobs_give_the_same_bytes(source, tmp_path):
    compress_folder(source, tmp_path / "a", options(), jobs=1)
    for path in source.rglob("*.*"):
        os.utime(path, ns=(10**18, 10**18))
    compress_folder(source, tmp_path / "b", options(), jobs=2, engine="threads")
    compress_folder(source, tmp_path / "c", options(), jobs=2, engine="processes")
    first, *others = (
        {path.relative_to(out): path.read_bytes() for path in out.glob("all/*")} for out in _outs(tmp_path)
    )
    assert len(first) == 4
    assert others == [first, first]
    assert len({(out / "dataset.json").read_bytes() for out in _outs(tmp_path)}) == 1


def _outs(tmp_path):
    return [tmp_path / name for name in "abc"]


def test_a_stopped_run_leaves_the_old_arrays_and_the_next_run_ends_it(source, tmp_path):
    compress_folder(source, tmp_path / "out", options())
    before = {path: path.read_bytes() for path in (tmp_path / "out").glob("all/*")}
    change_one(source)
    stop = threading.Event()
    compress_folder(
        source,
        tmp_path / "out",
        options(),
        stop=stop,
        progress=lambda progress: stop.set() if progress.note == "Packing" else None,
    )
    assert {path: path.read_bytes() for path in before} == before
    assert (tmp_path / "out" / UNPACKED / "cat" / "a.png").is_file()
    compress_folder(source, tmp_path / "out", options())
    assert_as_clean(source, tmp_path / "out", options())


@needs_fork
def test_a_run_killed_before_any_rename_is_ended_by_the_next(source, tmp_path):
    """Old arrays of another split are removed, too; meanwhile no dataset.json lists what is not there."""
    words = ("--format", "arrays", "--size", "13x9", "--fit", "cover", "--colors", "5", "--jobs", "1")
    assert ics("compress", source, tmp_path / "start", *words, cwd=tmp_path)[0] == 0
    into_splits(source)
    step, states = 0, set()
    while True:
        out = shutil.copytree(tmp_path / "start", tmp_path / f"out{step}")
        was_killed = run_killed(step, source, out, *words)
        states.add(_state(out))
        assert verify_folder(out).is_intact, verify_folder(out)
        assert ics("compress", source, out, *words, cwd=tmp_path)[0] == 0
        assert_as_clean(source, out, Options(format="arrays", colors=5, **SIZE))
        if not was_killed:
            break
        step += 1
    assert states == {"old", "none", "new"}


def _state(out):
    """Return which arrays ``dataset.json`` is about, if it is there; all of them must be."""
    if not (out / "dataset.json").exists():
        return "none"
    found = pixels_of(out)
    return "new" if any(name.startswith("val/") for name in found) else "old"


@pytest.mark.parametrize("name", ["indices.npy", "palettes.npy", "names.jsonl", "labels.npy"])
@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_the_images_of_lost_arrays_are_made_again(damage, name, source, tmp_path):
    compress_folder(source, tmp_path / "out", options())
    lost = tmp_path / "out" / "all" / name
    os.truncate(lost, 10) if damage == "cut" else lost.unlink()
    assert compress_folder(source, tmp_path / "out", options()).compressed == 5
    assert_as_clean(source, tmp_path / "out", options())


@pytest.mark.parametrize("damage", ["gone", "cut", "edited", "bit"])
def test_a_lost_or_changed_dataset_json_is_written_again(damage, source, tmp_path):
    compress_folder(source, tmp_path / "out", options())
    lost = tmp_path / "out" / "dataset.json"
    data, times = lost.read_bytes(), (lost.stat().st_atime_ns, lost.stat().st_mtime_ns)
    if damage == "gone":
        lost.unlink()
    elif damage == "cut":
        os.truncate(lost, 10)
    else:  # of the same size, and with the same date where no one has edited it
        lost.write_bytes(data.replace(b"4", b"5", 1))
        if damage == "bit":
            os.utime(lost, ns=times)
    assert compress_folder(source, tmp_path / "out", options()).compressed == 0
    assert_as_clean(source, tmp_path / "out", options())


def test_pixels_of_all_colours_have_no_file_of_palettes(source, tmp_path):
    compress_folder(source, tmp_path / "out", Options(format="arrays", strategy="SO", **SIZE))
    assert {path.name for path in (tmp_path / "out").rglob("*.npy")} == {"pixels.npy", "labels.npy"}


def test_masks_and_tables_stay_files_beside_the_arrays(source, tmp_path):
    for name in "cat/a.png", "top.png":
        path = source / "masks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image_bytes(np.zeros((20, 26), np.uint8)))
    (source / "names.csv").write_text("file,kind\ncat/a.png,1\ntop.png,2\n", "utf-8")
    compress_folder(source, tmp_path / "out", options())
    compress_folder(source, tmp_path / "plain", options().replace(format="png"))
    beside = {path.relative_to(tmp_path / "plain").as_posix() for path in (tmp_path / "plain").rglob("*.*")}
    kept = {name for name in beside if name.startswith("masks/") or name == "names.csv"}
    assert kept
    for name in kept:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()
    assert len(pixels_of(tmp_path / "out")) == 5
    change_one(source)
    compress_folder(source, tmp_path / "out", options())
    assert_as_clean(source, tmp_path / "out", options())


def test_a_foreign_file_with_the_name_of_an_array_is_not_overwritten(source, tmp_path):
    theirs = tmp_path / "out" / "all" / "labels.npy"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"theirs")
    summary = compress_folder(source, tmp_path / "out", options())
    assert "'all/labels.npy' is a file that ics did not write" in summary.stopped
    assert theirs.read_bytes() == b"theirs"
    compress_folder(source, tmp_path / "out", options(), overwrite="always")
    assert_as_clean(source, tmp_path / "out", options())


def test_nothing_is_written_through_a_link(source, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "all").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert "link" in compress_folder(source, tmp_path / "out", options()).stopped
    assert not list((tmp_path / "elsewhere").iterdir())


def test_folders_of_arrays_files_and_packs_are_never_mixed(source, tmp_path):
    compress_folder(source, tmp_path / "arrays", options())
    for other in options().replace(format="png"), options().replace(format="webdataset"):
        with pytest.raises(UsageError, match="holds arrays packs of an earlier run"):
            compress_folder(source, tmp_path / "arrays", other)
    compress_folder(source, tmp_path / "files", options().replace(format="png"))
    with pytest.raises(UsageError, match="holds image files of an earlier run"):
        compress_folder(source, tmp_path / "files", options())


def test_a_folder_of_arrays_is_no_source(source, tmp_path):
    compress_folder(source, tmp_path / "out", options())
    with pytest.raises(UsageError, match="holds arrays that ics compress wrote: expected the photos"):
        compress_folder(tmp_path / "out", tmp_path / "again")


def test_a_dry_run_writes_nothing(source, tmp_path):
    assert compress_folder(source, tmp_path / "out", options(), dry_run=True).compressed == 5
    assert not (tmp_path / "out").exists()
    compress_folder(source, tmp_path / "out", options())
    assert compress_folder(source, tmp_path / "out", options(), dry_run=True).skipped == 5


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({}, "without size: expected size, such as 224x224, with fit cover, pad or stretch"),
        ({"step": 2}, "without size"),
        ({"scale": 0.5}, "without size"),
        ({"size": "9x9"}, "with fit='contain', which keeps the shape of each image: expected size"),
        ({"alpha": "keep", **SIZE}, "with alpha='keep': arrays hold opaque colours, so expected alpha='flatten'"),
        ({"png": "truecolor", **SIZE}, "does nothing for format='arrays'"),
        ({"shard_images": 5, **SIZE}, "does nothing for format='arrays'"),
    ],
    ids=str,
)
def test_options_that_give_no_array_are_refused(words, text):
    with pytest.raises(UsageError) as caught:
        Options(format="arrays", **words)
    assert text in str(caught.value)
