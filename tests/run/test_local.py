"""``compress_folder`` on this machine."""

import json
import sys

import numpy as np
import pytest
from PIL import Image
from threadpoolctl import threadpool_info

from helpers import compress_into, image_bytes, synthetic_photo, tree
from icsys import Compressed, Failed, Options, Skipped, UsageError, compress_folder, verify_folder
from icsys.choices import ENCODINGS
from icsys.color.kmeans_strategies import STRATEGY_TABLE
from icsys.records.manifest import to_line
from icsys.records.manifest_rows import failure_row
from icsys.results import to_record

NAMES = ("train/cat/a", "train/dog/a", "b")  # photos without their suffixes


def run(source, destination, options=None, **settings):
    """Compress a folder; return the summary and the results by source."""
    results, summary = compress_into(source, destination, options or Options(), **settings)
    return summary, results


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_folder_becomes_files_of_the_format(encoding, photos, tmp_path):
    options = Options(strategy="SO", format=encoding)
    run(photos, tmp_path / "out", options)
    assert set(tree(tmp_path / "out")) == {f"{name}{options.suffix}" for name in NAMES}
    again, _ = run(photos, tmp_path / "out", options)
    assert again.skipped == 3
    if encoding != "png":
        other, _ = run(photos, tmp_path / "out", Options(strategy="SO"))
        assert (other.compressed, other.stale) == (3, sorted(f"{name}{options.suffix}" for name in NAMES))


def test_a_folder_of_truecolour_png_resumes_and_holds_the_pixels_of_the_indexed_one(photos, tmp_path):
    indexed = Options(colors=5)
    run(photos, tmp_path / "out", indexed)
    expected = pixels_of(tmp_path / "out", "P")
    truecolor = indexed.replace(png="truecolor")
    for options, compressed, mode in ((truecolor, 3, "RGB"), (truecolor, 0, "RGB"), (indexed, 3, "P")):
        summary, _ = run(photos, tmp_path / "out", options)
        assert (summary.compressed, summary.skipped, summary.failed) == (compressed, 3 - compressed, 0)
        assert verify_folder(tmp_path / "out").is_intact
        found = pixels_of(tmp_path / "out", mode)
        assert found.keys() == expected.keys()
        for name, pixels in found.items():
            np.testing.assert_array_equal(pixels, expected[name])


def pixels_of(folder, mode):
    """Return the pixels of all images below a folder, which are stored in one mode."""
    images = {path.relative_to(folder): Image.open(path) for path in folder.rglob("*.png")}
    assert {image.mode for image in images.values()} == {mode}
    return {name: np.asarray(image.convert("RGB")) for name, image in images.items()}


@pytest.mark.parametrize("strategy", STRATEGY_TABLE)
def test_every_strategy_makes_every_image_smaller_and_keeps_the_tree(strategy, photos, tmp_path):
    summary, results = run(photos, tmp_path / "out", Options(strategy=strategy, colors=8))
    assert set(tree(tmp_path / "out")) == {"train/cat/a.png", "train/dog/a.png", "b.png"}
    assert (summary.images, summary.compressed, summary.failed, summary.ignored) == (3, 3, 0, 2)
    for result in results.values():
        with Image.open(tmp_path / "out" / result.output) as image:
            assert image.size == (result.width, result.height) == (16, 12)
            assert image.mode == ("RGB" if strategy == "SO" else "P")
            if strategy != "SO":
                assert len(image.getcolors()) <= 8
    assert summary.bytes_in == sum((photos / name).stat().st_size for name in results)
    assert summary.bytes_out == sum(len(data) for data in tree(tmp_path / "out").values())
    assert summary.elements_in == 3 * 60 * 80 * 3
    assert summary.elements_out == 3 * 12 * 16 * 3


@pytest.mark.parametrize("strategy", STRATEGY_TABLE)
def test_the_number_of_jobs_does_not_change_a_byte(strategy, photos, tmp_path):
    for jobs in (1, 3):
        compress_folder(photos, tmp_path / str(jobs), Options(strategy=strategy, colors=7, step=1), jobs=jobs)
    assert tree(tmp_path / "1") == tree(tmp_path / "3")


