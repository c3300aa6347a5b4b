"""What the operating system refuses has a stable code."""

import errno

import pytest

from icsys.errors import code_of


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk_full"),
        (errno.EDQUOT, "disk_full"),
        (errno.EROFS, "read_only"),
        (errno.EACCES, "permission"),
        (errno.EPERM, "permission"),
        (errno.EIO, "io"),
    ],
)
def test_a_code_for_every_refusal(number, code):
    assert code_of(OSError(number, "no")) == code


def test_an_error_without_a_number_is_io():
    assert code_of(OSError("the link leads nowhere")) == "io"
