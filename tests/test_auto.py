"""Colours "auto": as few as a target of quality allows, for each image or for all, and how they are reported."""

import io
import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import structural_similarity
from sklearn.cluster import KMeans

from helpers import compress_files, compress_into, ics, image_bytes, synthetic_photo, tree
from icsys import ImageError, Options, UsageError, compress_folder, compress_image, merge_shards, quantize
from icsys.color.kmeans_strategies import STRATEGY_TABLE
from icsys.engine import Lost
from icsys.files.rooted_path import RootedPath
from icsys.options import Target
from icsys.records.run_json import read_run
from icsys.results import Measured
from icsys.run.choose_colors import choose_colors
from icsys.run.worker import Outcome
from icsys.summary import ColorsChosen
from report.test_terminal_reports import DONE

pytestmark = pytest.mark.usefixtures("unsynced")

TARGETS = [{"min_psnr": 30.0}, {"min_ssim": 0.85}, {"max_delta_e": 4.0}]
CLUSTERING = [name for name, strategy in STRATEGY_TABLE.items() if strategy.fit]


def seen(target, first, second):
    """Measure two pictures, (H, W, 3) or grey, with scikit-image; more is better."""
    first, second = (np.stack([p] * 3, axis=2) if p.ndim == 2 else p for p in (first, second))
    if "min_psnr" in target:
        return 10 * math.log10(255**2 / np.mean((first.astype(float) - second) ** 2))
    if "max_delta_e" in target:
        return -deltaE_ciede2000(rgb2lab(first), rgb2lab(second)).mean()
    x, y = (picture.astype(float) @ [0.299, 0.587, 0.114] for picture in (first, second))
    return structural_similarity(x, y, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)


def goal(target):
    (name, value), *_ = target.items()
    return -value if name.startswith("max") else value


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: next(iter(target)))
@pytest.mark.parametrize(
    "settings",
    [
        *({"strategy": name} for name in CLUSTERING),
        {"effort": "balanced"},
        {"space": "oklab"},
        {"dither": "floyd-steinberg"},
        {"channels": 1},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_k_reaches_the_target_and_one_less_does_not(target, settings):
    """With palettes of the same strategy; the measures are scikit-image's."""
    settings = dict(settings)
    pixels = synthetic_photo(channels=settings.pop("channels", 3))
    found = quantize(pixels, "auto", **target, **settings)
    assert found.measured.met
    k = len(found.palette)
    assert 1 < k < 256
    # A palette of K - 1 may be a palette of K with one entry unused.
    for colors, reaches in ((k, True), (k - 1, False)):
        few = quantize(pixels, colors, **settings).to_array()
        assert (seen(target, pixels, few) >= goal(target) - 3e-6) == reaches
    assert abs(found.measured.value) == pytest.approx(abs(seen(target, pixels, found.to_array())), abs=3e-6)


def test_independent_palettes_agree_on_k_within_a_tenth(china):
    """With scikit-learn's KMeans: a tenth more colours than K, or two, reach the target, and a tenth fewer do not."""
    pixels = np.ascontiguousarray(china[::4, ::4])
    colors, inverse, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True)
    for target in ({"min_ssim": 0.95}, {"min_ssim": 0.98}):
        k = len(quantize(pixels, "auto", **target).palette)
        away = max(2, math.ceil(k / 10))
        for n, reaches in ((k + away, True), (k - away, False)):
            means = KMeans(n, n_init=1, random_state=0).fit(colors, sample_weight=counts)
            palette = np.rint(means.cluster_centers_).astype(np.uint8)
            few = palette[means.labels_][inverse.reshape(-1)].reshape(pixels.shape)
            assert (seen(target, pixels, few) >= goal(target)) == reaches, (k, n)


def test_few_colours_are_kept_as_they_are():
    pixels = np.arange(12, dtype=np.uint8).repeat(20).reshape(12, 20) * 20
    for target, best in (({"min_psnr": 99}, None), ({"min_ssim": 0.999999}, 1.0), ({"max_delta_e": 1e-3}, 0.0)):
        found = quantize(pixels, "auto", **target)
        assert np.array_equal(found.to_array()[..., 0], pixels)
        assert (found.measured.value, found.measured.met) == (best, True)
    flat = quantize(np.full((1, 1, 3), 7, np.uint8), "auto")
    assert flat.palette.tolist() == [[7, 7, 7]]


def test_what_256_colours_miss_has_256_unless_that_is_refused():
    data = image_bytes(synthetic_photo())
    options = Options(colors="auto", min_ssim=0.9999, step=1)
    image = compress_image(data, options)
    assert (image.colors, image.measured.met) == (256, False)
    assert compress_image(data, options.replace(colors=256)).data == image.data
    with pytest.raises(ImageError, match=r"256 colours do not reach SSIM 0.9999: they reach 0.9\d+") as caught:
        compress_image(data, options.replace(strict_quality=True))
    assert caught.value.code == "quality"


@pytest.mark.parametrize("encoding", ["png", "webp", "npz"])
def test_files_are_indexed_however_many_colours_there_are(encoding):
    image = compress_image(image_bytes(synthetic_photo()), Options(colors="auto", format=encoding, step=1))
    if encoding == "npz":
        assert np.load(io.BytesIO(image.data))["indices"].dtype == np.uint8
    elif encoding == "png":
        assert Image.open(io.BytesIO(image.data)).mode == "P"
    assert 1 < image.colors <= 256


FILES = {f"{name}.png": image_bytes(synthetic_photo(48, 64, seed=seed)) for seed, name in enumerate("abcdef")}


def rows_of(folder):
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text("utf-8").splitlines()]


