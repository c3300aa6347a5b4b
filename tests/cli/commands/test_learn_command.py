"""``ics learn`` as a user types it; most tests put a result made by hand in the place of the work."""

import errno
import json
import os
import shlex
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from helpers import ics
from icsys import MissingExtraError, Options, UsageError
from icsys.cli.commands import learn_command
from icsys.cli.commands.learn_arguments import LEARN_COLORS
from icsys.cli.main import run_command
from icsys.learning.learn import COLORS_JUDGED
from icsys.learning.learn_progress import LearnProgress
from icsys.learning.learn_settings import LearnSettings
from icsys.results import Failed
from icsys.run_settings import RunSettings
from learned_results import learned_result

CONTRACT = {"images", "classes", "split", "resolves", "arms", "recommended", "command", "seconds", "version"}
OF_AN_ARM = {
    *("name", "width", "height", "colors", "format", "bytes_per_image", "accuracy", "difference", "low", "high"),
    *("accuracy_on_originals", "verdict"),
}
BROKEN = [Failed(source="cat/a.png", code="empty", message="the file is empty (0 bytes)")]


@pytest.fixture
def learning(tmp_path, monkeypatch):
    """The command in an empty folder with a folder of photos; returns what the work was called with, and its result."""

    class Learning:
        def __init__(self):
            self.calls, self.result, self.during = [], learned_result(), lambda _: None

        def __call__(self, source, options, settings, **more):
            self.calls.append({"source": source, "options": options, "settings": settings, **more})
            self.during(more)
            return self.result

    work = Learning()
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(learn_command, "learn_source", work)
    # Drawing is most of the time of a test; the page of the whole command, at the end, has its plots.
    monkeypatch.setattr("icsys.report.learned.page.learned_plots", lambda *_: [])
    return work


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "photos")


def test_defaults_are_those_of_the_tables(learning):
    assert run_command(["learn", "photos"]) == 0
    [call] = learning.calls
    assert not call.pop("stop").is_set()
    assert call.pop("progress")
    assert call == {
        "source": "photos",
        "options": Options(),
        "settings": LearnSettings(),
        "colors": (128, 64, 32, 16, 8, 4, 2),
        "given_geometry": False,
        "run": RunSettings(),
    }


def test_every_option_reaches_the_work(learning, capsys):
    flags = "--strategy fkm --colors 4,64,4 --size 48x32 --fit cover --space oklab --seed 7 --dither floyd-steinberg"
    more = (
        "--minutes 2.5 --images 300 --repeats 4 --group p(.) --model cnn --no-lossy --jobs 1 --no-masks --ignore-zeros"
    )
    assert run_command(["learn", "photos", *flags.split(), *more.split(), "--include-outputs", "--follow-links"]) == 0
    [call] = learning.calls
    wanted = Options(strategy="FKM", size="48x32", fit="cover", space="oklab", seed=7, dither="floyd-steinberg")
    assert call["options"] == wanted
    assert (call["colors"], call["given_geometry"]) == ((64, 4), True)
    assert call["settings"] == LearnSettings(minutes=2.5, images=300, repeats=4, group="p(.)", model="cnn", lossy=False)
    assert call["run"] == RunSettings(jobs=1, masks="none", ignore_zeros=True, include_outputs=True, follow_links=True)
    assert "note:" not in capsys.readouterr().err


def test_options_of_the_size_have_an_effect_without_a_size(learning, capsys):
    assert run_command(["learn", "photos", "--fit", "pad", "--enlarge"]) == 0
    assert capsys.readouterr().err == ""
    assert learning.calls[0]["options"].fit == "pad"
    assert learning.calls[0]["given_geometry"] is False


def test_options_without_an_effect_are_named(learning, capsys):
    assert run_command(["learn", "photos", "--effort", "best", "--strategy", "FKM", "--step", "3", "--fit", "pad"]) == 0
    notes = capsys.readouterr().err.splitlines()
    assert notes == [
        "note: --effort best has no effect with --strategy FKM; it is for --strategy MKM",
        "note: --fit pad has no effect without --size",
    ]
    assert learning.calls[0]["given_geometry"] is True


