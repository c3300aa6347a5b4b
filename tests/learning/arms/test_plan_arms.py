"""Which arms are compared, and with which options they are made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys import Options, UsageError
from icsys.learning.arm import COLORS, FULL, SIZES
from icsys.learning.arms.plan_arms import plan_arms, working_size

PLAIN = [
    *(FULL, "K128", "K64", "K32", "K16", "K8", "K4", "K2"),
    *("32x32", "32x32 K16", "16x16", "16x16 K16"),
    *("WebP = K16", "JPEG = K16", "WebP = K4", "JPEG = K4", "fewer = K16"),
]


def test_the_arms_of_a_run_without_options():
    arms = plan_arms(Options(), given_geometry=False)
    assert [arm.name for arm in arms] == PLAIN
    assert working_size(arms) == 64
    assert arms[0].options == Options(strategy="SO", size=64)
    assert arms[4].options == Options(colors=16, size=64)
    assert arms[9].options == Options(colors=16, size=32)
    assert {arm.name: arm.as_small_as for arm in arms if arm.as_small_as} == {
        **{f"{codec} = {aim}": aim for codec in ("WebP", "JPEG") for aim in ("K16", "K4")},
        "fewer = K16": "K16",
    }
    assert [arm.name for arm in arms if arm.is_subset] == ["fewer = K16"]
    assert all(arm.is_judged for arm in arms)


def test_without_lossy_codecs_the_others_stay():
    names = [arm.name for arm in plan_arms(Options(), lossy=False, given_geometry=False)]
    assert names == [name for name in PLAIN if not name.startswith(("WebP", "JPEG"))]


GEOMETRIES = st.one_of(
    st.builds(lambda step: {"step": step}, st.integers(1, 50)),
    st.builds(lambda scale: {"scale": scale}, st.floats(0.01, 1)),
    st.builds(lambda side, fit: {"size": side, "fit": fit}, st.integers(8, 400), st.sampled_from(["pad", "contain"])),
)
OTHERS = st.fixed_dictionaries(
    {},
    optional={
        "strategy": st.sampled_from(["MKM", "FKM", "MBKM", "SO"]),
        "effort": st.sampled_from(["fast", "best"]),
        "space": st.sampled_from(["srgb", "oklab"]),
        "resample": st.sampled_from(["box", "lanczos", "skip"]),
        "background": st.sampled_from(["#000000", "#ffffff"]),
        "seed": st.integers(0, 9),
        "png": st.sampled_from(["indexed", "truecolor"]),
        "format": st.sampled_from(["png", "webdataset", "parquet"]),
        "never_larger": st.booleans(),
        "max_pixels": st.integers(10**6, 10**8),
    },
)
KEPT = ("effort", "space", "resample", "background", "seed", "png", "never_larger", "max_pixels", "fit", "enlarge")
NUMBERS = st.lists(st.integers(1, 300), min_size=1, max_size=6)


@given(GEOMETRIES, OTHERS, NUMBERS)
def test_arms_of_few_colours_keep_all_that_the_user_chose(geometry, others, numbers):
    options = Options(**geometry, **others)
    arms = plan_arms(options, numbers, given_geometry=True)
    assert len({arm.name for arm in arms}) == len(arms)
    made = {arm.name: arm.options for arm in arms if arm.options}
    wanted = "MKM" if options.strategy == "SO" else options.strategy
    for name, one in made.items():
        assert one.format == "png"
        assert one == Options.from_dict(one.to_dict())
        few = "K" in name
        assert one.strategy == (wanted if few else "SO")
        if few:
            assert one.colors == int(name.rpartition("K")[2])
            assert all(getattr(one, field) == getattr(options, field) for field in KEPT)
    chain = [arm.options.colors for arm in arms if arm.chain == COLORS]
    assert chain == sorted(set(numbers), reverse=True)
    assert all(made[f"K{number}"].replace(colors=7) == made[f"K{chain[0]}"].replace(colors=7) for number in chain)
    for field in ("step", "scale", "size"):
        assert getattr(made[FULL], field) == getattr(options, field)


@given(st.integers(1, 2000), st.integers(1, 2000))
def test_smaller_sizes_are_halves_and_quarters_of_at_least_8_pixels(width, height):
    arms = plan_arms(Options(size=(width, height)), (16,), given_geometry=True)
    sizes = [(width // part, height // part) for part in (2, 4)]
    expected = [f"{size[0]}x{size[1]}{few}" for size in sizes if size[0] >= 8 and size[1] >= 8 for few in ("", " K16")]
    assert [arm.name for arm in arms if arm.chain == SIZES] == expected
    assert working_size(arms) == min(96, max(width, height))
    judged = {arm.options.size: arm.is_judged for arm in arms if arm.options and arm.name != FULL}
    assert all(is_judged == (max(size) <= 96) for size, is_judged in judged.items())
    assert arms[0].is_judged


@pytest.mark.parametrize(
    ("geometry", "names", "field", "values"),
    [
        ({"step": 3}, ["step 6", "step 12"], "step", [6, 12]),
        ({"scale": 0.2}, ["scale 0.1", "scale 0.05"], "scale", [0.1, 0.05]),
    ],
)
def test_steps_and_scales_have_smaller_ones(geometry, names, field, values):
    arms = plan_arms(Options(**geometry), given_geometry=True)
    smaller = [arm for arm in arms if arm.chain == SIZES]
    assert [arm.name for arm in smaller] == [names[0], f"{names[0]} K16", names[1], f"{names[1]} K16"]
    assert [getattr(arm.options, field) for arm in smaller] == [value for value in values for _ in range(2)]
    assert working_size(arms) == 96


def test_the_largest_step_has_no_larger_one():
    arms = plan_arms(Options(step=65535), given_geometry=True)
    assert all(arm.options.step <= 65535 for arm in arms if arm.options)


def test_lossless_formats_stay_and_jpeg_becomes_png():
    formats = {name: plan_arms(Options(format=name), given_geometry=True)[1].options.format for name in ("webp", "npz")}
    assert formats == {"webp": "webp", "npz": "npz"}
    jpeg = plan_arms(Options(format="jpeg", strategy="SO", jpeg_quality=40), given_geometry=True)
    assert {arm.options.format for arm in jpeg if arm.options} == {"png"}


def test_fewer_colours_than_are_to_be_kept_are_left_out():
    options = Options(keep_colors="#000000,#ffffff,#ff0000", colors=8)
    arms = plan_arms(options, (16, 8, 2), given_geometry=False)
    assert [arm.name for arm in arms if arm.chain == COLORS] == ["K16", "K8"]
    assert arms[0].options.keep_colors is None
    assert arms[1].options.keep_colors == options.keep_colors


def test_aims_of_lossy_codecs_without_16_and_4_colours():
    arms = plan_arms(Options(), (64, 12, 3), given_geometry=False)
    assert [arm.as_small_as for arm in arms if arm.as_small_as] == ["K12"] * 3


@pytest.mark.parametrize(
    ("options", "colors", "text"),
    [
        (Options(colors="auto"), (16,), "colors='auto'"),
        (Options(palette="dataset"), (16,), "palette='dataset'"),
        (Options(), (), "colors=\\[\\]"),
        (Options(), (16, 0), "colors=0"),
        (Options(), (70_000,), "colors=70000"),
        (Options(), (16.5,), "colors=16.5"),
        (Options(), 16, "colors=16: expected a list"),
        (Options(), "16", "colors='16': expected a list"),
        (Options(keep_colors="#000000,#ffffff"), (1,), "of at least 2"),
    ],
)
def test_what_cannot_be_judged_is_refused(options, colors, text):
    with pytest.raises(UsageError, match=text):
        plan_arms(options, colors, given_geometry=False)
