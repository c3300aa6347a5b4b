"""The benchmark of loading: contenders give the same pixels and labels where they should, and tables hold rates."""

import gc
import json
import os

import numpy as np
import pytest
from PIL import Image

import icsys
from photos import generate_photo

pytest.importorskip("torch", reason="needs PyTorch: make test-extras")
pytest.importorskip("torchvision", reason="needs torchvision: make test-extras")
pytest.importorskip("datasets", reason="needs datasets: make test-extras")
pytest.importorskip("webdataset", reason="needs webdataset: make test-extras")

import loading
import loading_growth
import loading_sets
from arrays import MEAN, STD
from loading_checks import COPY, COPY_FLOATS, FEW, FLOATS, MANY, rates
from loading_child import measure
from loading_contenders import CONTENDERS, DTYPES, FEW_PIXELS, RAW_NUMPY, REFERENCE, Setup
from page_cache import CAN_DROP, bytes_from_disk, drop, files_below, resident_share
from tree_memory import PeakMemory, memory_bytes, tree

SIDE, WHOLE = 16, 7


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Photos in two folders of classes and beside them, one of them damaged, and two with one name."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(WHOLE):
        place = folder / ("cat", "train", "")[number % 3]
        place.mkdir(exist_ok=True)
        picture = Image.fromarray(generate_photo(40, 30, number))
        picture.save(place / f"a{number // 3}{'.jpg' if number < 5 else '.png'}", quality=92)
    (folder / "cat" / "broken.jpg").write_bytes(b"no photo")
    return folder


@pytest.fixture(scope="module")
def work(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    assert loading_sets.make(photos, folder, 100, SIDE) == (WHOLE, SIDE, WHOLE)
    return folder


def pixels_of(name, work):
    """Return the pixels that a contender should give, (N, 3, H, W), uint8, by decoding with Pillow; and a tolerance."""
    if "raw" in name:
        return np.load(work / loading_sets.RAW), 0
    if "256" in name:
        return icsys.load(work / loading_sets.MANY).pixels(), 0
    folder, tolerance = work / loading_sets.PNG, 0
    if "JPEG" in name or "WebP" in name:
        folder = work / (loading_sets.JPEG if "JPEG" in name else loading_sets.WEBP)
        tolerance = 3 if "FFCV" in name else 0  # another encoder
    if "originals" in name:  # resized by another program: alike, not the same
        return np.load(work / loading_sets.RAW), 40
    paths = sorted(path for path in folder.rglob("*.*") if path.suffix in {".png", ".jpg", ".webp"})
    assert len(paths) == WHOLE
    return np.stack([np.asarray(Image.open(path).convert("RGB")).transpose(2, 0, 1) for path in paths]), tolerance


@pytest.mark.filterwarnings("ignore")  # WebDataset leaves files open until they are collected
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda one: one.name)
def test_contenders_give_the_pixels_and_labels_in_order(contender, dtype, work):
    epoch = contender.open(Setup(work, SIDE, dtype, batch=3, is_shuffled=False))
    expected, tolerance = pixels_of(contender.name, work)
    if dtype == "float32":
        expected = (expected / 255 - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))
        tolerance = tolerance / 255 / min(STD) + 1e-5
    pixels, labels = [], []
    for batch, own in epoch(0):
        assert len(batch) == len(own) <= 3
        pixels.append(np.asarray(batch).copy())
        labels += np.asarray(own).tolist()
    found = np.concatenate(pixels)
    assert found.dtype == dtype
    assert np.abs(found - expected.astype(float)).mean(axis=(1, 2, 3)).max() <= tolerance
    del epoch
    gc.collect()
    assert labels == [0, 0, 1, 1, 1, 2, 2]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda one: one.name)
def test_a_shuffled_pass_has_each_image_once(contender, work):
    epoch = contender.open(Setup(work, SIDE, "uint8", batch=2))
    ordered = contender.open(Setup(work, SIDE, "uint8", batch=2, is_shuffled=False))
    sums = [
        sorted(int(np.asarray(image).astype(int).sum()) for batch, _ in one for image in batch)
        for one in (epoch(0), epoch(1), ordered(0))
    ]
    del epoch, ordered
    gc.collect()
    assert sums[0] == sums[1] == sums[2]
    assert len(sums[0]) == WHOLE


def test_slow_contenders_read_a_part_of_the_images(work):
    slow = next(one for one in CONTENDERS if one.is_slow)
    batches = list(slow.open(Setup(work, SIDE, batch=2, images=3))(0))
    assert [len(labels) for _, labels in batches] == [2, 1]


def test_sets_that_are_there_are_taken_and_others_made_anew(photos, work, tmp_path):
    before = (work / loading_sets.RAW).stat().st_mtime_ns
    assert loading_sets.make(photos, work, 100, SIDE).images == WHOLE
    assert (work / loading_sets.RAW).stat().st_mtime_ns == before
    assert loading_sets.make(None, tmp_path, 1, 8) == (1, 8, 1)
    assert loading_sets.make(photos, tmp_path, 3, 8) == (3, 8, 3)


def test_a_contender_is_measured_cold_and_warm(work):
    few = next(one for one in CONTENDERS if one.name == FEW_PIXELS)
    found = json.loads(json.dumps(measure(few, Setup(work, SIDE, batch=4), 0)))
    assert found["float32"]["warm"] > 0
    if CAN_DROP:
        cold = found["uint8"]["cold"]
        assert (cold["images"], cold["seconds"] > 0) == (WHOLE, True)
        assert cold["cached"] is None or 0 <= cold["cached"] <= 1  # 1 where the file system lies in memory
    assert {name for name, own in rates(work, 4, 1).items() if min(own.values()) > 0} == {"ordered", "shuffled"}


