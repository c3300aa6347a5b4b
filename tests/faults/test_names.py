"""Names that are trouble for an output."""

import pytest

from helpers import image_bytes, synthetic_photo, tree
from icsys import Options, compress_folder


@pytest.mark.fault(21, "two sources that would meet in one output", "told apart at plan time, always in the same way")
def test_sources_of_one_stem_keep_their_whole_names(tmp_path, observed):
    """`a.png` beside `a.bmp`, which would both become `a.png`."""
    source = tmp_path / "in"
    source.mkdir()
    for name, seed in (("a.png", 1), ("a.bmp", 2)):
        (source / name).write_bytes(image_bytes(synthetic_photo(seed=seed), name[-3:]))
    compress_folder(source, tmp_path / "out", Options(strategy="SO"))
    assert {"a.png.png", "a.bmp.png"} <= set(tree(tmp_path / "out"))
    observed("`a.png.png` and `a.bmp.png`")
