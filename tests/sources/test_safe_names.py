"""The path of a member with any name stays below the folder that it is written into."""

import ntpath
import posixpath
import string

from hypothesis import given
from hypothesis import strategies as st

from icsys.sources.safe_names import is_image_name, safe_path

HOSTILE = [
    "..",
    ".",
    "/",
    "\\",
    "C:",
    "c:\\",
    "//host/share/",
    "\0",
    "\n",
    "\x1b[2J",
    "\u202e",
    ".. ",
    "...",
    "a",
    "é",
    "~",
]
NAMES = st.one_of(st.text(), st.lists(st.sampled_from([*HOSTILE, *string.ascii_letters]), max_size=12).map("".join))


@given(NAMES)
def test_a_path_stays_below_its_folder_on_every_system(name):
    path = safe_path(name)
    for module in (posixpath, ntpath):
        assert not module.isabs(path)
        # Python takes any character before a colon for a drive; those of Windows are letters.
        assert not set(module.splitdrive(path)[0]) & set(string.ascii_letters)
        inside = module.normpath(f"root/{path}").replace("\\", "/")
        assert inside == "root" or inside.startswith("root/")
    parts = path.split("/") if path else []
    assert all(part.strip(". ") for part in parts)
    assert "\\" not in path


@given(NAMES)
def test_a_path_can_be_printed_written_and_made_safe_again(name):
    path = safe_path(name)
    assert all(character.isprintable() or character.isspace() or ord(character) > 159 for character in path)
    assert not set(path) & {"\n", "\r", "\t", "\x1b", "\0", "\u202e", "\u2028"}
    path.encode("utf-8", "surrogateescape")
    assert safe_path(path) == path


@given(st.lists(st.text(string.ascii_letters + string.digits + "-_", min_size=1), min_size=1).map("/".join))
def test_a_good_name_is_left_as_it_is(name):
    assert safe_path(name) == name


def test_a_name_is_that_of_an_image_by_its_suffix_alone():
    assert [is_image_name(name) for name in ("a/b.JPG", "a.b/c", ".png", "a.txt")] == [True, False, False, False]
