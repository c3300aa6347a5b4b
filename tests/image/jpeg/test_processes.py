"""Kinds of JPEG that no decoder here reads, made from a baseline file by another frame header."""

import pytest
from PIL import Image

from helpers import image_bytes
from icsys import ImageError
from icsys.image.decode import decode_photo
from icsys.image.jpeg.processes import check_process
from icsys.options import Options

KEEP = Options(step=1, strategy="SO", on_corrupt="keep")
DATA = image_bytes(Image.linear_gradient("L").resize((40, 24)).convert("RGB"), "JPEG")
FRAME = DATA.index(b"\xff\xc0")


def with_frame(marker, height=24):
    return DATA[: FRAME + 1] + bytes([marker]) + DATA[FRAME + 2 : FRAME + 5] + bytes([0, height]) + DATA[FRAME + 7 :]


@pytest.mark.parametrize(
    ("data", "name"),
    [*((with_frame(marker), "hierarchical") for marker in (0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF)),
     (with_frame(0xCB), "lossless JPEG with arithmetic coding"), (with_frame(0xF7), "JPEG-LS"),
     (with_frame(0xC0, height=0), "height follows its pixels")],
)  # fmt: skip
def test_a_kind_that_no_decoder_reads_is_refused_by_its_name_and_never_kept_black(data, name):
    with pytest.raises(ImageError, match=name) as caught:
        decode_photo(data, KEEP)
    assert caught.value.code == "unsupported"


@pytest.mark.parametrize("marker", [0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA])
def test_other_kinds_are_left_to_the_decoder(marker):
    check_process(with_frame(marker))
    check_process(DATA[:FRAME])


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_file_that_lacks_only_its_end_marker_is_whole(mode):
    data = image_bytes(Image.linear_gradient("L").resize((40, 24)).convert(mode), "JPEG")
    whole, ended = (decode_photo(content, KEEP.replace(on_corrupt="fail")) for content in (data, data[:-2]))
    assert whole.pixels.tobytes() == ended.pixels.tobytes()
    assert ended.warning is None
    with pytest.raises(ImageError) as caught:
        decode_photo(data[: len(data) - 40], KEEP.replace(on_corrupt="fail"))
    assert caught.value.code == "corrupt"