@pytest.mark.parametrize("strategy", ["MKM", "FKM"])
def test_the_engine_does_not_change_a_byte(strategy, photos, tmp_path):
    for engine in ("threads", "processes"):
        summary = compress_folder(
            photos, tmp_path / engine, Options(strategy=strategy, colors=7, step=2), engine=engine, jobs=2
        )
        assert summary.compressed == 3
    assert tree(tmp_path / "threads") == tree(tmp_path / "processes")


def test_pixels_held_at_once_are_bounded(photos, tmp_path, monkeypatch):
    """With memory for less than one image, images are done one after another, and all succeed."""
    monkeypatch.setattr("icsys.engine.executor.BYTES_IN_FLIGHT", 1)
    summary, _ = run(photos, tmp_path / "out", jobs=3)
    assert summary.compressed == 3


def test_a_bad_image_is_recorded_and_the_others_go_on(photos, tmp_path):
    (photos / "empty.jpg").write_bytes(b"")
    (photos / "text.png").write_text("this is no image", encoding="utf-8")
    (photos / "half.jpg").write_bytes(image_bytes(synthetic_photo(), "PNG")[:200])
    summary, results = run(photos, tmp_path / "out")
    assert (summary.compressed, summary.failed) == (3, 3)
    assert {failure.source for failure in summary.failures} == {"empty.jpg", "text.png", "half.jpg"}
    assert isinstance(results["empty.jpg"], Failed)
    assert results["empty.jpg"].code == "empty"
    assert all(failure.message for failure in summary.failures)


def test_an_internal_fault_is_a_failed_image(photos, tmp_path, monkeypatch):
    monkeypatch.setattr("icsys.run.worker.compress_image", lambda *_, **__: 1 / 0)
    summary, _ = run(photos, tmp_path / "out")
    assert summary.failed == 3
    assert summary.failures[0].code == "internal"
    assert "ZeroDivisionError" in summary.failures[0].message


def test_a_foreign_file_at_an_output_path_is_kept_without_overwrite(photos, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "b.png").write_bytes(b"mine")
    assert run(photos, out)[0].compressed == 2
    before = tree(out)
    summary, results = run(photos, out)
    assert (summary.compressed, summary.skipped, summary.foreign) == (0, 3, 1)
    assert isinstance(results["b.webp"], Skipped)
    assert summary.factor is None
    assert tree(out) == before
    summary, results = run(photos, out, overwrite="always")
    assert summary.compressed == 3
    assert isinstance(results["b.webp"], Compressed)
    assert tree(out)["b.png"] != b"mine"


def test_a_dry_run_writes_nothing_and_returns_the_counts_of_a_run(photos, tmp_path):
    foretold, _ = run(photos, tmp_path / "out", dry_run=True)
    assert not (tmp_path / "out").exists()
    assert run(photos, tmp_path / "out")[0].bytes_out == foretold.bytes_out


