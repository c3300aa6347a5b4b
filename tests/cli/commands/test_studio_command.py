"""``ics studio`` and ``ics compress --studio`` as typed; most tests put a stand-in in the place of the server."""

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from helpers import ics
from icsys.cli.commands import studio_command
from icsys.cli.main import run_command
from icsys.options import Options
from icsys.run_settings import RunSettings

pytest.importorskip("starlette", reason="needs the extra studio")

ANY = "0.0.0.0"  # noqa: S104 - nothing is served there
ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/\?token=[\w-]{40,}\n")
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows ends processes in another way")


@pytest.fixture
def served(monkeypatch, tmp_path):
    """What the server was called with, in a folder with photos; it ends at once."""
    calls, opened = [], []

    def serve(workspace, host, port, on_ready):
        calls.append(SimpleNamespace(host=host, port=port, **workspace))
        on_ready("http://here/?token=t", "http://here/?token=once")

    names = ("source", "destination", "options", "settings", "kept")
    monkeypatch.setattr(studio_command, "_load", lambda: (serve, lambda *given: dict(zip(names, given, strict=True))))
    begun = SimpleNamespace(start=lambda: None)
    threads = SimpleNamespace(
        Thread=lambda target, args, daemon: (target(*args), begun)[1],  # noqa: ARG005 - as the real one
        current_thread=threading.current_thread,
        main_thread=threading.main_thread,
    )
    monkeypatch.setattr(studio_command, "threading", threads)  # so that the browser is opened at once
    monkeypatch.setattr(studio_command.webbrowser, "open", opened.append)
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    return SimpleNamespace(calls=calls, opened=opened)


def test_the_studio_serves_a_source_on_this_machine_alone(served, capsys):
    assert run_command(["studio", "photos", "--no-browser"]) == 0
    assert capsys.readouterr() == ("http://here/?token=t\n", "")
    (call,) = served.calls
    assert (call.source, call.destination, call.host, call.port) == ("photos", "Compressed", "127.0.0.1", 0)
    assert (call.options, call.settings, served.opened) == (Options(), RunSettings(), [])


def test_host_and_port_are_those_that_are_given(served):
    assert run_command(["studio", "photos", "--host", "::1", "--port", "8888", "--no-browser"]) == 0
    assert (served.calls[0].host, served.calls[0].port) == ("::1", 8888)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
