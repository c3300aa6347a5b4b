"""``ics compress --from-learn`` and ``--total-bytes``."""

import json
import tomllib

import pytest

from helpers import ics, tree
from learn_files import write_learned


def test_an_arm_gives_the_bytes_and_the_hash_of_its_options(photos, tmp_path):
    write_learned(tmp_path / "learn.json")
    code, _, error = ics("compress", photos, "out", "--from-learn", "learn.json", cwd=tmp_path)
    assert (code, error) == (0, "")
    assert ics("compress", photos, "plain", "--size", 24, "--colors", 16, cwd=tmp_path)[0] == 0
    made, plain = tree(tmp_path / "out"), tree(tmp_path / "plain")
    assert {name: made[name] for name in made if name.endswith(".png")} == {
        name: plain[name] for name in plain if name.endswith(".png")
    }
    for flags in (("--size", 24, "--colors", 16), ("--from-learn", "learn.json", "--arm", "K16")):
        code, out, _ = ics("compress", photos, "out", *flags, "--json", cwd=tmp_path)
        summary = json.loads(out)["summary"]
        assert (code, summary["compressed"], summary["failed"]) == (0, 0, 0)
        assert summary["skipped"] == summary["images"] > 0


def test_printed_options_are_those_of_the_arm_and_stand_alone(photos, tmp_path):
    write_learned(tmp_path / "learn.json", recommended=None)
    flags = ("--from-learn", "learn.json", "--arm", "small K16", "--jobs", 2, "--format", "webdataset")
    code, printed, error = ics("compress", photos, "out", *flags, "--print-options", cwd=tmp_path)
    assert (code, error) == (0, "")
    values = tomllib.loads(printed)
    expected = {"size": "12x12", "colors": 16, "jobs": 2, "format": "webdataset"}
    assert expected.items() <= values.items()
    assert not {"from_learn", "arm"} & values.keys()
    (tmp_path / "ics.toml").write_text(printed, "utf-8")
    again = ("--from-learn", "learn.json", "--arm", "small K16", "--config", "ics.toml", "--print-options")
    assert ics("compress", photos, "out", *again, cwd=tmp_path)[:2] == (0, printed)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ((), "'learn.json' recommends no setting: name one with arm (--arm), expected one of full, K2"),
        (("--arm", "K17"), "arm='K17': 'learn.json' has no such setting, expected one of full, K2, K4, K16"),
        (("--arm", "WebP = K16"), "is lossy WebP, which ics writes for comparison only"),
        (("--arm", "K16", "--colors", 8), "colors=8 contradicts the setting 'K16' of 'learn.json', which has 16"),
        (("--arm", "K16", "--step", 2), "step=2 contradicts the setting 'K16' of 'learn.json', which has none"),
        (("--arm", "K16", "--seed", 2), "seed=2 contradicts the setting 'K16'"),
        (("--arm", "K16", "--total-bytes", "1MB"), "arm='K16' with total_bytes, which chooses by all settings"),
    ],
)
def test_what_cannot_be_taken_from_a_file_of_learn_is_wrong_usage(flags, expected, photos, tmp_path):
    write_learned(tmp_path / "learn.json", recommended=None)
    code, _, error = ics("compress", photos, "out", "--from-learn", "learn.json", *flags, cwd=tmp_path)
    assert code == 2
    assert expected in error
    assert not (tmp_path / "out").exists()


def test_an_arm_needs_its_file(photos, tmp_path):
    code, _, error = ics("compress", photos, "out", "--arm", "K16", cwd=tmp_path)
    assert code == 2
    assert "arm='K16' without from_learn" in error


def test_a_number_of_bytes_is_kept_and_the_choice_is_said(photos, tmp_path):
    code, out, error = ics("compress", photos, "out", "--total-bytes", "8kB", cwd=tmp_path)
    assert code == 0
    assert error.startswith("Chosen from 3 images of 3: --size ")
    (line,) = [line for line in out.splitlines() if line.startswith("Budget:")]
    taken = sum(path.stat().st_size for path in (tmp_path / "out").rglob("*.png"))
    assert f"All images take {taken:,} of 8,000 bytes" in line
    assert 7_600 <= taken <= 8_000
    options = line.partition(": ")[0].split()[1:] + line.partition(": ")[2].partition(":")[0].split()
    spelled = [word for word in options if word.startswith("--") or word[0].isdigit()]
    code, out, _ = ics("compress", photos, "out", *spelled, "--json", cwd=tmp_path)
    assert json.loads(out)["summary"]["skipped"] == 3
    code, out, _ = ics("compress", photos, "out", "--total-bytes", "8kB", "--json", cwd=tmp_path)
    result = json.loads(out)
    assert (code, len(result["files"]), result["summary"]["skipped"]) == (0, 3, 3)
    assert result["summary"]["bytes_chosen"]["bytes"] == taken
    assert result["options"]["size"] == spelled[spelled.index("--size") + 1]


def test_json_has_the_files_of_the_last_run_alone(photos, tmp_path):
    flags = ("--total-bytes", "6kB", "--colors", 4, "--json")
    code, out, _ = ics("compress", photos, "out", *flags, cwd=tmp_path)
    result = json.loads(out)
    assert code == 0
    assert len(result["files"]) == result["summary"]["images"] == 3
    assert sum(file["bytes_out"] for file in result["files"]) == result["summary"]["bytes_chosen"]["bytes"] <= 6_000


@pytest.mark.parametrize("flags", [("--step", 5), ("--size", 40)])
def test_a_size_on_the_command_line_is_kept_even_if_it_is_the_default(flags, photos, tmp_path):
    code, out, _ = ics("compress", photos, "out", "--total-bytes", "4kB", *flags, "--json", cwd=tmp_path)
    options = json.loads(out)["options"]
    assert code == 0
    assert {"--step": options.get("step"), "--size": options.get("size")}[flags[0]] in {5, "40x40"}


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("--total-bytes", "5 apples"), "total_bytes='5 apples': expected a number of bytes above 0, such as 500MB"),
        (("--total-bytes", "50"), "total_bytes=50: the smallest setting (--size 8x8 --colors 2) takes "),
        (("--total-bytes", "9kB", "--step", 5, "--colors", 32), "with step=5 and colors=32 leaves nothing to choose"),
        (("--total-bytes", "9kB", "--shard", "1/2"), "total_bytes with shard='1/2'"),
    ],
)
def test_a_number_of_bytes_that_cannot_be_kept_is_wrong_usage(flags, expected, photos, tmp_path):
    code, _, error = ics("compress", photos, "out", *flags, cwd=tmp_path)
    assert code == 2
    assert expected in error
    assert not (tmp_path / "out").exists()