def test_two_sources_never_share_an_output(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    for name, seed in (("a.png", 1), ("a.bmp", 2)):
        (source / name).write_bytes(image_bytes(synthetic_photo(seed=seed), name[-3:]))
    summary, _ = run(source, tmp_path / "out")
    assert summary.compressed == 2
    assert set(tree(tmp_path / "out")) == {"a.png.png", "a.bmp.png"}


def test_a_folder_at_an_output_path_fails_that_image_alone(photos, tmp_path):
    (tmp_path / "out" / "b.png").mkdir(parents=True)
    summary, results = run(photos, tmp_path / "out", overwrite="always")
    assert summary.compressed == 2
    assert results["b.webp"].code == "blocked"


def test_animations_are_counted(tmp_path):
    frames = [Image.fromarray(synthetic_photo(seed=seed)) for seed in range(3)]
    (tmp_path / "in").mkdir()
    frames[0].save(tmp_path / "in" / "a.gif", save_all=True, append_images=frames[1:])
    summary, results = run(tmp_path / "in", tmp_path / "out", Options(step=1))
    assert summary.animated == 1
    assert results["a.gif"].frames == 3


@pytest.mark.parametrize(
    ("size", "tiny", "small"),
    [
        ({"step": 50}, {"photo", "icon"}, set()),
        ({"step": 2}, {"icon"}, set()),
        ({"step": 1}, set(), set()),
        ({"scale": 0.02}, {"photo", "icon"}, set()),
        ({"size": 8}, {"photo", "icon"}, set()),
        ({"size": 64}, set(), {"icon"}),
        ({"size": 64, "enlarge": True}, set(), {"icon"}),
        ({"size": 64, "fit": "pad"}, set(), {"icon"}),
        ({"size": 64, "fit": "cover"}, set(), {"icon", "strip"}),
        ({"size": 64, "fit": "cover", "enlarge": True}, set(), {"icon", "strip"}),
        ({"size": 64, "fit": "stretch"}, set(), {"icon", "strip"}),
    ],
)
def test_tiny_outputs_and_small_sources_are_counted_and_marked(size, tiny, small, tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name, (width, height) in {"photo": (300, 200), "strip": (200, 8), "icon": (20, 16)}.items():
        Image.new("RGB", (width, height), "red").save(source / f"{name}.png")
    summary, results = run(source, out, Options(strategy="SO", **size))
    assert (summary.tiny_outputs, summary.small_sources) == (len(tiny), len(small))
    rows = [json.loads(line) for line in (out / "manifest.jsonl").read_text("utf-8").splitlines()]
    records = [{**to_record(result), "file_name": result.output} for result in results.values()]
    for some in (rows, records):
        assert {row["file_name"][:-4] for row in some if row["tiny_output"]} == tiny
        assert {row["file_name"][:-4] for row in some if row["small_source"]} == small
    record = json.loads((out / "run.json").read_text("utf-8"))["summary"]
    assert (record["tiny_outputs"], record["small_sources"]) == (len(tiny), len(small))
    if size.get("enlarge") and size.get("fit") == "cover":
        assert all((np.asarray(Image.open(path)) == (255, 0, 0)).all() for path in out.glob("*.png"))


def test_the_total_becomes_known_and_counts_agree_at_the_end(photos, tmp_path):
    states = []
    compress_folder(
        photos, tmp_path / "out", progress=lambda state: states.append((state.total, state.summary.images)), jobs=1
    )
    assert states[0][1] == 0
    counts = [images for _, images in states]
    assert counts == sorted(counts)
    assert set(counts) == {0, 1, 2, 3}
    assert {total for total, _ in states} <= {None, 3}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"jobs": 0}, "jobs=0"),
        ({"jobs": "two"}, "jobs='two'"),
        ({"overwrite": "maybe"}, "never, always"),
        ({"engine": "dream"}, "threads, processes"),
    ],
)
def test_wrong_settings_are_refused_by_name(settings, expected, photos, tmp_path):
    with pytest.raises(UsageError, match=expected):
        compress_folder(photos, tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


def test_blas_threads_are_capped_while_images_run(photos, tmp_path):
    pools = []
    compress_folder(
        photos, tmp_path / "out", Options(strategy="FKM"), progress=lambda _: pools.append(threadpool_info())
    )
    assert {pool["num_threads"] for pool in pools[-1] if pool["user_api"] == "blas"} == {1}


def test_options_of_another_kind_are_refused(photos, tmp_path):
    with pytest.raises(UsageError, match=r"expected icsys\.Options"):
        compress_folder(photos, tmp_path / "out", {"colors": 3})


def test_folders_that_cannot_be_used_are_refused(photos, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"")
    for source, destination, expected in (
        (tmp_path / "none", tmp_path / "out", "does not exist"),
        ([], tmp_path / "out", "names no file"),
        ([file, photos], tmp_path / "out", "'.*photos' is a folder: expected one folder, or image files only"),
        ([file, "s3://bucket/a"], tmp_path / "out", "is a URL among 2 sources"),
        (file, tmp_path, "lies in destination"),
        (photos, file, "is a file"),
        (photos, photos, "lies in destination"),
        (photos, photos.parent, "lies in destination"),
        (photos, file / "below", "is a file"),
        ("", tmp_path / "out", "source ''"),
        (photos, "", "destination ''"),
        (photos, tmp_path / ("n" * 300), "cannot be written"),
    ):
        with pytest.raises(UsageError, match=expected):
            compress_folder(source, destination)


def test_a_destination_in_the_source_with_photos_of_it_is_refused(photos, tmp_path):
    """They would be left out of the run without a word."""
    inside = next(path for path in sorted(photos.iterdir()) if path.is_dir())
    before = sorted(tmp_path.rglob("*"))
    for destination in (inside, f"{inside.parent}/./{inside.name}/", inside / ".." / inside.name):
        with pytest.raises(
            UsageError, match=r"lies in source .* and holds photos such as '.*', which would be left out"
        ):
            compress_folder(photos, destination)
    assert sorted(tmp_path.rglob("*")) == before
    (inside / "new" / "empty").mkdir(parents=True)
    (inside / "new" / ".hidden.png").write_bytes(b"")
    (inside / "new" / "notes.txt").write_text("mine", "utf-8")
    assert compress_folder(photos, inside / "new").compressed == compress_folder(photos, tmp_path / "out").compressed
    assert compress_folder(photos, inside / "new").compressed == 0


@pytest.mark.parametrize("name", ["manifest.jsonl", "failures.jsonl", "run.json", "palette.json", ".ics-claims"])
def test_a_folder_with_the_name_of_a_record_is_refused(name, photos, tmp_path):
    (tmp_path / "out" / name).mkdir(parents=True)
    with pytest.raises(UsageError, match=f"{name!r} is not a file"):
        compress_folder(photos, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_a_link_to_nothing_is_refused_as_destination(photos, tmp_path):
    (tmp_path / "out").symlink_to("nowhere")
    with pytest.raises(UsageError, match="a link to nothing"):
        compress_folder(photos, tmp_path / "out")


@pytest.mark.parametrize("name", ["manifest.jsonl", "Failures.JSONL", "run.json"])
def test_images_in_a_folder_with_the_name_of_a_record_fail_and_the_record_is_whole(name, tmp_path):
    """Written images in it would keep every later run from writing manifest or failures."""
    for folder in (name, "cat"):
        (tmp_path / "in" / folder / name).mkdir(parents=True)
        (tmp_path / "in" / folder / name / "a.png").write_bytes(image_bytes(synthetic_photo()))
    for compressed, skipped in ((1, 0), (0, 1)):
        summary, results = run(tmp_path / "in", tmp_path / "out")
        assert (summary.compressed, summary.skipped, summary.failed) == (compressed, skipped, 1)
        assert results[f"{name}/{name}/a.png"].code == "blocked"
        assert "name of a file of ics" in results[f"{name}/{name}/a.png"].message
        assert not summary.stopped
    assert len((tmp_path / "out" / "manifest.jsonl").read_text().splitlines()) == 1
    assert len((tmp_path / "out" / "failures.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize("folder", ["train", "train/cat", "."])
def test_retry_failed_does_the_images_of_a_folder_that_could_not_be_listed(folder, photos, tmp_path):
    """They have no failure of their own: only the failure of their folder was recorded."""
    (tmp_path / "out").mkdir()
    row = failure_row(Failed(source=folder, code="permission", message="the folder cannot be listed"), "0", "0")
    (tmp_path / "out" / "failures.jsonl").write_bytes(to_line(row))
    _, results = run(photos, tmp_path / "out", retry_failed=True)
    for source, result in results.items():
        within = folder == "." or source.startswith(f"{folder}/")
        assert isinstance(result, Compressed if within else Skipped), source


def test_the_step_of_the_original_keeps_exactly_its_pixels(tmp_path):
    pixels = synthetic_photo(33, 47)
    (tmp_path / "in").mkdir()
    Image.fromarray(pixels).save(tmp_path / "in" / "a.png")
    run(tmp_path / "in", tmp_path / "out", Options(strategy="SO", step=5, resample="skip"))
    with Image.open(tmp_path / "out" / "a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), pixels[::5, ::5])
