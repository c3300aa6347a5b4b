"""The command as a subprocess: flags, exit codes, standard output and standard error."""

import dataclasses
import json
import re
import shutil
import signal
import subprocess
import sys
import tomllib

import pytest
from PIL import Image

from fault_runs import command, make_photos, slow_images, wait_until
from helpers import ics, image_bytes, synthetic_photo, tree
from icsys import __version__
from icsys.choices import STRATEGIES
from icsys.cli.main import run_command
from icsys.options import Options
from icsys.run_settings import RunSettings


def compressed_sizes(folder):
    sizes = {}
    for path in folder.rglob("*.png"):
        with Image.open(path) as image:
            sizes[path.relative_to(folder).as_posix()] = image.size
    return sizes


def test_a_run_reports_time_images_bytes_and_elements(photos, tmp_path):
    code, out, err = ics("compress", photos, "out", "--strategy", "FKM", "--colors", 8, cwd=tmp_path)
    assert code == 0
    assert "Total run time: " in out
    assert "3 compressed, 0 skipped, 0 failed, 2 other files left alone" in out
    assert "times smaller" in out
    assert "43200 -> 1728" in out.replace("43.2 thousand", "43200").replace("1.7 thousand", "1728")
    assert str(tmp_path / "out") in out
    assert err == ""