@pytest.mark.usefixtures("served")
def test_nothing_is_said_of_an_address_that_other_machines_cannot_reach(capsys, host):
    assert run_command(["studio", "photos", "--host", host, "--no-browser"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("host", [ANY, "::", "192.168.1.5", "box"])
@pytest.mark.usefixtures("served")
def test_an_address_that_other_machines_reach_is_said_to_be_one(capsys, host):
    assert run_command(["studio", "photos", "--host", host, "--no-browser"]) == 0
    out, err = capsys.readouterr()
    assert out == "http://here/?token=t\n"
    assert err.startswith("ics studio: other machines can reach this address, and the connection is not encrypted")


def test_a_run_opens_the_page_with_its_options_instead(served, tmp_path, capsys):
    (tmp_path / "mine.toml").write_text('colors = 8\nsize = "64x32"\njobs = 3\nsplit = "train=80,val=20"\n')
    words = ["compress", "photos", "small", "--config", "mine.toml", "--step", "2", "--follow-links", "--studio"]
    assert run_command(words) == 0
    assert capsys.readouterr().out == "http://here/?token=t\n"
    (call,) = served.calls
    assert (call.source, call.destination, call.host, call.port) == ("photos", "small", "127.0.0.1", 0)
    assert call.options == Options(colors=8, step=2)
    assert served.opened == ["http://here/?token=once"]  # arguments of a process can be read by other users
    assert call.settings == RunSettings(jobs=3, split="train=80,val=20", follow_links=True)
    assert not (tmp_path / "small").exists()


@pytest.mark.parametrize(
    ("words", "noted"),
    [
        (["--colors", "32", "--total-bytes", "60kB"], ["--colors 32"]),
        (["--colors", "32", "--step", "5", "--total-bytes", "60kB"], ["--colors 32", "--step 5"]),
        (["--colors", "8", "--step", "2", "--total-bytes", "60kB"], []),
        (["--colors", "32"], []),
    ],
)
def test_a_default_that_the_page_does_not_keep_within_bytes_is_noted(served, capsys, words, noted):
    assert run_command(["compress", "photos", "small", *words, "--studio"]) == 0
    found = capsys.readouterr().err.splitlines()
    assert [line.partition(" is the default")[0] for line in found] == [f"note: {option}" for option in noted]
    assert len(served.calls) == 1


def test_printed_options_open_the_page_as_they_were_given(served, tmp_path, capsys):
    words = ["--colors", "auto", "--min-psnr", "33", "--scale", "0.3", "--jobs", "2"]
    assert run_command(["compress", *words, "--print-options"]) == 0
    (tmp_path / "mine.toml").write_text(capsys.readouterr().out)
    assert run_command(["compress", "photos", "--config", "mine.toml", "--studio"]) == 0
    assert served.calls[0].options == Options(colors="auto", min_psnr=33, scale=0.3)
    assert served.calls[0].settings == RunSettings(jobs=2)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["studio", "nothing-here"], "source folder 'nothing-here' does not exist"),
        (["studio", ""], "source '' names no folder"),
        (["compress", "", "small", "--studio"], "source '' names no folder"),
        (
            ["studio"],
            "there is no folder 'Uncompressed' here: put photos into Uncompressed, name a folder (ics studio SRC)",
        ),
        (["studio", "photos", "--port", "70000"], "port=70000: expected a whole number from 0 to 65535"),
        (["studio", "photos", "--port", "-1"], "port=-1: expected a whole number from 0 to 65535"),
        (["studio", "photos", "--port", "web"], "port='web': expected a whole number from 0 to 65535"),
        (["studio", "photos", "--host", "no.such.host.invalid"], "host='no.such.host.invalid' is no address of this"),
        (["studio", "photos", "--host", "192.0.2.1"], "host='192.0.2.1' is no address of this machine"),
        (["compress", "photos", "small", "--colors", "0", "--studio"], "colors=0"),
        (["compress", "a.png", "b.png", "small", "--studio"], "expected one folder or archive for the studio"),
        (["studio", "photos", "--colors", "8"], "--colors"),
    ],
)
def test_wrong_usage_is_named_and_serves_nothing(tmp_path, words, error):
    (tmp_path / "photos").mkdir()
    code, out, err = ics(*words, "--no-browser" if words[0] == "studio" else "--quiet", cwd=tmp_path)
    assert (code, out) == (2, "")
    assert error in err
    assert "Traceback" not in err


def test_a_port_in_use_is_named(tmp_path):
    (tmp_path / "photos").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = ics("studio", "photos", "--port", port, "--no-browser", cwd=tmp_path)
    assert (code, out) == (2, "")
    assert f"cannot listen on '127.0.0.1' at port {port}: " in err
    assert "name another port, or 0 for a free one" in err


def test_help_says_that_nothing_is_written(tmp_path):
    code, out, _ = ics("studio", "--help", cwd=tmp_path)
    assert code == 0
    assert "Nothing is written before you start a run" in out
    assert all(f"--{name}" in out for name in ("host", "port", "no-browser"))


@pytest.mark.parametrize("name", ["starlette", "uvicorn"])
def test_a_missing_extra_is_named_with_the_command_that_installs_it(tmp_path, name):
    (tmp_path / "photos").mkdir()
    code = f"import sys; sys.modules[{name!r}] = None; from icsys.cli.main import run_command; sys.exit(run_command())"
    command = [sys.executable, "-c", code, "studio", "photos", "--no-browser"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'icsys[studio]'" in done.stderr


def status(port, path):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", path)
        return connection.getresponse().status


@POSIX
@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", None)])
def test_a_real_server_prints_its_address_answers_and_ends_with_0(photos, tmp_path, number):
    command = [sys.executable, "-m", "icsys", "studio", str(photos), "--no-browser"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, start_new_session=True
    ) as server:
        try:
            address = server.stdout.readline()
            assert ADDRESS.fullmatch(address)
            port = int(ADDRESS.fullmatch(address)[1])
            assert [status(port, path) for path in ("/static/studio.js", "/api/state", "/")] == [200, 403, 403]
        finally:
            server.send_signal(number)
        assert server.communicate(timeout=30) == ("", "")
        assert server.returncode == 0
    assert list(tmp_path.iterdir()) in ([], [photos])