@pytest.mark.skipif(not CAN_DROP or resident_share([]) is None, reason="no page cache that lets go when asked")
def test_dropped_files_are_out_of_the_page_cache(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(os.urandom(3 * 2**20 + 5))
    (tmp_path / "empty").touch()
    files = files_below([tmp_path, path])
    assert files == [path, tmp_path / "empty"]
    drop(files)
    if resident_share(files) == 1:
        pytest.skip("the file system lies in memory")
    assert resident_share(files) == 0
    before = bytes_from_disk(tree())
    path.read_bytes()
    assert resident_share(files) == 1
    assert before is None or bytes_from_disk(tree()) - before >= 3 * 2**20


@pytest.mark.skipif(memory_bytes() is None, reason="the system does not tell")
def test_memory_is_seen_at_its_peak():
    before = memory_bytes()
    with PeakMemory() as peak:
        held = np.ones(64 * 2**20, np.uint8)
        while peak.bytes is None or peak.bytes < before + len(held) // 2:
            pass
    assert peak.bytes >= before + len(held) // 2


def found_of(rate, cores=(1, 2)):
    """Return what children would have found, all of them the same but for a few."""
    cold = {"images": 10, "seconds": 2.0, "read": 4_000_000, "cached": 0.0}
    one = {dtype: {"warm": rate, "cold": cold} for dtype in DTYPES} | {"memory": 5_000_000}
    found = {number: {contender.name: one for contender in CONTENDERS} for number in cores}
    fast = {dtype: {"warm": 50 * rate, "cold": cold | {"seconds": 1.0}} for dtype in DTYPES}
    found[1][FEW_PIXELS] = fast | {"memory": None}
    return found


def test_tables_hold_rates_ratios_and_bytes(work):
    found = found_of(100.0)
    lines = loading.rate_table(found, "uint8").splitlines()
    assert lines[0].split("|")[2].strip() == "one core, warm"
    assert len(lines) == 2 + len(CONTENDERS)
    cells = {line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[2:-1]] for line in lines}
    assert cells[REFERENCE] == ["100 (1.00x)", "5.00 (1.00x)"] * 2
    assert cells[FEW_PIXELS] == ["5,000 (50.0x)", "10.0 (2.00x)", "100 (1.00x)", "5.00 (1.00x)"]
    memory = loading.memory_table(found, work, WHOLE)
    raw = next(line for line in memory.splitlines() if RAW_NUMPY in line)
    # The header of a .npy file has 128 bytes; a label has 8.
    size = (WHOLE * 3 * SIDE**2 + 128 + WHOLE * 8 + 128) / WHOLE
    assert [cell.strip() for cell in raw.split("|")[2:-1]] == [f"{size:.0f}", "5.00", "5.00", "4.00", "2.00"]
    own = {COPY: 10.0, FEW: 30.0, MANY: 5.0, COPY_FLOATS: 4.0, FLOATS: 3.0}
    checks = loading.checks_table(found, {"shuffled": own, "ordered": {name: 2 * own[name] for name in own}})
    measured = [line.split("|")[3].strip() for line in checks.splitlines()[2:]]
    assert measured == [
        "30.0",
        "0.300x",
        "3.00x",
        "0.750x",
        "0.500x",
        "0.500x",
        "0.500x",
        *["2.00x"] * 2,
        *["1.00x"] * 2,
    ]


def test_the_page_has_all_tables(photos, tmp_path, monkeypatch, capsys):
    own = {COPY: 10.0, FEW: 30.0, MANY: 5.0, COPY_FLOATS: 4.0, FLOATS: 3.0}
    both = {"shuffled": own, "ordered": own}

    def child(program, *words):
        return both if program == "loading_checks.py" else found_of(100.0)[1][CONTENDERS[int(words[0])].name]

    monkeypatch.setattr(loading, "run_child", child)
    monkeypatch.chdir(tmp_path)
    loading.main([str(photos), "--side", "8", "--images", "5", "--out", "page.md"])
    text = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out == text + "\n"
    for title in ("## float32", "## uint8", "## Memory", "## What arrays should give"):
        assert title in text
    assert str(photos.parent) not in text


def test_a_child_that_fails_ends_the_benchmark_with_its_error():
    with pytest.raises(RuntimeError, match=r"loading_child.py .* ended with 2: [^$]*required"):
        loading.run_child("loading_child.py", "0")


def test_arrays_of_noise_are_as_ics_writes_them(tmp_path, monkeypatch):
    loading_growth.write_noise(tmp_path, 5000, 6)
    data = icsys.load(tmp_path, verify=True)
    assert (len(data), data.size, data.bits, len(data.classes)) == (5000, (6, 6), 4, 10)
    assert data.names[-1] == "000004999.png"
    found = loading_growth.measure(tmp_path, 64, 3)
    assert min(value for value in found.values() if value is not None) > 0
    monkeypatch.setattr(loading_growth, "run_child", lambda *_: found | {"memory": None})
    page = tmp_path / "growth.md"
    loading_growth.main(["--images", "3", "20", "--side", "5", "--out", str(page)])
    rows = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert [row.split("|")[1].strip() for row in rows[2:]] == ["3", "20"]
    assert {row.split("|")[-2].strip() for row in rows[2:]} == {"-"}
