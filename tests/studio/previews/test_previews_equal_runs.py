"""A preview is what a run writes: the same bytes for all options, shared palettes too; and its pixels are shown."""

import io
import shutil
import threading
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from icsys import compress_folder, compress_image, write_palette
from icsys.choices import DITHERS, EFFORTS, FITS, FORMATS, ON_CORRUPT, PNGS, RESAMPLES, SPACES, STRATEGIES
from icsys.errors import ImageError, UsageError
from icsys.image.read_output import read_pixels
from icsys.options import Options
from icsys.run_settings import RunSettings
from icsys.studio.images import photo_cache
from icsys.studio.previews import previews
from icsys.studio.workspace import Workspace

GEOMETRIES = [{"step": 1}, {"step": 3}, {"scale": 0.4}, {"size": "40x30"}, {"size": "30x30"}]
TARGETS = [{}, {"min_psnr": 25}, {"min_ssim": 0.8}, {"max_delta_e": 5}, {"min_psnr": 60}]
RARE = {
    "effort": st.sampled_from(EFFORTS),
    "png_effort": st.sampled_from(["fast", "default"]),
    "jpeg_quality": st.sampled_from([1, 50, 100]),
    "background": st.sampled_from(["#000000", "#12ab34"]),
    "keep_colors": st.sampled_from(["#ff0000", "#ffffff,#000000"]),
    "count_power": st.sampled_from([0.3, 0.9]),
    "seed": st.integers(1, 3),
    "strict_quality": st.booleans(),
    "on_corrupt": st.sampled_from(ON_CORRUPT),
    "max_pixels": st.sampled_from([100, 1485]),
    "max_bytes": st.sampled_from([500, 3000]),
    "max_frames": st.just(1),
}
"""Options that most people leave as they are; each is drawn in one of four cases."""

SHARED_OR_PACKED = {"palette", "palette_from", "per", "quality_share", "shard_images", "shard_bytes"}
DRAWN = {
    "strategy",
    "format",
    "fit",
    "resample",
    "space",
    "dither",
    "alpha",
    "png",
    "never_larger",
    "enlarge",
    "colors",
}
DRAWN |= {"min_psnr", "min_ssim", "max_delta_e", "step", "scale", "size"}


def test_every_option_is_drawn_or_is_about_many_photos():
    """An option that is added is held against runs here, too."""
    assert {field.name for field in fields(Options)} == DRAWN | set(RARE) | SHARED_OR_PACKED


@st.composite
def all_options(draw):
    """Return options of all kinds; those that are not valid together are drawn again."""
    values = {
        "strategy": draw(st.sampled_from(STRATEGIES)),
        "format": draw(st.sampled_from(FORMATS)),
        "fit": draw(st.sampled_from(FITS)),
        "resample": draw(st.sampled_from(RESAMPLES)),
        "space": draw(st.sampled_from(SPACES)),
        "dither": draw(st.sampled_from(DITHERS)),
        "alpha": draw(st.sampled_from(["flatten", "keep"])),
        "png": draw(st.sampled_from(PNGS)),
        "never_larger": draw(st.booleans()),
        "enlarge": draw(st.booleans()),
        **{name: draw(values) for name, values in RARE.items() if draw(st.integers(0, 3)) == 0},
        "colors": draw(st.sampled_from([1, 2, 7, 32, 256, 300, "auto"])),
        **draw(st.sampled_from(GEOMETRIES)),
    }
    values |= draw(st.sampled_from(TARGETS)) if values["colors"] == "auto" else {"strict_quality": False}
    if values["strategy"] == "SO":
        values |= {"colors": 32, "dither": "none", "space": "srgb", "keep_colors": None, "count_power": None}
    if values["format"] not in {"png", "webdataset", "parquet"}:
        values |= {"png": "indexed", "png_effort": "default"}
    values |= {} if values["format"] == "jpeg" else {"jpeg_quality": 90}
    try:
        return Options.from_dict(values)
    except UsageError:
        assume(False)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """Photos of several kinds: colour, grey, translucent, with a palette of its own, damaged; in two classes."""
    folder = tmp_path_factory.mktemp("kinds")
    random = np.random.default_rng(0)
    wave = (np.add.outer(np.arange(33), np.arange(45) * 2) % 256).astype(np.uint8)
    pixels = np.dstack([wave, wave[::-1], random.integers(0, 40, wave.shape, np.uint8)])
    pictures = {
        "a/colour.jpg": Image.fromarray(pixels),
        "a/grey.png": Image.fromarray(wave),
        "b/clear.png": Image.fromarray(np.dstack([pixels, wave])),
        "b/few.png": Image.fromarray(pixels).quantize(16),
    }
    for name, picture in pictures.items():
        (folder / name).parent.mkdir(exist_ok=True)
        picture.save(folder / name)
    (folder / "b/bad.jpg").write_bytes((folder / "a/colour.jpg").read_bytes()[:300])
    return folder


