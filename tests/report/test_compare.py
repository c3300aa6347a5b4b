"""A comparison beside the same figures worked out in another way."""

import io
import json

import cv2
import numpy as np
import pytest
from PIL import Image

from helpers import compress_into, synthetic_photo
from icsys import Options, UsageError, compare_folder
from icsys.errors import ICSError, ImageError
from icsys.report import compare, comparison_runner, lossy_codecs
from icsys.report.comparison_table import comparison_text
from report import naive

SHARED = Options(step=3, seed=5)


def put_several(folder):
    """Write photos of several sizes and formats, grey and of few colours among them, and a file that is no photo."""
    (folder / "cat").mkdir(parents=True)
    for name, seed, height in (("cat/a.png", 1, 50), ("cat/b.png", 2, 61), ("c.bmp", 3, 80)):
        Image.fromarray(synthetic_photo(height, 70, seed=seed)).save(folder / name)
    Image.fromarray(synthetic_photo(40, 40, channels=1)).save(folder / "grey.png")
    Image.fromarray(np.repeat(np.eye(30, dtype=np.uint8)[..., None] * 200, 3, axis=2)).save(folder / "few.png")
    (folder / "notes.txt").write_text("no photo", encoding="utf-8")
    return folder


@pytest.fixture(scope="module", autouse=True)
def rounds_of_little_work():
    """Passes are timed three times, as where there is little to do, however long the machine takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison_runner, "_TIMED", 1e9)
        yield


@pytest.fixture
def several(tmp_path):
    return put_several(tmp_path / "in")


@pytest.fixture(scope="module")
def lossy(tmp_path_factory):
    """A comparison with lossy codecs, and the steps of its progress."""
    steps = []
    folder = put_several(tmp_path_factory.mktemp("lossy") / "in")
    return compare_folder(folder, SHARED, colors=[2, 8], strategies=["MKM"], progress=steps.append), steps


def rows_of(comparison):
    return {row.name: row for row in comparison.rows}


def decoded(path):
    return cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def test_figures_are_those_of_runs_of_their_own_decoded_by_opencv(several, tmp_path):
    comparison = compare_folder(several, SHARED, colors=[4, 16], strategies=["MBKM", "MKM", "FKM"], lossy=False)
    names = {"SO", *(f"{name} {k}" for name in ("MKM", "FKM", "MBKM") for k in (4, 16))}
    assert set(rows_of(comparison)) == names
    compress_into(several, tmp_path / "reference", SHARED.replace(strategy="SO"))
    for name, row in rows_of(comparison).items():
        strategy, _, k = name.partition(" ")
        out = tmp_path / name
        results, summary = compress_into(several, out, SHARED.replace(strategy=strategy, colors=int(k or 32)))
        counted = (summary.bytes_in, summary.bytes_out, summary.factor, summary.elements_in, summary.elements_out)
        assert (row.bytes_in, row.bytes_out, row.factor, row.elements_in, row.elements_out) == counted
        assert {score.result.source for score in row.scores} == set(results)
        errors, psnrs, ssims, differences = [], [], [], []
        for source, result in sorted(results.items()):
            before, after = decoded(tmp_path / "reference" / result.output), decoded(out / result.output)
            errors.append(naive.mse(before, after))
            ssims.append(naive.ssim(before, after))
            differences.append(naive.mean_ciede2000(before, after))
            if errors[-1]:
                psnrs.append(cv2.PSNR(before, after))
            score = next(score for score in row.scores if score.result.source == source)
            assert score.quality.mse == pytest.approx(errors[-1])
            assert score.result.sha256 == result.sha256
        assert row.mse == pytest.approx(np.mean(errors))
        assert row.ssim == pytest.approx(np.mean(ssims), abs=1e-5)
        assert row.delta_e == pytest.approx(np.mean(differences), rel=1e-6)
        assert row.exact == len(errors) - len(psnrs)
        assert row.psnr == (pytest.approx(np.mean(psnrs)) if psnrs else None)
        assert row.images_per_second * row.seconds == pytest.approx(5)
    assert (comparison.images, comparison.found, comparison.ignored, comparison.failures) == (5, 5, 1, ())


def test_rare_colours_are_compared_with_the_size_alone(several, tmp_path):
    wished = SHARED.replace(keep_colors="#000000,#ffffff", count_power=0.5)
    comparison = compare_folder(several, wished, colors=[4], strategies=["MKM"], lossy=False)
    assert set(rows_of(comparison)) == {"SO", "MKM 4"}
    _, summary = compress_into(several, tmp_path / "out", wished.replace(colors=4))
    assert rows_of(comparison)["MKM 4"].bytes_out == summary.bytes_out
    assert {"keep_colors": "#000000,#ffffff", "count_power": 0.5}.items() <= comparison.options.to_dict().items()


def test_rows_are_sorted_by_size_and_become_json(lossy):
    comparison, _ = lossy
    sizes = [row.bytes_out for row in comparison.rows]
    assert sizes == sorted(sizes)
    record = json.loads(json.dumps(comparison.to_dict()))
    assert [row["name"] for row in record["rows"]] == [row.name for row in comparison.rows]
    assert record["rows"][0]["psnr"] == comparison.rows[0].psnr
    assert "strategy" not in record["options"]
    assert {row["quality"] for row in record["rows"] if row["strategy"] in {"SO", "MKM"}} == {None}
    usual = next(row for row in record["rows"] if row["name"] == "WebP 75")
    assert (usual["quality"], usual["colors"], record["lossy"], record["left_out"]) == (75, None, True, [])
    assert len(record["files"]["MKM 8"]) == 5
    assert record["files"]["MKM 8"][0]["mse"] == rows_of(comparison)["MKM 8"].scores[0].quality.mse


def test_an_image_that_fails_counts_for_no_strategy_and_is_listed_once(several):
    (several / "bad.jpg").write_bytes(b"\xff\xd8 no picture")
    comparison = compare_folder(several, SHARED, strategies=["MKM"])
    assert [failure.source for failure in comparison.failures] == ["bad.jpg"]
    assert (comparison.images, comparison.found) == (5, 6)


def test_where_every_image_fails_there_are_no_rows(tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8 no picture")
    comparison = compare_folder(tmp_path)
    assert (comparison.rows, comparison.images, comparison.examples) == ((), 0, ())
    assert comparison.failures[0].source == "bad.jpg"


def test_examples_are_the_worst_first_and_hold_the_pixels_of_the_outputs(several, tmp_path):
    comparison = compare_folder(several, SHARED, colors=[4], strategies=["MKM"], lossy=False, examples=3)
    loss = {score.result.source: score.quality.delta_e for score in rows_of(comparison)["MKM 4"].scores}
    ordered = sorted(loss, key=loss.get, reverse=True)
    assert [(e.source, e.rank) for e in comparison.examples] == [(ordered[0], 1), (ordered[1], 2), (ordered[4], 5)]
    results, _ = compress_into(several, tmp_path / "out", SHARED.replace(colors=4))
    for example in comparison.examples:
        pixels = decoded(tmp_path / "out" / results[example.source].output)
        shown = example.shown["MKM 4"]
        assert np.array_equal(shown.pixels, pixels)
        colors, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
        found = {tuple(c): n for c, n in zip(shown.palette.colors.tolist(), shown.palette.counts.tolist(), strict=True)}
        assert found == {tuple(c): n for c, n in zip(colors.tolist(), counts.tolist(), strict=True)}
        assert sorted(found.values(), reverse=True) == list(found.values())


def test_progress_has_the_estimate_and_counts_to_its_end(several):
    steps = []
    comparison = compare_folder(several, SHARED, colors=[4], strategies=["MKM"], lossy=False, progress=steps.append)
    estimated = [step for step in steps if step.estimate is not None]
    assert comparison.rounds == 3
    assert [step.done for step in estimated] == list(range(1, 36))  # five images by SO and MKM three times, and judged
    assert {step.total for step in estimated} == {35}
    assert {step.estimate for step in estimated} == {comparison.estimate}
    assert [step.note for step in estimated[::5]] == ["SO", "MKM 4"] * 3 + ["Judging"]


def test_much_work_is_timed_once(several, monkeypatch):
    monkeypatch.setattr(comparison_runner, "_TIMED", 0.0)
    assert compare_folder(several, SHARED, colors=[4], strategies=["MKM"], lossy=False).rounds == 1


def test_progress_counts_lossy_codecs_to_its_end(lossy):
    _, steps = lossy
    assert steps[-1].done == steps[-1].total == 5 * (3 * 3 + 2 * 3 * 3 + 1)
    assert {"Finding the quality of JPEG", "Finding the quality of WebP"} <= {step.note for step in steps}


def lossy_files(folder, codec, quality):
    """Encode SO's outputs, read by OpenCV, with Pillow."""
    for output in sorted(path for path in folder.rglob("*.png")):
        file = io.BytesIO()
        Image.fromarray(decoded(output)).save(file, codec.upper(), quality=quality)
        yield file.getvalue()


