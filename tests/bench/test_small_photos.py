"""Small photos: what is compared, and what is made of the figures, on pictures small enough to take no time."""

import argparse
import shutil
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import small_photos
from icsys.image.geometry import plan_resize
from photos import write_photos
from pillow_pool import decode, final_size
from small_photos import DECODE, DECODE_TWO, IMAGE_MAGICK, ONE, OURS, POOL, PROCESSES, THREADS, TWO, Times, ratios, rows
from small_sets import PhotoSet, add_options, make_sets
from timed_decoding import decode_seconds

sides = st.integers(1, 3000)


@pytest.fixture
def few(tmp_path):
    """Three photos of 83 by 62 pixels, to fit into 20x20."""
    write_photos(tmp_path / "few", 3, 83, 62)
    return PhotoSet("few", tmp_path / "few", "20x20", 4)


@given(sides, sides, st.one_of(st.tuples(sides, sides), st.integers(1, 50)))
def test_pillow_makes_pictures_of_the_size_that_ics_gives_them(width, height, target):
    text = f"step {target}" if isinstance(target, int) else "{}x{}".format(*target)
    plan = plan_resize(width, height, PhotoSet("", None, text, 4).options)
    assert final_size((width, height), text) == plan.size


def test_decoding_alone_leaves_the_pixels_of_the_asked_size_and_no_more_than_it_must(few):
    sizes = {target: decode(few.paths[0], target).size for target in ("83x62", "41x31", "40x40", "20x20", "step 5")}
    assert sizes == {"83x62": (83, 62), "41x31": (42, 31), "40x40": (83, 62), "20x20": (42, 31), "step 5": (21, 16)}


def test_decoding_is_timed_in_processes_of_its_own(few):
    assert 0 < decode_seconds(few.paths, few.target, 2) < 60


def test_a_photo_that_cannot_be_decoded_ends_the_timing(few, capfd):
    few.paths[1].write_bytes(b"no photo")
    with pytest.raises(EOFError):
        decode_seconds(few.paths, few.target, 1)
    assert "UnidentifiedImageError" in capfd.readouterr().err


def test_the_pool_makes_small_pictures_of_few_colours(few, tmp_path):
    outputs = tmp_path / "out"
    outputs.mkdir()
    command = [sys.executable, small_photos.BENCH / "pillow_pool.py", few.folder, outputs, few.target, "4", "1"]
    subprocess.run(command, check=True)
    for path in few.paths:
        with Image.open(outputs / f"{path.stem}.png") as image:
            assert image.size == (20, 15)
            assert len(image.getcolors()) <= 4


def test_ics_states_its_seconds_and_makes_the_pictures(few, tmp_path):
    found = small_photos.contenders(few, tmp_path / "lists", 2)
    assert {DECODE, DECODE_TWO, ONE, TWO, THREADS, PROCESSES, OURS, POOL} <= set(found)
    assert 0 < found[ONE](tmp_path / "out") < 60
    with Image.open(tmp_path / "out" / f"{few.paths[0].stem}.png") as image:
        assert image.size == (20, 15)


@pytest.mark.skipif(not small_photos.image_magick(), reason="ImageMagick is not installed")
def test_imagemagick_makes_pictures_of_the_same_size(few, tmp_path):
    (tmp_path / "out").mkdir()
    small_photos.contenders(few, tmp_path / "lists", 2)[IMAGE_MAGICK](tmp_path / "out")
    with Image.open(tmp_path / "out" / f"{few.paths[0].stem}.png") as image:
        assert image.size == (20, 15)
        assert len(image.convert("RGB").getcolors()) <= 4


@pytest.mark.skipif(not shutil.which("xargs"), reason="xargs is not installed")
def test_programs_share_the_files_equally(tmp_path, monkeypatch):
    monkeypatch.setattr(small_photos, "_MOST_FILES", 5)
    paths = [tmp_path / f"it's {name}.jpg" for name in range(22)]
    files = small_photos.write_list(paths, tmp_path / "lists" / "files")
    command = small_photos.in_parallel(["printf", "%s\t", "call"], files, 2)
    done = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    calls = [part.split("\t")[:-1] for part in done.split("call\t")[1:]]
    assert sorted(map(len, calls)) == [2, 4, 4, 4, 4, 4]  # three for each core, of at most 5 files
    assert sorted(path for call in calls for path in call) == sorted(map(str, paths))


