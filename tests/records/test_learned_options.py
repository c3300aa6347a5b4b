"""Options of an arm, with what the user gives beside it."""

import json
from dataclasses import fields

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from icsys import Options
from icsys.errors import UsageError
from icsys.records.learned_options import given_options, options_of_arm
from learn_files import learned_arm, write_learned

FREE = {
    "format": "webdataset",
    "png": "truecolor",
    "png_effort": "fast",
    "never_larger": False,
    "shard_images": 7,
    "shard_bytes": 999,
    "on_corrupt": "keep",
    "max_pixels": 1000,
    "max_bytes": 1000,
    "max_frames": 10,
}
DECIDED = {
    "strategy": "FKM",
    "colors": 17,
    "min_psnr": 30.0,
    "min_ssim": 0.9,
    "max_delta_e": 2.0,
    "per": "image",
    "quality_share": 0.5,
    "strict_quality": True,
    "effort": "best",
    "space": "oklab",
    "dither": "floyd-steinberg",
    "palette": "dataset",
    "palette_from": "train",
    "keep_colors": "#000000",
    "count_power": 0.5,
    "step": 2,
    "scale": 0.5,
    "size": "25x24",
    "fit": "cover",
    "enlarge": True,
    "resample": "skip",
    "background": "#000000",
    "alpha": "keep",
    "seed": 3,
    "jpeg_quality": 50,
}


def learned(tmp_path, options=None):
    options = options or Options(size=24, colors=16)
    return str(write_learned(tmp_path / "learn.json", [learned_arm("K16", options)]))


def test_every_option_is_free_or_decided():
    assert {field.name for field in fields(Options)} == FREE.keys() | DECIDED.keys()


@pytest.mark.parametrize("name", sorted(FREE))
def test_what_leaves_the_pixels_alone_is_taken(name, tmp_path):
    given = {name: FREE[name]} | ({"format": "parquet"} if name.startswith("shard") else {})
    assert options_of_arm(learned(tmp_path), None, given) == Options(size=24, colors=16, **given)


@pytest.mark.parametrize("name", sorted(DECIDED))
def test_what_the_arm_decides_can_only_be_repeated(name, tmp_path):
    with pytest.raises(UsageError, match=f"^{name}=.* contradicts the setting 'K16' of .*learn.json', which has"):
        options_of_arm(learned(tmp_path), None, {name: DECIDED[name]})
    own = Options(size=24, colors=16)
    assert options_of_arm(learned(tmp_path), "K16", {name: getattr(own, name)}) == own


def test_a_lossy_format_is_decided_too(tmp_path):
    with pytest.raises(UsageError, match=r"format=jpeg contradicts the setting"):
        options_of_arm(learned(tmp_path), None, {"format": "jpeg"})
    jpeg = Options(size=24, strategy="SO", format="jpeg")
    with pytest.raises(UsageError, match=r"format=png contradicts the setting"):
        options_of_arm(learned(tmp_path, jpeg), None, {"format": "png"})


def test_another_format_leaves_off_what_does_nothing_for_it(tmp_path):
    path = learned(tmp_path, Options(size=24, colors=16, png_effort="fast"))
    assert options_of_arm(path, None, {"format": "npz"}) == Options(size=24, colors=16, format="npz")
    assert options_of_arm(path, None, {"format": "parquet"}).png_effort == "fast"


def test_options_given_as_a_whole_are_those_that_differ_from_the_defaults():
    assert given_options(Options()) == {}
    assert given_options(Options(step=5, colors=8, seed=0)) == {"colors": 8}
    assert given_options(Options(size=24)) == {"size": "24x24"}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from([field.name for field in fields(Options)]) | st.text(max_size=4),
    value=st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.just([1, {}])
    | st.just({}),
)
def test_options_of_another_kind_are_refused_with_the_file_and_the_arm(name, value, tmp_path):
    path = learned(tmp_path)
    values = json.loads((tmp_path / "learn.json").read_text("utf-8"))
    values["arms"][0]["options"][name] = value
    (tmp_path / "learn.json").write_text(json.dumps(values), "utf-8")
    try:
        assert isinstance(options_of_arm(path, None, {}), Options)
    except UsageError as error:
        assert f"from_learn={path!r}: the options of the setting 'K16'" in str(error)  # noqa: PT017