def test_the_manifest_has_the_colours_found(tmp_path):
    options = Options(colors="auto", max_delta_e=4, step=1)
    files = FILES | {"noise.png": image_bytes(np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8))}
    results, summary = compress_files(tmp_path, files, options)
    rows = {row["source_path"]: row for row in rows_of(tmp_path / "out")}
    for name, result in results.items():
        row = rows[name]
        assert (row["colors"], row["delta_e"]) == (result.colors, result.measured.value)
        assert (row["quality_target"], row["quality_met"]) == (4, name != "noise.png")
        assert {"psnr", "ssim"}.isdisjoint(row)
    found = summary.to_dict()["colors_found"]
    colors = [row["colors"] for row in rows.values()]
    assert (found["target"], found["fewest"], found["most"], found["missed"]) == ("CIEDE2000 4", min(colors), 256, 1)
    assert found["mean"] == pytest.approx(np.mean(colors))
    assert found["images"] == {str(k): colors.count(k) for k in sorted(colors)}
    assert read_run(RootedPath(tmp_path / "out"))["summary"]["colors_found"] == found
    _, again = compress_into(tmp_path / "in", tmp_path / "out", options)
    assert (again.skipped, again.compressed, again.colors_found) == (7, 0, None)


def test_a_run_with_a_given_number_reports_no_quality(tmp_path):
    _, summary = compress_files(tmp_path, FILES, Options(colors=8))
    assert {"psnr", "ssim", "delta_e", "quality_target", "quality_met"}.isdisjoint(rows_of(tmp_path / "out")[0])
    assert summary.colors_found is summary.colors_chosen is None


def test_shards_and_their_merge_report_the_same_as_one_run(tmp_path):
    options = Options(colors="auto", min_ssim=0.8, step=1)
    _, whole = compress_files(tmp_path, FILES, options)
    for index in (1, 2):
        compress_folder(tmp_path / "in", tmp_path / "parts", options, shard=(index, 2))
    merged = merge_shards(tmp_path / "parts")
    assert merged.to_dict()["colors_found"] == whole.to_dict()["colors_found"]
    assert (tmp_path / "parts" / "manifest.jsonl").read_bytes() == (tmp_path / "out" / "manifest.jsonl").read_bytes()


def outcome(colors, *, met=True):
    """What came of an image of a sample."""
    measured = Measured(Target("ssim", 0.9), 0.95 if met else 0.85)
    return Outcome(None, replace(DONE, colors=colors, measured=measured))


@pytest.mark.parametrize(
    ("share", "missed", "expected"),
    [(0.95, 0, (95, 95)), (1.0, 0, (100, 100)), (0.5, 0, (50, 50)), (0.001, 0, (1, 1)), (0.95, 10, (256, 90))],
)
def test_a_share_of_the_sample_reaches_the_target_with_the_number_chosen(share, missed, expected):
    """The images need 1, 2, ... 100 colours, except the images that miss the target."""
    target = Target("ssim", 0.9)
    outcomes = [outcome(k, met=k <= 100 - missed) for k in range(1, 101)]
    lost = Lost(None, "crashed", "gone")
    chosen = choose_colors([lost, *reversed(outcomes)], target, share)
    assert (chosen.colors, chosen.reached, chosen.sampled) == (*expected, 100)


