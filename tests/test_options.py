"""Options accept the documented values, refuse the rest by name, and survive JSON and TOML."""

import dataclasses
import hashlib
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from icsys.choices import (
    ALPHAS,
    DITHERS,
    EFFORTS,
    ENCODINGS,
    FITS,
    FORMATS,
    IMAGE_PACKINGS,
    ON_CORRUPT,
    PNG_EFFORTS,
    PNGS,
    RESAMPLES,
    SPACES,
    STRATEGIES,
)
from icsys.color_and_size_checks import parse_size
from icsys.errors import UsageError
from icsys.options import Options, Target
from icsys.run_settings import RunSettings
from icsys.setting_fields import Check

sides = st.integers(1, 65_535)
geometry = st.one_of(
    st.just({}),
    st.builds(lambda step: {"step": step}, sides),
    st.builds(lambda scale: {"scale": scale}, st.floats(0, 1, exclude_min=True)),
    st.fixed_dictionaries({"size": st.tuples(sides, sides), "enlarge": st.booleans()}),
)
png_efforts = {"png": st.sampled_from(PNGS), "png_effort": st.sampled_from(PNG_EFFORTS)}
shards = {"shard_images": st.integers(1, 10**9), "shard_bytes": st.integers(1, 2**40)}
strategies = {"strategy": st.sampled_from(STRATEGIES)}
formats = st.one_of(
    st.fixed_dictionaries({"format": st.just("png"), **strategies, **png_efforts}),
    st.fixed_dictionaries({"format": st.sampled_from(["webp", "npz"]), **strategies}),
    st.fixed_dictionaries({"format": st.just("jpeg"), "strategy": st.just("SO"), "jpeg_quality": st.integers(1, 100)}),
    st.fixed_dictionaries({"format": st.sampled_from(IMAGE_PACKINGS), **strategies, **png_efforts, **shards}),
)
targets = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"min_psnr": st.floats(1, 100)}),
    st.fixed_dictionaries({"min_ssim": st.floats(0, 1, exclude_min=True, exclude_max=True)}),
    st.fixed_dictionaries({"max_delta_e": st.floats(0, 100, exclude_min=True)}),
)
per = st.one_of(
    st.fixed_dictionaries({"strict_quality": st.booleans()}, optional={"per": st.just("image")}),
    st.fixed_dictionaries({"per": st.just("dataset"), "quality_share": st.floats(0, 1, exclude_min=True)}),
)
auto = st.builds(lambda target, per: {"colors": "auto", "strategy": "MKM", **target, **per}, targets, per)
valid_options = st.builds(
    lambda geometry, format, alpha, space, colors, **others: Options(  # noqa: A006 - the option's name
        **geometry,
        **format,
        **colors,
        alpha="flatten" if format["format"] == "jpeg" else alpha,
        space="srgb" if alpha == "keep" else space,
        **others,
    ),
    geometry,
    formats,
    alpha=st.sampled_from(ALPHAS),
    never_larger=st.booleans(),
    colors=st.builds(lambda colors: {"colors": colors}, st.integers(1, 65_536)),
    effort=st.sampled_from(EFFORTS),
    space=st.sampled_from(SPACES),
    fit=st.sampled_from(FITS),
    resample=st.sampled_from(RESAMPLES),
    background=st.from_regex(r"#[0-9a-fA-F]{6}", fullmatch=True),
    seed=st.integers(0, 2**32 - 1),
    on_corrupt=st.sampled_from(ON_CORRUPT),
    max_pixels=st.integers(1, 2**31 - 1),
    max_bytes=st.integers(1, 2**40),
    max_frames=st.integers(1, 10**9),
)


@given(valid_options, st.sampled_from(DITHERS), auto)
def test_every_option_is_generated_here(options, dither, auto):
    """A field that is missing above would not be tested."""
    few = options.replace(colors=min(options.colors, 256), dither=dither, alpha="flatten")
    assert Options.from_dict(json.loads(json.dumps(few.to_dict()))) == few
    chosen = Options(**auto, dither=dither)
    assert Options.from_dict(tomllib.loads(tomli_w.dumps(chosen.to_dict()))) == chosen
    assert chosen.most_colors == 256
    assert chosen.replace(colors=few.colors) == Options(colors=few.colors, dither=dither)
    assert {field.name for field in dataclasses.fields(Options)} == {
        *("min_psnr", "min_ssim", "max_delta_e", "per", "quality_share", "strict_quality"),
        *("strategy", "colors", "effort", "space", "dither", "palette", "palette_from"),
        *("keep_colors", "count_power"),
        *("step", "scale", "size", "fit", "enlarge", "resample"),
        *(
            "background",
            "alpha",
            "never_larger",
            "format",
            "png",
            "png_effort",
            "jpeg_quality",
            "shard_images",
            "shard_bytes",
            "seed",
            "on_corrupt",
            "max_pixels",
            "max_bytes",
            "max_frames",
        ),
    }