@pytest.mark.usefixtures("learning")
def test_the_report_names_the_files_and_the_command(tmp_path, capsys):
    assert run_command(["learn", "photos"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"Look at: {tmp_path / 'learn.json'}" in lines
    assert f"Look at: {tmp_path / 'learn.html'}" in lines
    assert any("ics compress photos Compressed --from-learn learn.json" in line for line in lines)
    assert names(tmp_path) == ["learn.html", "learn.json"]
    assert json.loads((tmp_path / "learn.json").read_text("utf-8")).keys() >= CONTRACT


@pytest.mark.usefixtures("learning")
@pytest.mark.parametrize("taken", ["learn.json", "learn.html"])
def test_files_that_are_there_stay_and_the_new_ones_share_a_number(tmp_path, capsys, taken):
    (tmp_path / taken).write_text("mine", "utf-8")
    (tmp_path / "learn-2.html").write_text("mine, too", "utf-8")
    assert run_command(["learn", "photos"]) == 0
    assert (tmp_path / taken).read_text("utf-8") == "mine"
    assert names(tmp_path) == sorted(["learn-2.html", "learn-3.html", "learn-3.json", taken])
    written = json.loads((tmp_path / "learn-3.json").read_text("utf-8"))
    assert written["command"] == "ics compress photos Compressed --from-learn learn-3.json"
    assert "--from-learn learn-3.json" in capsys.readouterr().out


def test_the_command_has_what_is_read_and_quotes_the_name_of_the_file(learning, tmp_path):
    flags = ("--out", "my results.json", "--no-page", "--no-masks", "--follow-links", "--jobs", "1")
    assert run_command(["learn", "photos", *flags]) == 0
    command = json.loads((tmp_path / "my results.json").read_text("utf-8"))["command"]
    words = ["ics", "compress", "photos", "Compressed", "--from-learn", "my results.json", "--follow-links"]
    assert shlex.split(command) == [*words, "--masks", "none"]
    assert learning.calls


def test_without_a_recommendation_there_is_no_command(learning, tmp_path):
    learning.result = learned_result(command="", recommended=None)
    assert run_command(["learn", "photos", "--no-page"]) == 0
    assert json.loads((tmp_path / "learn.json").read_text("utf-8"))["command"] == ""
    assert names(tmp_path) == ["learn.json"]


@pytest.mark.usefixtures("learning")
def test_json_is_one_object_and_writes_what_is_named_alone(tmp_path, capsys):
    assert run_command(["learn", "photos", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed.keys() >= CONTRACT
    assert all(arm.keys() >= OF_AN_ARM for arm in printed["arms"])
    assert {arm["verdict"] for arm in printed["arms"]} <= {"keeps", "loses", "unclear", "reference"}
    assert names(tmp_path) == []
    assert run_command(["learn", "photos", "--json", "--out", "a.json", "--page", "a.html"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert names(tmp_path) == ["a.html", "a.json"]


def test_older_results_of_the_given_names_are_replaced(learning, tmp_path):
    for seed in (1, 2):
        learning.result = learned_result(seed=seed)
        assert run_command(["learn", "photos", "--out", "a.json", "--page", "a.html"]) == 0
        assert json.loads((tmp_path / "a.json").read_text("utf-8"))["seed"] == seed
    assert names(tmp_path) == ["a.html", "a.json"]


def test_quiet_prints_failures_alone(learning, tmp_path, capsys):
    learning.result = learned_result(failures=BROKEN)
    learning.during = lambda more: more["progress"](LearnProgress(0, None, "Listing", message="Few images."))
    assert run_command(["learn", "photos", "--quiet"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "failed: cat/a.png: the file is empty (0 bytes) (empty)\n"
    assert names(tmp_path) == ["learn.html", "learn.json"]


def test_a_message_is_printed_once(learning, capsys):
    def work(more):
        for done in range(3):
            more["progress"](LearnProgress(done, 3, "Judging", 9.0, message="" if done else "With 40 images ..."))

    learning.during = work
    assert run_command(["learn", "photos"]) == 0
    assert capsys.readouterr().err == "With 40 images ...\n"


@pytest.mark.parametrize(("changes", "code"), [({}, 0), ({"failures": BROKEN}, 1), ({"stopped": "time is up"}, 1)])
def test_exit_codes(learning, changes, code):
    learning.result = learned_result(**changes)
    assert run_command(["learn", "photos"]) == code


@pytest.mark.usefixtures("terminal")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send to oneself")
@pytest.mark.parametrize("ending", [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_ends_it_with_what_is_known_by_then(learning, tmp_path, monkeypatch, ending):
    def work(more):
        signal.raise_signal(getattr(signal, ending[0]))
        assert more["stop"].is_set()

    left = []
    monkeypatch.setattr(learn_command, "leave", left.append)
    learning.during = work
    learning.result = learned_result(stopped="interrupted")
    run_command(["learn", "photos"])
    assert left == [ending[1]]
    assert names(tmp_path) == ["learn.html", "learn.json"]


def test_where_no_arm_was_judged_nothing_is_written(learning, tmp_path):
    learning.result = learned_result(arms=[], recommended=None, command="", stopped="interrupted")
    assert run_command(["learn", "photos", "--json", "--out", "a.json", "--page", "a.html"]) == 1
    assert names(tmp_path) == []


def test_a_file_of_options_gives_what_the_command_line_does_not(learning, tmp_path):
    text = 'minutes = 1\nlossy = false\ncolors = 24\nscale = 0.5\nseed = 2\nformat = "webp"\nrepeats = 5\njobs = 1\n'
    text += 'from_learn = "of an earlier time.json"\n'
    (tmp_path / "ics.toml").write_text(text, encoding="utf-8")
    assert run_command(["learn", "photos", "--config", "ics.toml", "--step", "4", "--minutes", "3"]) == 0
    [call] = learning.calls
    assert call["settings"] == LearnSettings(minutes=3, lossy=False, repeats=5)
    assert (call["options"].step, call["options"].scale, call["options"].seed) == (4, None, 2)
    assert call["colors"] == (128, 64, 32, 24, 16, 8, 4, 2)
    assert call["run"].jobs == 1
    assert call["given_geometry"] is True


def test_a_target_of_automatic_colours_in_a_file_of_options_is_passed_over(learning, tmp_path):
    (tmp_path / "ics.toml").write_text('colors = "auto"\nmin_ssim = 0.9\nper = "dataset"\neffort = "best"\n', "utf-8")
    assert run_command(["learn", "photos", "--config", "ics.toml"]) == 0
    assert learning.calls[0]["options"] == Options(effort="best")
    assert learning.calls[0]["colors"] == (128, 64, 32, 16, 8, 4, 2)


@pytest.mark.parametrize(
    "flags",
    [
        (),
        ("--minutes", "2.5", "--no-lossy", "--colors", "64,4", "--scale", "0.5", "--strategy", "FKM"),
        (
            "--group",
            "p(.)",
            "--repeats",
            "4",
            "--model",
            "cnn",
            "--images",
            "50",
            "--seed",
            "3",
            "--keep-colors",
            "#ffffff",
        ),
    ],
)
def test_the_page_names_a_command_that_asks_for_the_same(learning, monkeypatch, flags):
    commands = []
    monkeypatch.setattr(learn_command, "write_learned", lambda *_, command: commands.append(command))
    assert run_command(["learn", "photos", *flags]) == 0
    program, *words = shlex.split(commands[0])
    assert program == "ics"
    assert run_command(words) == 0
    first, again = ({k: v for k, v in call.items() if k not in {"stop", "progress"}} for call in learning.calls)
    assert first == again
    assert len(learning.calls) == 2
    assert commands[0] == commands[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("minuts = 3\n", "unknown option 'minuts'; did you mean minutes?"),
        ("lossy = 1\n", "lossy='1', expected true or false"),
        ('strategy = "SO"\n', "strategy='SO': expected one of MKM, FKM, MBKM"),
        ("repeats = 2\n", "repeats=2: expected a whole number from 3 to 30"),
    ],
)
def test_a_wrong_file_of_options_is_refused(learning, tmp_path, capsys, text, message):
    (tmp_path / "ics.toml").write_text(text, encoding="utf-8")
    assert run_command(["learn", "photos", "--config", "ics.toml"]) == 2
    assert message in capsys.readouterr().err
    assert learning.calls == []


def test_compress_knows_no_settings_of_learning(learning, tmp_path, capsys):
    (tmp_path / "ics.toml").write_text("minutes = 3\n", encoding="utf-8")
    assert run_command(["compress", "photos", "small", "--config", "ics.toml"]) == 2
    assert "unknown option 'minutes'" in capsys.readouterr().err
    assert learning.calls == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--minutes", "0"), "minutes=0.0: expected a number above 0 and at most 10000"),
        (("--minutes", "soon"), "minutes='soon': expected a number"),
        (("--images", "3"), "images=3: expected a whole number from 4 to"),
        (("--repeats", "2"), "repeats=2: expected a whole number from 3 to 30"),
        (("--model", "vit"), "model='vit': expected one of fixed, cnn"),
        (("--strategy", "so"), "strategy='so': expected one of MKM, FKM, MBKM"),
        (("--strategy", "KMM"), "strategy='KMM': expected one of"),
        (("--colors", "8,many"), "colors='many': expected a whole number from 1 to 65536"),
        (("--colors", "0"), "colors=0: expected a whole number from 1 to 65536"),
        (("--colors", "8,"), "colors='': expected a whole number"),
        (("--colors", "auto"), "colors='auto': expected numbers of colours to judge"),
        (("--colors", ",".join(map(str, range(1, 34)))), "33 numbers were given, expected at most 32"),
        (("--size", "big"), "size='big'"),
        (("--size", "32x32", "--step", "2"), "not allowed with argument"),
        (("--page", "a.html", "--no-page"), "not allowed with argument"),
        (("--seed", "-1"), "seed=-1: expected a whole number from 0"),
        (("--jobs", "0"), "jobs=0: expected a whole number from 1"),
        (("--out", "nowhere/a.json"), "out 'nowhere/a.json': expected the name of a file in a folder that exists"),
        (("--out", "photos"), "out 'photos': expected the name of a file"),
        (("--out", "mine.txt"), "out 'mine.txt' is a file that ics learn did not write"),
        (("--page", "nowhere/a.html"), "'nowhere/a.html': expected the name of a file in a folder that exists"),
        (("--page", "mine.txt"), "'mine.txt' is a file that ics did not write"),
        (("--out", "a", "--page", "a"), "out and page are both 'a': expected two names"),
        (("--config", "none.toml"), "config file 'none.toml' cannot be read"),
        (("--colours", "8"), "unknown option --colours; did you mean --colors?"),
    ],
)
def test_wrong_usage_is_refused_before_the_work(learning, tmp_path, capsys, arguments, message):
    (tmp_path / "mine.txt").write_text("mine", "utf-8")
    assert run_command(["learn", "photos", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert learning.calls == []
    assert names(tmp_path) == ["mine.txt"]


def test_without_a_source_it_says_where_photos_go(learning, capsys):
    assert run_command(["learn"]) == 2
    said = capsys.readouterr().err
    assert "there is no folder 'Uncompressed' here" in said
    assert "(ics learn SRC)" in said
    assert learning.calls == []


def test_a_package_that_the_page_needs_is_named_before_the_work(learning, tmp_path, monkeypatch, capsys):
    def missing(_):
        raise MissingExtraError("Jinja2 is needed to write reports: pip install 'icsys[report]'")

    monkeypatch.setattr(learn_command, "check_learned_page", missing)
    assert run_command(["learn", "photos"]) == 2
    assert "pip install 'icsys[report]'; or --no-page for no page" in capsys.readouterr().err
    assert learning.calls == []
    assert run_command(["learn", "photos", "--no-page"]) == 0
    assert names(tmp_path) == ["learn.json"]


def test_wrong_usage_that_the_work_finds_has_code_2(learning, tmp_path, capsys):
    def refuse(_):
        raise UsageError("photos has one class: expected at least two")

    learning.during = refuse
    assert run_command(["learn", "photos"]) == 2
    assert "ics: photos has one class" in capsys.readouterr().err
    assert names(tmp_path) == []


@pytest.fixture(scope="module")
def dark_and_light(tmp_path_factory):
    """A folder that holds ``photos``, 40 noisy pictures of 16 x 16 pixels in two classes."""
    folder = tmp_path_factory.mktemp("learn")
    random = np.random.default_rng(0)
    for number in range(40):
        name = ("dark", "light")[number % 2]
        (folder / "photos" / name).mkdir(parents=True, exist_ok=True)
        pixels = random.normal(60 + 100 * (number % 2), 15, (16, 16, 3)).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / name / f"{number}.png")
    return folder


def test_the_whole_command_from_photos_to_a_dataset(dark_and_light):
    flags = ("--size", "16x16", "--colors", "16,4", "--no-lossy", "--no-page", "--json", "--out", "learn.json")
    code, out, err = ics("learn", "photos", *flags, cwd=dark_and_light)
    assert code == 0, err
    found = json.loads(out)
    assert found.keys() >= CONTRACT
    assert all(arm.keys() >= OF_AN_ARM for arm in found["arms"])
    assert (found["images"], found["classes"], found["split"]) == (40, ["dark", "light"], "folds")
    assert [arm["name"] for arm in found["arms"]] == ["full", "K16", "K4", "8x8", "8x8 K16", "fewer = K16"]
    assert found["arms"][0]["verdict"] == "reference"
    assert all(arm["accuracy"] > found["majority"] + 20 for arm in found["arms"][:3])
    assert found == json.loads((dark_and_light / "learn.json").read_text("utf-8"))
    assert "With 40 tested images" in err
    code, _, err = ics("compress", "photos", "small", "--from-learn", "learn.json", "--arm", "K4", cwd=dark_and_light)
    assert code == 0, err
    files = (dark_and_light / "small").rglob("*.png")
    assert sum(path.stat().st_size for path in files) == found["arms"][2]["bytes"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send to a process")
def test_ctrl_c_ends_it_with_the_arms_that_are_judged(dark_and_light):
    flags = ("--size", "16x16", "--jobs", "1", "--repeats", "6", "--json")
    command = [sys.executable, "-m", "icsys", "learn", "photos", *flags]
    with subprocess.Popen(
        command, cwd=dark_and_light, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        said = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert "tested images" in said
    assert "stopping after the current images" in err
    assert process.returncode == 130
    found = json.loads(out)
    assert found["stopped"]
    assert found["arms"][0]["verdict"] == "reference"


def test_the_help_names_the_numbers_of_colours_that_are_judged():
    assert LEARN_COLORS == COLORS_JUDGED


def test_what_was_learned_is_printed_where_it_cannot_be_written(learning, tmp_path, monkeypatch, capsys):
    def fail(*_, **__):
        raise OSError(errno.ENOSPC, "No room")

    monkeypatch.setattr(learn_command, "write_learn_file", fail)
    command = learning.result.command
    assert run_command(["learn", "photos"]) == 1
    printed = capsys.readouterr()
    assert "keeps 99 %" in printed.out
    assert f"  {command}\n" in printed.out
    assert f"Look at: {tmp_path / 'learn.html'}" in printed.out
    assert "Look at: " + str(tmp_path / "learn.json") not in printed.out
    assert printed.err.endswith("ics: 'learn.json' could not be written: No room\n")


def test_a_name_that_was_taken_meanwhile_is_named_after_the_result(learning, tmp_path, capsys):
    learning.during = lambda _: (tmp_path / "learn.json").write_text("mine", encoding="utf-8")
    assert run_command(["learn", "photos", "--json", "--out", "learn.json"]) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["arms"]
    assert "ics: out 'learn.json' is a file that ics learn did not write" in printed.err
    assert (tmp_path / "learn.json").read_text("utf-8") == "mine"


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(learning, monkeypatch, capsys):
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert run_command(["learn", "photos"]) == 2
    assert "'learn.json' cannot be written into its folder" in capsys.readouterr().err
    assert run_command(["learn", "photos", "--json"]) == 0
    assert len(learning.calls) == 1
