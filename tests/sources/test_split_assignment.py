"""Each class gets its shares, groups stay together, and neither the order nor later images move anything."""

from collections import Counter
from fractions import Fraction
from math import floor

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from icsys.records.split_list import split_key
from icsys.selection import parse_shares
from icsys.sources.split_assignment import UNASSIGNED, SplitImages, assign_splits

SHARES = st.lists(st.integers(1, 99), min_size=2, max_size=5).map(
    lambda numbers: parse_shares({f"s{i}": number for i, number in enumerate(numbers)}).fractions
)
CLASSES = st.lists(st.integers(0, 3), min_size=1, max_size=60)
SEEDS = st.integers(0, 2**32 - 1)


def assigned(images, shares, seed, groups=(), known=None):
    """Return the split of each image, given the classes of images by path and groups of paths."""
    paths = list(images)
    names = list(dict.fromkeys(images.values()))
    splits = sorted(shares)
    table = SplitImages(
        np.array([split_key(path) for path in paths], np.uint64),
        np.array([names.index(images[path]) for path in paths], np.int32),
        names,
        np.array([splits.index(known[path]) if known and path in known else UNASSIGNED for path in paths], np.int16),
    )
    numbers = [[paths.index(path) for path in group] for group in groups]
    found = assign_splits(table, numbers, shares, seed=seed)
    return {path: splits[split] for path, split in zip(paths, found.tolist(), strict=True)}


def named(classes):
    return {f"{kind}/{i}.jpg": str(kind) for i, kind in enumerate(classes)}


def assert_whole_numbers_closest_to(shares, total, counts):
    """Of all whole numbers with this sum, none are closer to the shares: floor or ceiling, in order of remainders."""
    assert sum(counts.values()) == total
    up = {name: counts[name] - floor(total * share) for name, share in shares.items()}
    assert set(up.values()) <= {0, 1}
    rest = {name: total * share - floor(total * share) for name, share in shares.items()}
    most_left = max((rest[name] for name in shares if not up[name]), default=Fraction(0))
    assert all(rest[name] >= most_left and rest[name] > 0 for name in shares if up[name])


@given(CLASSES, SHARES, SEEDS)
def test_each_class_gets_its_shares_exactly_up_to_rounding(classes, shares, seed):
    images = named(classes)
    found = assigned(images, shares, seed)
    for kind, total in Counter(images.values()).items():
        counts = Counter(found[path] for path in images if images[path] == kind)
        assert_whole_numbers_closest_to(shares, total, counts)


@given(CLASSES, SHARES, SEEDS, st.data())
def test_groups_stay_together_and_the_shares_hold_up_to_a_group(classes, shares, seed, data):
    images = named(classes)
    numbers = data.draw(st.lists(st.integers(0, 25), min_size=len(images), max_size=len(images)))
    groups = [[p for p, n in zip(images, numbers, strict=True) if n == wanted] for wanted in range(1, 26)]
    groups = [group for group in groups if len(group) > 1]
    found = assigned(images, shares, seed, groups)
    for group in groups:
        assert len({found[path] for path in group}) == 1
    own = all(len({images[path] for path in group}) == 1 for group in groups)
    for kind, total in Counter(images.values()).items():
        mine = [len(group) for group in groups if images[group[0]] == kind]
        counts = Counter(found[path] for path in images if images[path] == kind)
        if own and not mine:
            assert_whole_numbers_closest_to(shares, total, counts)
        elif own:
            assert all(counts[name] <= total * share + max(mine) for name, share in shares.items())


@given(st.lists(st.integers(2, 4), max_size=8), st.integers(0, 300), SEEDS)
def test_with_enough_single_images_groups_change_no_share(sizes, singles, seed):
    """Groups that fit into every split leave room that single images fill exactly."""
    shares = parse_shares("a=50,b=30,c=20").fractions
    images = named([0] * (sum(sizes) + singles))
    total, paths = len(images), list(images)
    groups = []
    for size in sizes:
        groups.append(paths[:size])
        del paths[:size]
    if not total or singles < sum(sizes) * 5:
        return
    counts = Counter(assigned(images, shares, seed, groups).values())
    assert_whole_numbers_closest_to(shares, total, counts)


@given(CLASSES, SHARES, SEEDS, st.randoms(use_true_random=False))
def test_no_order_matters(classes, shares, seed, random):
    images = named(classes)
    paths = list(images)
    groups = [paths[i : i + 2] for i in range(0, len(paths) // 2, 2)]
    groups = [group for group in groups if len(group) > 1]
    found = assigned(images, shares, seed, groups)
    random.shuffle(paths)
    random.shuffle(groups)
    again = assigned({path: images[path] for path in paths}, shares, seed, [group[::-1] for group in groups])
    assert again == found


@given(CLASSES, CLASSES, SHARES, SEEDS)
def test_images_that_come_later_move_none_and_bring_the_shares_back(before, later, shares, seed):
    images = named(before)
    known = assigned(images, shares, seed)
    more = images | {f"{kind}/later-{i}.jpg": str(kind) for i, kind in enumerate(later)}
    found = assigned(more, shares, seed, known=known)
    assert {path: found[path] for path in images} == known
    for kind, total in Counter(more.values()).items():
        counts = Counter(found[path] for path in more if more[path] == kind)
        had = Counter(known[path] for path in images if images[path] == kind)
        for name, share in shares.items():
            assert counts[name] <= max(had[name], total * share + 1)


@given(CLASSES, SHARES, SEEDS)
def test_a_later_duplicate_goes_where_its_image_is(classes, shares, seed):
    images = named(classes)
    known = assigned(images, shares, seed)
    first = next(iter(images))
    more = images | {"9/copy.jpg": "9", "9/other.jpg": "9"}
    found = assigned(more, shares, seed, [[first, "9/copy.jpg", "9/other.jpg"]], known)
    assert {found["9/copy.jpg"], found["9/other.jpg"]} == {known[first]}
    assert {path: found[path] for path in images} == known


def test_the_seed_changes_the_choice_and_not_the_numbers():
    shares = parse_shares("train=80,val=10,test=10").fractions
    images = named([0] * 100 + [1] * 5)
    one, two = assigned(images, shares, 0), assigned(images, shares, 1)
    assert one != two
    assert Counter(one.values())["train"] == Counter(two.values())["train"] == 84
    small = Counter(assigned(named([kind]), shares, kind)[f"{kind}/0.jpg"] for kind in range(30))
    assert set(small) == {"train"}
    fives = [Counter(v for k, v in assigned(named([kind] * 5), shares, 0).items()) for kind in range(30)]
    assert {(c["train"], c["val"], c["test"]) for c in fives} == {(4, 1, 0), (4, 0, 1)}  # each in some classes


def test_the_images_of_a_split_are_spread_over_a_class():
    """Neither the first nor the last names of a class fill a split: each tenth of them has about its share."""
    shares = parse_shares("train=80,test=20").fractions
    found = assigned(named([0] * 2000), shares, 3)
    tenths = [Counter(found[f"0/{i}.jpg"] for i in range(start, start + 200))["test"] for start in range(0, 2000, 200)]
    assert all(20 <= count <= 60 for count in tenths)  # 40 on average; 3.5 standard deviations