@pytest.fixture(scope="module")
def rare_kinds(kinds, tmp_path_factory):
    """The same photos, and rarer ones: turned, CMYK, 16 bits, frames, few bits, grey with alpha, of a long name."""
    folder = tmp_path_factory.mktemp("rare")
    shutil.copytree(kinds, folder, dirs_exist_ok=True)
    with Image.open(kinds / "a/colour.jpg") as picture:
        colour = picture.convert("RGB")
    turned = Image.Exif()
    turned[274] = 6
    colour.save(folder / "a/turned.jpg", exif=turned)
    colour.convert("CMYK").save(folder / "a/cmyk.jpg")
    Image.fromarray(np.array(colour.convert("L")).astype(np.uint16) * 257).save(folder / "a/deep.png")
    colour.save(folder / "b/frames.gif", save_all=True, append_images=[colour.rotate(90)])
    colour.convert("LA").save(folder / "b/grey-alpha.png")
    colour.quantize(16).save(folder / "b/few-clear.png", transparency=3)
    Image.new("1", (7, 1), 1).save(folder / "b/thin.png")
    colour.save(folder / f"b/it's $a {'n' * 200} \u05d0.bmp")
    return folder


@pytest.fixture(scope="module")
def rare_studio(rare_kinds, tmp_path_factory):
    made = Workspace(str(rare_kinds), str(tmp_path_factory.mktemp("out") / "out"), Options(), RunSettings())
    made.images.wait()
    yield made
    made.close()


@pytest.fixture(scope="module")
def studio(kinds, tmp_path_factory):
    made = Workspace(str(kinds), str(tmp_path_factory.mktemp("out") / "out"), Options(), RunSettings())
    made.images.wait()
    yield made
    made.close()


def made_by(work):
    try:
        return work()
    except ImageError as error:
        return error.code


@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow], max_examples=40)
@given(all_options(), st.integers(0, 12))
def test_a_preview_has_the_bytes_of_the_run_and_shows_its_pixels(rare_studio, rare_kinds, options, number):
    studio = rare_studio
    data = (rare_kinds / studio.images[number].task.source).read_bytes()
    expected = made_by(lambda: compress_image(data, options).data)
    found = made_by(lambda: studio.previews.ask("main", number, options).result()[1])
    if isinstance(expected, str):
        assert found == expected
        return
    assert found.output == expected
    assert found.figures["bytes"] == len(expected)
    with Image.open(io.BytesIO(found.after.data)) as shown:
        assert shown.get_format_mimetype() == found.after.media_type
        if found.after.data != expected:
            assert np.array_equal(np.array(shown.convert("RGB")), read_pixels(expected, options.background))


@pytest.mark.parametrize(
    "values",
    [
        {"palette": "dataset", "colors": 8},
        {"palette": "dataset", "colors": 300, "palette_from": "a"},
        {"palette": "class", "colors": 5, "strategy": "FKM"},
        {"palette": "class", "colors": 300, "format": "npz"},
        {"palette": "dataset", "colors": 8, "keep_colors": "#ff0000", "dither": "floyd-steinberg", "space": "oklab"},
        {"colors": "auto", "per": "dataset", "min_ssim": 0.8},
        {"colors": "auto", "per": "dataset", "quality_share": 0.5, "format": "webp"},
    ],
    ids=str,
)
def test_what_photos_share_is_that_of_the_run(studio, kinds, tmp_path, values):
    options = Options.from_dict({"step": 2, **values})
    number = 0
    _, before = studio.previews.ask("main", number, options).result()
    assert "being found" in before.figures["note"]
    assert 0 <= before.figures["progress"] < 1
    assert studio.shared_palettes.wait(60)
    assert studio.events.latest("palette")["state"] == "done"
    compress_folder(kinds, tmp_path / "out", options)
    for number in range(5):
        task = studio.images[number].task
        found = made_by(lambda: studio.previews.ask("main", number, options).result()[1])  # noqa: B023 - used at once
        output = (tmp_path / "out" / task.source).with_suffix(options.suffix)
        if task.source == "b/bad.jpg":
            assert found == "broken"
        else:
            assert found.output == output.read_bytes()
            assert found.figures["progress"] is None
            assert ("colours for all photos" in found.figures["note"]) == (options.per == "dataset")


