"""A file that a user names: written where nothing is, or an older file of the same kind."""

import sys

import pytest

from icsys.errors import UsageError
from icsys.files.replaceable import check_replaceable


def check(path):
    check_replaceable(path, "table", "ics", lambda file: file.read_bytes(4) == b"ours")


def test_a_new_name_and_an_older_file_of_the_kind_are_free(tmp_path):
    (tmp_path / "old").write_bytes(b"ours, and more")
    check(tmp_path / "new")
    check(tmp_path / "old")


def test_anything_else_is_refused_and_left(tmp_path):
    (tmp_path / "foreign").write_bytes(b"theirs")
    (tmp_path / "folder").mkdir()
    refused = {
        "foreign": "is a file that ics did not write",
        "folder": "expected the name of a file",
        "none/new": "in a folder that exists",
        "..": "expected the name of a file",
    }
    for name, words in refused.items():
        with pytest.raises(UsageError, match=f"table .*{words}"):
            check(tmp_path / name)
    assert (tmp_path / "foreign").read_bytes() == b"theirs"


@pytest.mark.skipif(sys.platform == "win32", reason="needs links")
def test_a_link_is_refused(tmp_path):
    (tmp_path / "old").write_bytes(b"ours")
    (tmp_path / "link").symlink_to(tmp_path / "old")
    with pytest.raises(UsageError, match="is a link"):
        check(tmp_path / "link")
