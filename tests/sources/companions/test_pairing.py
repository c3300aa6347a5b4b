"""Files find their pictures by name."""

from hypothesis import given
from hypothesis import strategies as st

from icsys.sources.companions.layout import Endings
from icsys.sources.companions.pairing import NamedPicture, count_endings, evenly_spread, pair_files

STEMS = st.text("ab_. é", min_size=1, max_size=4).filter(lambda stem: not stem.startswith("."))
PICTURES = st.sets(st.tuples(STEMS, st.sampled_from([".jpg", ".png", ".JPG"])).map("".join), max_size=12)
FILES = st.sets(st.tuples(STEMS, st.sampled_from(["", "_mask"]), st.sampled_from([".png", ".txt"])).map("".join))
ENDINGS = st.permutations([Endings(""), Endings("_mask"), Endings("_mask", "_a"), Endings("", "_a")])


def stem(name):
    return name.rpartition(".")[0] or name


def naive_pair(file, endings, pictures, whole_names):
    """Try every ending with every picture, in order."""
    for ending, of_picture in endings:
        own = stem(file)
        if not own.endswith(ending) or own == ending:
            continue
        key = own[: len(own) - len(ending)] + of_picture
        for picture in sorted(pictures):
            if key == stem(picture[1]) or (whole_names and key == picture[1]):
                return picture
    return None


@given(FILES, ENDINGS, PICTURES, PICTURES, st.booleans())
def test_each_file_gets_the_picture_of_a_slow_search(files, endings, first, second, whole_names):
    pictures = [NamedPicture(number, name, f"{name}.out") for number, one in enumerate([first, second]) for name in one]
    found = list(pair_files(files, endings, pictures, whole_names=whole_names))
    assert [name for name, _ in found] == sorted(files)
    for file, picture in found:
        assert picture == naive_pair(file, endings, pictures, whole_names), file


def test_endings_are_found_on_both_sides():
    pictures = [f"a_{number}_leftImg8bit.png" for number in range(3)]
    files = [f"a_{number}_gtFine_{what}.png" for number in range(3) for what in ("labelIds", "color")]
    assert count_endings(files, pictures) == {
        Endings("_gtFine_labelIds", "_leftImg8bit"): 3,
        Endings("_gtFine_color", "_leftImg8bit"): 3,
    }
    assert count_endings(["a.png", "b.png", "c_mask.png"], ["a.jpg", "c.jpg"]) == {Endings(""): 1, Endings("_mask"): 1}
    assert count_endings(["a.png", "c_mask.png"], ["a.jpg", "c.jpg"], beside=True) == {Endings("_mask"): 1}


def test_names_are_evenly_spread():
    assert evenly_spread("abcdefghij", 10, 4) == ["a", "d", "g", "j"]
    assert evenly_spread("abc", 3, 32) == ["a", "b", "c"]