@pytest.mark.parametrize(
    ("words", "at_terminal", "has_hint"),
    [([], True, True), ([], False, False), (["--dry-run"], True, False), (["--json"], True, False)],
)
def test_a_run_at_a_terminal_ends_with_the_calls_that_read_rgb(words, at_terminal, has_hint, photos, capsys):
    sys.stdout.isatty = lambda: at_terminal
    assert run_command(["compress", str(photos), str(photos.parent / "out"), *words]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert (last == "Read as RGB: Image.open(f).convert('RGB'); torchvision.io.decode_image(f, mode='RGB')") == has_hint


def test_json_is_one_object_with_the_names_of_the_contract(photos, tmp_path):
    (photos / "bad.jpg").write_bytes(b"")
    code, out, err = ics("compress", photos, "out", "--json", "--colors", 8, "--seed", 4, cwd=tmp_path)
    report = json.loads(out)
    assert code == 1
    assert "failed: bad.jpg" in err
    assert report["version"] == __version__
    assert report["options"]["colors"] == 8
    assert report["options"]["seed"] == 4
    assert report["interrupted"] is False
    files = {file["source"]: file for file in report["files"]}
    assert len({tuple(sorted(file)) for file in report["files"]}) == 1
    assert files["train/cat/a.jpg"]["output"] == "train/cat/a.png"
    assert {file["status"] for file in report["files"]} == {"compressed", "failed"}
    for name in ("source", "output", "status", "bytes_in", "bytes_out", "width", "height", "colors"):
        assert name in files["b.webp"]
    counted = dict.fromkeys(("bytes_in", "bytes_out", "elements_in", "elements_out"), 0)
    for file in files.values():
        for name in counted:
            counted[name] += file[name] or 0
    assert counted.items() <= report["summary"].items()
    assert report["summary"]["factor"] == pytest.approx(counted["bytes_in"] / counted["bytes_out"])
    expected = {"images": 4, "compressed": 3, "skipped": 0, "failed": 1}
    assert expected.items() <= report["summary"].items()
    assert report["summary"]["seconds"] > 0


def test_a_second_run_skips_and_exits_0(photos, tmp_path):
    assert ics("compress", photos, "out", "--strategy", "SO", cwd=tmp_path)[0] == 0
    code, out, _ = ics("compress", photos, "out", "--strategy", "SO", cwd=tmp_path)
    assert code == 0
    assert "0 compressed, 3 skipped, 0 failed" in out
    assert "3 skipped: done already with the same options; --overwrite always does it again" in out
    _, out, _ = ics("compress", photos, "out", "--strategy", "SO", "--overwrite", "always", cwd=tmp_path)
    assert "3 compressed, 0 skipped, 0 failed" in out


@pytest.mark.parametrize(
    ("flags", "size"),
    [
        ((), (16, 12)),
        (("--step", 7), (12, 9)),
        (("--scale", 0.5), (40, 30)),
        (("--size", "20x20"), (20, 15)),
        (("--size", "20x20", "--fit", "cover"), (20, 20)),
        (("--size", "20x20", "--fit", "stretch"), (20, 20)),
        (("--size", "20x20", "--fit", "pad", "--background", "#00ff00"), (20, 20)),
        (("--resample", "lanczos"), (16, 12)),
        (("--resample", "skip"), (16, 12)),
        (("--engine", "processes"), (16, 12)),
        (("--png-effort", "max"), (16, 12)),
        (("--format", "png"), (16, 12)),
        (("--isolate",), (16, 12)),
        (("--timeout", 50), (16, 12)),
        (("--follow-links", "--on-corrupt", "keep"), (16, 12)),
        (("--max-pixels", 4800, "--max-bytes", 100_000, "--max-frames", 1), (16, 12)),
    ],
)
def test_every_way_to_make_smaller(flags, size, photos, tmp_path):
    code, _, err = ics("compress", photos, "out", "--strategy", "so", "--jobs", 2, *flags, cwd=tmp_path)
    assert (code, err) == (0, "")
    assert set(compressed_sizes(tmp_path / "out").values()) == {size}


def test_dry_run_writes_nothing(photos, tmp_path):
    code, out, _ = ics("compress", photos, "out", "--strategy", "SO", "--dry-run", cwd=tmp_path)
    assert code == 0
    assert "nothing was written" in out
    assert not (tmp_path / "out").exists()


def test_verbose_adds_a_line_per_image_with_its_kmeans_time(photos, tmp_path):
    _, _, err = ics("compress", photos, "out", "--strategy", "MBKM", "--verbose", cwd=tmp_path)
    lines = err.splitlines()
    assert len(lines) == 3
    assert all(" -> " in line and re.search(r"K-means \d+\.\d", line) for line in lines)


def test_quiet_prints_failures_and_errors_only(photos, tmp_path):
    assert ics("compress", photos, "out", "--quiet", cwd=tmp_path) == (0, "", "")
    assert ics("verify", "out", "--quiet", cwd=tmp_path) == (0, "", "")
    (photos / "bad.jpg").write_bytes(b"")
    code, out, err = ics("compress", photos, "out", "--quiet", cwd=tmp_path)
    assert (code, out, err) == (1, "", "failed: bad.jpg: the file is empty (0 bytes) (empty)\n")
    code, out, _ = ics("compress", photos, "json", "--quiet", "--json", cwd=tmp_path)
    assert (code, json.loads(out)["summary"]["compressed"]) == (1, 3)
    (tmp_path / "out" / "foreign.png").write_bytes(b"")
    code, out, _ = ics("verify", "out", "--quiet", cwd=tmp_path)
    assert (code, "foreign: foreign.png" in out) == (1, True)
    (tmp_path / "ics.toml").write_text("verbose = true\n", "utf-8")
    assert ics("compress", photos, "quiet", "--config", "ics.toml", "--quiet", cwd=tmp_path)[1:] == ("", err)


def test_options_come_from_a_file_and_the_command_line_wins(photos, tmp_path):
    (tmp_path / "ics.toml").write_text('strategy = "FKM"\nsize = "10x10"\ncolors = 5\ndry-run = true\n', "utf-8")
    code, out, _ = ics(
        "compress", photos, "out", "--config", "ics.toml", "--colors", 3, "--step", 4, "--json", cwd=tmp_path
    )
    options = json.loads(out)["options"]
    assert code == 0
    assert (options["strategy"], options["colors"], options["step"]) == ("FKM", 3, 4)
    assert "size" not in options
    assert not (tmp_path / "out").exists()


def test_printed_options_are_a_config_file_that_gives_the_same_options(photos, tmp_path):
    flags = ("--strategy", "MBKM", "--size", "32x16", "--fit", "pad", "--jobs", 3, "--background", "#102030")
    code, printed, _ = ics("compress", photos, "out", *flags, "--print-options", cwd=tmp_path)
    assert code == 0
    assert not (tmp_path / "out").exists()
    (tmp_path / "ics.toml").write_text(printed, "utf-8")
    assert ics("compress", "--config", "ics.toml", "--print-options", cwd=tmp_path)[1] == printed
    expected = {"strategy": "MBKM", "size": "32x16", "fit": "pad", "jobs": 3, "overwrite": "never"}
    assert expected.items() <= tomllib.loads(printed).items()


def test_all_options_of_labels_and_selection_go_through_a_config_file(photos, tmp_path):
    flags = ("--split", "train=80, val=20", "--min-side", 5, "--max-aspect", 3.5, "--drop-duplicates", "exact")
    flags += ("--masks", "gt/*.png", "--mask-pad", 7, "--labels-on", "stored", "--min-visibility", 0.25)
    flags += ("--table", "labels.csv", "--table-column", "image", "--fit", "cover", "--size", "8x8")
    printed = ics("compress", photos, "out", *flags, "--print-options", cwd=tmp_path)[1]
    (tmp_path / "ics.toml").write_text(printed, "utf-8")
    assert ics("compress", "--config", "ics.toml", "--print-options", cwd=tmp_path)[1] == printed
    values = tomllib.loads(printed)
    expected = {"split": "train=80,val=20", "min_side": 5, "max_aspect": 3.5, "drop_duplicates": "exact"}
    expected |= {"masks": "gt/*.png", "mask_pad": 7, "labels_on": "stored", "min_visibility": 0.25}
    expected |= {"table": "labels.csv", "table_column": "image"}
    assert expected.items() <= values.items()
    assert RunSettings(**expected).given().items() <= values.items()
    (tmp_path / "table.toml").write_text("[split]\ntrain = 0.8\nval = 0.2\n", "utf-8")
    printed = ics("compress", "--config", "table.toml", "--no-masks", "--print-options", cwd=tmp_path)[1]
    assert {"split": "train=0.8,val=0.2", "masks": "none"}.items() <= tomllib.loads(printed).items()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("compress", "photos", "--split", "train=1"), "split='train=1': expected NAME=SHARE for at least two splits"),
        (("compress", "photos", "--split", "a/b=1,c=1"), "'a/b' is no name of a split"),
        (("compress", "photos", "--min-side", "0"), "min_side=0: expected a whole number from 1"),
        (("compress", "photos", "--max-aspect", "0.5"), "max_aspect=0.5: expected a number of at least 1"),
        (("compress", "photos", "--drop-duplicates", "near"), "drop_duplicates='near': expected one of exact"),
        (("compress", "photos", "--labels-on", "side"), "labels_on='side': expected one of auto, upright, stored"),
        (("compress", "photos", "--mask-pad", "65536"), "mask_pad=65536: expected a whole number from 0 to 65535"),
        (("compress", "photos", "--min-visibility", "2"), "min_visibility=2.0: expected a number from 0 to 1"),
        (("squeeze",), "squeeze"),
        (("compress", "photos", "--strategy", "XKM"), "SO, MKM, FKM, MBKM"),
        (("compress", "photos", "--colors", "0"), "colors=0"),
        (("compress", "photos", "--colors", "many"), "colors='many'"),
        (("compress", "photos", "--step", "2", "--size", "5x5"), "not allowed with"),
        (("compress", "photos", "--size", "5x"), "WIDTHxHEIGHT"),
        (("compress", "photos", "--scale", "2"), "scale=2.0"),
        (("compress", "photos", "--jobs", "0"), "jobs=0"),
        (("compress", "photos", "--overwrite", "maybe"), "never, always"),
        (("compress", "photos", "--fit", "zoom"), "contain, cover"),
        (("compress", "photos", "--engine", "dream"), "threads, processes"),
        (("compress", "photos", "--isolate", "--engine", "threads"), "isolate with engine='threads'"),
        (("compress", "photos", "--timeout", "5", "--engine", "threads"), "timeout with engine='threads'"),
        (("compress", "photos", "--timeout", "0"), "timeout=0.0: expected a number above 0"),
        (("compress", "photos", "--timeout", "soon"), "timeout='soon'"),
        (("compress", "photos", "--timeout", "nan"), "timeout=nan"),
        (("compress", "photos", "--on-corrupt", "mend"), "fail, keep"),
        (("compress", "photos", "--max-pixels", "0"), "max_pixels=0"),
        (("compress", "photos", "--max-bytes", "1GB"), "max_bytes='1GB'"),
        (("compress", "photos", "--max-frames", "-1"), "max_frames=-1"),
        (("compress", "photos", "--effort", "most"), "fast, balanced, best"),
        (("compress", "photos", "--space", "lab"), "srgb, oklab"),
        (("compress", "photos", "--dither", "yes"), "none, floyd-steinberg"),
        (("compress", "photos", "--dither", "floyd-steinberg", "--colors", "300"), "at most 256"),
        (("compress", "photos", "--png-effort", "most"), "fast, default, max"),
        (("compress", "photos", "--shard", "5/4"), "shard='5/4': expected I/N such as 2/4"),
        (("compress", "photos", "--shard", "0/4"), "shard='0/4'"),
        (("compress", "photos", "--shard", "a/b"), "shard='a/b'"),
        (
            ("compress", "photos", "--shard", "2/4", "--print-options", "--config", "shard.toml", "--shard", "x"),
            "shard='x'",
        ),
        (("compress", "photos", "--config", "shard.toml"), "shard='3/2'"),
        (("compress", "empty", "--shard", "1/2"), "no image"),
        (("compress", "photos", "--shard", "1/2", "--palette", "dataset"), "shard='1/2' with palette='dataset'"),
        (("merge", "photos"), "holds no shards"),
        (("merge", "nowhere"), "is no folder"),
        (("merge",), "'Compressed' is no folder"),
        (("compress", "photos", "--unknown"), "unknown option --unknown (ics compress --help-all shows all options)"),
        (
            ("compress", "photos", "--colours=8"),
            "unknown option --colours; did you mean --colors? (ics compress --help-all",
        ),
        (("compress", "photos", "--png_effort", "max"), "did you mean --png-effort?"),
        (("compress", "photos", "--strategy", "MKN"), "expected one of SO, MKM, FKM, MBKM; did you mean MKM?"),
        (("compress", "photos", "--palette", "classes"), "did you mean class?"),
        (("verify", "photos", "--jobbs", "2"), "did you mean --jobs? (ics verify --help shows all options)"),
        (("verify", "photos", "more"), "unexpected argument 'more' (see ics verify --help)"),
        (("comprss", "photos"), "unknown command 'comprss'; did you mean compress? (ics --help"),
        (("help",), "did you mean --help?"),
        (("photos",), "unknown command 'photos'; did you mean ics compress photos?"),
        (("compress", "photos", "--quiet", "--verbose"), "not allowed with argument --quiet"),
        (("--colors", "8"), "option --colors before the command: expected ics COMMAND [options]"),
        (("--verson",), "unknown option --verson; did you mean --version? (ics --help shows"),
        (("compress", "-dash.jpg"), "unknown option -dash.jpg; for the file of this name, ./-dash.jpg (ics compress"),
        (("compress", "photos", "--overwrite"), "--overwrite without a value: expected never|always (see ics"),
        (("compress", "photos", "-o"), "--output without a value: expected DST (see ics compress --help)"),
        (("compress", "photos", "--keep-colors"), "expected #RRGGBB,...; in quotes, because # begins a comment"),
        (("compress", "nowhere"), "does not exist"),
        (("compress", "photos", "photos"), "lies in destination"),
        (("compress", "photos", "bad.toml/out"), "is a file"),
        (("compress", "", "out"), "source ''"),
        (("compress", "photos", "--strat", "SO"), "--strat"),
        (("compress", "photos", "--print-options", "--jobs", "0"), "jobs=0"),
        (("compress", "photos", "--config", "none.toml"), "none.toml"),
        (("compress", "photos", "--config", "bad.toml"), "bad.toml"),
        (("compress", "photos", "--config", "deep.toml"), "at most 100 levels"),
        (("compress", "photos", "--palette", "deep.json"), "at most 100 levels"),
        (
            ("compress", "photos", "--config", "odd.toml"),
            "unknown option 'colours'; did you mean colors? (ics compress --help-all",
        ),
        (("compress", "photos", "--config", "switch.toml"), "expected true or false"),
        (("compress",), "ics demo"),
        (("compress", "empty"), "no image"),
    ],
)
@pytest.mark.usefixtures("photos")
def test_wrong_usage_is_one_clear_line_and_exit_2(arguments, expected, tmp_path):
    (tmp_path / "bad.toml").write_text("colors: 3", "utf-8")
    (tmp_path / "deep.toml").write_text("a = " + "[" * 100_000, "utf-8")
    (tmp_path / "deep.json").write_text("[" * 100_000, "utf-8")
    (tmp_path / "-dash.jpg").write_bytes(b"")
    (tmp_path / "odd.toml").write_text("colours = 3", "utf-8")
    (tmp_path / "switch.toml").write_text('json = "yes"', "utf-8")
    (tmp_path / "shard.toml").write_text('shard = "3/2"', "utf-8")
    (tmp_path / "empty").mkdir()
    before = tree(tmp_path)
    code, out, err = ics(*arguments, cwd=tmp_path)
    assert (code, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert err.startswith("ics: ")
    assert expected in err
    assert tree(tmp_path) == before


def test_a_folder_without_images_gives_advice(tmp_path):
    (tmp_path / "Uncompressed").mkdir()
    (tmp_path / "Uncompressed" / "notes.txt").write_text("nothing here", "utf-8")
    for arguments in ((), ("compress",)):
        code, _, err = ics(*arguments, cwd=tmp_path)
        assert code == 2
        assert "ics demo" in err


@pytest.mark.parametrize("arguments", [("--help",), ("compress", "--help"), ("demo", "--help"), ("merge", "--help")])
def test_help_shows_examples(arguments, tmp_path):
    code, out, _ = ics(*arguments, cwd=tmp_path)
    assert code == 0
    assert "example" in out


def test_help_is_short_and_leads_to_all_options(tmp_path):
    _, out, _ = ics("compress", "--help", cwd=tmp_path)
    assert out.index("examples:") < out.index("--strategy")
    shown = set(re.findall(r"^  (?:-h, )?(--[a-z-]+)", out, re.MULTILINE))
    assert shown == {"--output", "--strategy", "--colors", "--step", "--size", "--format", "--help", "--help-all"}


def test_help_is_in_groups_and_names_every_option(tmp_path):
    _, out, _ = ics("compress", "--help-all", cwd=tmp_path)
    for word in ("colours:", "size:", "output:", "input:", "run:", *STRATEGIES):
        assert word in out
    names = [field.name.replace("_", "-") for field in dataclasses.fields(Options)]
    flags = "jobs engine isolate timeout follow-links overwrite retry-failed dry-run json verbose config print-options"
    flags += " split min-side max-aspect drop-duplicates masks no-masks mask-pad labels-on min-visibility table"
    flags += " table-column shard include-outputs ignore-zeros quiet prune"
    for flag in (*names, *flags.split()):
        assert f"--{flag}" in out


def test_the_examples_in_the_help_run(photos, tmp_path):
    assert photos.name == "photos"
    (tmp_path / "ics.toml").write_text('strategy = "SO"\n', "utf-8")
    (tmp_path / "Uncompressed").mkdir()
    (tmp_path / "Uncompressed" / "a.png").write_bytes(image_bytes(synthetic_photo()))
    _, out, _ = ics("compress", "--help", cwd=tmp_path)
    lines = out.split("examples:")[1].strip().split("\n\n")[0].splitlines()
    examples = [re.split(r"\s{2,}", line.strip())[0] for line in lines]
    assert len(examples) == 3
    for example in examples:
        code, out, _ = ics(*example.split()[1:], cwd=tmp_path)
        assert code == 0, example
        assert "skipped" not in out or " 0 skipped" in out, example


def test_the_command_line_turns_off_what_a_file_turns_on(photos, tmp_path):
    (tmp_path / "ics.toml").write_text('strategy = "SO"\njson = true\ndry-run = true\n', "utf-8")
    code, out, _ = ics("compress", photos, "out", "--config", "ics.toml", "--no-json", "--no-dry-run", cwd=tmp_path)
    assert code == 0
    assert "Total run time" in out
    assert len(compressed_sizes(tmp_path / "out")) == 3


def test_a_damaged_photo_fails_or_is_kept_with_a_warning(photos, tmp_path):
    whole = image_bytes(synthetic_photo(100, 120), "JPEG")
    (photos / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    code, _, err = ics("compress", photos, "out", "--strategy", "SO", cwd=tmp_path)
    assert code == 1
    assert "failed: cut.jpg: damaged JPEG" in err
    assert "(corrupt)" in err
    flags = ("--strategy", "SO", "--on-corrupt", "keep")
    code, out, err = ics("compress", photos, "kept", *flags, "--verbose", cwd=tmp_path)
    assert code == 0
    assert "1 damaged but kept" in out
    assert "kept though damaged JPEG" in err
    files = json.loads(ics("compress", photos, "json", *flags, "--json", cwd=tmp_path)[1])["files"]
    assert {file["source"] for file in files if file["warning"]} == {"cut.jpg"}


def test_a_fault_that_costs_no_pixel_is_a_warning_and_no_damage(tmp_path):
    (tmp_path / "in").mkdir()
    data = image_bytes(synthetic_photo(), "JPEG")
    (tmp_path / "in" / "odd.jpg").write_bytes(data[:20] + bytes(2) + data[20:])
    code, out, err = ics("compress", "in", "out", "--verbose", cwd=tmp_path)
    assert code == 0
    assert "1 with a warning but whole" in out
    assert "damaged" not in out + err
    assert "with a warning: 2 stray bytes between the headers" in err
    (row,) = map(json.loads, (tmp_path / "out" / "manifest.jsonl").read_text().splitlines())
    assert (row["warning"][:13], row["damaged"]) == ("2 stray bytes", False)
    assert ics("report", "out", cwd=tmp_path)[0] == 0
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "1 image with a warning but whole" in page
    assert "damaged" not in page


def test_names_reach_a_terminal_escaped(photos, tmp_path):
    (photos / "bad\u001b[31m.jpg").write_bytes(b"")
    _, _, err = ics("compress", photos, "out", "--strategy", "SO", cwd=tmp_path)
    assert "\u001b" not in err
    assert "bad\\x1b[31m.jpg" in err


def test_version(tmp_path):
    assert ics("--version", cwd=tmp_path)[:2] == (0, f"ics {__version__}\n")


def test_an_interrupt_ends_with_130_and_leaves_whole_files_only(tmp_path):
    make_photos(tmp_path / "in", 40)
    words = command("in", "out", "--jobs", "1")
    settings = {"cwd": tmp_path, "env": slow_images(0.2), "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if sys.platform == "win32":
        settings["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP
    with subprocess.Popen(words, text=True, **settings) as process:
        wait_until(lambda: list(tmp_path.glob("out/*/*.png")))
        process.send_signal(signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    written = list((tmp_path / "out").glob("*/*.png"))
    assert 0 < len(written) < 40
    for path in written:
        with Image.open(path) as image:
            image.load()


def test_importing_the_package_loads_no_rarely_needed_module(tmp_path):
    heavy = {"sklearn", "scipy", "pi_heif", "tqdm", "tomllib", "threadpoolctl"}
    code = f"import sys, icsys, icsys.cli.main; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("strategy", ["SO", "MKM"])
def test_a_run_loads_scikit_learn_only_for_strategies_that_use_it(strategy, photos, tmp_path):
    code = (
        "import sys; from icsys import Options, compress_folder\n"
        f"compress_folder({str(photos)!r}, {str(tmp_path / 'out')!r}, Options(strategy={strategy!r}))\n"
        "print(sorted({'sklearn', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_retry_failed_retries_only_failed_images(photos, tmp_path):
    (photos / "bad.jpg").write_bytes(b"")
    assert ics("compress", photos, "out", "--strategy", "SO", cwd=tmp_path)[0] == 1
    code, out, _ = ics("compress", photos, "out", "--strategy", "SO", "--retry-failed", cwd=tmp_path)
    assert code == 1
    assert "0 compressed, 3 skipped, 1 failed" in out
    (photos / "bad.jpg").write_bytes((photos / "b.webp").read_bytes())
    code, out, _ = ics("compress", photos, "out", "--strategy", "SO", "--retry-failed", cwd=tmp_path)
    assert code == 0
    assert "1 compressed, 3 skipped, 0 failed" in out


def test_foreign_and_stale_files_are_named(photos, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.png").write_bytes(b"mine")
    ics("compress", photos, "out", "--strategy", "SO", cwd=tmp_path)
    (photos / "train" / "cat" / "a.jpg").unlink()
    code, out, _ = ics("compress", photos, "out", "--strategy", "SO", cwd=tmp_path)
    assert code == 0
    assert "1 skipped: a file that ics did not write has its place" in out
    stale = "Stale:    1 (their sources are gone, fail, are left out, or have other outputs now; see --prune)"
    assert f"{stale}: train/cat/a.png" in out
    _, out, _ = ics("compress", photos, "out", "--strategy", "SO", "--json", cwd=tmp_path)
    assert json.loads(out)["summary"]["stale"] == 1
    (tmp_path / "out" / "train" / "cat" / "a.png").write_bytes(b"mine, too")
    _, out, _ = ics("compress", photos, "out", "--strategy", "SO", "--prune", cwd=tmp_path)
    assert "Stale:    1 (left in place: changed since, in a pack" in out
    assert "Pruned" not in out


def test_shards_are_merged_and_reported_like_one_run(photos, tmp_path):
    (photos / "bad.png").write_bytes(b"")
    ics("compress", photos, "one", "--colors", 8, cwd=tmp_path)
    codes = [ics("compress", photos, "parts", "--colors", 8, "--shard", f"{i}/2", cwd=tmp_path)[0] for i in (1, 2)]
    assert sorted(codes) == [0, 1]  # one of them has the bad image
    code, out, err = ics("merge", "parts", cwd=tmp_path)
    assert code == 1
    assert "3 compressed, 0 skipped, 1 failed, 2 other files left alone" in out
    assert err == "failed: bad.png: the file is empty (0 bytes) (empty)\n"
    assert tree(tmp_path / "parts") == tree(tmp_path / "one")
    assert (tmp_path / "parts" / "manifest.jsonl").read_bytes() == (tmp_path / "one" / "manifest.jsonl").read_bytes()


def test_a_merge_names_missing_shards_and_can_skip_them(photos, tmp_path):
    index = next(
        i for i in (1, 2, 3) if ics("compress", photos, "out", "--shard", f"{i}/3", cwd=tmp_path)[1][:5] == "Total"
    )
    for other in {1, 2, 3} - {index}:
        shutil.rmtree(tmp_path / "out" / ".ics-books" / f"{other}-of-3", ignore_errors=True)
    code, out, err = ics("merge", "out", cwd=tmp_path)
    assert (code, out) == (2, "")
    assert "are missing" in err
    code, out, err = ics("merge", "out", "--partial", "--json", cwd=tmp_path)
    summary = json.loads(out)["summary"]
    assert code == 1
    assert 0 < summary["compressed"] <= 3
    assert "are missing" in summary["stopped"]
    assert "are missing" in err


def test_a_shard_without_images_is_no_error(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(image_bytes(synthetic_photo()))
    runs = [ics("compress", "in", "out", "--shard", f"{i}/3", cwd=tmp_path) for i in (1, 2, 3)]
    assert [code for code, _, _ in runs] == [0, 0, 0]
    assert sorted("has no image" in out for _, out, _ in runs) == [False, True, True]
    assert ics("merge", "out", cwd=tmp_path)[0] == 0


def test_a_palette_file_decides_the_number_of_colours(photos, tmp_path):
    assert ics("compress", photos, "out", "--palette", "dataset", "--colors", 5, cwd=tmp_path)[0] == 0
    file = ("--palette", "out/palette.gpl")
    code, out, _ = ics("compress", photos, "out", *file, "--print-options", cwd=tmp_path)
    assert (code, tomllib.loads(out)["colors"]) == (0, 5)
    code, out, _ = ics("compress", photos, "out", *file, cwd=tmp_path)
    assert (code, "3 skipped" in out) == (0, True)
    code, _, err = ics("compress", photos, "out", *file, "--colors", 32, cwd=tmp_path)
    assert (code, err.count("\n"), "colors=32 with palette='out/palette.gpl', which has 5" in err) == (2, 1, True)
