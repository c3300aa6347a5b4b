"""The texts to take along are read as the options that they were made from."""

import contextlib
import re
import shlex
import sys
import types
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.choices import ARRAYS, DITHERS
from icsys.cli.given_places import given_places
from icsys.cli.parser import command_parser
from icsys.cli.read_options import read_options
from icsys.errors import UsageError
from icsys.options import Options
from icsys.records.command_text import shell_text
from icsys.records.config.config_file import config_in
from icsys.records.config.request import Request, request_of, table_fields
from icsys.run_settings import LABELS_ON, RunSettings
from icsys.studio.settings.texts import texts_of

PARSER = command_parser()
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
paths = st.one_of(
    words, st.sampled_from(["it's", "-x", "--", "a b.png", '"', "$HOME `x`", "a\nb", "עברית.jpg", "#", "~"])
)
texts = st.one_of(words, st.sampled_from(["-", "--jobs", "none", "*/gt", "'"]))
colors = st.one_of(
    st.fixed_dictionaries({"colors": st.integers(1, 256)}),
    st.fixed_dictionaries({"colors": st.integers(4, 256), "palette": st.sampled_from(["class", "dataset"])}),
    st.fixed_dictionaries({"colors": st.just("auto"), "min_psnr": st.floats(1, 100)}),
    st.fixed_dictionaries({"colors": st.just("auto"), "min_ssim": st.floats(0, 1, exclude_min=True, exclude_max=True)}),
    st.fixed_dictionaries({"colors": st.just("auto"), "per": st.just("dataset"), "quality_share": st.floats(0.01, 1)}),
    st.fixed_dictionaries({"colors": st.just("auto"), "strict_quality": st.booleans()}),
    st.fixed_dictionaries({"strategy": st.just("SO"), "format": st.just("jpeg"), "jpeg_quality": st.integers(1, 100)}),
)
sides = st.integers(1, 65_535)
geometry = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"step": sides}),
    st.fixed_dictionaries({"scale": st.floats(0, 1, exclude_min=True)}),
    st.fixed_dictionaries({"size": st.tuples(sides, sides), "fit": st.sampled_from(["cover", "pad", "stretch"])}),
    st.fixed_dictionaries({"size": sides, "enlarge": st.booleans()}),
)
others = {
    "dither": st.sampled_from(DITHERS),
    "keep_colors": st.sampled_from(["#ffffff", "#000000,#00ff7f"]),
    "count_power": st.floats(0.1, 1),
    "never_larger": st.booleans(),
    "background": st.from_regex(r"#[0-9a-f]{6}", fullmatch=True),
    "seed": st.integers(0, 2**32 - 1),
    "palette_from": words,
    "space": st.sampled_from(["srgb", "oklab"]),
    "shard_images": st.integers(1, 10**9),
    "format": st.sampled_from(["png", "webp", "parquet", ARRAYS]),
}
run_settings = {
    "jobs": st.integers(1, 99),
    "isolate": st.booleans(),
    "timeout": st.floats(0.1, 1000),
    "overwrite": st.just("always"),
    "prune": st.booleans(),
    "dry_run": st.booleans(),
    "retry_failed": st.booleans(),
    "follow_links": st.booleans(),
    "masks": texts,
    "mask_pad": st.integers(0, 255),
    "labels_on": st.sampled_from(LABELS_ON),
    "min_visibility": st.floats(0, 1),
    "table": texts,
    "table_column": texts,
    "split": st.sampled_from(["train=80,val=10,test=10", "a=1,b=2.5"]),
    "shard": st.sampled_from(["1/2", "7/9"]),
    "min_side": st.integers(1, 1000),
    "max_aspect": st.floats(1, 9),
    "drop_duplicates": st.just("exact"),
    "total_bytes": st.integers(1, 2**40),
}


@st.composite
def tables(draw, table, *always, optional):
    """Return a table with fields that go together: one that does not is left out."""
    values = {}
    for one in always:
        values |= draw(one)
    with contextlib.suppress(UsageError):
        table(**values)
    for name, value in sorted(draw(st.fixed_dictionaries({}, optional=optional)).items()):
        with contextlib.suppress(UsageError):
            table(**values, **({} if name in values else {name: value}))
            values.setdefault(name, value)
    return table(**values)


