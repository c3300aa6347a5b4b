"""Whoever began last may write."""

import errno

import pytest

from icsys.files.rooted_path import RootedPath
from icsys.journal.fencing_token import FencingToken


def test_the_last_to_begin_has_the_turn(tmp_path):
    first = FencingToken(RootedPath(tmp_path))
    first.check()
    second = FencingToken(RootedPath(tmp_path))
    second.check()
    with pytest.raises(OSError, match="taken over") as caught:
        first.check()
    assert caught.value.errno == errno.ESTALE


def test_books_that_are_gone_are_nobodys_turn(tmp_path):
    turn = FencingToken(RootedPath(tmp_path))
    (tmp_path / "turn").unlink()
    with pytest.raises(OSError, match="taken over"):
        turn.check()


def test_a_turn_that_is_half_written_is_not_that_of_the_other(tmp_path):
    turn = FencingToken(RootedPath(tmp_path))
    (tmp_path / "turn").write_bytes(b"")
    with pytest.raises(OSError, match="taken over"):
        turn.check()