@given(valid_options)
def test_options_survive_json(options):
    assert Options.from_dict(json.loads(json.dumps(options.to_dict()))) == options


@given(valid_options)
def test_options_survive_toml(options):
    assert Options.from_dict(tomllib.loads(tomli_w.dumps(options.to_dict()))) == options


@given(sides, sides)
def test_a_size_is_read_from_text(width, height):
    assert parse_size(f"{width}x{height}") == parse_size(f" {width} X {height} ") == (width, height)
    assert parse_size(width) == parse_size(f" {width} ") == parse_size(np.int64(width)) == (width, width)
    assert parse_size(np.array([width, height])) == (width, height)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("strategy", "XKM", "SO, MKM, FKM, MBKM"),
        ("strategy", 7, "SO, MKM, FKM, MBKM"),
        ("colors", 0, "from 1 to 65536"),
        ("colors", "few", "from 1 to 65536, or auto"),
        ("min_ssim", 0.9, "expected colors='auto'"),
        ("min_psnr", 30, "expected colors='auto'"),
        ("max_delta_e", 2, "expected colors='auto'"),
        ("per", "dataset", "expected colors='auto'"),
        ("quality_share", 0.5, "expected colors='auto'"),
        ("strict_quality", True, "expected colors='auto'"),
        ("strict_quality", "yes", "true or false"),
        ("on_corrupt", "mend", "fail, keep"),
        ("max_pixels", 0, "from 1 to 2147483647"),
        ("max_bytes", -1, "from 1 to 1099511627776"),
        ("max_frames", 0, "from 1 to 1000000000"),
        ("colors", 65_537, "from 1 to 65536"),
        ("colors", "many", "from 1 to 65536"),
        ("colors", True, "from 1 to 65536"),
        ("colors", 8.0, "from 1 to 65536"),
        ("step", 0, "from 1"),
        ("scale", 0, "above 0"),
        ("scale", 1.5, "at most 1"),
        ("scale", float("nan"), "at most 1"),
        ("size", "224 pixels", "one number for a square"),
        ("size", True, "WIDTHxHEIGHT"),
        ("size", 224.0, "WIDTHxHEIGHT"),
        ("size", 65_536, "WIDTHxHEIGHT"),
        ("size", "0x5", "WIDTHxHEIGHT"),
        ("size", (224, 2.5), "WIDTHxHEIGHT"),
        ("fit", "zoom", "contain, cover, stretch, pad"),
        ("resample", "cubic", "box, lanczos, skip"),
        ("background", "white", "#RRGGBB"),
        ("format", "gif", "png, webp, jpeg, npz, webdataset, parquet"),
        ("jpeg_quality", 0, "from 1 to 100"),
        ("jpeg_quality", 80, "expected format jpeg"),
        ("shard_images", 0, "from 1"),
        ("shard_bytes", 5, "one of the formats webdataset, parquet"),
        ("seed", -1, "from 0"),
    ],
)
def test_a_refusal_names_the_option_the_value_and_what_was_expected(name, value, expected):
    with pytest.raises(UsageError) as caught:
        Options(**{name: value})
    assert f"{name}={value!r}" in str(caught.value)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"min_ssim": 1}, "min_ssim=1: expected a number above 0 and below 1"),
        ({"min_ssim": "high"}, "min_ssim='high': expected a number"),
        ({"min_psnr": 0}, "min_psnr=0: expected a number above 0"),
        ({"max_delta_e": -1}, "max_delta_e=-1: expected a number above 0"),
        ({"min_psnr": 30, "min_ssim": 0.9}, "min_psnr and min_ssim were given together: choose one of"),
        ({"per": "folder"}, "per='folder': expected one of image, dataset"),
        ({"quality_share": 0.9}, "quality_share=0.9 does nothing for per='image'"),
        ({"per": "dataset", "quality_share": 1.5}, "quality_share=1.5: expected a number above 0 and at most 1"),
        ({"per": "dataset", "strict_quality": True}, "strict_quality=True with per='dataset'"),
        ({"strategy": "SO"}, "colors='auto' with strategy='SO'"),
    ],
)
def test_what_does_not_go_with_auto_is_refused(values, expected):
    with pytest.raises(UsageError, match=expected.replace("(", r"\(")):
        Options(colors="auto", **values)


