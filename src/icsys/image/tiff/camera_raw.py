"""Camera raw by its first bytes: the kinds that differ from a TIFF, and the error that refuses all of them."""

from __future__ import annotations

from icsys.errors import ImageError

RAW_SUFFIXES = frozenset(
    f".{name}"
    for name in [
        "3fr",
        "arw",
        "cr2",
        "cr3",
        "crw",
        "dcr",
        "dng",
        "erf",
        "fff",
        "iiq",
        "k25",
        "kdc",
        "mef",
        "mos",
        "mrw",
        "nef",
        "nrw",
        "orf",
        "pef",
        "raf",
        "raw",
        "rw2",
        "rwl",
        "sr2",
        "srf",
        "srw",
        "x3f",
    ]
)
"""Lower-case file name suffixes of camera raw."""

_SIGNATURES = {
    b"IIRO": "ORF", b"IIRS": "ORF", b"MMOR": "ORF", b"IIU\0": "RW2", b"FUJIFILMCCD-RAW": "RAF", b"\0MRM": "MRW",
    b"FOVb": "X3F", b"II\x1a\0\0\0HEAPCCDR": "CRW",
}  # fmt: skip


def camera_raw_name(head: bytes) -> str | None:
    """Return the usual suffix of a kind of camera raw that begins with these bytes; None for anything else.

    Examples
    --------
    >>> camera_raw_name(b"FUJIFILMCCD-RAW 0201")
    'RAF'
    """
    name = next((name for signature, name in _SIGNATURES.items() if head.startswith(signature)), None)
    if name is None and head[4:12] == b"ftypcrx ":
        return "CR3"
    return name or _named_behind_tiff_header(head)


def _named_behind_tiff_header(head: bytes) -> str | None:
    """Return the kind of camera raw whose mark stands behind the header of a TIFF."""
    if head[:8] == b"II*\0\x10\0\0\0" and head[8:11] == b"CR\2":
        return "CR2"
    marked = (head[8:12] == b"IIII" and head[13:16] == b"waR") or (head[8:12] == b"MMMM" and head[12:15] == b"Raw")
    return "IIQ" if marked and head[:4] in {b"II*\0", b"MM\0*"} else None


def refused_raw(name: str) -> ImageError:
    """Return the error that refuses camera raw."""
    return ImageError(
        "unsupported",
        f"camera raw ({name}) holds the values of a sensor: expected a picture; develop it to JPEG, PNG or TIFF first, "
        "for example with darktable, dcraw or rawpy",
    )
