"""A TOML file that is opened into the page is checked as ``--config`` checks it, and reaches no other file."""

import argparse
import os

import pytest

from icsys.cli.read_options import read_options
from icsys.errors import UsageError
from icsys.options import Options
from icsys.records.config.request import Request
from icsys.studio.settings.opened_config import request_in

USUAL = Request(Options())
TEXTS = [
    "",
    'colors = 8\nsize = "64x32"\nfit = "cover"\njobs = 2\nsplit = "train=80,val=20"\nquiet = true',
    "scale = 0.5\nnever-larger = false\ntotal-bytes = '5MB'",
    'colors = "auto"\nmin_psnr = 30\nkeep_colors = ["#ffffff"]',
    *("colors = 0", "colours = 8", "step = 2\nscale = 0.5", "dry_run = 3", "quiet = true\nverbose = true", "[a]\nb=1"),
    *("x", "jobs = 'many'", "from_learn = 'photos/none.json'", "palette = 'photos/none.json'", "arm = 'a'"),
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_means_what_its_file_means(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "a.toml").write_text(text, "utf-8")
    try:
        expected = read_options(argparse.Namespace(config="a.toml"))
    except UsageError as error:
        message = str(error).replace("config file 'a.toml'", "config file")
        with pytest.raises(UsageError) as raised:
            request_in(text, ["photos", "out"], USUAL)
        assert str(raised.value) == message
    else:
        assert request_in(text, ["photos", "out"], USUAL) == expected


@pytest.mark.parametrize("given", [None, 3, b"colors = 8", ["colors = 8"]])
def test_what_is_no_text_is_refused(given):
    with pytest.raises(UsageError, match="expected the text of a TOML file"):
        request_in(given, [], USUAL)


@pytest.mark.parametrize("name", ["palette", "from_learn"])
@pytest.mark.parametrize(
    "place", ["other.json", "../other.json", "photos/../other.json", "photos/link.json", "a\\u0000.json"]
)
def test_files_elsewhere_are_not_read(tmp_path, monkeypatch, name, place):
    (tmp_path / "here" / "photos").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    for outside in ("other.json", "here/other.json"):
        (tmp_path / outside).write_text("[")
    if os.name != "nt":
        (tmp_path / "here" / "photos" / "link.json").symlink_to("../other.json")
    elif "link" in place:
        pytest.skip("needs links")
    with pytest.raises(UsageError, match="reads files of its source and destination only"):
        request_in(f'{name} = "{place}"', ["photos", "s3://bucket/small"], USUAL)


def test_a_palette_that_the_studio_began_with_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.gpl").write_text("GIMP Palette\n0 0 0\n255 255 255\n")
    begun = Request(Options(palette="two.gpl", colors=2))
    assert request_in('palette = "two.gpl"', ["photos"], begun).options == begun.options


def test_secrets_stay_out_of_errors():
    with pytest.raises(UsageError) as raised:
        request_in('from_learn = "https://me:pass-word@host/a.json"', ["photos"], USUAL)
    assert "pass-word" not in str(raised.value)