def test_one_number_for_all_reaches_the_target_in_the_requested_share(tmp_path):
    options = Options(colors="auto", per="dataset", min_ssim=0.8, quality_share=0.5, step=1)
    alone, _ = compress_files(tmp_path, FILES, options.replace(per="image"))
    (tmp_path / "out").rename(tmp_path / "each")
    needed = sorted(result.colors for result in alone.values())
    _, summary = compress_into(tmp_path / "in", tmp_path / "out", options)
    assert summary.colors_chosen == ColorsChosen(
        needed[2], Target("ssim", 0.8), 0.5, 6, sum(k <= needed[2] for k in needed)
    )
    assert {row["colors"] for row in rows_of(tmp_path / "out")} == {needed[2]}
    assert read_run(RootedPath(tmp_path / "out"))["summary"]["colors_chosen"] == summary.colors_chosen.to_dict()
    assert read_run(RootedPath(tmp_path / "out"))["options"]["colors"] == needed[2]


def test_a_chosen_number_works_like_a_given_one(tmp_path):
    """Nothing is done again while the sample yields the same."""
    options = Options(colors="auto", per="dataset", min_ssim=0.8, step=1)
    _, first = compress_files(tmp_path, FILES, options)
    again, _ = compress_into(tmp_path / "in", tmp_path / "out", options, jobs=1, engine="processes")
    assert {result.status for result in again.values()} == {"skipped"}
    given = Options(colors=first.colors_chosen.colors, step=1)
    again, _ = compress_into(tmp_path / "in", tmp_path / "out", given)
    assert {result.status for result in again.values()} == {"skipped"}
    compress_folder(tmp_path / "in", tmp_path / "given", given)
    assert tree(tmp_path / "given") == tree(tmp_path / "out")
    _, dry = compress_into(tmp_path / "in", tmp_path / "none", options, dry_run=True)
    assert dry.colors_chosen == first.colors_chosen
    assert not (tmp_path / "none").exists()


def test_a_shard_cannot_choose_for_all(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(UsageError, match=r"shard='1/2' with per='dataset'.*give --colors to each"):
        compress_folder(tmp_path / "in", tmp_path / "out", Options(colors="auto", per="dataset"), shard="1/2")


def test_the_command_prints_the_colours_found(photos, tmp_path):
    some = ("--colors", "auto", "--min-ssim", 0.8, "--step", 1, "--verbose")
    code, out, err = ics("compress", photos, "out", *some, cwd=tmp_path)
    assert code == 0
    assert "; all images reach SSIM 0.8" in out
    assert re.search(r"\d+ colours \(SSIM 0.80\d+\), K-means", err)
    code, out, err = ics("compress", photos, "out", "--colors", "auto", "--min-ssim", 0.9999, "--step", 1, cwd=tmp_path)
    assert "Colours:  256; 3 images miss SSIM 0.9999 at 256 colours" in out
    strict = ("--colors", "auto", "--min-ssim", 0.9999, "--step", 1, "--strict-quality")
    code, out, err = ics("compress", photos, "out", *strict, cwd=tmp_path)
    assert code == 1
    assert err.count("(quality)") == 3
    code, out, _ = ics("compress", photos, "all", "--colors", "auto", "--per", "dataset", "--json", cwd=tmp_path)
    chosen = json.loads(out)["summary"]["colors_chosen"]
    assert (chosen["target"], chosen["share"], chosen["sampled"]) == ("SSIM 0.95", 0.95, 3)


def test_a_target_on_the_command_line_replaces_that_of_a_config_file(photos, tmp_path):
    (tmp_path / "ics.toml").write_text('colors = "auto"\nmin-ssim = 0.9\n', encoding="utf-8")
    _, out, _ = ics("compress", photos, "out", "--config", "ics.toml", "--min-psnr", 30, "--json", cwd=tmp_path)
    report = json.loads(out)
    assert report["summary"]["colors_found"]["target"] == "PSNR 30 dB"
    assert {file["quality_target"] for file in report["files"]} == {30}
    assert all(file["psnr"] >= 30 and file["ssim"] is None for file in report["files"])


def test_a_comparison_needs_numbers(photos, tmp_path):
    code, _, err = ics("compare", photos, "--colors", "auto", "--no-report", cwd=tmp_path)
    assert code == 2
    assert "expected numbers of colours to compare, such as 8,16,32" in err


def test_auto_can_be_entered_at_the_prompt(tmp_path):
    (tmp_path / "Uncompressed").mkdir()
    (tmp_path / "Uncompressed" / "a.png").write_bytes(FILES["a.png"])
    code, out, _ = ics(cwd=tmp_path, text="MKM\nauto\n5\n")
    assert code == 0
    assert "all images reach SSIM 0.95" in out
