"""What a run within a number of bytes keeps: the same as the command line that the page shows."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.choices import FORMATS
from icsys.cli.parser import command_parser
from icsys.cli.read_options import decided_options, read_options
from icsys.errors import UsageError
from icsys.options import Options
from icsys.records.config.request import Request
from icsys.run_settings import RunSettings
from icsys.studio.settings.kept_options import KEPT, decided_in, kept_from
from icsys.studio.settings.texts import command_of, texts_of

PARSER = command_parser()
K, STEP = (f"{name}={Options().to_dict()[name]}" for name in ("colors", "step"))
geometries = st.sampled_from([{}, {"step": 3}, {"scale": 0.5}, {"size": "64"}])
chosen = st.fixed_dictionaries(
    {}, optional={"colors": st.sampled_from([8, Options().colors, 256]), "format": st.sampled_from(FORMATS[:2])}
)


@given(geometries, chosen, st.sets(st.sampled_from(KEPT)))
def test_the_command_line_decides_what_the_run_of_the_page_keeps(geometry, values, kept):
    options = Options.from_dict(values | geometry)
    names = [name for name in kept if name in options.to_dict()]
    line = command_of("/photos", "/small", options, RunSettings(total_bytes=5000), names)
    arguments = PARSER.parse_args(shlex.split(line.replace("\\", "/"))[1:])
    assert decided_options(arguments) == decided_in(options, names)
    assert read_options(arguments).options == options


def test_without_a_number_of_bytes_defaults_need_no_name():
    assert "--colors" not in command_of("/photos", "/small", Options(), RunSettings(), ["colors"])


@pytest.mark.parametrize(
    ("options", "kept", "named"),
    [
        (Options(), ["colors"], [K]),
        (Options(), ["step"], [STEP]),
        (Options(colors=8), ["colors"], []),
        (Options(size=(9, 9)), ["size", "colors"], [K]),
        (Options(), [], []),
    ],
)
def test_what_python_and_toml_leave_open_is_said(options, kept, named):
    settings = RunSettings(total_bytes=5000)
    note = texts_of("/photos", "/small", Request(options, settings), kept).note
    assert [text for text in (K, STEP, "colors=8", "size=9x9") if text in note] == named
    assert bool(note) == bool(named)
    assert texts_of("/photos", "/small", Request(options), kept).note == ""


@pytest.mark.parametrize("value", ["colors", ["Colors"], [1], {}, [["colors"]], 3, ["seed"]])
def test_other_names_are_refused(value):
    with pytest.raises(UsageError, match="kept="):
        kept_from(value)
    assert kept_from(["colors", "step", "colors"]) == ("step", "colors")
    assert (kept_from(None), kept_from(None, ("size",)), kept_from([], ("size",))) == ((), ("size",), ())
