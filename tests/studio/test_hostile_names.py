"""Names that shells, addresses and pages read as something else: shown, compressed, and taken along unharmed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import everything, image_bytes, synthetic_photo
from icsys import compress_folder
from icsys.errors import UsageError
from icsys.options import Options
from icsys.records.config.request import Request
from icsys.run_settings import RunSettings
from icsys.studio.jobs.events import Events
from icsys.studio.jobs.run_job import RunJob, RunRequest
from icsys.studio.settings.texts import texts_of

NAMES = [
    "it's",
    'a"b',
    "new\nline",
    "return\rx",
    "tab\tx",
    "escape\x1b[31m",
    "control\x9b",
    "50%25",
    "%2e%2e",
    "a#b",
    "a?b=c&d",
    "a;b",
    "$(touch pwned)",
    "`touch pwned`",
    "$HOME",
    "~",
    "*",
    "[a-z]",
    "{a,b}",
    "!x",
    "back\\slash",
    "<b>&amp;",
    "javascript:x",
    "C:x",
    "-dash",
    "--output",
    "--",
    " around ",
    "עברית",
    "right\u202eleft",
    "e\u0301",
    "😀",
    "n" * 200,
]

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows takes no such names")


@pytest.fixture
def hostile(tmp_path):
    """A photo in a class of each name."""
    data = image_bytes(synthetic_photo(6, 8))
    for name in NAMES:
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        (folder / f"{name}.png").write_bytes(data)
    return tmp_path / "photos"


@pytest.fixture
def photos(hostile):
    """What the client's studio is opened on."""
    return hostile


@posix
def test_photos_of_any_name_are_listed_shown_and_compressed(client, workspace, photos, tmp_path):
    listed = client.get("/api/images").json()
    assert listed["total"] == len(NAMES)
    for number in range(len(NAMES)):
        picture = client.get(f"/api/images/{number}/thumbnail")
        assert (picture.status_code, picture.headers["content-type"][:6]) == (200, "image/")
        made = client.post("/api/preview", json={"image": number, "options": {"colors": 8, "step": 2}, "slot": "a"})
        assert made.status_code == 200, made.text
    client.post("/api/run", json={"destination": str(tmp_path / "page"), "options": {"colors": 8, "step": 2}})
    workspace.run.wait(60)
    assert client.get("/api/run").json()["compressed"] == len(NAMES)
    assert client.get("/api/run/report").status_code == 200
    compress_folder(photos, tmp_path / "function", Options(colors=8, step=2))
    run = everything(tmp_path / "page")
    run.pop("report.html")
    assert run == everything(tmp_path / "function")


def taken(folder, name):
    place = os.path.join(folder, name)  # noqa: PTH118 - names as they are
    return texts_of(place, f"{place}.out", Request(Options(colors=8)))


@posix
@pytest.mark.parametrize("shell", ["sh", "bash", "zsh"])
def test_a_shell_reads_the_copied_command_as_the_names(tmp_path, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    # As from a terminal: each command is a line of its own for the shell, whose program shows what it was given.
    script = "ics() { printf '%s\\0' \"$@\"; }\n" + "\n".join(taken(tmp_path, name).command for name in NAMES)
    ran = subprocess.run([shell], input=script.encode(), capture_output=True, cwd=tmp_path, check=True)
    read = ran.stdout.decode().split("\0")[:-1]
    expected = [
        word for name in NAMES for word in ("compress", f"{tmp_path}/{name}", f"{tmp_path}/{name}.out", "--colors", "8")
    ]
    assert read == expected
    assert list(tmp_path.iterdir()) == []


def test_python_reads_the_copied_lines_as_the_names(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("icsys.compress_folder", lambda *given: asked.append(given))
    for name in NAMES:
        exec(taken(tmp_path, name).python, {})  # noqa: S102 - what a user runs
    places = [os.path.join(tmp_path, name) for name in NAMES]  # noqa: PTH118 - names as they are
    assert asked == [(place, f"{place}.out", Options(colors=8)) for place in places]


@posix
def test_a_name_that_is_no_text_is_compressed_and_no_text_claims_to_hold_it(tmp_path):
    source = os.path.join(tmp_path, os.fsdecode(b"\xff\xfe"))  # noqa: PTH118 - bytes as they are
    try:
        Path(source).mkdir()
    except OSError:
        pytest.skip("this file system takes no such names")
    (Path(source) / "a.png").write_bytes(image_bytes(synthetic_photo(6, 8)))
    job = RunJob(source, Events())
    job.start(RunRequest(str(tmp_path / "out"), Options(colors=8), RunSettings()))
    job.wait(60)
    assert (job.latest()["state"], job.latest()["compressed"]) == ("done", 1)
    with pytest.raises(UsageError, match="bytes that are no text"):
        texts_of(source, str(tmp_path / "out"), Request(Options()))