def test_auto_has_a_target_and_a_new_one_replaces_it():
    assert Options(colors=" Auto ").target == Target("ssim", 0.95)
    assert Options(colors="auto").replace(min_psnr=30).target == Target("psnr", 30)
    assert Options(colors="auto", max_delta_e=2).target == Target("delta_e", 2)
    assert Options(colors=5).target is None


def test_auto_and_its_target_are_part_of_the_hash_and_a_number_that_it_chose_is_one_that_was_given():
    auto = Options(colors="auto", per="dataset", quality_share=0.5)
    several = [Options(colors="auto", **{name: 0.9}).digest() for name in ("min_psnr", "min_ssim", "max_delta_e")]
    assert len({*several, Options(colors="auto").digest(), Options(colors="auto", strict_quality=True).digest()}) == 5
    assert auto.replace(colors=41).digest() == Options(colors=41).digest()


def test_the_hash_of_runs_without_auto_is_what_it_was_before_there_was_any():
    """Else every folder that is done would be done again."""
    assert Options().digest() == "f6acd3237df38007"
    assert Options(colors=8, size="20x20", strategy="FKM").digest() == "3273351d4bb99614"


def test_letter_case_does_not_matter():
    assert Options(strategy="mbkm", fit="Cover", resample="BOX") == Options(strategy="MBKM", fit="cover")


def test_numpy_integers_are_whole_numbers():
    assert Options(colors=np.int64(16)).to_dict()["colors"] == 16


def test_one_way_to_make_smaller_excludes_the_others():
    with pytest.raises(UsageError, match="step and size were given together"):
        Options(step=2, size="10x10")


def test_replacing_the_size_drops_the_step():
    assert Options(step=3).replace(size="8x8") == Options(size=(8, 8))
    assert Options(step=3).replace(colors=5) == Options(step=3, colors=5)


def test_an_unknown_name_is_refused_with_the_known_ones():
    for build in (Options.from_dict, lambda values: Options(**values), lambda values: Options().replace(**values)):
        with pytest.raises(UsageError, match=r"unknown option 'colours': expected one of .*; did you mean colors\?"):
            build({"colours": 3})


@pytest.mark.parametrize("table", [Options, RunSettings])
def test_a_name_of_python_is_an_unknown_option_too(table):
    for build in (table, table().replace):
        with pytest.raises(UsageError, match="unknown option 'self'"):
            build(self=1)


def test_every_option_has_a_check_a_help_text_and_a_group():
    for field in dataclasses.fields(Options):
        assert isinstance(field.metadata["check"], Check)
        assert field.metadata["help"].endswith(".")
        assert field.metadata["group"] in {"colours", "size", "output", "input"}


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "SO"])
def test_jpeg_is_for_size_only(strategy):
    with pytest.raises(UsageError, match=rf"format='jpeg' with strategy='{strategy}'.*expected strategy SO"):
        Options(format="jpeg", strategy=strategy)


@pytest.mark.parametrize("format", ["webp", "npz"])
def test_an_option_that_the_format_does_not_have_is_refused(format):  # noqa: A002 - the option's name
    for name, value in (("png_effort", "max"), ("png", "truecolor")):
        with pytest.raises(UsageError, match=rf"{name}='{value}' does nothing for format=.*png, webdataset, parquet"):
            Options(format=format, **{name: value})


def test_the_hash_covers_exactly_the_options_that_decide_bytes():
    """Where an image lies changes none of its bytes; so a folder is packed anew without being compressed again."""
    packed = Options(format="webdataset")
    assert packed.replace(shard_images=5, shard_bytes=10**6).digest() == packed.digest()
    jpeg = Options(format="jpeg", strategy="SO")
    assert jpeg.replace(jpeg_quality=80).digest() != jpeg.digest()
    every = {Options(format=name, strategy="SO", size=9, fit="cover").digest() for name in FORMATS}
    assert len(every) == len(FORMATS)


def test_the_hash_of_a_shared_palette_stands_in_for_all_that_it_was_found_by():
    dataset, file = (
        Options(palette="dataset"),
        Options(palette="a.gpl", strategy="FKM", colors=7, effort="best", seed=1),
    )
    assert dataset.digest("p") == file.digest("p") != dataset.digest("q")
    assert dataset.digest("p") != dataset.replace(space="oklab").digest("p")
    assert len({Options().digest(), dataset.digest(), dataset.digest("p")}) == 3