def test_a_palette_of_many_photos_is_found_from_a_sample_and_says_so(studio, monkeypatch):
    monkeypatch.setattr("icsys.studio.surveys.palette_search.MOST_IMAGES", 3)
    monkeypatch.setattr("icsys.studio.surveys.palette_search.SAMPLED", 2)
    options = Options(palette="dataset", colors=9, step=2)
    studio.previews.ask("main", 0, options).result()
    assert studio.shared_palettes.wait(60)
    _, found = studio.previews.ask("main", 0, options).result()
    assert found.figures["note"] == "The palette is found from 2 of 5 photos; the run takes all."
    by_class = options.replace(palette="class", colors=10)
    studio.previews.ask("main", 3, by_class).result()
    assert studio.shared_palettes.wait(60)
    _, found = studio.previews.ask("main", 3, by_class).result()
    assert found.figures["note"] == "The palette is found from 2 of 3 photos; the run takes all."


def test_a_palette_that_cannot_be_found_is_an_error_of_the_options(studio):
    options = Options(palette="dataset", palette_from="nowhere")
    studio.previews.ask("main", 0, options).result()
    assert studio.shared_palettes.wait(60)
    with pytest.raises(UsageError, match="nowhere"):
        studio.previews.ask("main", 0, options).result()


def test_a_broken_photo_without_a_palette_is_broken_as_in_a_run(studio, kinds, tmp_path):
    options = Options(palette="class", palette_from="a", step=2)
    studio.previews.ask("main", 0, options).result()
    assert studio.shared_palettes.wait(60)
    failed = {one.source: one.code for one in compress_folder(kinds, tmp_path / "out", options).failures}
    for number in range(5):
        source = studio.images[number].task.source
        found = made_by(lambda: studio.previews.ask("main", number, options).result()[1])  # noqa: B023 - used at once
        assert (found if source in failed else "fine") == failed.get(source, "fine")
    assert failed["b/bad.jpg"] == "broken"
    assert "no_palette" in failed.values()


def test_a_palette_file_is_used_as_by_a_run(kinds, tmp_path):
    write_palette(tmp_path / "own.gpl", [[0, 0, 0], [250, 200, 90], [255, 255, 255]])
    options = Options(palette=str(tmp_path / "own.gpl"), step=2)
    studio = Workspace(str(kinds), str(tmp_path / "out"), options, RunSettings())
    studio.images.wait()
    _, found = studio.previews.ask("main", 0, options).result()
    studio.close()
    compress_folder(kinds, tmp_path / "out", options)
    assert found.output == (tmp_path / "out/a/colour.png").read_bytes()
    assert found.figures["colors"] == 3


def test_photos_are_decoded_once_for_all_strategies(studio, monkeypatch):
    decoded, real = [], photo_cache.decode_photo
    monkeypatch.setattr(photo_cache, "decode_photo", lambda *given: decoded.append(1) or real(*given))
    for strategy in STRATEGIES:
        studio.previews.ask("main", 0, Options(strategy=strategy, scale=0.37)).result()
    assert len(decoded) == 1


def test_a_preview_does_not_wait_for_figures_of_another(studio, monkeypatch):
    going = threading.Event()
    monkeypatch.setattr(previews, "lossy_preview", lambda *_: going.wait() and pytest.fail("nobody waits for it"))
    key, _ = studio.previews.ask("main", 0, Options(colors=3)).result()
    asked = [studio.previews.lossy(f"view-{view}", key, "webp") for view in range(8)]
    try:
        assert studio.previews.ask("main", 0, Options(colors=5)).result(60)[1].figures["colors"] == 5
        assert studio.previews.is_busy
        assert not any(one.done() for one in asked)
    finally:
        for one in asked:
            one.cancel()
        going.set()
