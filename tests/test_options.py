"""Options accept what their fields say, refuse the rest by name, and survive JSON and TOML."""

import dataclasses
import json
import tomllib

import numpy as np
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from icsys.errors import UsageError
from icsys.options import (
    DITHERS,
    EFFORTS,
    FITS,
    ON_CORRUPT,
    PNG_EFFORTS,
    RESAMPLES,
    SPACES,
    STRATEGIES,
    Options,
    option_doc,
    parse_size,
)

sides = st.integers(1, 65_535)
geometry = st.one_of(
    st.just({}),
    st.builds(lambda step: {"step": step}, sides),
    st.builds(lambda scale: {"scale": scale}, st.floats(0, 1, exclude_min=True)),
    st.builds(lambda width, height: {"size": (width, height)}, sides, sides),
)
valid_options = st.builds(
    lambda geometry, **others: Options(**geometry, **others),
    geometry,
    strategy=st.sampled_from(STRATEGIES),
    colors=st.integers(1, 65_536),
    effort=st.sampled_from(EFFORTS),
    space=st.sampled_from(SPACES),
    png_effort=st.sampled_from(PNG_EFFORTS),
    fit=st.sampled_from(FITS),
    resample=st.sampled_from(RESAMPLES),
    background=st.from_regex(r"#[0-9a-fA-F]{6}", fullmatch=True),
    seed=st.integers(0, 2**32 - 1),
    on_corrupt=st.sampled_from(ON_CORRUPT),
    max_pixels=st.integers(1, 2**31 - 1),
    max_bytes=st.integers(1, 2**40),
    max_frames=st.integers(1, 10**9),
)


@given(valid_options, st.sampled_from(DITHERS))
def test_every_option_is_drawn_here(options, dither):
    """A field that is missing above would not be tested."""
    few = options.replace(colors=min(options.colors, 256), dither=dither)
    assert Options.from_dict(json.loads(json.dumps(few.to_dict()))) == few
    assert {field.name for field in dataclasses.fields(Options)} == {
        *("strategy", "colors", "effort", "space", "dither", "step", "scale", "size", "fit", "resample"),
        *("background", "format", "png_effort", "seed", "on_corrupt", "max_pixels", "max_bytes", "max_frames"),
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


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("strategy", "XKM", "SO, MKM, FKM, MBKM"),
        ("strategy", 7, "SO, MKM, FKM, MBKM"),
        ("colors", 0, "from 1 to 65536"),
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
        ("size", "224", "WIDTHxHEIGHT"),
        ("size", "0x5", "WIDTHxHEIGHT"),
        ("size", (224, 2.5), "WIDTHxHEIGHT"),
        ("fit", "zoom", "contain, cover, stretch, pad"),
        ("resample", "cubic", "box, lanczos, skip"),
        ("background", "white", "#RRGGBB"),
        ("format", "gif", "png"),
        ("seed", -1, "from 0"),
    ],
)
def test_a_refusal_names_the_option_the_value_and_what_was_expected(name, value, expected):
    with pytest.raises(UsageError) as caught:
        Options(**{name: value})
    assert f"{name}={value!r}" in str(caught.value)
    assert expected in str(caught.value)


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
    with pytest.raises(UsageError, match=r"'colours'.*colors"):
        Options.from_dict({"colours": 3})


def test_every_option_has_a_sentence():
    for name in Options().to_dict():
        assert option_doc(name).endswith(".")
