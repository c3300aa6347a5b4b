"""A source is read whole and unchanged, no further than allowed, and nothing but a file is waited for."""

import os

import pytest

from icsys import ImageError, Options
from icsys.sources.read_file import open_regular, read_file


def test_the_content_and_the_time_come_back(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"content")
    os.utime(path, ns=(5, 1_234_567_000))
    assert read_file(path, Options(max_bytes=7)) == (b"content", path.stat().st_mtime_ns)


@pytest.mark.parametrize("size", [8, 10**12])
def test_more_bytes_than_allowed_are_not_read(size, tmp_path):
    """The larger one is a hole that no memory could hold."""
    path = tmp_path / "a.png"
    path.touch()
    os.truncate(path, size)
    with pytest.raises(ImageError, match=f"{size} bytes are more than --max-bytes 7") as caught:
        read_file(path, Options(max_bytes=7))
    assert caught.value.code == "too_large"


def test_a_file_that_is_not_there_has_changed_since_it_was_listed(tmp_path):
    with pytest.raises(ImageError) as caught:
        read_file(tmp_path / "none", Options())
    assert caught.value.code == "changed"


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(OSError, match=r"folder|directory|no file|denied"):
        open_regular(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="Windows opens no folders")
def test_a_folder_is_refused_by_name_and_leaves_nothing_open(tmp_path):
    free = os.dup(0)
    os.close(free)
    for _ in range(3):
        with pytest.raises(OSError, match="this is not a regular file") as caught:
            open_regular(tmp_path)
        assert str(tmp_path) in str(caught.value)
    again = os.dup(0)
    os.close(again)
    assert again == free


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        open_regular(tmp_path / "pipe")