requests = st.tuples(
    tables(Options, colors, geometry, optional=others), tables(RunSettings, optional=run_settings)
).map(lambda both: Request(*both))


def executed(program):
    """Return what a program calls ``compress_folder`` with."""
    calls = []
    stub = types.ModuleType("icsys")
    stub.Options, stub.compress_folder = Options, lambda *given, **settings: calls.append((given, settings))
    before = sys.modules["icsys"]
    sys.modules["icsys"] = stub
    try:
        exec(compile(program, "taken.py", "exec"), {})  # noqa: S102 - it is meant to run
    finally:
        sys.modules["icsys"] = before
    (call,) = calls
    return call


@given(requests, paths, paths)
def test_command_python_and_toml_give_the_same_options(request_, source, destination):
    taken = texts_of(f"/in/{source}", f"/out/{destination}", request_)
    line = shlex.split(taken.command) if sys.platform != "win32" else powershell_words(taken.command)
    assert line[0] == "ics"
    arguments = PARSER.parse_args(line[1:])
    read = read_options(arguments)
    assert (read.options, read.settings) == request_[:2]
    found, into = given_places(arguments.paths, arguments.output)
    assert (found, into.rstrip("/")) == (str(Path(f"/in/{source}")), str(Path(f"/out/{destination}")))

    (python_source, python_destination, *options), settings = executed(taken.python)
    assert (python_source, python_destination) == (found, into.rstrip("/"))
    assert (options or [Options()])[0] == request_.options
    own = request_.settings
    ran = RunSettings(**settings)
    assert ran.resolve(cores=2).engine == own.resolve(cores=2).engine
    assert ran.replace(engine=None) == own.replace(engine=None, isolate=False)

    values = config_in(taken.toml, table_fields())
    assert request_of(values, values)[:2] == request_[:2]


def powershell_words(line):
    """Split a line as PowerShell does where nothing but quotes and blanks is special."""
    found, word, quoted = [], None, False
    place = 0
    while place < len(line):
        one = line[place]
        if quoted and one in "'‘’‚‛" and line[place + 1 : place + 2] in list("'‘’‚‛"):  # noqa: RUF001 - its quotes
            word += one
            place += 1
        elif one in "'‘’‚‛":  # noqa: RUF001
            word, quoted = word or "", not quoted
        elif one == " " and not quoted:
            found += [] if word is None else [word]
            word = None
        else:
            assert quoted or re.fullmatch(r"[\w./:\\+=-]", one, re.ASCII), one
            word = (word or "") + one
        place += 1
    assert not quoted
    return found + ([] if word is None else [word])


@given(st.lists(words))
def test_powershell_reads_the_same_words(given_words):
    assert powershell_words(shell_text(given_words, "nt")) == given_words


def test_python_says_only_what_differs():
    taken = texts_of("/photos", "/small", Request(Options()))
    assert taken.python == 'import icsys\n\nsummary = icsys.compress_folder(\n    "/photos",\n    "/small",\n)\n'
    few = texts_of("/photos", "/small", Request(Options(colors=8, size="64x32"), RunSettings(jobs=2)))
    assert '    icsys.Options(colors=8, size="64x32"),\n    jobs=2,\n' in few.python
    assert few.command == "ics compress /photos /small --colors 8 --size 64x32 --jobs 2"


def test_folders_are_named_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    taken = texts_of("photos", "-small", Request(Options()))
    assert taken.command == shlex.join(["ics", "compress", str(tmp_path / "photos"), str(tmp_path / "-small")])


def test_secrets_of_urls_stay_out():
    secret = "s3://key:pass-word@bucket/a"  # noqa: S105
    request_ = Request(Options(), RunSettings(table="https://me:pass-word@host/t.csv?sig=pass-word"))
    taken = texts_of(secret, f"{secret}-small", request_)
    for text in (taken.command, taken.python, taken.toml):
        assert "pass-word" not in text
    assert "s3://bucket/a-small" in taken.command


@pytest.mark.parametrize(("source", "masks", "name"), [("a\udcff", "auto", "source"), ("a", "\udcff*.png", "masks")])
def test_a_name_that_is_no_text_is_refused(source, masks, name):
    with pytest.raises(UsageError, match=rf"{name}='.*\\\\udcff.*' holds bytes that are no text"):
        texts_of(source, "out", Request(Options(), RunSettings(masks=masks)))
