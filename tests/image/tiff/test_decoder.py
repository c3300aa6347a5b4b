"""libtiff's error messages are collected for the picture and the thread that they concern."""

import io
import random
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from damaged_images import mutant
from helpers import image_bytes, synthetic_photo
from icsys.errors import ImageError
from icsys.image.decode import decode_photo
from icsys.image.tiff import decoder as tiff
from icsys.image.tiff import libtiff_errors
from icsys.options import Options

FULL, KEEP = Options(step=1, max_pixels=10**6), Options(step=1, max_pixels=10**6, on_corrupt="keep")
TESTS = Path(__file__).parents[2]


def reachable():
    with libtiff_errors.collect_libtiff_errors():
        return libtiff_errors._installed != [None]  # noqa: SLF001 - whether there is anything to test


collects = pytest.mark.skipif(not reachable(), reason="Pillow holds libtiff in itself, out of reach")


def fax(seed=0):
    """A black and white picture as fax machines compress it, with one code of its middle lines inverted."""
    picture = Image.fromarray(synthetic_photo(64, 90, seed=seed, channels=1)).convert("1")
    data = bytearray(image_bytes(picture, "TIFF", compression="group4"))
    data[200:204] = bytes(byte ^ 0xFF for byte in data[200:204])
    return bytes(data)


def pillow(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


@collects
def test_a_damaged_fax_is_refused():
    """Pillow alone decodes it without an error."""
    assert pillow(fax()).shape == (64, 90)
    with pytest.raises(ImageError, match="damaged TIFF: Fax4Decode: ") as caught:
        decode_photo(fax(), FULL)
    assert caught.value.code == "corrupt"
    photo = decode_photo(fax(), KEEP)
    assert photo.warning == str(caught.value)
    np.testing.assert_array_equal(photo.pixels, pillow(fax()).astype(np.uint8) * 255)


@collects
def test_the_collected_errors_are_those_that_libtiff_prints_without_ics():
    """The oracle is a process without ICS, in which libtiff prints its errors, after the number of each file."""
    numbers = range(400)
    code = (
        "import io, os, sys, warnings\n"
        "from PIL import Image\n"
        "from damaged_images import mutant\n"
        "warnings.simplefilter('ignore')\n"
        "for number in range(400):\n"
        "    os.write(2, b'\\nfile %d\\n' % number)\n"
        "    try: Image.open(io.BytesIO(mutant('TIFF', number)), formats=['TIFF']).load()\n"
        "    except Exception: pass\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=TESTS, capture_output=True, text=True, check=True)
    printed = {int(number): text for number, _, text in (part.partition("\n") for part in done.stderr.split("\nfile "))
               if number.isdigit()}  # fmt: skip
    damaged = {number for number in numbers if any(map(_of_a_picture, printed[number].splitlines()))}
    assert len(damaged) > 20
    for number in damaged:
        with pytest.raises(ImageError):
            decode_photo(mutant("TIFF", number), FULL)


def _of_a_picture(line):
    return ": " in line and not line.startswith(("TIFFFetchNormalTag", "More samples"))


@collects
def test_nothing_is_printed(capfd):
    for number in range(400):
        try:
            decode_photo(mutant("TIFF", number), FULL)
        except ImageError as error:
            assert "tempfile" not in str(error)  # noqa: PT017 - most of them fail, and not all
    assert capfd.readouterr() == ("", "")


@collects
def test_errors_of_other_threads_are_printed_as_before(capfd):
    with libtiff_errors.collect_libtiff_errors() as messages:
        thread = threading.Thread(target=pillow, args=(fax(),))
        thread.start()
        thread.join()
        assert messages == []
        assert "Fax4Decode: " in capfd.readouterr().err
        pillow(fax())
        assert messages[0].startswith("Fax4Decode: ")
        assert not any("%" in sentence for sentence in messages)
    assert capfd.readouterr().err == ""
    pillow(fax())
    assert "Fax4Decode: " in capfd.readouterr().err


@collects
def test_each_thread_collects_its_own_errors():
    """Half of the threads have damaged pictures, half have good ones."""
    good = image_bytes(Image.fromarray(synthetic_photo(64, 90, channels=1)).convert("1"), "TIFF", compression="group4")
    wrong = []

    def decode(data, is_damaged):
        wrong.extend(is_damaged for _ in range(30) if bool(decode_photo(data, KEEP).warning) != is_damaged)

    threads = [threading.Thread(target=decode, args=case) for case in ((fax(), True), (good, False)) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_decoding_works_without_access_to_libtiff(monkeypatch):
    """As on Windows, simulated by a module that is not linked with libtiff."""
    monkeypatch.setattr(libtiff_errors, "_installed", [])
    monkeypatch.setattr(libtiff_errors._imaging, "__file__", sys.executable + ".none")  # noqa: SLF001 - Pillow's module
    pixels = synthetic_photo(20, 30)
    np.testing.assert_array_equal(
        decode_photo(image_bytes(pixels, "TIFF", compression="tiff_lzw"), FULL).pixels, pixels
    )


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "YCbCr"])
def test_damage_of_jpeg_data_in_a_tiff_is_found_as_that_of_a_jpeg_is(mode):
    """Bits are flipped in both; a file of each kind that Pillow reads to its end is damaged as often as it is found."""
    picture = Image.fromarray(synthetic_photo(96, 128)).convert(mode)
    found = {}
    for kind, settings in (("TIFF", {"compression": "jpeg"}), ("JPEG", {})):
        data = image_bytes(picture, kind, **settings)
        decode_photo(data, FULL)
        choose = random.Random(3)  # noqa: S311 - where bits flip
        found[kind] = 0
        start = 1000 if kind == "JPEG" else 100
        for _ in range(60):
            damaged = bytearray(data)
            for _ in range(8):
                damaged[choose.randrange(start, len(data) * 3 // 4)] ^= 1 << choose.randrange(8)
            try:
                decode_photo(bytes(damaged), FULL)
            except ImageError:
                found[kind] += 1
    assert found["TIFF"] > 0.6 * found["JPEG"] > 10


def test_checking_many_strips_of_one_large_jpeg_is_bounded():
    """A hundred thousand strips of one JPEG: the check ends after as many pixels as the picture has."""
    data = bytearray(image_bytes(Image.fromarray(synthetic_photo(16, 16)), "TIFF", compression="jpeg"))
    with Image.open(io.BytesIO(bytes(data))) as opened:
        seen = tiff.TiffFile(io.BytesIO(bytes(data)))
        offset, size = opened.tag_v2[273][0], opened.tag_v2[279][0]
    seen.tag_v2[273], seen.tag_v2[279] = (offset,) * 100_000, (size,) * 100_000
    calls = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiff, "check_jpeg", calls.append)
        list(seen._damaged_jpegs())  # noqa: SLF001 - the bound of the work is what is tested
    assert 1 <= len(calls) <= 3
