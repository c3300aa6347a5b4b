"""The run that started last owns the shard; earlier runs stop."""

import errno

import pytest

from icsys.files.rooted_path import RootedPath
from icsys.journal.fencing_token import FencingToken


def test_the_last_run_to_start_owns_the_shard(tmp_path):
    first = FencingToken(RootedPath(tmp_path))
    first.check()
    second = FencingToken(RootedPath(tmp_path))
    second.check()
    with pytest.raises(OSError, match="taken over") as caught:
        first.check()
    assert caught.value.errno == errno.ESTALE


def test_a_removed_state_folder_stops_every_run(tmp_path):
    token = FencingToken(RootedPath(tmp_path))
    (tmp_path / "turn").unlink()
    with pytest.raises(OSError, match="taken over"):
        token.check()


def test_a_half_written_token_is_not_that_of_another_run(tmp_path):
    token = FencingToken(RootedPath(tmp_path))
    (tmp_path / "turn").write_bytes(b"")
    with pytest.raises(OSError, match="taken over"):
        token.check()
