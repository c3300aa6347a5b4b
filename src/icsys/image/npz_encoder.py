"""Write NumPy archives that ``numpy.load`` reads; the same arrays give the same bytes everywhere.

A ZIP file (PKWARE's APPNOTE.TXT) of ``.npy`` files with one fixed date, compressed by libdeflate:
the bytes of ``numpy.savez_compressed`` depend on the zlib that Python was built with.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import deflate
import numpy as np

from icsys.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

NPZ_SIGNATURE = b"PK\x03\x04"
"""The first bytes of an archive."""

_LEVEL = 5  # as for indexed PNG files
_MOST_BYTES = 2**32 - 1  # the largest size in a plain ZIP file
_VERSION, _UNIX, _DEFLATED, _DATE = 20, 3 << 8, 8, 1 << 5 | 1  # 1 January 1980, the earliest date of a ZIP file
_READABLE = 0o644 << 16
_ENTRY = "<HHHHHIIIH"  # the fields from the needed version to the length of the name


def encode_npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Encode arrays as the content of an ``.npz`` file.

    Parameters
    ----------
    arrays
        By their names in the archive, in ASCII.

    Raises
    ------
    ImageError
        ``too_large`` if an array takes 4 GiB or more.
    """
    members: list[bytes] = []
    directory: list[bytes] = []
    at = 0
    for array_name, array in arrays.items():
        file = io.BytesIO()
        np.lib.format.write_array(file, array, allow_pickle=False)
        content = file.getbuffer()
        if len(content) > _MOST_BYTES:
            raise ImageError("too_large", f"{len(content)} bytes in one array: an npz file takes at most {_MOST_BYTES}")
        name = f"{array_name}.npy".encode("ascii")
        body = deflate.deflate_compress(content, _LEVEL)
        sizes = deflate.crc32(content), len(body), len(content), len(name)
        entry = struct.pack(_ENTRY, _VERSION, 0, _DEFLATED, 0, _DATE, *sizes)
        member = b"".join((NPZ_SIGNATURE, entry, struct.pack("<H", 0), name, body))
        place = struct.pack("<HHHHII", 0, 0, 0, 0, _READABLE, at)
        directory.append(b"".join((b"PK\x01\x02", struct.pack("<H", _UNIX | _VERSION), entry, place, name)))
        members.append(member)
        at += len(member)
    size = sum(map(len, directory))
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, len(directory), len(directory), size, at, 0)
    return b"".join((*members, *directory, end))
