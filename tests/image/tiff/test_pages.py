"""The page of a TIFF that is its picture; camera raw is refused by its name."""

import io
import itertools
import json

import numpy as np
import pytest
from PIL import Image

from icsys import compress_folder
from icsys.errors import ImageError
from icsys.image.decode import decode_photo
from icsys.image.open_image import open_image, sniff
from icsys.image.tiff.pages import at_picture
from icsys.options import Options
from tiff_files import file_of

FULL = Options(step=1)
SIZE, SMALL = (40, 30), (20, 15)
REDUCED, MASK = 1, 4
CFA, LINEAR_RAW = 32803, 34892


def page(size=SIZE, level=100, *, below=(), **more):
    """A page of one grey level; ``more`` are tags t254=... of one number each."""
    width, height = size
    part = bytes([level]) * (width * height)
    tags = {256: (4, [width]), 257: (4, [height]), 258: (3, [8]), 259: (3, [1]), 262: (3, [1]), 277: (3, [1])}
    tags |= {278: (4, [height])} | {int(name[1:]): (3, [value]) for name, value in more.items()}
    return tags, [part], list(below)


def shown(data):
    """The size and the grey level of the picture that is read."""
    pixels = decode_photo(data, FULL).pixels
    (level,) = np.unique(pixels)
    return pixels.shape[::-1], int(level)


THUMBNAIL, PICTURE = page(SMALL, 50, t254=REDUCED), page(SIZE, 100, t254=0)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(
    "pages",
    [
        [THUMBNAIL, PICTURE],
        [page(SMALL, 50, t255=2), page(SIZE, 100, t255=1)],
        [page(SMALL, 50, t254=REDUCED, below=[PICTURE])],
        [page(SMALL, 50, t254=REDUCED, below=[PICTURE]), page(SIZE, 120)],
        [page(SMALL, 50, t254=REDUCED, below=[page(SMALL, 60, t254=REDUCED), PICTURE])],
        [page(SIZE, 255, t254=MASK), PICTURE],
        [page(SIZE, 255, t254=MASK, t262=4), PICTURE],
        [page(SMALL, 50, t254=REDUCED | MASK), THUMBNAIL, PICTURE],
        [page(SIZE, 100, below=[page(SMALL, 50, t254=REDUCED)])],
        [page(SIZE, 100, below=[page((80, 60), 50)])],
        [PICTURE, page((80, 60), 50)],
        [page(SMALL, 50, t254=REDUCED), page(SIZE, 100, t254=REDUCED)],
        [page(SIZE, 100, t254=REDUCED)],
        [page(SIZE, 100, t254=2), page(SIZE, 50, t254=2)],
        [page(SIZE, 100, t254=MASK)],
    ],
    ids=itertools.count(),
)
def test_the_full_page_is_the_picture(pages, order, big):
    assert shown(file_of(pages, order=order, big=big)) == (SIZE, 100)


def test_the_pixels_of_a_full_first_page_are_read_from_the_same_bytes():
    for pages in ([PICTURE], [PICTURE, THUMBNAIL], [page(below=[THUMBNAIL])]):
        data = file_of(pages)
        assert at_picture(data) is data


def test_a_dng_that_holds_only_a_full_picture_is_read():
    tags, parts, below = page(SMALL, 50, t254=REDUCED, below=[PICTURE])
    assert shown(file_of([(tags | {50706: (1, [1, 4, 0, 0])}, parts, below)])) == (SIZE, 100)


def make(name):
    return 271, (2, [*name.encode(), 0])