@pytest.fixture(scope="module")
def larger(tmp_path_factory):
    folder = tmp_path_factory.mktemp("in")
    for seed in range(3):
        Image.fromarray(synthetic_photo(100, 110, seed=seed)).save(folder / f"{seed}.png")
    return folder


@pytest.fixture(scope="module")
def compared(larger):
    return compare_folder(larger, Options(step=1), colors=[8], strategies=["MKM"], examples=0)


@pytest.mark.parametrize("codec", ["JPEG", "WebP"])
def test_a_lossy_codec_has_the_highest_quality_at_no_more_bytes_than_a_strategy(larger, compared, tmp_path, codec):
    rows = rows_of(compared)
    (row,) = [row for row in compared.rows if row.candidate.strategy == codec and row.candidate.as_small_as]
    assert row.candidate.as_small_as == ("MKM 8",)
    compress_into(larger, tmp_path, Options(strategy="SO", step=1))
    quality = row.candidate.quality
    files = {q: list(lossy_files(tmp_path, codec, q)) for q in (75, quality, quality + 1)}
    sizes = {q: sum(map(len, some)) for q, some in files.items()}
    assert sizes[quality] == row.bytes_out <= rows["MKM 8"].bytes_out < sizes[quality + 1]
    assert sizes[75] == rows[f"{codec} 75"].bytes_out
    pairs = [
        (decoded(tmp_path / f"{i}.png"), np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
        for i, data in enumerate(files[quality])
    ]
    assert row.mse == pytest.approx(np.mean([naive.mse(*pair) for pair in pairs]))
    assert row.elements_out == rows["SO"].elements_out


def test_many_images_have_the_same_quality_as_few(larger, compared, monkeypatch):
    monkeypatch.setattr(comparison_runner, "_SEARCHED_IMAGES", 1)
    many = compare_folder(larger, Options(step=1), colors=[8], strategies=["MKM"], examples=0)
    assert {row.name for row in compared.rows} == {row.name for row in many.rows}


def test_a_codec_that_cannot_hold_an_image_is_left_out_with_its_reason(several, monkeypatch):
    encode = lossy_codecs.encode_lossy

    def narrow(codec, pixels, quality):
        if codec == "WebP" and pixels.shape[1] > 20:
            raise ValueError("too wide")
        return encode(codec, pixels, quality)

    monkeypatch.setattr(lossy_codecs, "encode_lossy", narrow)
    comparison = compare_folder(several, SHARED, colors=[4], strategies=["MKM"], jobs=1)
    assert {row.candidate.strategy for row in comparison.rows} == {"SO", "MKM", "JPEG"}
    assert comparison.left_out == ("WebP is left out: c.bmp: too wide.",)
    assert comparison.images == 5
    assert comparison.left_out[0] in comparison_text(comparison)


def test_an_output_that_cannot_be_read_fails_its_image_alone(several, monkeypatch):
    read = comparison_runner.read_pixels
    damaged = []

    def read_pixels(data, background):
        damaged[:] = damaged or [data]
        if data == damaged[0]:
            raise ImageError("broken", "cut off")
        return read(data, background)

    monkeypatch.setattr(comparison_runner, "read_pixels", read_pixels)
    comparison = compare_folder(several, SHARED, colors=[4], strategies=["MKM"], jobs=1)
    assert [failure.message for failure in comparison.failures] == ["the output cannot be read: cut off"]
    assert comparison.images == 4
    assert {row.candidate.strategy for row in comparison.rows} == {"SO", "MKM", "JPEG", "WebP"}


def test_nothing_is_left_in_the_temporary_folder_or_in_the_source(several, tmp_path, monkeypatch):
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr(compare.tempfile, "tempdir", str(room))
    before = sorted(several.rglob("*"))
    compare_folder(several, SHARED, strategies=["MKM"])
    assert list(room.iterdir()) == []
    assert sorted(several.rglob("*")) == before


def test_a_full_temporary_folder_is_named_with_a_way_out(several, monkeypatch):
    def full(folder, files, **_):
        return [OSError(28, "No space left on device", f"{folder}/{name}") for name, _ in files]

    monkeypatch.setattr("icsys.outputs.folder.write_group", full)
    with pytest.raises(ICSError, match=r"no room for the outputs of SO in .* take a smaller sample, or set TMPDIR"):
        compare_folder(several, SHARED, strategies=["MKM"], lossy=False)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"colors": [0]}, "colors=0: expected a whole number from 1 to 65536"),
        ({"colors": []}, "nothing to compare"),
        ({"strategies": ["SO"]}, "nothing to compare"),
        ({"strategies": ["KM"]}, "strategy='KM': expected one of"),
        ({"strategies": "KM", "colors": 8}, "strategy='KM': expected one of"),
        ({"strategies": "MKM", "colors": 0}, "colors=0: expected a whole number"),
        ({"sample": 0}, "sample=0: expected a whole number"),
        ({"jobs": "x"}, "jobs='x'"),
        ({"examples": -1}, "examples=-1"),
    ],
)
def test_wrong_settings_are_refused_before_any_work(several, settings, message):
    with pytest.raises(UsageError, match=message):
        compare_folder(several, **settings)


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "a.txt").touch()
    with pytest.raises(UsageError, match="no image was found"):
        compare_folder(tmp_path)
    with pytest.raises(UsageError, match="does not exist"):
        compare_folder(tmp_path / "none")


def test_more_than_256_colours_and_names_of_all_kinds_are_compared(tmp_path):
    Image.fromarray(synthetic_photo(64, 64)).save(tmp_path / "\N{SNOWMAN} <b>.png")
    comparison = compare_folder(tmp_path, Options(step=1), colors=[300], strategies=["MKM"])
    assert len(comparison.examples[0].shown["MKM 300"].palette.counts) == 300
