"""Shares of splits and limits of size are read as documented."""

import pickle
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsys.errors import UsageError
from icsys.run_settings import RunSettings
from icsys.selection import SizeRules, parse_shares

NAMES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,9}", fullmatch=True).filter(
    lambda name: name.casefold() not in {"con", "prn", "aux", "nul"} and not name.casefold().startswith(("com", "lpt"))
)
PARTS = st.lists(NAMES, min_size=2, max_size=6, unique_by=str.casefold).flatmap(
    lambda names: st.tuples(
        *[
            st.tuples(st.just(name), st.decimals("0.001", 10**6, places=3, allow_nan=False, allow_infinity=False))
            for name in names
        ]
    )
)


@given(PARTS)
def test_text_and_table_give_the_same_shares_which_sum_to_one(parts):
    text = parse_shares(", ".join(f" {name} = {share}" for name, share in parts))
    assert text == parse_shares({name: float(share) for name, share in parts}) == parse_shares(text)
    assert parse_shares(str(text)) == text
    total = sum(Fraction(share) for _, share in parts)
    assert text.fractions == {name: Fraction(share) / total for name, share in parts}
    assert sum(text.fractions.values()) == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("train=80", "split='train=80': expected NAME=SHARE for at least two splits, such as train=80,val=10,test=10"),
        ("", "split='': '' is no name of a split: expected the name of a folder"),
        ("train,val", "split='train,val': the share '' of 'train': expected a number above 0"),
        ("train=1,val=0", "split='train=1,val=0': the share '0' of 'val': expected a number above 0"),
        ("train=1,val=-1", "split='train=1,val=-1': the share '-1' of 'val'"),
        ("train=1,val=1e5", "split='train=1,val=1e5': the share '1e5' of 'val'"),
        ("train=1,val=nan", "split='train=1,val=nan': the share 'nan' of 'val'"),
        ("train=1,../x=1", "split='train=1,../x=1': '../x' is no name of a split"),
        ("train=1,.x=1", "split='train=1,.x=1': '.x' is no name of a split"),
        ("train=1,nul=1", "split='train=1,nul=1': 'nul' is no name of a split"),
        ("train=1,Train=1", "split='train=1,Train=1': 'Train' is there twice"),
        ({"train": True, "val": 1}, "split={'train': True, 'val': 1}: the share True of 'train'"),
        ({"train": float("inf"), "val": 1}, "split={'train': inf, 'val': 1}: the share inf of 'train'"),
        ({1: 1, 2: 2}, "split={1: 1, 2: 2}: 1 is no name of a split"),
        (0.8, "split=0.8: expected NAME=SHARE"),
        (",".join(f"s{i}=1" for i in range(101)), "split='s0=1,"),
    ],
)
def test_a_refusal_names_the_value_and_what_was_expected(value, expected):
    with pytest.raises(UsageError) as caught:
        RunSettings(split=value)
    assert str(caught.value).startswith(expected)


def test_settings_keep_shares_as_text_and_go_to_other_processes():
    settings = RunSettings(split={"train": 0.8, "val": 0.2}, min_side=5)
    assert settings.to_dict()["split"] == settings.given()["split"] == "train=0.8,val=0.2"
    assert RunSettings(**settings.given()) == settings
    assert pickle.loads(pickle.dumps(settings)) == settings  # noqa: S301 - from this process


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 300), st.sampled_from([1.0, 1.5, 2.0, 4.0, 0.5]))
def test_a_rule_of_size_holds_for_both_ways_to_turn_an_image(width, height, side, aspect):
    for rules, is_broken in (
        (SizeRules(min_side=side), width < side or height < side),
        (SizeRules(max_aspect=aspect), width / height > aspect or height / width > aspect),
    ):
        found = rules.broken_by(width, height)
        assert (found is not None) == is_broken
        assert found == rules.broken_by(height, width) or "x" in found[1]


def test_without_a_limit_there_are_no_rules():
    assert RunSettings().size_rules is None
    assert RunSettings(max_aspect=3).size_rules == SizeRules(None, 3)
    assert SizeRules(max_aspect=3).broken_by(90, 300) == (
        "max_aspect",
        "it has 90 x 300 pixels, and one side is 3.333 times the other: more than --max-aspect 3",
    )