@pytest.mark.parametrize(
    ("tags", "raw", "name"),
    [
        ({50706: (1, [1, 4, 0, 0])}, {"t262": CFA}, "DNG"),
        ({50706: (1, [1, 4, 0, 0])}, {"t262": LINEAR_RAW}, "DNG"),
        ({50706: (1, [1, 4, 0, 0]), **dict([make("NIKON CORPORATION")])}, {"t262": CFA}, "DNG"),
        (dict([make("NIKON CORPORATION")]), {"t262": CFA}, "NEF"),
        (dict([make("SONY")]), {"t262": CFA}, "ARW"),
        (dict([make("SAMSUNG")]), {"t262": CFA}, "SRW"),
        ({}, {"t262": 1, "t259": 34713}, "NEF"),
        ({}, {"t262": CFA}, "CFA"),
    ],
)
@pytest.mark.parametrize("place", ["below", "behind", "alone"])
def test_camera_raw_is_refused_by_its_name(tags, raw, name, place):
    sensor = page((80, 60), 50, t254=0, **raw)
    small = page(SMALL, 50, t254=REDUCED, below=[sensor] if place == "below" else [])
    first = sensor if place == "alone" else small
    pages = [(first[0] | tags, *first[1:])] + ([sensor] if place == "behind" else [])
    with pytest.raises(ImageError, match=rf"camera raw \({name}\).* expected a picture; develop it") as caught:
        open_image(file_of(pages))
    assert caught.value.code == "unsupported"


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("CR2", b"II*\0\x10\0\0\0CR\2\0"),
        ("IIQ", b"II*\0\x08\0\0\0IIIITwaR"),
        ("IIQ", b"MM\0*\0\0\0\x08MMMMRawT"),
        ("ORF", b"IIRO\x08\0\0\0"),
        ("ORF", b"IIRS\x08\0\0\0"),
        ("ORF", b"MMOR\0\0\0\x08"),
        ("RW2", b"IIU\0\x08\0\0\0"),
        ("RAF", b"FUJIFILMCCD-RAW 0201FF383501"),
        ("CR3", b"\0\0\0\x18ftypcrx \0\0\0\1crx isom"),
        ("CRW", b"II\x1a\0\0\0HEAPCCDR"),
        ("MRW", b"\0MRM\0\1\0\0"),
        ("X3F", b"FOVb\1\0\3\0"),
    ],
)
def test_raw_that_is_no_tiff_or_has_another_header_is_refused(name, head):
    assert sniff(head + bytes(64)) == "RAW"
    with pytest.raises(ImageError, match=rf"camera raw \({name}\).* develop it") as caught:
        open_image(head + bytes(64))
    assert caught.value.code == "unsupported"


def test_pixels_that_look_like_the_mark_of_camera_raw_are_pixels():
    """The first pixels of a grey TIFF lie behind its header, where a CR2 and an IIQ have their marks."""
    tags, (pixels,), below = PICTURE
    for mark in (b"CR\2", b"IIII", b"MMMM"):
        data = file_of([(tags, [mark + pixels[len(mark) :]], below)], parts_at=8)
        assert data[8 : 8 + len(mark)] == mark
        assert decode_photo(data, FULL).pixels[0, : len(mark)].tobytes() == mark


def test_a_folder_of_camera_raw_is_listed_with_its_reason(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.orf").write_bytes(b"IIRO\x08\0\0\0" + bytes(64))
    (tmp_path / "in/b.dng").write_bytes(file_of([page(t262=CFA)]))
    (tmp_path / "in/notes.txt").write_text("no photo")
    summary = compress_folder(tmp_path / "in", tmp_path / "out", FULL, jobs=1)
    assert (summary.images, summary.failed) == (2, 2)
    rows = [json.loads(line) for line in (tmp_path / "out/failures.jsonl").read_text("utf-8").splitlines()]
    assert [(row["source_path"], row["code"]) for row in rows] == [("a.orf", "unsupported"), ("b.dng", "unsupported")]
    assert all(row["message"].startswith("camera raw (") for row in rows)


def test_directories_in_a_loop_or_by_the_thousand_end_the_search():
    many = file_of([THUMBNAIL] * 2000)
    assert shown(many) == (SMALL, 50)
    looped = bytearray(file_of([THUMBNAIL, THUMBNAIL]))
    first = int.from_bytes(looped[4:8], "little")
    second = first + 2 + 12 * int.from_bytes(looped[first : first + 2], "little")
    looped[second : second + 4] = looped[4:8]
    assert shown(bytes(looped)) == (SMALL, 50)


def test_another_reader_agrees_on_the_pages_that_were_written():
    """Pillow reads the test's own files page by page."""
    with Image.open(io.BytesIO(file_of([THUMBNAIL, PICTURE]))) as image:
        assert image.size == SMALL
        image.seek(1)
        assert image.size == SIZE
