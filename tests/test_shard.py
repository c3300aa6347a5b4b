"""Every source is in exactly one shard, the same one everywhere."""

import hashlib
import os
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys import UsageError
from icsys.shard import MAX_SHARDS, Shard, all_shards, parse_shard, shard_index

NAMES = st.one_of(
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1),
    st.binary(min_size=1).filter(lambda data: not set(data) & {0, 47}).map(os.fsdecode),
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
COUNTS = st.integers(1, MAX_SHARDS)


@given(PATHS, st.integers(1, 50))
def test_every_source_is_in_exactly_one_shard(path, count):
    owners = [shard for shard in all_shards(count) if shard.owns(path)]
    assert owners == [Shard(shard_index(path, count), count)]


@given(PATHS, COUNTS)
def test_the_forms_that_file_systems_give_a_name_are_in_one_shard(path, count):
    # HFS+ keeps names decomposed as Unicode 3.2 does it; others keep them as they were given.
    decomposed = unicodedata.ucd_3_2_0.normalize("NFD", path)
    composed = unicodedata.ucd_3_2_0.normalize("NFC", path)
    if unicodedata.ucd_3_2_0.normalize("NFC", decomposed) == composed:
        assert shard_index(decomposed, count) == shard_index(composed, count) == shard_index(path, count)


@given(st.text(st.characters(max_codepoint=127, exclude_characters="\0")), COUNTS)
def test_a_plain_name_goes_by_the_first_64_bits_of_its_sha_256(path, count):
    assert shard_index(path, count) == int(hashlib.sha256(path.encode()).hexdigest()[:16], 16) % count + 1


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("train/cat/a.jpg", 493),
        ("caf\u00e9.png", 505),
        ("cafe\u0301.png", 505),
        ("caf\udce9.png", 617),
        ("\U0001f600/\u4e2d.tif", 558),
        ("\U00016d67\U00016d67.png", 979),  # one character in Unicode 16
    ],
)
def test_the_split_stays_what_it_was_in_the_first_version(path, expected):
    """Shards of one run may be done by several versions, of ICS and of Python; numbers from sha256sum and bc."""
    assert shard_index(path, 1000) == expected


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="names are bytes on Linux")
def test_the_locale_does_not_matter(locale, tmp_path):
    (tmp_path / "caf\u00e9.png").touch()
    code = "import os; from icsys.shard import shard_index; print(shard_index(os.listdir('.')[0], 1000))"
    env = os.environ | {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == 505


def test_shards_are_about_as_large_as_each_other():
    """Chi-square: with 99 degrees of freedom above 149 in one of a thousand splits."""
    sizes = [0] * 100
    for number in range(20_000):
        sizes[shard_index(f"train/{number % 7}/IMG_{number:05}.jpg", 100) - 1] += 1
    assert sum((size - 200) ** 2 / 200 for size in sizes) < 149


@given(COUNTS, st.data())
def test_a_shard_is_read_as_it_is_written(count, data):
    shard = Shard(data.draw(st.integers(1, count)), count)
    assert parse_shard(str(shard)) == parse_shard((shard.index, shard.count)) == parse_shard(shard) == shard


@pytest.mark.parametrize(
    "value",
    ["5/4", "0/4", "a/b", "1/0", "4", "1/2/3", "-1/4", "1.0/4", "1/100001", "", "\u0661/4", (5, 4), (1,), (True, 1), 3],
)
def test_what_is_no_shard_is_refused_by_name(value):
    with pytest.raises(UsageError, match="expected I/N such as 2/4") as error:
        parse_shard(value)
    assert repr(value) in str(error.value)
