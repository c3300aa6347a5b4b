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
        ((), "'learn.json' recommends no arm: name one with arm (--arm), expected one of full, K2"),
        (("--arm", "K17"), "arm='K17': 'learn.json' has no such arm, expected one of full, K2, K4, K16"),
        (("--arm", "WebP = K16"), "is lossy WebP, which ics writes for comparison only"),
        (("--arm", "K16", "--colors", 8), "colors=8 contradicts arm 'K16' of 'learn.json', which has 16"),
        (("--arm", "K16", "--step", 2), "step=2 contradicts arm 'K16' of 'learn.json', which has none"),
        (("--arm", "K16", "--seed", 2), "seed=2 contradicts arm 'K16'"),
        (("--arm", "K16", "--total-bytes", "1MB"), "arm='K16' with total_bytes, which chooses by all arms"),
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