def fake(monkeypatch, **works):
    monkeypatch.setattr(small_photos, "contenders", lambda *_: works)


def test_every_contender_runs_in_every_round_into_a_folder_of_its_own(few, tmp_path, monkeypatch, capsys):
    seen = []

    def work(outputs):
        assert list(outputs.iterdir()) == []
        seen.append(outputs)
        for path in few.paths:
            (outputs / f"{path.stem}.png").write_bytes(b"12345")
        return 2.5

    fake(monkeypatch, one=work, other=work)
    found = small_photos.measure(few, tmp_path / "work", 3, 3, 2)
    assert found.seconds == {"one": [2.5] * 3, "other": [2.5] * 3}
    assert found.bytes_out == {"one": 15, "other": 15}
    assert len(set(seen)) == 6
    assert all(outputs.exists() for outputs in seen)
    assert capsys.readouterr().out == ""


def test_other_programs_leave_out_the_later_rounds(few, tmp_path, monkeypatch):
    def work(outputs):
        for path in few.paths:
            (outputs / f"{path.stem}.png").write_bytes(b"1")
        return 2.5

    fake(monkeypatch, one=work, **{small_photos.POOL: work})
    found = small_photos.measure(few, tmp_path / "work", 3, 1, 2)
    assert found.seconds == {"one": [2.5] * 3, small_photos.POOL: [2.5]}
    assert found.ratio(small_photos.POOL, "one") == 1


def test_a_program_that_leaves_out_an_image_ends_the_benchmark(few, tmp_path, monkeypatch):
    fake(monkeypatch, lazy=lambda _: 0.1)
    with pytest.raises(RuntimeError, match="lazy has made 0 of 3"):
        small_photos.measure(few, tmp_path / "work", 1, 1, 2)


@pytest.fixture
def times():
    """Figures of two rounds, in a machine that is four times slower in the second."""
    seconds = {DECODE: 1.0, DECODE_TWO: 0.5, ONE: 3.0, TWO: 1.6, THREADS: 2.5, PROCESSES: 2.0, OURS: 2.0, POOL: 9.0}
    return Times(500, {name: [value, 4 * value] for name, value in seconds.items()}, {ONE: 1_000_000})


def test_ratios_are_those_within_a_round(times):
    lines = " ".join(ratios(times))
    for text in (
        "One job: 3.00x decode alone",
        "two processes 2.00x as fast as one",
        "two jobs 1.88x as fast as one job, 0.938 of the gain of decode alone; 125 images",
        "two jobs in threads alone 1.20x as fast as one job, 0.600 of",
        "two jobs in processes 1.50x as fast as one job, 0.750 of",
        f"ICS 4.50x as fast as {POOL}",
    ):
        assert text in lines
    assert IMAGE_MAGICK not in lines


def test_rows_hold_medians_and_the_size_of_outputs(times):
    table = rows(times)
    assert table[0] == [DECODE, "2.50", "120%", "5.00", "200", "1.00x", "-"]
    assert table[2] == [ONE, "7.50", "120%", "15.0", "66.7", "3.00x", "2.00"]


def test_sets_are_drawn_or_taken_from_folders(few, tmp_path):
    parser = argparse.ArgumentParser()
    add_options(parser)
    arguments = ["--camera", str(few.folder), "--camera-images", "2", "--images", "1", "--tiny-images", "3"]
    sets = make_sets(parser.parse_args(arguments), tmp_path / "work")
    assert [len(one.paths) for one in sets] == [1, 1, 3, 2]
    assert [one.flags for one in sets] == [
        ["--colors", "16", "--size", "64x64"],
        ["--colors", "16", "--size", "224x224"],
        ["--colors", "16", "--step", "1"],
        ["--colors", "32", "--step", "5"],
    ]
    assert [one.is_small for one in sets] == [True, True, True, False]
    for one, size in zip(sets[1:], [(400, 533), (32, 32), (83, 62)], strict=True):
        with Image.open(one.paths[0]) as image:
            assert image.size == size
            assert image.format == "JPEG"