@pytest.mark.parametrize(
    ("word", "read"),
    [("Dataset", "dataset"), ("CLASS ", "class"), ("my/Set.GPL", "my/Set.GPL"), (Path("a.json"), "a.json")],
)
def test_a_palette_is_a_word_or_a_file(word, read):
    assert Options(palette=word).palette == read


@pytest.mark.parametrize(
    ("given", "kept"), [("train/", "train"), ("auto", None), (None, None), ("ALL", "all"), ("*/a", "*/a")]
)
def test_a_palette_is_made_from_a_folder_or_from_all_images(given, kept):
    options = Options(palette="dataset", palette_from=given)
    assert options.palette_from == kept
    assert Options.from_dict(json.loads(json.dumps(options.to_dict()))) == options
    assert options.digest("p") == Options(palette="dataset").digest("p")
    assert options.replace(palette="image") == Options()


@pytest.mark.parametrize("palette", ["image", "a.json"])
def test_a_palette_that_is_not_made_from_images_takes_no_folder(palette):
    with pytest.raises(
        UsageError, match=r"palette_from='train' does nothing for .*: expected palette class or dataset"
    ):
        Options(palette=palette, palette_from="train")


@pytest.mark.parametrize("folder", ["", "/", 3, ["train"]])
def test_folders_for_a_palette_that_are_no_text_are_refused(folder):
    with pytest.raises(UsageError, match=r"palette_from=.*: expected a folder below the source such as train"):
        Options(palette="dataset", palette_from=folder)


@pytest.mark.parametrize("palette", ["set", "palette.act", "", 3, None])
def test_a_palette_that_is_neither_is_refused(palette):
    with pytest.raises(UsageError, match=r"palette=.*expected one of image, class, dataset, or a file"):
        Options(palette=palette)


def test_a_shared_palette_needs_a_strategy_that_reduces_colours():
    with pytest.raises(UsageError, match="strategy='SO'"):
        Options(palette="dataset", strategy="SO")


def test_options_that_a_format_does_not_have_are_no_part_of_its_hash():
    """Options that are added for other formats leave what is done as done."""
    without = {"jpeg_quality", "shard_images", "shard_bytes", "max_pixels", "max_bytes", "max_frames"}
    without |= {"alpha", "never_larger", "palette", "png", "strict_quality", "enlarge"}
    values = {name: value for name, value in Options().to_dict().items() if name not in without}
    text = json.dumps(values, sort_keys=True)
    assert Options().digest() == hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("format", "suffix"),
    [
        *((name, f".{name}") for name in ENCODINGS if name != "jpeg"),
        ("jpeg", ".jpg"),
        ("webdataset", ".png"),
        ("parquet", ".png"),
    ],
)
def test_names_end_as_is_usual(format, suffix):  # noqa: A002 - the option's name
    assert Options(format=format, strategy="SO").suffix == suffix


def test_folders_that_were_done_before_alpha_and_never_larger_stay_done():
    """The hashes equal the hashes in manifests older than these options."""
    assert Options().digest() == "f6acd3237df38007"
    assert Options(step=1).digest() == "b7e8719d2f95d878"


@pytest.mark.parametrize("changed", [{"alpha": "keep"}, {"never_larger": False}])
def test_alpha_and_never_larger_count_where_they_are_not_as_usual(changed):
    assert Options(**changed).digest() != Options().digest()
    assert Options.from_dict(Options(**changed).to_dict()) == Options(**changed)


@pytest.mark.parametrize(
    ("other", "way_out"),
    [
        ({"format": "jpeg", "strategy": "SO"}, "png, webp, npz"),
        ({"space": "oklab"}, "space='srgb'"),
        ({"dither": "floyd-steinberg"}, "dither='none'"),
    ],
)
def test_what_cannot_be_done_with_alpha_is_refused_with_a_way_out(other, way_out):
    with pytest.raises(UsageError, match=f"alpha='keep' with .*expected .*{way_out}"):
        Options(alpha="keep", **other)


@pytest.mark.parametrize(
    ("name", "value"), [("alpha", "drop"), ("alpha", 1), ("never_larger", "yes"), ("never_larger", 1)]
)
def test_other_words_for_alpha_and_never_larger_are_refused(name, value):
    with pytest.raises(UsageError, match=f"{name}={value!r}: expected"):
        Options(**{name: value})


def test_outputs_without_enlarging_stay_up_to_date():
    options = Options(size=224, fit="pad")
    assert options.replace(enlarge=True).digest() != options.digest()
    assert options.digest() == options.replace(enlarge=False).digest()
